"""What sets a rule off: one file for each kind."""
