"""Decide whom to tell what: the rule language, its reader, and what follows from both."""
