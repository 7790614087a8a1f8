"""Run the commands on people and courses."""
