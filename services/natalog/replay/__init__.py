"""Reads the ledger again and proves it: chain, causes, sequence, every decision."""
