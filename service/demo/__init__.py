"""Demonstrate a made-up week of one academy, played through the real service."""
