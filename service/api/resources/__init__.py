"""What programs read of an installation: one file for each resource."""
