"""Where the wings meet: the composition root and what is active."""
