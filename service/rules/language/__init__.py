"""The rule file: read, checked and described."""
