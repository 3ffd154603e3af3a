"""Brings a schema to this build's version (alembic; plain SQL beside each revision).

All steps run in one transaction: PostgreSQL takes back what was half done. A schema that a newer build has migrated is
left alone.
"""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from natalog.views.database import NotPrepared, connect

log = logging.getLogger(__name__)

_LOCK = 0x6E6174616C6F67  # "natalog": one migration at a time, cluster-wide for this database


def migrate(dsn: str, schema: str) -> None:
    """Create the schema, or bring it up to date. Does nothing when it is.

    Raises NotPrepared where people must act (a newer build's schema, missing rights), psycopg.Error otherwise.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["schema"] = schema
    newest = ScriptDirectory.from_config(config).get_current_head()
    with connect(dsn, schema) as connection:
        if _version(connection, schema) == newest:
            return
        connection.rollback()
        engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=NullPool)
        try:
            with (
                engine.connect() as alembic
            ):  # which asks for versions and takes back; then the transaction begins
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
                config.attributes["connection"] = alembic
                command.upgrade(config, "head")
                alembic.commit()
        except CommandError as error:
            raise NotPrepared(
                f"schema {schema} was made by another build of Natalog ({error}): run that build, or rebuild"
            ) from error
        except (psycopg.Error, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, psycopg.errors.InsufficientPrivilege):
                raise NotPrepared(
                    f"the database role may not do what a migration needs ({cause.diag.message_primary}): it needs "
                    "CREATE on the database and CREATEROLE (docs/projection.md)"
                ) from error
            if isinstance(cause, psycopg.Error):
                raise cause from error
            raise
        log.info("schema migrated", extra={"schema": schema, "version": newest})


def _version(connection: psycopg.Connection, schema: str) -> str | None:
    found = connection.execute(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = 'schema_version'",
        (schema,),
    ).rowcount
    if not found:
        return None
    table = sql.Identifier(schema, "schema_version")
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
    return None if row is None else str(row[0])
