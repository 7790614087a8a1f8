"""The words: templates, what they may say, and how they are rendered."""
