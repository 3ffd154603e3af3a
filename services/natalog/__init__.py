"""Natalog: one medical birth certificate, one household registration, provably."""
