"""Show programs what an installation holds: one file for each resource."""
