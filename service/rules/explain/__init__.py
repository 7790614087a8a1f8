"""Why somebody was told, or was not."""
