"""Replay the recorded history: what a rule file would have sent."""
