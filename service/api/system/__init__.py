"""What operations look at: health, metrics and the API's own description."""
