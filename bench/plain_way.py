"""The plain way to answer the status query: FastAPI and a primary-key lookup in PostgreSQL.

    python -m bench.plain_way PORT DSN JWKS

What its own documentation recommends: asyncpg with a pool and prepared statements, uvicorn with uvloop and httptools.
`/certificates/…` has the duties our gateway has: the caller's token is verified (the same library, the same key, `sub`,
`org`, role and expiry looked at), and who asked what and was told what is committed before the answer goes out. In its
favour: lookup and row are one statement and one round trip; a verified token is not looked at again, as in ours;
nothing is measured, limited or logged, and nothing says how fresh an answer is. `/bare/…` is the lookup alone, for
anybody, recorded nowhere.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import jwt
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

SCHEMA = """
create table numbers (number text primary key, used boolean not null, blacklisted boolean not null,
                      invalidated boolean not null, contested boolean not null, claimed_by text);
create table queries (check_id uuid primary key, asked_at timestamptz not null default now(), sub text not null,
                      org text not null, roles text not null, purpose text, officer text, number text not null,
                      used boolean);
"""
_LOOKUP = "select used, blacklisted, invalidated, contested, claimed_by from numbers where number = $1"
_RECORDED = """
with found as (select used, blacklisted, invalidated, contested, claimed_by from numbers where number = $1),
     noted as (insert into queries (check_id, sub, org, roles, purpose, officer, number, used)
               values ($2, $3, $4, $5, $6, $7, $1, (select used from found)))
select * from found
"""
_KEPT = 60.0  # seconds a verified token is not looked at again, as in the gateway


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


class _Tokens:
    def __init__(self, jwks: Path) -> None:
        keys = json.loads(jwks.read_text())["keys"]
        self._keys = {key["kid"]: jwt.PyJWK(key) for key in keys}
        self._known: dict[str, tuple[dict[str, Any], float]] = {}

    def claims(self, token: str) -> dict[str, Any]:
        now = time.time()
        known = self._known.get(token)
        if known is not None and known[1] > now:
            return known[0]
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token, key.key, algorithms=["EdDSA"], options={"require": ["exp", "sub"]}
            )
        except (KeyError, jwt.PyJWTError):
            raise HTTPException(401) from None
        if not {"station", "adapter", "operator"} & set(claims["roles"]):
            raise HTTPException(403)
        self._known[token] = (claims, min(claims["exp"], now + _KEPT))
        return claims


async def _caller(
    request: Request, sent: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> dict[str, Any]:
    claims: dict[str, Any] = request.app.state.tokens.claims(sent.credentials)
    return claims


def build(dsn: str, jwks: Path) -> FastAPI:
    """The application."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=10, max_size=10) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)
    app.state.tokens = _Tokens(jwks)

    @app.get("/bare/{number}")
    async def bare(number: str) -> Status:
        row = await app.state.pool.fetchrow(_LOOKUP, number)
        return _status(number, row, uuid.uuid4())

    @app.get("/certificates/{number}")
    async def certificate(
        number: str,
        caller: Annotated[dict[str, Any], Depends(_caller)],
        natalog_purpose: Annotated[str | None, Header()] = None,
        natalog_officer: Annotated[str | None, Header()] = None,
    ) -> Status:
        check_id = uuid.uuid4()
        row = await app.state.pool.fetchrow(
            _RECORDED,
            number,
            check_id,
            caller["sub"],
            caller["org"],
            ",".join(caller["roles"]),
            natalog_purpose,
            natalog_officer,
        )
        return _status(number, row, check_id)

    return app


if __name__ == "__main__":
    uvicorn.run(
        build(sys.argv[2], Path(sys.argv[3])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
