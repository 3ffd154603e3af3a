"""Rows of `checks`: once each whatever comes again, and what retention took is carried into a rebuild."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from natalog import metrics
from natalog.decision.rules import RuleSets
from natalog.events import Answer, Principal, QueryRecord
from natalog.ledger.follow import Stretch
from natalog.views.audit import follow
from natalog.views.checks import Checks, carry_over, held_of, positions
from natalog.views.database import LIVE, NEXT, connect
from natalog.views.migrate import migrate
from natalog.views.positions import Moved
from natalog.wire.codec import encode
from tests.integration.views.tables import checksums, opened, rows


def record(n: int, numbers: int = 2) -> bytes:
    return encode(
        QueryRecord(
            check_id=uuid.UUID(int=n),
            asked_at=1_790_000_000_000 + n,
            submitter=Principal(sub="s\0", org="330106520000", roles=("station",)),
            purpose="registration",
            officer=None,
            answers=tuple(
                Answer(certificate_number=f"X33000{n:03d}{i}", status="UNUSED") for i in range(numbers)
            ),
            as_of="t",
        )
    )


def written(connection, partition: int, start: int, values: list[bytes]) -> Checks:
    checks = Checks()
    offsets = list(range(start, start + len(values)))
    checks.add(Stretch(partition, offsets, [b""] * len(values), values, start + len(values)))
    checks.write(connection)
    return checks


class FromMemory:
    """Stands in for LedgerReader: partition 3, in these pieces."""

    def __init__(self, pieces: list[list[bytes]]) -> None:
        self._pieces = pieces
        self._at = 0

    def at(self, offset: int) -> FromMemory:
        self._at = offset
        return self

    def read(self, limit: int, timeout: float) -> list[Stretch]:
        piece, start = self._pieces.pop(0), self._at
        self._at += len(piece)
        return (
            [Stretch(3, list(range(start, self._at)), [b""] * len(piece), piece, self._at)] if piece else []
        )


def test_what_comes_again_changes_nothing(database):
    opened(database).close()
    with connect(database, LIVE) as connection:
        written(connection, 3, 0, [record(1), record(2), b"no record", record(1)])
        before = checksums(database)
        again = written(connection, 3, 1, [record(2)])
        assert (again.rows, checksums(database)) == (2, before)
        assert before["checks"][0] == 4
        assert positions(connection, {3: (0, 9), 4: (5, 9)}) == {3: 4, 4: 5}
    assert (
        metrics.PROJECTOR.get_sample_value("natalog_audit_skipped_total", {"cause": "unreadable"}) or 0
    ) >= 1
    assert rows(database, "SELECT DISTINCT province, prefecture FROM checks") == [("330000", "330100")]


@pytest.mark.parametrize(
    "restored", ["UPDATE audit_positions SET topic_offset = 1", "DELETE FROM audit_positions"]
)
def test_a_database_restored_from_a_copy_is_read_up_to_again(database, restored):
    """Under a connection that lives on: what came between the copy and now must not be passed over."""
    opened(database).close()
    values = [record(n) for n in range(5)]
    with connect(database, LIVE) as connection:
        reader = FromMemory([values[:1], values[1:3], [], values[3:], values[1:]])
        held = held_of(connection)
        assert [follow(reader, connection, 0, held) for _ in range(3)] == [2, 4, 0]
        assert held == {3: 3}
        connection.execute("DELETE FROM checks WHERE topic_offset > 0")
        connection.execute(restored)
        connection.commit()
        with pytest.raises(Moved):
            follow(reader, connection, 0, held)
        assert rows(database, "SELECT count(*) FROM checks") == [(2,)]
        assert positions(connection, {3: (0, 5)}) in ({3: 1}, {3: 0})
        assert follow(reader.at(1), connection, 0, held_of(connection)) == 8
    assert rows(database, "SELECT DISTINCT topic_offset FROM checks ORDER BY 1") == [(n,) for n in range(5)]


def test_retention_that_was_faster_is_told(database):
    opened(database).close()
    with connect(database, LIVE) as connection:
        written(connection, 3, 0, [record(1)])
        told = metrics.PROJECTOR.get_sample_value("natalog_audit_skipped_total", {"cause": "expired"}) or 0
        assert positions(connection, {3: (11, 20)}) == {3: 11}
        assert (
            metrics.PROJECTOR.get_sample_value("natalog_audit_skipped_total", {"cause": "expired"})
            == told + 10
        )
        # A topic made anew ends before our position: it is read from its start.
        assert positions(connection, {3: (0, 0)}) == {3: 0}


def test_a_rebuild_keeps_what_the_topic_has_no_more(database):
    opened(database).close()
    with connect(database, LIVE) as connection:
        written(connection, 3, 0, [record(n) for n in range(10)])
    migrate(database, NEXT)
    with connect(database, NEXT) as connection:
        assert carry_over(connection, LIVE, {3: 6, 4: 0}) == 12
        written(connection, 3, 6, [record(n) for n in range(6, 10)])
    assert checksums(database, NEXT, ["checks", "audit_positions"]) == checksums(
        database, LIVE, ["checks", "audit_positions"]
    )


def test_two_rebuilds_do_not_meet(database):
    from natalog.views.database import NotPrepared
    from natalog.views.rebuild import _REBUILDING, Rebuild
    from tests.integration.views.tables import IDENTITY

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_REBUILDING,))
        with pytest.raises(NotPrepared, match="another rebuild"):
            Rebuild(database, "127.0.0.1:1", None, IDENTITY, {}, RuleSets()).run()
