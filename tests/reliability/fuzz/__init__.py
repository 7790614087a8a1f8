"""Structure-aware fuzzing: valid letters, rule files, templates and CSV files, and then not."""
