"""Contests: opened by the first entry that shows one, closed by the first withdrawal approved after it."""

from __future__ import annotations

from natalog.views.statements.withdrawals import FREES

# An entry opens one unless one is open already: as the contest or the withdrawal before it in this batch says, or, for
# the first of a number, the table. Entries of a partition come in order, so the table holds all that was before.
OPEN = f"""
INSERT INTO contests (partition, opened_seq, opened_at, number, unit_code, province, prefecture)
SELECT partition, seq, received_at, key, unit_code, province, prefecture
FROM (
    SELECT *, lag(contested) OVER (PARTITION BY key ORDER BY seq) AS open_already
    FROM (
        SELECT partition, seq, received_at, key, unit_code, province, prefecture, contested
        FROM stage_filings WHERE contested AND wellformed AND counts
        UNION ALL
        SELECT partition, seq, received_at, key, unit_code, province, prefecture, contested
        FROM stage_decisions WHERE wellformed AND (contested OR ({FREES}))
    ) a
) e
WHERE contested AND NOT coalesce(open_already, EXISTS (
    SELECT FROM contests c WHERE c.number = e.key AND c.closed_seq IS NULL))"""

CLOSE = f"""
UPDATE contests c SET closed_seq = w.seq, closed_at = w.received_at
FROM (
    SELECT DISTINCT ON (c.partition, c.opened_seq) c.partition, c.opened_seq, w.seq, w.received_at
    FROM stage_decisions w
    JOIN contests c ON c.number = w.key AND c.closed_seq IS NULL AND c.opened_seq < w.seq
    WHERE {FREES}
    ORDER BY c.partition, c.opened_seq, w.seq
) w
WHERE c.partition = w.partition AND c.opened_seq = w.opened_seq"""
