"""Rehearsal: what rules would do, tried on what was and on what might be."""
