"""Approved withdrawals: what they free."""

from __future__ import annotations

FREE_REGISTRATIONS = """
UPDATE registrations r SET freed_seq = greatest(r.freed_seq, w.seq)
FROM (
    SELECT key, registration_id, max(seq) AS seq FROM stage_decisions
    WHERE kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE' AND first_seq IS NOT NULL
    GROUP BY key, registration_id
) w
WHERE r.key = w.key AND r.registration_id = w.registration_id"""

MARK_FILINGS = """
UPDATE filings f SET withdrawn_seq = w.seq
FROM (
    SELECT partition, first_seq, min(seq) AS seq FROM stage_decisions
    WHERE kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE' AND first_seq IS NOT NULL
    GROUP BY partition, first_seq
) w
WHERE f.partition = w.partition AND f.seq = w.first_seq AND f.withdrawn_seq IS NULL"""
