"""Keep the ledger in one SQLite file."""
