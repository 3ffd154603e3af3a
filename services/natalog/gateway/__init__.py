"""HTTP in front of Kafka: submissions answered from the committed ledger, status from a replica of it."""
