"""The period's filings and obligations, in SQL (query.py runs it): who filed, when, with what number and doubts."""

from __future__ import annotations

from typing import LiteralString

AT: LiteralString = (
    "at AS (SELECT * FROM unnest(%(partitions)s::smallint[], %(seqs)s::bigint[]) AS a (partition, seq))"
)
PLACE: LiteralString = (
    "coalesce(province, '') AS province, coalesce(prefecture, '') AS prefecture, "
    "coalesce(unit_code, '') AS unit"
)

# Of the period: the registration date that is stated lies in it, or that of receipt where a later one is stated. Nobody
# registers after filing, and whoever said so could put what is late into a month that nobody asks for.
IN_PERIOD: LiteralString = """f.registered_day >= %(first)s AND f.received_at >= %(begins)s
      AND (f.registered_day < %(after)s OR f.received_at < %(ends)s)"""
_OWED_IN_PERIOD: LiteralString = (
    "o.due_from >= %(begins)s AND o.due_from < %(ends)s"  # the earlier of the two
)

# What was misrouted is no filing of anybody's and counts among the refusals alone; any other is one, whatever its
# verdict: it may be the one that was timed.
_OF_PERIOD: LiteralString = f"""filings f JOIN at USING (partition)
    WHERE f.seq < at.seq AND {IN_PERIOD}
      AND f.reason IS DISTINCT FROM 'MISROUTED'"""
_FILINGS: LiteralString = f"""
{AT},
f AS MATERIALIZED (SELECT f.* FROM {_OF_PERIOD})"""

# One row per registration: a unit's registration id, under whatever numbers it was filed.
_REGISTRATIONS: LiteralString = f"""
WITH {_FILINGS},
o AS (
    SELECT o.* FROM obligations o JOIN at USING (partition)
    WHERE o.opened_seq < at.seq AND (o.closed_seq IS NULL OR o.closed_seq >= at.seq)
      AND {_OWED_IN_PERIOD}
),
r AS (
    SELECT min(province) AS province, min(prefecture) AS prefecture, unit_code, registration_id, true AS filed,
        bool_or(wellformed AND reason IS DISTINCT FROM 'MALFORMED_NUMBER') AS numbered,
        bool_or(NOT backfill AND NOT amendment) AND NOT bool_or(timed) AS never_timed,
        bool_or(exemption IS NOT NULL AND verdict = 'ACCEPTED') AS exempt,
        bool_or(coalesce(reason = 'MALFORMED_NUMBER', false)) AS malformed,
        bool_or('VOID_CERTIFICATE' = ANY (doubts)) AS void_certificate,
        bool_or('COLLECTIVE_HOUSEHOLD' = ANY (doubts)) AS collective_household,
        bool_or('NON_RELATIVE' = ANY (doubts)) AS non_relative,
        bool_or('PRIVATE_ADOPTION' = ANY (doubts)) AS private_adoption,
        bool_or('OVER_SIX' = ANY (doubts)) AS over_six,
        bool_or('FOLLOWS_NEITHER' = ANY (doubts)) AS follows_neither,
        bool_or('UNMARRIED_FATHER' = ANY (doubts)) AS unmarried_father,
        bool_or(cardinality(doubts) > 0) AS doubtful,
        coalesce((array_agg('OVER_SIX' = ANY (doubts) ORDER BY received_at DESC, partition DESC, seq DESC)
                  FILTER (WHERE verdict = 'ACCEPTED'))[1], false) AS over_six_unproven
    FROM f GROUP BY unit_code, registration_id
    UNION ALL
    SELECT min(province), min(prefecture), unit_code, registration_id, false, false, false, false, false, false, false,
        false, false, false, false, false, false, false
    FROM o WHERE NOT EXISTS (
        SELECT FROM f WHERE f.unit_code = o.unit_code AND f.registration_id = o.registration_id)
    GROUP BY unit_code, registration_id
)
SELECT {PLACE}, count(*) AS registered,
    count(*) FILTER (WHERE filed) AS filed,
    count(*) FILTER (WHERE NOT filed) AS missing,
    count(*) FILTER (WHERE numbered) AS numbered,
    count(*) FILTER (WHERE filed AND exempt AND NOT numbered) AS exempt,
    count(*) FILTER (WHERE malformed) AS malformed,
    count(*) FILTER (WHERE never_timed) AS never_timed,
    count(*) FILTER (WHERE void_certificate) AS "VOID_CERTIFICATE",
    count(*) FILTER (WHERE collective_household) AS "COLLECTIVE_HOUSEHOLD",
    count(*) FILTER (WHERE non_relative) AS "NON_RELATIVE",
    count(*) FILTER (WHERE private_adoption) AS "PRIVATE_ADOPTION",
    count(*) FILTER (WHERE over_six) AS "OVER_SIX",
    count(*) FILTER (WHERE follows_neither) AS "FOLLOWS_NEITHER",
    count(*) FILTER (WHERE unmarried_father) AS "UNMARRIED_FATHER",
    count(*) FILTER (WHERE doubtful) AS doubtful,
    count(*) FILTER (WHERE over_six_unproven) AS over_six_unproven
FROM r GROUP BY 1, 2, 3"""

_TIMING: LiteralString = f"""
WITH {_FILINGS}
SELECT {PLACE},
    count(*) FILTER (WHERE delay_ms IS NOT NULL) AS timed,
    count(*) FILTER (WHERE delay_ms IS NOT NULL AND NOT 'FILED_LATE' = ANY (flags)) AS on_time,
    count(*) FILTER (WHERE delay_ms IS NULL AND 'NOT_TIMEABLE' = ANY (flags)) AS untimed,
    count(*) FILTER (WHERE lateness_cause = 'STATION') AS "late STATION",
    count(*) FILTER (WHERE lateness_cause = 'TRANSPORT') AS "late TRANSPORT",
    count(*) FILTER (WHERE lateness_cause = 'MINISTRY') AS "late MINISTRY",
    count(*) FILTER (WHERE lateness_cause = 'CLOCK') AS "late CLOCK",
    count(*) FILTER (WHERE lateness_cause = 'UNKNOWN') AS "late UNKNOWN",
    count(*) FILTER (WHERE wellformed AND NOT backfill AND NOT amendment) AS to_check,
    count(*) FILTER (WHERE wellformed AND NOT backfill AND NOT amendment
                     AND NOT 'UNCHECKED' = ANY (flags)) AS checked,
    array_agg(delay_ms ORDER BY delay_ms) FILTER (WHERE delay_ms IS NOT NULL) AS delays,
    array_agg(DISTINCT rules) AS rules
FROM f GROUP BY 1, 2, 3"""

# "The line was down" is the sender's own word. Records of the same unit that came in meanwhile take it back: more than
# five minutes after the attempt (the sender's clock; not the skew of the rule set, which is not in the tables: the same
# call must give the same file wherever it is made), and more than ten minutes before the filing came, so that a
# spool that empties after an outage contradicts nobody. A week is looked at, or one filing that came after years would
# have all of them read.
_CONTRADICTED: LiteralString = f"""
WITH {AT},
l AS (
    SELECT province, prefecture, unit_code, attempted_at + interval '5 minutes' AS tried,
        least(received_at - interval '10 minutes', attempted_at + interval '7 days') AS came
    FROM {_OF_PERIOD} AND lateness_cause IN ('TRANSPORT', 'MINISTRY')
),
others AS (
    SELECT unit_code, received_at FROM filings JOIN at USING (partition)
    WHERE filings.seq < at.seq AND origin = 'LIVE'
      AND received_at > (SELECT min(tried) FROM l) AND received_at < (SELECT max(came) FROM l)
    UNION ALL
    SELECT unit_code, received_at FROM decisions JOIN at USING (partition)
    WHERE decisions.seq < at.seq AND kind IN ('Claim', 'Release', 'Completion')
      AND received_at > (SELECT min(tried) FROM l) AND received_at < (SELECT max(came) FROM l)
)
SELECT {PLACE}, count(*) AS late_contradicted
FROM l WHERE EXISTS (
    SELECT FROM others
    WHERE others.unit_code = l.unit_code AND others.received_at > tried AND others.received_at < came)
GROUP BY 1, 2, 3"""

# Told of as overdue: still open, or filed since. `corrects`, a date without its hour and backfill have no delay, so a
# late filing could hide behind them: who was told of and has no delay is late all the same. The delay of the filing
# that closed the obligation counts whatever period and unit it states.
_OVERDUE: LiteralString = f"""
WITH {AT},
o AS (
    SELECT o.*, coalesce(o.closed_seq < at.seq, false) AS closed FROM obligations o JOIN at USING (partition)
    WHERE o.opened_seq < at.seq AND o.overdue_seq < at.seq
      AND {_OWED_IN_PERIOD}
),
timed AS (
    SELECT f.unit_code, f.registration_id FROM {_OF_PERIOD} AND f.delay_ms IS NOT NULL
      AND (f.unit_code, f.registration_id) IN (SELECT o.unit_code, o.registration_id FROM o WHERE o.closed)
    UNION
    SELECT o.unit_code, o.registration_id
    FROM o JOIN filings f ON (f.partition, f.seq, f.received_at) = (o.partition, o.closed_seq, o.closed_at)
    WHERE o.closed AND f.delay_ms IS NOT NULL
)
SELECT {PLACE},
    count(*) FILTER (WHERE NOT closed) AS overdue_open,
    count(DISTINCT registration_id) FILTER (WHERE closed AND closed_by = 'FILING') AS overdue_filed,
    count(DISTINCT registration_id) FILTER (WHERE closed AND closed_by = 'FILING'
        AND (unit_code, registration_id) NOT IN (SELECT * FROM timed)) AS overdue_untimed
FROM o GROUP BY 1, 2, 3"""

STATEMENTS: tuple[LiteralString, ...] = (_REGISTRATIONS, _TIMING, _CONTRADICTED, _OVERDUE)
"""Rows of (province, prefecture, unit, counts…)."""
