"""Coursebell rings when something happens in a course: letters in, events kept, messages out."""

__version__ = "0.1.0"
