"""Puts a batch into PostgreSQL: position, staged rows, effects, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg import Connection, sql

from natalog.kafka.offsets import Identity
from natalog.views import positions, statements
from natalog.views.batch import Batch, Fold
from natalog.views.database import connect

_BEIJING = timedelta(hours=8)
FIRST_YEAR, LAST_YEAR = 2012, 2199
"""Years that get partitions of their own; what a broken clock dates otherwise lies in the default partition."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Writer:
    """One connection. Not for use by several threads at a time. Every method raises psycopg.Error.

    After an error `close` it and make another: nothing is kept here that the database does not know.
    """

    def __init__(self, dsn: str, schema: str, partitions: int, identity: Identity) -> None:
        self.connection: Connection = connect(dsn, schema)
        try:
            with self.connection.transaction():
                positions.claim(self.connection, identity)
                self.folds, self._table = positions.load(self.connection, partitions)
            for stage in statements.STAGES:
                self.connection.execute(stage)
            self.connection.commit()
        except BaseException:
            self.connection.close()
            raise
        self._years: set[tuple[str, int]] = set()

    def write(self, batch: Batch) -> None:
        """All of the batch, or nothing. Raises positions.Moved when it does not follow what is there."""
        connection = self.connection
        with connection.transaction(), connection.cursor() as cursor:
            for partition, after in sorted(batch.folds.items()):
                positions.move(connection, self._table, partition, self.folds[partition], after)
            self.ensure_years(("filings", "decisions"), batch.first_at, batch.last_at)
            if batch.filings:
                with cursor.copy(statements.COPY_FILINGS) as copy:
                    copy.write(batch.filing_rows())
            if batch.decisions:
                with cursor.copy(statements.COPY_DECISIONS) as copy:
                    copy.write(batch.decision_rows())
            for statement in statements.effects(batch.filings, batch.distinct, batch.kinds):
                cursor.execute(statement)
        self.folds.update(batch.folds)

    def ensure_years(self, tables: tuple[str, ...], first_ms: int, last_ms: int) -> None:
        """Partitions for the Beijing years of these times."""
        first, last = _year(first_ms), _year(last_ms)
        for year in range(max(first, FIRST_YEAR), min(last, LAST_YEAR) + 1):
            for table in tables:
                if (table, year) not in self._years:
                    self.connection.execute(
                        sql.SQL(
                            "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
                        ).format(
                            sql.Identifier(f"{table}_{year}"),
                            sql.Identifier(table),
                            f"{year}-01-01 00:00+08",
                            f"{year + 1}-01-01 00:00+08",
                        )
                    )
                    self._years.add((table, year))

    def position(self) -> dict[int, Fold]:
        """Where the database stands."""
        return dict(self.folds)

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()


def _year(at_ms: int) -> int:
    bounded = min(max(int(at_ms), 0), 253_402_214_400_000)
    return (_EPOCH + timedelta(milliseconds=bounded) + _BEIJING).year
