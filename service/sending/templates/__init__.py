"""Render the words of messages from templates, and check what templates may say."""
