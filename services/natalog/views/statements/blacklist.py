"""The blacklist: listed, removal asked for, removed."""

from __future__ import annotations

_REMOVES = (
    "x.kind = 'BlacklistChange' AND x.action = 'APPROVE_REMOVE' AND x.verdict = 'ACCEPTED' "
    "AND x.first_seq IS NOT NULL"
)
LIST = f"""
INSERT INTO blacklist (partition, listed_seq, listed_at, number, owner, province, cause, evidence_ref, range_id,
    effective_at, binds_from, after_use)
SELECT a.partition, a.seq, a.received_at, a.key, a.owner, left(a.owner, 2) || '0000', a.cause, a.evidence_ref,
    a.range_id, a.effective_at, a.binds_from, 'LISTED_AFTER_USE' = ANY (a.flags)
FROM stage_decisions a
WHERE a.kind = 'BlacklistChange' AND a.action = 'ADD' AND a.verdict = 'ACCEPTED'
  AND NOT EXISTS (
    SELECT FROM decisions p
    WHERE p.kind = 'BlacklistChange' AND p.action = 'ADD' AND p.verdict = 'ACCEPTED' AND p.key = a.key
      AND p.owner = a.owner AND p.seq < a.seq
      AND NOT EXISTS (
        SELECT FROM decisions x
        WHERE {_REMOVES} AND x.key = a.key AND x.owner = a.owner AND x.seq > p.seq AND x.seq < a.seq))
ON CONFLICT DO NOTHING"""

REQUEST_REMOVAL = """
UPDATE blacklist b SET requested_seq = x.seq, requested_at = x.received_at
FROM (
    SELECT DISTINCT ON (partition, first_seq) partition, first_seq, seq, received_at FROM stage_decisions
    WHERE kind = 'BlacklistChange' AND action = 'REQUEST_REMOVE' AND verdict = 'ACCEPTED' AND first_seq IS NOT NULL
    ORDER BY partition, first_seq, seq
) x
WHERE b.partition = x.partition AND b.listed_seq = x.first_seq AND b.requested_seq IS NULL"""

REMOVE = f"""
UPDATE blacklist b SET removed_seq = x.seq, removed_at = x.received_at
FROM (
    SELECT DISTINCT ON (partition, first_seq) partition, first_seq, seq, received_at FROM stage_decisions x
    WHERE {_REMOVES} ORDER BY partition, first_seq, seq
) x
WHERE b.partition = x.partition AND b.listed_seq = x.first_seq AND b.removed_seq IS NULL"""
