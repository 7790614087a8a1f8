"""Keep people and courses as they are known now: the only place with names and addresses."""
