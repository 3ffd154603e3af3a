"""Benchmarks: the registrar as it ships against Kafka Streams doing the same work (docs/benchmarks.md)."""
