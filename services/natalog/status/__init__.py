"""The status view: what may be done with a certificate number, folded from the ledger into bitmaps and an index."""
