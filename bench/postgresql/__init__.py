"""PostgreSQL: letters to owed, doors, views and take-over, beside SQLite and bare PostgreSQL."""
