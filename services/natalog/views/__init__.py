"""What is folded from the ledger for people: tables in PostgreSQL, and what the ledger says as metrics."""
