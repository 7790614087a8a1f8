"""Queues as doors, one file for each; only those that are configured are loaded."""
