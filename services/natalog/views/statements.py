"""What a transaction does with staged rows: the fold of the projection, in SQL.

Set by set, never row by row: each statement says what holds after all entries up to the batch's end, from facts with
their seqs. So it does not matter where a batch begins and ends (tests/integration/views compares with `decision/`).
Names are found through the connection's search_path: the same text serves a rebuild.
"""

from __future__ import annotations

from natalog.views.decision_row import DECISION_COLUMNS
from natalog.views.filing_row import FILING_COLUMNS


def _stage(name: str, columns: tuple[tuple[str, str], ...]) -> str:
    fields = ", ".join(f"{column} {type_}" for column, type_ in columns)
    return f"CREATE TEMPORARY TABLE {name} ({fields}) ON COMMIT DELETE ROWS"


STAGES = (_stage("stage_filings", FILING_COLUMNS), _stage("stage_decisions", DECISION_COLUMNS))

COPY_FILINGS = "COPY stage_filings FROM STDIN (FORMAT binary)"
COPY_DECISIONS = "COPY stage_decisions FROM STDIN (FORMAT binary)"

_STAGE_ONLY = frozenset(["counts", "takes", "contested", "turn"])
_CONTENT = (
    "unit_code province prefecture division registered_at registered_on registered_day category household_kind "
    "relation_to_head follows placement_basis basis_ref birth_date parents_married paternity_evidence over_six_visit "
    "over_six_face over_six_fingerprint over_six_dna over_six_approval_ref case_ref exemption child_token mother_token "
    "father_token sealed key_id"
).split()
"""What a registration shows of its newest filing."""
_OF_REGISTRATION = frozenset(_CONTENT) - frozenset(
    "unit_code province prefecture division registered_at registered_on registered_day category exemption".split()
)
_FACTS = [name for name, _ in FILING_COLUMNS if name not in _STAGE_ONLY | _OF_REGISTRATION]

INSERT_FILINGS = f"""
INSERT INTO filings ({", ".join(_FACTS)}) SELECT {", ".join(_FACTS)} FROM stage_filings ON CONFLICT DO NOTHING"""

_DECISION_FACTS = [name for name, _ in DECISION_COLUMNS if name not in ("contested", "wellformed")]
INSERT_DECISIONS = f"""
INSERT INTO decisions ({", ".join(_DECISION_FACTS)})
SELECT {", ".join(_DECISION_FACTS)} FROM stage_decisions ON CONFLICT DO NOTHING"""

_MERGE_SEQS = """
    first_seq = least(r.first_seq, excluded.first_seq),
    completed_seq = least(r.completed_seq, excluded.completed_seq),
    filed_seq = least(r.filed_seq, excluded.filed_seq),
    taken_seq = greatest(r.taken_seq, excluded.taken_seq)"""


def _merge(columns: list[str]) -> str:
    newer = "(excluded.content_rank, excluded.content_seq) > (r.content_rank, r.content_seq)"
    content = ["number", *columns]
    return (
        f"ON CONFLICT (key, registration_id) DO UPDATE SET {_MERGE_SEQS},\n"
        + ",\n".join(f"    {c} = CASE WHEN {newer} THEN excluded.{c} ELSE r.{c} END" for c in content)
        + f",\n    content_rank = CASE WHEN {newer} THEN excluded.content_rank ELSE r.content_rank END"
        + f",\n    content_seq = CASE WHEN {newer} THEN excluded.content_seq ELSE r.content_seq END"
    )


_TARGET = (
    "key, registration_id, partition, first_seq, completed_seq, filed_seq, taken_seq, content_rank, content_seq, "
    "number"
)
_RANK = "CASE WHEN verdict = 'ACCEPTED' THEN 2 ELSE 1 END"

# Two filings of one registration may not meet in one INSERT … ON CONFLICT DO UPDATE. So those of one key take turns; in
# what order does not matter, as for every merge here. Only where there would be many turns the window's sort pays.
MOST_TURNS = 8
UPSERT_TURN_OF_REGISTRATIONS = f"""
INSERT INTO registrations AS r ({_TARGET}, {", ".join(_CONTENT)})
SELECT key, registration_id, partition, seq, NULL, seq, CASE WHEN takes THEN seq END, {_RANK}, seq, number,
    {", ".join(_CONTENT)}
FROM stage_filings WHERE counts AND turn = %s
{_merge(_CONTENT)}"""
UPSERT_REGISTRATIONS = f"""
INSERT INTO registrations AS r ({_TARGET}, {", ".join(_CONTENT)})
SELECT DISTINCT ON (key, registration_id) key, registration_id, partition, min(seq) OVER w, NULL::bigint,
    min(seq) OVER w, max(CASE WHEN takes THEN seq END) OVER w, {_RANK}, seq, number, {", ".join(_CONTENT)}
FROM stage_filings WHERE counts
WINDOW w AS (PARTITION BY key, registration_id)
ORDER BY key, registration_id, {_RANK} DESC, seq DESC
{_merge(_CONTENT)}"""

_COMPLETED = "unit_code province prefecture division registered_at registered_day exemption".split()
UPSERT_COMPLETED = f"""
INSERT INTO registrations AS r ({_TARGET}, {", ".join(_COMPLETED)})
SELECT DISTINCT ON (key, registration_id) key, registration_id, partition, min(seq) OVER w, min(seq) OVER w,
    NULL::bigint, NULL::bigint, 0, seq, number, unit_code, province, prefecture, left(unit_code, 6), registered_at,
    (registered_at AT TIME ZONE 'Asia/Shanghai')::date, exemption
FROM stage_decisions WHERE kind = 'Completion' AND verdict = 'ACCEPTED'
WINDOW w AS (PARTITION BY key, registration_id)
ORDER BY key, registration_id, seq DESC
{_merge(_COMPLETED)}"""

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
UPSERT_TURN_OF_CERTIFICATES = f"""
INSERT INTO certificates AS c ({_CERTIFICATE})
SELECT key, partition, {_PROVINCE}, seq, seq, CASE WHEN takes THEN seq END, NULL, CASE WHEN contested THEN seq END
FROM stage_filings WHERE wellformed AND counts AND turn = %s
{_MERGE_CERTIFICATES}"""
UPSERT_CERTIFICATES = f"""
INSERT INTO certificates AS c ({_CERTIFICATE})
SELECT key, min(partition), {_PROVINCE}, min(seq), max(seq), max(seq) FILTER (WHERE takes), NULL,
    min(seq) FILTER (WHERE contested)
FROM stage_filings WHERE wellformed AND counts GROUP BY key
{_MERGE_CERTIFICATES}"""
TOUCH_CERTIFICATES = f"""
INSERT INTO certificates AS c ({_CERTIFICATE})
SELECT key, min(partition), {_PROVINCE}, min(seq), max(seq), NULL,
    max(seq) FILTER (WHERE kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE'
                     AND first_seq IS NOT NULL),
    min(seq) FILTER (WHERE contested)
FROM stage_decisions WHERE wellformed GROUP BY key
{_MERGE_CERTIFICATES}"""

# Obligations ----------------------------------------------------------------------------------------------------------

# A request about a registration that was only completed takes effect at once (decision/withdrawals.py).
_CANCELS = "w.kind = 'Withdrawal' AND w.verdict = 'ACCEPTED' AND w.action = 'REQUEST' AND w.first_seq IS NULL"
OPEN_OBLIGATIONS = f"""
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

CLOSE_OBLIGATIONS = f"""
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

# Withdrawals ----------------------------------------------------------------------------------------------------------

FREE_REGISTRATIONS = """
UPDATE registrations r SET freed_seq = greatest(r.freed_seq, w.seq)
FROM (
    SELECT key, registration_id, max(seq) AS seq FROM stage_decisions
    WHERE kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE' AND first_seq IS NOT NULL
    GROUP BY key, registration_id
) w
WHERE r.key = w.key AND r.registration_id = w.registration_id"""

WITHDRAW_FILINGS = """
UPDATE filings f SET withdrawn_seq = w.seq
FROM (
    SELECT partition, first_seq, min(seq) AS seq FROM stage_decisions
    WHERE kind = 'Withdrawal' AND verdict = 'ACCEPTED' AND action = 'APPROVE' AND first_seq IS NOT NULL
    GROUP BY partition, first_seq
) w
WHERE f.partition = w.partition AND f.seq = w.first_seq AND f.withdrawn_seq IS NULL"""

# Blacklist ------------------------------------------------------------------------------------------------------------

_REMOVES = (
    "x.kind = 'BlacklistChange' AND x.action = 'APPROVE_REMOVE' AND x.verdict = 'ACCEPTED' "
    "AND x.first_seq IS NOT NULL"
)
LIST_NUMBERS = f"""
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

REQUEST_REMOVALS = """
UPDATE blacklist b SET requested_seq = x.seq, requested_at = x.received_at
FROM (
    SELECT DISTINCT ON (partition, first_seq) partition, first_seq, seq, received_at FROM stage_decisions
    WHERE kind = 'BlacklistChange' AND action = 'REQUEST_REMOVE' AND verdict = 'ACCEPTED' AND first_seq IS NOT NULL
    ORDER BY partition, first_seq, seq
) x
WHERE b.partition = x.partition AND b.listed_seq = x.first_seq AND b.requested_seq IS NULL"""

REMOVE_NUMBERS = f"""
UPDATE blacklist b SET removed_seq = x.seq, removed_at = x.received_at
FROM (
    SELECT DISTINCT ON (partition, first_seq) partition, first_seq, seq, received_at FROM stage_decisions x
    WHERE {_REMOVES} ORDER BY partition, first_seq, seq
) x
WHERE b.partition = x.partition AND b.listed_seq = x.first_seq AND b.removed_seq IS NULL"""

# Invalidations --------------------------------------------------------------------------------------------------------

_REINSTATES = "x.kind = 'Invalidation' AND x.action = 'REINSTATE' AND x.verdict = 'ACCEPTED'"
VOID_NUMBERS = f"""
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

REINSTATE_NUMBERS = f"""
UPDATE voids v SET reinstated_seq = x.seq, reinstated_at = x.received_at
FROM (
    SELECT DISTINCT ON (partition, first_seq) partition, first_seq, seq, received_at FROM stage_decisions x
    WHERE {_REINSTATES} AND first_seq IS NOT NULL ORDER BY partition, first_seq, seq
) x
WHERE v.partition = x.partition AND v.voided_seq = x.first_seq AND v.reinstated_seq IS NULL"""

REPLACE_NUMBERS = """
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


Step = tuple[str, tuple[int, ...] | None]
"""A statement and its arguments."""


def effects(filings: int, turns: int, kinds: dict[str, int]) -> list[Step]:
    """What a batch needs, in order, after the rows were copied."""
    steps: list[Step] = [(statement, None) for statement in _of_rows(filings, turns, kinds)]
    if filings and turns <= MOST_TURNS:
        of_turns: list[Step] = []
        for turn in range(turns):
            of_turns += [(UPSERT_TURN_OF_REGISTRATIONS, (turn,)), (UPSERT_TURN_OF_CERTIFICATES, (turn,))]
        steps[1:1] = of_turns
    return steps


def _of_rows(filings: int, turns: int, kinds: dict[str, int]) -> list[str]:
    needed: list[str] = []
    if filings:
        needed.append(INSERT_FILINGS)
        if turns > MOST_TURNS:
            needed += [UPSERT_REGISTRATIONS, UPSERT_CERTIFICATES]
    if kinds:
        needed += [INSERT_DECISIONS, TOUCH_CERTIFICATES]
    if "Completion" in kinds:
        needed += [UPSERT_COMPLETED, OPEN_OBLIGATIONS]
    if filings or "Withdrawal" in kinds:
        needed.append(CLOSE_OBLIGATIONS)
    if "FilingOverdue" in kinds:
        needed.append(MARK_OVERDUE)
    if "Withdrawal" in kinds:
        needed += [FREE_REGISTRATIONS, WITHDRAW_FILINGS]
    if "BlacklistChange" in kinds:
        needed += [LIST_NUMBERS, REQUEST_REMOVALS, REMOVE_NUMBERS]
    if "Invalidation" in kinds:
        needed += [VOID_NUMBERS, REINSTATE_NUMBERS, REPLACE_NUMBERS]
    return needed
