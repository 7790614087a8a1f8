"""Read letters, one file per learning management system, each turning them into facts."""
