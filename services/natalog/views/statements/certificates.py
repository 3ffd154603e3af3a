"""Certificates: which entries are about a well-formed number."""

from __future__ import annotations

from natalog.views.statements.withdrawals import FREES

_CERTIFICATE = "number, partition, province, first_seq, last_seq, taken_seq, freed_seq, contested_seq"
# The two digits of the province follow the letter, if there is one.
_PROVINCE = "left(right(key, 9), 2) || '0000'"
_MERGE_CERTIFICATES = """
ON CONFLICT (number) DO UPDATE SET
    first_seq = least(c.first_seq, excluded.first_seq),
    last_seq = greatest(c.last_seq, excluded.last_seq),
    taken_seq = greatest(c.taken_seq, excluded.taken_seq),
    freed_seq = greatest(c.freed_seq, excluded.freed_seq),
    contested_seq = least(c.contested_seq, excluded.contested_seq)"""
UPSERT_TURN = f"""
INSERT INTO certificates AS c ({_CERTIFICATE})
SELECT key, partition, {_PROVINCE}, seq, seq, taken_seq, NULL, CASE WHEN contested THEN seq END
FROM stage_filings WHERE wellformed AND counts AND turn = %s
{_MERGE_CERTIFICATES}"""
UPSERT = f"""
INSERT INTO certificates AS c ({_CERTIFICATE})
SELECT key, min(partition), {_PROVINCE}, min(seq), max(seq), max(taken_seq), NULL,
    min(seq) FILTER (WHERE contested)
FROM stage_filings WHERE wellformed AND counts GROUP BY key
{_MERGE_CERTIFICATES}"""
TOUCH = f"""
INSERT INTO certificates AS c ({_CERTIFICATE})
SELECT key, min(partition), {_PROVINCE}, min(seq), max(seq), NULL,
    max(seq) FILTER (WHERE {FREES}), min(seq) FILTER (WHERE contested)
FROM stage_decisions WHERE wellformed GROUP BY key
{_MERGE_CERTIFICATES}"""
