"""What the tables hold, for comparison: rows of every table in order, and folding lists of entries into them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import psycopg

from natalog.decision.rules import RuleSets
from natalog.kafka.identity import Identity
from natalog.ledger.follow import Stretch
from natalog.views.batch import Batch
from natalog.views.migrate import migrate
from natalog.views.writer import Writer
from tests.integration.views.ledgers import sets

IDENTITY = Identity("cluster", "topic")
TABLES = (
    "ledger_positions",
    "filings",
    "decisions",
    "registrations",
    "certificates",
    "obligations",
    "claims",
    "contests",
    "blacklist",
    "voids",
    "checks",
    "audit_positions",
)


def checksums(
    url: str, schema: str = "natalog", tables: Iterable[str] = TABLES
) -> dict[str, tuple[int, str]]:
    """Rows and a digest over all of them, by table, in an order that no insertion could change."""
    found = {}
    with psycopg.connect(url, options=f"-c search_path={schema} -c timezone=UTC") as connection:
        for table in tables:
            rows = sorted(row[0] for row in connection.execute(f"SELECT t::text FROM {table} t"))
            found[table] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


def rows(url: str, query: str, *arguments: object) -> list[tuple]:
    with psycopg.connect(url, options="-c search_path=natalog -c timezone=UTC") as connection:
        return connection.execute(query, arguments or None).fetchall()


def stretch(partition: int, entries: Sequence[tuple[bytes, bytes]], start: int = 0) -> Stretch:
    """Keys and values as they lie on a partition from offset `start` on."""
    return Stretch(
        partition,
        list(range(start, start + len(entries))),
        [key for key, _ in entries],
        [value for _, value in entries],
        start + len(entries),
    )


def batch_of(writer: Writer, *stretches: Stretch, known: RuleSets | None = None) -> Batch:
    """The stretches folded on from where the writer's database stands; under the sets of made_up if not said."""
    batch = Batch(known or sets())
    for piece in stretches:
        batch.add(writer.folds[piece.partition], piece.partition, piece.offsets, piece.keys, piece.values)
        assert not batch.faults, batch.faults
    return batch


def opened(url: str) -> Writer:
    migrate(url, "natalog")
    return Writer(url, "natalog", 12, IDENTITY)
