"""Hold who is at the other end of a connection to a time and a size."""
