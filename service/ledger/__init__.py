"""Store events: one database, its log, and views that are made from it."""
