"""Define what sets a rule off, each kind in a file of its own."""
