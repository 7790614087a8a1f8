"""How commands show things: pages, tables and times."""
