"""Benchmarks: the registrar as it ships against a Kafka Streams program that does the same work (docs/benchmarks.md)."""
