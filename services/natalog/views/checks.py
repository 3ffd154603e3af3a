"""Queries (核验) from queries.audit as rows of `checks`: who asked which number, when, and what was answered.

The same record again, or the same from another offset, changes nothing: a row's key is the query and the place in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from librt.strings import BytesWriter
from psycopg import Connection, sql

from natalog import metrics
from natalog.events import QueryRecord
from natalog.ledger.follow import Stretch
from natalog.views import copy_format as copy
from natalog.views.filing_row import place_fields
from natalog.views.positions import Moved
from natalog.views.years import ensure_years
from natalog.wire.codec import decode
from natalog.wire.errors import WireError

log = logging.getLogger(__name__)

_DAY_MS: Final = 86_400_000
_BEIJING_MS: Final = 28_800_000
COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("check_id", "uuid"),
    ("place", "smallint"),
    ("asked_at", "timestamptz"),
    ("topic_partition", "smallint"),
    ("topic_offset", "bigint"),
    ("sub", "text"),
    ("org", "text"),
    ("province", "text"),
    ("prefecture", "text"),
    ("purpose", "text"),
    ("officer", "text"),
    ("number", 'text COLLATE "C"'),
    ("status", "text"),
    ("as_of", "text"),
)
_NAMES = ", ".join(name for name, _ in COLUMNS)
_STAGE = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS stage_checks ({', '.join(' '.join(c) for c in COLUMNS)}) "
    "ON COMMIT DELETE ROWS"
)
_INSERT = f"INSERT INTO checks ({_NAMES}) SELECT {_NAMES} FROM stage_checks ON CONFLICT DO NOTHING"
# Never backwards: a record that is read again after another process has written it changes nothing.
_BEGIN = """
INSERT INTO audit_positions AS p (partition, topic_offset) VALUES (%s, %s)
ON CONFLICT (partition) DO UPDATE SET topic_offset = greatest(p.topic_offset, excluded.topic_offset)"""
_MOVE = """
UPDATE audit_positions SET topic_offset = greatest(topic_offset, %s) WHERE partition = %s AND topic_offset >= %s"""


class Checks:
    """The rows of some stretches."""

    def __init__(self) -> None:
        self._rows = BytesWriter()
        self._rows.write(copy.HEADER)
        self.rows = 0
        self.unreadable = 0
        self.positions: dict[int, int] = {}
        self._times: list[int] = []

    def add(self, stretch: Stretch) -> None:
        """Append its records. What is no QueryRecord is counted and told, and no row."""
        for offset, value in zip(stretch.offsets, stretch.values, strict=True):
            try:
                record = decode(value)
            except WireError as error:
                record, why = None, type(error).__name__
            else:
                why = type(record).__name__
            if isinstance(record, QueryRecord):
                self._append(record, stretch.partition, offset)
            else:
                self.unreadable += 1
                log.error(
                    "a record of queries.audit is no QueryRecord and was skipped",
                    extra={"partition": stretch.partition, "offset": offset, "what": why},
                )
        if stretch.offsets:
            self.positions[stretch.partition] = stretch.offsets[-1] + 1

    def write(self, connection: Connection, held: Mapping[int, int] | None = None) -> None:
        """Rows and positions in one transaction. Raises psycopg.Error, Moved; nothing has changed then.

        Positions first: they wait for a rebuild that exchanges the schemas, and what follows then finds the new one.
        `held` says which are known to be in the database: one that is less now was restored from a copy.
        """
        known = held or {}
        with connection.transaction(), connection.cursor() as cursor:
            for partition, offset in sorted(self.positions.items()):
                if partition not in known:
                    cursor.execute(_BEGIN, (partition, offset))
                elif cursor.execute(_MOVE, (offset, partition, known[partition])).rowcount != 1:
                    raise Moved(f"queries.audit {partition}: the database is behind what was written to it")
            if self.rows:
                ensure_years(connection, ("checks",), min(self._times), max(self._times))
                cursor.execute(_STAGE)
                with cursor.copy("COPY stage_checks FROM STDIN (FORMAT binary)") as into:
                    into.write(self._rows.getvalue() + copy.TRAILER)
                cursor.execute(_INSERT)
        if self.unreadable:
            metrics.AUDIT_SKIPPED.labels("unreadable").inc(self.unreadable)

    def _append(self, record: QueryRecord, partition: int, offset: int) -> None:
        w = self._rows
        day = (record.asked_at + _BEIJING_MS) // _DAY_MS
        self._times.append(record.asked_at)
        for place, answer in enumerate(record.answers):
            copy.row(w, len(COLUMNS))
            copy.data(w, record.check_id.bytes)
            copy.smallint(w, place)
            copy.time(w, record.asked_at)
            copy.smallint(w, partition)
            copy.bigint(w, offset)
            copy.text(w, record.submitter.sub.encode())
            copy.text(w, record.submitter.org.encode())
            place_fields(w, record.submitter.org, min(max(day, -(1 << 30)), 1 << 30))
            copy.text(w, record.purpose.encode())
            copy.text_or_null(w, record.officer)
            copy.text(w, answer.certificate_number.encode())
            copy.text(w, answer.status.encode())
            copy.text(w, record.as_of.encode())
            self.rows += 1


def positions(connection: Connection, bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Where to read on, by partition; `bounds` are the first and the next offset of the log.

    What retention has taken away before it was read is counted and told: it is lost for good.
    """
    known = held_of(connection)
    found = {}
    for partition, (start, end) in bounds.items():
        at = known.get(partition, start)
        if at < start:
            metrics.AUDIT_SKIPPED.labels("expired").inc(start - at)
            log.error(
                "queries expired before they were read",
                extra={"partition": partition, "from": at, "to": start},
            )
            at = start
        elif at > end:
            log.error(
                "queries.audit ends before what was read of it: another topic by that name; reading it from its start",
                extra={"partition": partition, "position": at, "end": end},
            )
            connection.execute("DELETE FROM audit_positions WHERE partition = %s", (partition,))
            connection.commit()
            at = start
        found[partition] = at
    return found


def held_of(connection: Connection) -> dict[int, int]:
    """Offset that the database says is to be read next, of each partition it has a position of."""
    found = connection.execute("SELECT partition, topic_offset FROM audit_positions").fetchall()
    connection.commit()
    return dict(found)


def carry_over(connection: Connection, source: str, starts: Mapping[int, int]) -> int:
    """Copy from schema `source` the checks whose records retention has taken away. Rows copied.

    No rebuild could bring them back: `starts` are the first offsets the log still has. Raises psycopg.Error.
    """
    rows = 0
    table = sql.Identifier(source, "checks")
    columns = sql.SQL(_NAMES)
    with connection.transaction():
        if _nothing(connection, f"{source}.checks"):
            return 0
        for partition, start in starts.items():
            chosen = sql.SQL("FROM {} WHERE topic_partition = {} AND topic_offset < {}").format(
                table, partition, start
            )
            span = connection.execute(
                sql.SQL(
                    "SELECT extract(epoch FROM min(asked_at)), extract(epoch FROM max(asked_at)) {}"
                ).format(chosen)
            ).fetchone()
            if span is None or span[0] is None:
                continue
            ensure_years(connection, ("checks",), int(span[0] * 1000), int(span[1] * 1000))
            rows += connection.execute(
                sql.SQL("INSERT INTO checks ({}) SELECT {} {} ON CONFLICT DO NOTHING").format(
                    columns, columns, chosen
                )
            ).rowcount
    return rows


def _nothing(connection: Connection, name: str) -> bool:
    found = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
    return found is None or found[0] is None


Open = Callable[[], Connection]
"""Makes a connection; raises psycopg.Error."""
