"""Obligations: opened by a completion, closed by a filing or a withdrawal, told of as overdue."""

from __future__ import annotations

# A request about a registration that was only completed takes effect at once (decision/withdrawals.py).
_CANCELS = "w.kind = 'Withdrawal' AND w.verdict = 'ACCEPTED' AND w.action = 'REQUEST' AND w.first_seq IS NULL"
OPEN = f"""
INSERT INTO obligations (partition, opened_seq, opened_at, key, registration_id, number, unit_code, province,
    prefecture, exemption, registered_at, due_from, due_at)
SELECT c.partition, c.seq, c.received_at, c.key, c.registration_id, c.number, c.unit_code, c.province, c.prefecture,
    c.exemption, c.registered_at, c.due_from, c.due_at
FROM stage_decisions c
WHERE c.kind = 'Completion' AND c.verdict = 'ACCEPTED'
  AND NOT EXISTS (
    SELECT FROM registrations r
    WHERE r.key = c.key AND r.registration_id = c.registration_id AND r.filed_seq < c.seq)
  AND NOT EXISTS (
    SELECT FROM decisions p
    WHERE p.kind = 'Completion' AND p.key = c.key AND p.registration_id = c.registration_id
      AND p.verdict = 'ACCEPTED' AND p.seq < c.seq
      AND NOT EXISTS (
        SELECT FROM decisions w
        WHERE {_CANCELS} AND w.key = c.key AND w.registration_id = c.registration_id
          AND w.seq > p.seq AND w.seq < c.seq))
ON CONFLICT DO NOTHING"""

CLOSE = f"""
UPDATE obligations o SET closed_seq = e.seq, closed_at = e.received_at, closed_by = e.how
FROM (
    SELECT DISTINCT ON (b.partition, b.opened_seq) b.partition, b.opened_seq, e.seq, e.received_at, e.how
    FROM (
        SELECT key, registration_id, seq, received_at, 'FILING' AS how FROM stage_filings WHERE counts
        UNION ALL
        SELECT key, registration_id, seq, received_at, 'WITHDRAWAL' FROM stage_decisions w WHERE {_CANCELS}
    ) e
    JOIN obligations b ON b.key = e.key AND b.registration_id = e.registration_id AND b.closed_seq IS NULL
        AND b.opened_seq < e.seq
    ORDER BY b.partition, b.opened_seq, e.seq
) e
WHERE o.partition = e.partition AND o.opened_seq = e.opened_seq"""

MARK_OVERDUE = """
UPDATE obligations o SET overdue_seq = e.seq, overdue_at = e.received_at
FROM (
    SELECT DISTINCT ON (b.partition, b.opened_seq) b.partition, b.opened_seq, a.seq, a.received_at
    FROM stage_decisions a
    JOIN obligations b ON b.partition = a.partition AND b.key = a.key AND b.registration_id = a.registration_id
        AND b.opened_seq < a.seq AND (b.closed_seq IS NULL OR b.closed_seq > a.seq)
    WHERE a.kind = 'FilingOverdue' AND a.verdict = 'ACCEPTED' AND 'OVERDUE' = ANY (a.flags)
    ORDER BY b.partition, b.opened_seq, a.seq
) e
WHERE o.partition = e.partition AND o.opened_seq = e.opened_seq AND o.overdue_seq IS NULL"""
