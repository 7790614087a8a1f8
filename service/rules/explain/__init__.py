"""Explain why somebody was told, or was not."""
