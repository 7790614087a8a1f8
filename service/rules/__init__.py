"""Whom to tell what: the rule language, its reader, and the decisions made with it."""
