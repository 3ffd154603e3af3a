"""What a transaction does with staged rows: the fold of the projection, in SQL.

Set by set, never row by row: each statement says what holds after all entries up to the batch's end, from facts with
their seqs. So it does not matter where a batch begins and ends (tests/integration/views compares with `decision/`).
Names are found through the connection's search_path: the same text serves a rebuild.
"""
