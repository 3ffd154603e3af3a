"""Approved withdrawals: what they free."""

from __future__ import annotations

FREES = "kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE' AND first_seq IS NOT NULL"
FREE_REGISTRATIONS = f"""
UPDATE registrations r SET freed_seq = greatest(r.freed_seq, w.seq)
FROM (
    SELECT key, registration_id, max(seq) AS seq FROM stage_decisions
    WHERE {FREES}
    GROUP BY key, registration_id
) w
WHERE r.key = w.key AND r.registration_id = w.registration_id"""

MARK_FILINGS = f"""
UPDATE filings f SET withdrawn_seq = w.seq
FROM (
    SELECT partition, first_seq, min(seq) AS seq FROM stage_decisions
    WHERE {FREES}
    GROUP BY partition, first_seq
) w
WHERE f.partition = w.partition AND f.seq = w.first_seq AND f.withdrawn_seq IS NULL"""
