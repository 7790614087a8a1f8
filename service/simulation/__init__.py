"""Rules tried beforehand, without sending anything."""
