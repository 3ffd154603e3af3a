"""A whole stack on one machine, without containers."""
