"""Compose one installation, and read what is active in it."""
