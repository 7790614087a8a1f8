"""What a learning management system tells us: doors, letters, sources, intake."""
