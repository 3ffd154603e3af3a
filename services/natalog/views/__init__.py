"""The PostgreSQL projection: the ledger as tables that can be thrown away and folded again."""
