"""Invalidations: void, reinstated, replaced."""

from __future__ import annotations

_REINSTATES = "x.kind = 'Invalidation' AND x.action = 'REINSTATE' AND x.verdict = 'ACCEPTED'"
VOID = f"""
INSERT INTO voids (partition, voided_seq, voided_at, number, issuer, province, cause, evidence_ref, range_id,
    effective_at, binds_from, after_use, replaced_by, replaced_seq)
SELECT a.partition, a.seq, a.received_at, a.key, a.owner, left(a.owner, 2) || '0000', a.cause, a.evidence_ref,
    a.range_id, a.effective_at, a.binds_from, 'INVALIDATED_AFTER_USE' = ANY (a.flags), a.related_number,
    CASE WHEN a.related_number IS NOT NULL THEN a.seq END
FROM stage_decisions a
WHERE a.kind = 'Invalidation' AND a.action = 'VOID' AND a.verdict = 'ACCEPTED'
  AND NOT EXISTS (
    SELECT FROM decisions p
    WHERE p.kind = 'Invalidation' AND p.action = 'VOID' AND p.verdict = 'ACCEPTED' AND p.key = a.key AND p.seq < a.seq
      AND NOT EXISTS (
        SELECT FROM decisions x WHERE {_REINSTATES} AND x.key = a.key AND x.seq > p.seq AND x.seq < a.seq))
ON CONFLICT DO NOTHING"""

REINSTATE = f"""
UPDATE voids v SET reinstated_seq = x.seq, reinstated_at = x.received_at
FROM (
    SELECT DISTINCT ON (partition, first_seq) partition, first_seq, seq, received_at FROM stage_decisions x
    WHERE {_REINSTATES} AND first_seq IS NOT NULL ORDER BY partition, first_seq, seq
) x
WHERE v.partition = x.partition AND v.voided_seq = x.first_seq AND v.reinstated_seq IS NULL"""

REPLACE = """
UPDATE voids v SET replaced_by = a.related_number, replaced_seq = a.seq
FROM (
    SELECT DISTINCT ON (w.partition, w.voided_seq) w.partition, w.voided_seq, a.related_number, a.seq
    FROM stage_decisions a
    JOIN voids w ON w.number = a.key AND w.partition = a.partition AND w.issuer = a.owner AND w.replaced_by IS NULL
        AND w.voided_seq < a.seq AND (w.reinstated_seq IS NULL OR w.reinstated_seq > a.seq)
    WHERE a.kind = 'Invalidation' AND a.action = 'VOID' AND a.verdict = 'ACCEPTED' AND a.related_number IS NOT NULL
    ORDER BY w.partition, w.voided_seq, a.seq
) a
WHERE v.partition = a.partition AND v.voided_seq = a.voided_seq"""
