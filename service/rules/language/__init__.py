"""Read, check and describe the rule file."""
