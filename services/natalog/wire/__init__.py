"""Schemas, fingerprints, the Avro codecs, partitioning and sealing."""
