"""Show what commands find: pages, tables and times."""
