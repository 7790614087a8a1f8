"""Read tables of people and courses, and bring their rows in."""
