"""What services share about the ledger: chain check, state store, fold, tail resolution."""
