"""Hold what several commands take: options, and what they open."""
