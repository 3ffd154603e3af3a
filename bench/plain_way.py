"""The plain way to answer the status query: FastAPI and a primary-key lookup in PostgreSQL.

    python -m bench.plain_way PORT DSN

What its own documentation recommends: asyncpg with a pool and prepared statements, uvicorn with uvloop and httptools,
no access log. In its favour: no token is verified, nothing is measured, and `/certificates/…` records nothing. With
`/recorded/…` it writes who asked what before it answers, in one statement with the lookup, as our gateway must.
"""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

import asyncpg
import uvicorn
from fastapi import FastAPI, Header
from pydantic import BaseModel

SCHEMA = """
create table numbers (number text primary key, used boolean not null, blacklisted boolean not null,
                      invalidated boolean not null, contested boolean not null, claimed_by text);
create table queries (check_id uuid primary key, asked_at timestamptz not null default now(), sub text not null,
                      purpose text, officer text, number text not null, used boolean);
"""
_LOOKUP = "select used, blacklisted, invalidated, contested, claimed_by from numbers where number = $1"
_RECORDED = """
with found as (select used, blacklisted, invalidated, contested, claimed_by from numbers where number = $1),
     noted as (insert into queries (check_id, sub, purpose, officer, number, used)
               values ($2, $3, $4, $5, $1, (select used from found)))
select * from found
"""


class Status(BaseModel):
    """The fields of our own answer that a table gives."""

    certificate_number: str
    status: str
    usable: bool
    used: bool
    blacklisted: bool
    invalidated: bool
    contested: bool
    check_id: str


def _status(number: str, row: asyncpg.Record | None, check_id: uuid.UUID) -> Status:
    used = bool(row and row["used"])
    return Status(
        certificate_number=number,
        status="USED" if used else "UNUSED",
        usable=not used,
        used=used,
        blacklisted=bool(row and row["blacklisted"]),
        invalidated=bool(row and row["invalidated"]),
        contested=bool(row and row["contested"]),
        check_id=str(check_id),
    )


def build(dsn: str) -> FastAPI:
    """The application."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=10, max_size=10) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/certificates/{number}")
    async def certificate(number: str) -> Status:
        row = await app.state.pool.fetchrow(_LOOKUP, number)
        return _status(number, row, uuid.uuid4())

    @app.get("/recorded/{number}")
    async def recorded(
        number: str,
        natalog_purpose: Annotated[str | None, Header()] = None,
        natalog_officer: Annotated[str | None, Header()] = None,
    ) -> Status:
        check_id = uuid.uuid4()
        row = await app.state.pool.fetchrow(
            _RECORDED, number, check_id, "desk-1", natalog_purpose, natalog_officer
        )
        return _status(number, row, check_id)

    return app


if __name__ == "__main__":
    uvicorn.run(
        build(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
