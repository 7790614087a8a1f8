"""Sources: one file per learning management system, each turning its letters into facts."""
