"""Consume queues, one kind in one file or two; only those configured are loaded."""
