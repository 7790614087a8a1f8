"""Move a ledger from one engine to the other: nothing is lost, and no position changes."""
