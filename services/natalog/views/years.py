"""Partitions of tables that grow: one for each Beijing year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg import Connection, sql

FIRST, LAST = 2012, 2199
"""Years that get a partition of their own; what a broken clock dates otherwise lies in the default one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEIJING = timedelta(hours=8)
_LATEST_MS = 253_370_764_800_000  # 9999-01-01


def year_of(at_ms: int) -> int:
    """The Beijing year of a time in UTC ms, held within what a calendar has."""
    return (_EPOCH + timedelta(milliseconds=min(max(int(at_ms), 0), _LATEST_MS)) + _BEIJING).year


def ensure_years(connection: Connection, tables: tuple[str, ...], first_ms: int, last_ms: int) -> None:
    """Make the partitions for these times where they are missing. Raises psycopg.Error.

    Asks the catalogue first: making a partition waits for whoever reads the table, asking does not.
    """
    for year in range(max(year_of(first_ms), FIRST), min(year_of(last_ms), LAST) + 1):
        for table in tables:
            name = f"{table}_{year}"
            found = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
            if found is not None and found[0] is not None:
                continue
            connection.execute(
                sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                    sql.Identifier(name),
                    sql.Identifier(table),
                    f"{year}-01-01 00:00+08",
                    f"{year + 1}-01-01 00:00+08",
                )
            )
