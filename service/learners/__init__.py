"""What we know: facts, the aggregates they are recorded on, the ledger, people, courses, views."""
