"""Registrations: first and last seqs, and the content of the newest filing."""

from __future__ import annotations

_CONTENT = (
    "unit_code province prefecture division registered_at registered_on registered_day category household_kind "
    "relation_to_head follows placement_basis basis_ref birth_date parents_married paternity_evidence over_six_visit "
    "over_six_face over_six_fingerprint over_six_dna over_six_approval_ref case_ref exemption child_token mother_token "
    "father_token sealed key_id"
).split()
"""What a registration shows of its newest filing."""

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

# Two filings of one registration may not meet in one INSERT … ON CONFLICT DO UPDATE. So those of one key take turns; in
# what order does not matter, as for every merge here. Only where there would be many turns the window's sort pays.
MOST_TURNS = 8
UPSERT_TURN = f"""
INSERT INTO registrations AS r ({_TARGET}, {", ".join(_CONTENT)})
SELECT key, registration_id, partition, seq, NULL, seq, taken_seq, content_rank, seq, number,
    {", ".join(_CONTENT)}
FROM stage_filings WHERE counts AND turn = %s
{_merge(_CONTENT)}"""
UPSERT = f"""
INSERT INTO registrations AS r ({_TARGET}, {", ".join(_CONTENT)})
SELECT DISTINCT ON (key, registration_id) key, registration_id, partition, min(seq) OVER w, NULL::bigint,
    min(seq) OVER w, max(taken_seq) OVER w, content_rank, seq, number, {", ".join(_CONTENT)}
FROM stage_filings WHERE counts
WINDOW w AS (PARTITION BY key, registration_id)
ORDER BY key, registration_id, content_rank DESC, seq DESC
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
