"""The only writer of the ledger: consume, decide, produce, one Kafka transaction per batch."""
