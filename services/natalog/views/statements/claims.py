"""Claims: granted, and closed by what their unit did next on the number or by another unit's filing."""

from __future__ import annotations

OPEN = """
INSERT INTO claims (partition, claimed_seq, claimed_at, number, unit_code, province, prefecture, expires_at)
SELECT partition, seq, received_at, key, unit_code, province, prefecture, expires_at
FROM stage_decisions WHERE kind = 'Claim' AND verdict = 'ACCEPTED'
ON CONFLICT DO NOTHING"""

# Another unit's filing ends the claim that is open then, and says so by its flag (decision/filings.py). Only the last
# one granted on the number can be open; those before it have expired and stay as they are.
CLOSE = """
UPDATE claims c SET closed_seq = e.seq, closed_at = e.received_at, closed_by = e.how
FROM (
    SELECT DISTINCT ON (b.partition, b.claimed_seq) b.partition, b.claimed_seq, e.seq, e.received_at,
        CASE WHEN e.unit_code = b.unit_code THEN e.how ELSE 'TAKEN' END AS how
    FROM (
        SELECT key, unit_code, seq, received_at, 'FILING' AS how, 'CLAIM_CONFLICT' = ANY (flags) AS conflict
        FROM stage_filings WHERE counts
        UNION ALL
        SELECT key, unit_code, seq, received_at, upper(kind), false
        FROM stage_decisions WHERE kind IN ('Claim', 'Release', 'Completion') AND verdict = 'ACCEPTED'
    ) e
    JOIN claims b ON b.number = e.key AND b.closed_seq IS NULL AND b.claimed_seq < e.seq
        AND (b.unit_code = e.unit_code OR (e.conflict AND NOT EXISTS (
            SELECT FROM claims n
            WHERE n.number = b.number AND n.closed_seq IS NULL
              AND n.claimed_seq > b.claimed_seq AND n.claimed_seq < e.seq)))
    ORDER BY b.partition, b.claimed_seq, e.seq
) e
WHERE c.partition = e.partition AND c.claimed_seq = e.claimed_seq"""
