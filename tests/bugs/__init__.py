"""Planted bugs: proof that each promise has a test that fails when it is broken."""
