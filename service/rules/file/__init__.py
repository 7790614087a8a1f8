"""The file: from the text of rules.yaml to rules, or to every mistake in it; and its schema."""
