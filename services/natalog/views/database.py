"""Connections of the projection, and what may go wrong with them."""

from __future__ import annotations

from enum import StrEnum

import psycopg
from psycopg import Connection, sql

LIVE = "natalog"
"""Schema that readers use."""
NEXT = "natalog_next"
"""Schema a rebuild fills."""
OLD = "natalog_old"
"""Schema that a rebuild has replaced, until it is dropped."""


_LIMITS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
)
"""Settings by which a database or role limits its sessions; PostgreSQL knows the last one since 17."""


class Trouble(StrEnum):
    """Why PostgreSQL takes nothing now. The projector tries again until it does: nothing is lost meanwhile."""

    AWAY = "away"
    READ_ONLY = "read_only"
    DISK_FULL = "disk_full"
    BUSY = "busy"
    REFUSED = "refused"
    """None of the others: people must look, and meanwhile nothing else is tried."""


class NotPrepared(Exception):
    """The database lacks something that only people can give it; the text says what to do."""


def connect(dsn: str, schema: str, *, application: str = "natalog-projector") -> Connection:
    """A connection whose names are looked up in `schema`. Raises psycopg.Error."""
    connection = psycopg.connect(
        dsn,
        connect_timeout=5,
        application_name=application,
        options=f"-c search_path={schema} -c timezone=UTC -c client_min_messages=warning",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=15_000,
    )
    # Sorts and hashes of one batch stay in memory. A commit that is lost with the machine is folded again from the
    # ledger, position and rows together, so it need not be waited for.
    connection.execute("SET work_mem = '64MB'")
    connection.execute("SET temp_buffers = '64MB'")
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET jit = off")
    # Limits that a database or role sets are for its readers: a migration, a late burst or a rebuild's idle gate would
    # run into them again and again. What hangs is given up by the projector itself.
    connection.execute(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY (%s)", (list(_LIMITS),)
    )
    connection.commit()
    return connection


def trouble_of(error: psycopg.Error) -> Trouble:
    """What an error means."""
    state = error.sqlstate
    if state is None:
        away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Trouble.AWAY if away else Trouble.REFUSED
    if state == "25006":  # read_only_sql_transaction: a standby, or set so by people
        return Trouble.READ_ONLY
    if state in ("53100", "58030"):  # disk_full, io_error
        return Trouble.DISK_FULL
    # serialization, deadlock; no lock, cancelled by somebody
    if state[:2] == "40" or state in ("55P03", "57014"):
        return Trouble.BUSY
    if state[:2] in ("08", "57", "53"):  # connection, shutdown and recovery, resources
        return Trouble.AWAY
    return Trouble.REFUSED


def reason_of(error: psycopg.Error) -> str:
    """What an error says, as far as that cannot hold part of a row: no details, and of a value that cannot be taken
    (SQLSTATE class 22) its kind alone."""
    if error.sqlstate is None:
        return str(error).split("\n")[0] if trouble_of(error) is Trouble.AWAY else type(error).__name__
    if error.sqlstate.startswith("22"):
        return type(error).__name__
    return error.diag.message_primary or type(error).__name__


def schema_exists(connection: Connection, schema: str) -> bool:
    """Whether there is such a schema."""
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).rowcount > 0


def drop_schema(connection: Connection, schema: str) -> None:
    """Drop it with all it holds, if it is there."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
