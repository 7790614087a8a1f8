"""Why it was sent, and why not: explanations from the log alone."""
