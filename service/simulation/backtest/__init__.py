"""What a rule file would have sent over the recorded history."""
