"""Whole stacks, as a person starts them."""

SHORT_LIVED = {"NATALOG_KAFKA_HEAP": "512", "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"}
"""Environment of a stack that runs for a minute or two: what Java's second compiler costs never pays off in that."""
