"""Hold what readers chose and asked for, by themselves."""
