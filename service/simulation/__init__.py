"""Try rules beforehand, without sending anything."""
