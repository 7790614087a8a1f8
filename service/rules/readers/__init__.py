"""What readers chose and asked for, by themselves."""
