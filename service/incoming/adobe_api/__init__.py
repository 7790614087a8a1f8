"""Ask Adobe's public API v2 who is who, within its limits."""
