"""A made-up ledger that is in PostgreSQL as soon as it is sent."""

from __future__ import annotations

import psycopg

from tests.golden.memory_ledger import MemoryLedger
from tests.integration.views.tables import batch_of, opened, stretch


class Country:
    """A ledger in PostgreSQL, written on after every record."""

    def __init__(self, url: str) -> None:
        self.ledger = MemoryLedger()
        self._url = url
        self._writer = opened(url)
        self._written: dict[int, int] = {}

    def send(self, record: object) -> None:
        self.ledger.send(record)  # type: ignore[arg-type]
        for partition, log in self.ledger.ledger.items():
            done = self._written.get(partition, 0)
            if len(log) > done:
                entries = [(r.key, r.value or b"") for r in log[done:]]
                self._writer.write(batch_of(self._writer, stretch(partition, entries, done)))
                self._written[partition] = len(log)

    def open(self, query: str) -> dict[str, int]:
        with psycopg.connect(self._url, options="-c search_path=natalog") as connection:
            return dict(connection.execute(query).fetchall())
