"""How far the projection is folded, as it stands in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg import Connection

from natalog.kafka.identity import Identity
from natalog.ledger.head import Head
from natalog.views.batch import Fold, genesis
from natalog.views.copy_format import LAST_MS
from natalog.wire.topics import INTAKE_TOPICS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# First in its transaction: it locks the row, and tells whether the position, or the whole schema, was exchanged.
_MOVE = """
UPDATE ledger_positions SET seq = %s, hash = %s, ledger_offset = %s, last_offset = %s, causes = %s, void_entries = %s,
    received_at = %s, live_at = %s, silent_from = %s, silent_to = %s
WHERE partition = %s AND seq = %s AND ledger_offset = %s AND tableoid = %s"""


class Moved(Exception):
    """The position in the database is not the one this process left there: a rebuild took over, or another process."""


class OtherLedger(Exception):
    """The projection was folded from another ledger than the one that is read."""


def load(connection: Connection, partitions: int) -> tuple[dict[int, Fold], int]:
    """Folds by partition, and which table they stand in. Partitions that are new begin at genesis."""
    for partition in range(partitions):
        start = genesis()
        connection.execute(
            "INSERT INTO ledger_positions (partition, seq, hash, ledger_offset, last_offset, causes, void_entries, "
            "live_at, silent_from, silent_to) VALUES (%s, 0, %s, 0, -1, %s, 0, -1, 0, 0) ON CONFLICT DO NOTHING",
            (partition, start.head.prev, start.head.causes),
        )
    rows = connection.execute(
        "SELECT partition, seq, hash, ledger_offset, last_offset, causes, void_entries, received_at, live_at, "
        "silent_from, silent_to FROM ledger_positions"
    ).fetchall()
    table = connection.execute("SELECT 'ledger_positions'::regclass::oid").fetchone()
    assert table is not None
    folds = {}
    for (
        partition,
        seq,
        digest,
        offset,
        last,
        causes,
        void,
        received_at,
        live_at,
        silent_from,
        silent_to,
    ) in rows:
        causes += [-1] * (len(INTAKE_TOPICS) - len(causes))
        at = -1 if received_at is None else (received_at - _EPOCH) // timedelta(milliseconds=1)
        folds[partition] = Fold(
            Head(seq, bytes(digest), offset, causes), last, void, at, live_at, silent_from, silent_to
        )
    return folds, int(table[0])


def move(connection: Connection, table: int, before: dict[int, Fold], after: dict[int, Fold]) -> None:
    """Put the new positions of the partitions in `after`. Raises Moved when an old one is not there any more."""
    with connection.pipeline():
        moved = {p: connection.execute(_MOVE, _row(table, p, before[p], after[p])) for p in sorted(after)}
    for partition, cursor in moved.items():
        if cursor.rowcount != 1:
            raise Moved(f"the position of partition {partition} was exchanged")


def _row(table: int, partition: int, before: Fold, after: Fold) -> tuple[object, ...]:
    head = after.head
    at = min(int(after.received_at), LAST_MS)
    received_at = None if at < 0 else _EPOCH + timedelta(milliseconds=at)
    return (
        *(head.seq, head.prev, head.offset, after.last, head.causes, after.void, received_at),
        *(after.live_at, after.silent_from, after.silent_to),
        *(partition, before.head.seq, before.head.offset, table),
    )


def claim(connection: Connection, identity: Identity) -> None:
    """Say which ledger the schema is folded from. Raises OtherLedger when it is folded from another."""
    connection.execute(
        "INSERT INTO ledger_identity (cluster_id, topic_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (identity.cluster, identity.topic),
    )
    known = connection.execute("SELECT cluster_id, topic_id FROM ledger_identity").fetchone()
    if known != (identity.cluster, identity.topic):
        raise OtherLedger(f"the tables were folded from ledger {known}, and this is {identity}")
