"""Puts a batch into PostgreSQL: position, staged rows, effects, in one transaction."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import LiteralString

import psycopg
from psycopg import Connection, Cursor

from natalog.kafka.identity import Identity
from natalog.views import positions
from natalog.views.batch import Batch, Fold
from natalog.views.copy_format import HEADER, TRAILER
from natalog.views.database import connect
from natalog.views.filing_parts import piece
from natalog.views.statements import first_filings, stage
from natalog.views.statements.effects import effects
from natalog.views.years import ensure_years, year_of


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
            self.connection.execute(first_filings.PLAN_ONCE)
            for table in stage.TABLES:
                self.connection.execute(table)
            self.connection.commit()
        except BaseException:
            self.connection.close()
            raise
        self._years: set[int] = set()

    def write(self, batch: Batch) -> None:
        """All of the batch, or nothing. Raises positions.Moved when it does not follow what is there."""
        connection = self.connection
        with connection.transaction(), connection.cursor() as cursor:
            for partition in batch.folds:
                before = batch.before[partition].head
                here = self.folds[partition]
                if (here.head.seq, here.head.offset, here.head.prev) != (
                    before.seq,
                    before.offset,
                    before.prev,
                ):
                    raise positions.Moved(f"the batch does not follow the position of partition {partition}")
            positions.move(connection, self._table, self.folds, batch.folds)
            merged = self.copy(cursor, batch)
            # Sent in a row: between two of them PostgreSQL would wait until this thread has the interpreter's lock.
            with connection.pipeline():
                for statement, arguments in effects(merged, batch.turns, batch.kinds):
                    cursor.execute(statement, arguments)
        self.folds.update(batch.folds)

    def copy(self, cursor: Cursor, batch: Batch) -> int:
        """Put its rows into the temporary tables, or into those that keep them. How many filings are to be merged."""
        self._ensure_years(batch)
        rows = batch.filing_rows(self._known(batch))
        for statement, copied in (
            (stage.COPY_STAGE, rows.staged),
            (stage.COPY_FILINGS, rows.filings),
            (stage.COPY_REGISTRATIONS, rows.registrations),
            (stage.COPY_CERTIFICATES, rows.certificates),
        ):
            if copied:
                _copy(cursor, statement, copied)
        if batch.decisions:
            _copy(cursor, stage.COPY_DECISIONS, [batch.decision_rows()])
        return len(rows.staged)

    def _known(self, batch: Batch) -> set[bytes]:
        """The candidates of whose number there is a certificate."""
        with self.connection.pipeline():
            asked = [
                self.connection.execute(
                    first_filings.KNOWN,
                    {
                        "first": letter,
                        "beyond": ":" if letter == "0" else chr(ord(letter) + 1),
                        "numbers": b" ".join(numbers).decode(),
                    },
                    prepare=True,
                )
                for letter, numbers in batch.candidates().items()
            ]
        return {number.encode() for cursor in asked for (number,) in cursor}

    def _ensure_years(self, batch: Batch) -> None:
        years = {year_of(batch.first_at), year_of(batch.last_at)}
        if batch.entries and not years <= self._years:
            ensure_years(self.connection, ("filings", "decisions"), batch.first_at, batch.last_at)
            self._years |= years

    def position(self) -> dict[int, Fold]:
        """Where the database stands."""
        return dict(self.folds)

    def break_off(self) -> None:
        """From another thread: whoever waits for PostgreSQL in `write` gets psycopg.OperationalError now."""
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self.connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()


def _copy(cursor: Cursor, statement: LiteralString, rows: list[bytes]) -> None:
    with cursor.copy(statement) as copy:
        copy.write(HEADER)
        at = 0
        while at < len(rows):
            end = int(piece(rows, at))
            copy.write(b"".join(rows[at:end]))
            at = end
        copy.write(TRAILER)
