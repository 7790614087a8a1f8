"""Store events in PostgreSQL: a log that many processes write, in one order."""
