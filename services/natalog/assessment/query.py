"""The facts of a period as of a ledger position, in SQL against the tables that docs/projection.md documents.

Every statement gives rows of (province, prefecture, unit, …); `facts` puts them together. An entry counts when its seq
lies before the position's, and a change when the entry that made it does: later entries change nothing in the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.rows import dict_row

from natalog.assessment import filing
from natalog.assessment.facts import Facts, Place
from natalog.assessment.filing import AT, IN_PERIOD, PLACE
from natalog.assessment.period import Period
from natalog.assessment.position import GENESIS, Asked, Head, NotThere, Position, within

_RECEIVED: LiteralString = "received_at >= %(begins)s AND received_at < %(ends)s"

# Filings by their registration date like everything said of them; other kinds have none and go by receipt.
_REFUSALS: LiteralString = f"""
WITH {AT}
SELECT {PLACE}, reason, count(*) AS refused
FROM (
    SELECT f.province, f.prefecture, f.unit_code, f.reason FROM filings f JOIN at USING (partition)
    WHERE f.seq < at.seq AND f.reason IS NOT NULL AND {IN_PERIOD}
    UNION ALL
    SELECT d.province, d.prefecture, d.unit_code, d.reason FROM decisions d JOIN at USING (partition)
    WHERE d.seq < at.seq AND d.reason IS NOT NULL AND {_RECEIVED}
) refused
GROUP BY 1, 2, 3, 4"""

_CORRECTIONS: LiteralString = f"""
WITH {AT}
SELECT {PLACE},
    count(*) FILTER (WHERE amendment) AS amendments,
    count(*) FILTER (WHERE backfill AND verdict = 'ACCEPTED' AND NOT amendment) AS backfilled
FROM filings f JOIN at USING (partition)
WHERE f.seq < at.seq AND {_RECEIVED} AND (amendment OR backfill)
GROUP BY 1, 2, 3"""

# Each contest stands with the unit whose entry opened it. A province's login also sees those of others that its units
# are party to (docs/projection.md), but not the entry that opened them: they are not its own.
_CONTESTED: LiteralString = f"""
WITH {AT}
SELECT {PLACE},
    count(*) FILTER (WHERE opened_at >= %(begins)s AND opened_at < %(ends)s) AS contested_opened,
    count(*) FILTER (WHERE closed_at >= %(begins)s AND closed_at < %(ends)s AND closed_seq < at.seq) AS contested_closed
FROM contests c JOIN at USING (partition)
WHERE c.opened_seq < at.seq AND c.opened_at < %(ends)s AND (c.closed_at IS NULL OR c.closed_at >= %(begins)s) AND (
    EXISTS (SELECT FROM filings f
            WHERE f.partition = c.partition AND f.seq = c.opened_seq AND f.received_at = c.opened_at)
    OR EXISTS (SELECT FROM decisions d
               WHERE d.partition = c.partition AND d.seq = c.opened_seq AND d.received_at = c.opened_at))
GROUP BY 1, 2, 3"""

# From the moment a number was void, by its issuer's word or the listing's own, to the owner's listing of it.
_LISTING: LiteralString = f"""
WITH {AT},
listed AS (
    SELECT b.province, b.owner AS prefecture, d.unit_code, b.listed_at, (
        SELECT least(b.effective_at, min(v.effective_at)) FROM voids v
        WHERE v.number = b.number AND v.partition = b.partition AND v.voided_seq < at.seq
          AND v.effective_at < b.listed_at) AS void_at
    FROM blacklist b JOIN at USING (partition)
    JOIN decisions d ON d.partition = b.partition AND d.seq = b.listed_seq AND d.received_at = b.listed_at
    WHERE b.listed_seq < at.seq AND b.listed_at >= %(begins)s AND b.listed_at < %(ends)s
)
SELECT {PLACE}, count(*) AS listed,
    array_agg(((extract(epoch FROM listed_at) - extract(epoch FROM void_at)) * 1000)::bigint)
        FILTER (WHERE void_at < listed_at) AS listing
FROM listed GROUP BY 1, 2, 3"""

# The last claim of a unit on a number, and nothing of that unit after it (docs/projection.md, claims).
_CLAIMS: LiteralString = f"""
WITH {AT}
SELECT {PLACE}, count(*) AS claims_unanswered
FROM claims c JOIN at USING (partition)
WHERE c.claimed_seq < at.seq AND (c.closed_seq IS NULL OR c.closed_seq >= at.seq)
  AND c.claimed_at >= %(begins)s AND c.claimed_at < %(ends)s
GROUP BY 1, 2, 3"""

_STATEMENTS: tuple[LiteralString, ...] = (
    *filing.STATEMENTS,
    _REFUSALS,
    _CORRECTIONS,
    _CONTESTED,
    _LISTING,
    _CLAIMS,
)


@contextmanager
def opened(url: str) -> Iterator[Connection[dict[str, Any]]]:
    """A connection that reads all it reads at one moment, and can only read. Raises psycopg.Error."""
    with psycopg.connect(
        url,
        connect_timeout=5,
        application_name="natalog-assess",
        options="-c search_path=natalog -c timezone=UTC -c client_min_messages=warning -c jit=off",
        row_factory=dict_row,
    ) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


def answer(url: str, period: Period, asked: Asked | None) -> tuple[Position, dict[Place, Facts]]:
    """The position and the facts as of it, from one set of tables.

    A rebuild may put its own in their place between two statements, and of those the snapshot may lack rows: then all
    is asked again. Raises as `position_of` and `facts` do.
    """
    while True:
        with opened(url) as connection:
            tables = _tables(connection)
            try:
                position = position_of(connection, asked)
                found = facts(connection, period, position)
            except NotThere:
                if _tables(connection) == tables:
                    raise
                continue
            if _tables(connection) == tables:
                return position, found


def _tables(connection: Connection[dict[str, Any]]) -> list[dict[str, Any]]:
    """Which tables the names stand for now."""
    return connection.execute("SELECT tableoid FROM ledger_positions LIMIT 1").fetchall()


def position_of(connection: Connection[dict[str, Any]], asked: Asked | None) -> Position:
    """The position asked for, or the present one, with its hashes. Raises NotThere, BadPosition, psycopg.Error."""
    rows = connection.execute(
        "SELECT partition, seq, hash FROM ledger_positions ORDER BY partition"
    ).fetchall()
    if not rows:
        raise NotThere("the projection is empty: no projector has run yet")
    present = {row["partition"]: Head(row["partition"], row["seq"], bytes(row["hash"])) for row in rows}
    if asked is None:
        return Position(tuple(present.values()))
    within(asked, {partition: head.seq for partition, head in present.items()})
    heads = []
    for partition, head in present.items():
        seq = asked.seqs[partition]
        heads.append(head if seq == head.seq else Head(partition, seq, _hash(connection, partition, seq)))
    position = Position(tuple(heads))
    if asked.check is not None and position.check not in (None, asked.check):
        raise NotThere(
            f"the projection holds other entries at this position: its check is {position.check}, and {asked.check} "
            "was asked for. It was folded from another ledger, or one of the two was altered"
        )
    return position


def _hash(connection: Connection[dict[str, Any]], partition: int, seq: int) -> bytes | None:
    if seq == 0:
        return GENESIS
    row = connection.execute(
        "SELECT hash FROM filings WHERE partition = %(p)s AND seq = %(s)s "
        "UNION ALL SELECT hash FROM decisions WHERE partition = %(p)s AND seq = %(s)s",
        {"p": partition, "s": seq - 1},
    ).fetchone()
    return None if row is None else bytes(row["hash"])


def facts(connection: Connection[dict[str, Any]], period: Period, position: Position) -> dict[Place, Facts]:
    """What is known of each unit. Raises psycopg.Error."""
    found: dict[Place, Facts] = {}
    arguments = {
        "partitions": [head.partition for head in position.heads],
        "seqs": [head.seq for head in position.heads],
        "first": period.first,
        "after": period.after,
        "begins": period.begins,
        "ends": period.ends,
    }
    for statement in _STATEMENTS:
        for row in connection.execute(statement, arguments):
            place = Place(row.pop("province"), row.pop("prefecture"), row.pop("unit"))
            into = found.setdefault(place, Facts())
            into.delays += row.pop("delays", None) or ()
            into.listing += row.pop("listing", None) or ()
            into.rules.update(row.pop("rules", ()))
            if "reason" in row:
                into.counts[f"refused {row['reason']}"] += row["refused"]
            else:
                into.counts.update(row)
    return {place: one for place, one in found.items() if one.rules or one.listing or +one.counts}
