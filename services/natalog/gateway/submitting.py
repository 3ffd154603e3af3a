"""The routes that take records: one JSON object, a stream of them, a range, a report."""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from natalog import metrics
from natalog.gateway.answers import Answers
from natalog.gateway.body import is_gzip, pieces, takes_gzip
from natalog.gateway.desk import Answer
from natalog.gateway.ndjson import Stream
from natalog.gateway.problems import Problem
from natalog.gateway.submission import prepare
from natalog.gateway.visit import MAX_WAIT, Parts, Visit

log = logging.getLogger(__name__)

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
_LOOK_EVERY: Final = 5.0  # seconds
_PIECE: Final = 16 << 10
"""Bytes sent at once: a client that reads slowly is seen to read (`connection.UNSENT` bounds what lies between)."""
_GZIP_LEVEL: Final = 1  # a slow line gains most from the first level; the others only cost this process

Handler = Callable[[Parts, Visit], Awaitable[ASGIApp]]


def submit_of(kind: str) -> Handler:
    """The route of one kind of record."""

    async def submit(parts: Parts, visit: Visit) -> Response:
        request, caller = visit.request, visit.caller
        wait = visit.wait(parts.wait)
        media = request.headers.get("content-type", JSON).split(";")[0].strip().lower()
        if media not in (JSON, NDJSON):
            raise Problem(415, "wrong-media-type", f"Send {JSON}, or {NDJSON} for many records.")
        is_gzip(request)
        parts.desk.refuse_when_closed()
        if media == NDJSON:
            return Streamed(kind, wait, parts, visit)
        deadline = time.monotonic() + wait
        try:
            content = await visit.json(parts)
            if isinstance(content, dict) and "range" in content:
                with parts.limits.stream(caller.principal.sub):
                    body = await parts.ranges.send(kind, content, caller)
                return Response(body, 202, {"Location": orjson.loads(body)["location"]}, JSON)
            prepared = prepare(kind, content, caller, visit.language)
        except Problem:
            metrics.GATEWAY_SUBMISSIONS.labels(kind, "problem").inc()
            raise
        return answered(await parts.desk.answer(parts.desk.send(prepared), deadline), visit)

    return submit


def report_of(kind: str) -> Handler:
    """The route of one kind of report."""

    async def report(parts: Parts, visit: Visit) -> Response:
        is_gzip(visit.request)
        parts.desk.refuse_when_closed()
        event_id = await parts.report(kind, await visit.json(parts), visit.caller)
        return Response(orjson.dumps({"event_id": event_id, "status": 202}), 202, media_type=JSON)

    return report


def answered(answer: Answer, visit: Visit) -> Response:
    """A verdict, or where to ask for it."""
    headers = {"Content-Language": visit.language.value, "Vary": "Accept-Language"}
    if answer.location is not None:
        headers["Location"] = answer.location
    if answer.token is not None:
        headers["Natalog-As-Of"] = answer.token
    return Response(answer.body, answer.status, headers, JSON)


class Streamed(Response):
    """Sends verdicts while the body is still being read.

    Not Starlette's StreamingResponse: that listens for a disconnect by receiving, and so takes parts of the body.
    """

    media_type = NDJSON

    def __init__(self, kind: str, wait: float, parts: Parts, visit: Visit) -> None:
        super().__init__(headers={"Content-Language": visit.language.value, "Vary": "Accept-Language"})
        del self.headers["content-length"]
        self._parts = parts
        self._visit = visit
        self._gzipped = is_gzip(visit.request)
        self._moved = 0
        """Bytes that came from the client or were taken by it."""
        self._answers = Answers(parts.spill, parts.spill_bytes)
        self._stream = Stream(
            parts.desk,
            parts.lane,
            parts.bulk,
            parts.ranges,
            self._answers,
            caller=visit.caller,
            kind=kind,
            wait=wait,
            language=visit.language,
            bounds=parts.bounds,
        )
        # Who sends gzip has a line worth saving; on a fast one it would only cost time.
        packs = self._gzipped and takes_gzip(visit.request)
        self._pack = zlib.compressobj(_GZIP_LEVEL, wbits=31) if packs else None
        if self._pack is not None:
            self.headers["content-encoding"] = "gzip"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._parts.limits.stream(self._visit.caller.principal.sub):
                await self._run(send)
        except Problem as problem:
            await problem.response(self._visit.language)(scope, receive, send)

    async def _run(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        running = asyncio.create_task(self._stream.run(self._coming(), gzipped=self._gzipped))
        fetching = asyncio.create_task(self._fetch(send))
        watching = asyncio.create_task(self._watch(running, fetching))
        try:
            await fetching
            await running
            last = b"" if self._pack is None else self._pack.flush()
            await send({"type": "http.response.body", "body": last, "more_body": False})
        except* ClientDisconnect:
            log.info("a client left in the middle of its body")
        except* asyncio.CancelledError:
            log.info("a stream was given up", extra={"lines": self._stream.read})
        finally:
            for task in (watching, fetching, running):
                task.cancel()
            await asyncio.gather(running, fetching, watching, return_exceptions=True)
            self._answers.close()

    async def _coming(self) -> AsyncIterator[bytes]:
        async for piece in pieces(self._visit.request, self._parts.bounds):
            self._moved += len(piece)
            yield piece

    async def _fetch(self, send: Send) -> None:
        while (lines := await self._answers.get()) is not None:
            if self._pack is not None:
                lines = self._pack.compress(lines) + self._pack.flush(zlib.Z_SYNC_FLUSH)
            at = 0
            while at < len(lines):
                end = lines.rfind(b"\n", at, at + _PIECE) + 1 or at + _PIECE  # whole lines, where that can be
                piece = lines[at:end]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self._moved += len(piece)
                at = end

    async def _watch(self, *tasks: asyncio.Task[None]) -> None:
        """Ends a stream in which neither side moves: the client neither sends nor fetches, though it could."""
        seen, still = -1, 0.0
        while still < MAX_WAIT + self._parts.bounds.seconds:
            await asyncio.sleep(_LOOK_EVERY)
            seen, still = (self._moved, 0.0) if self._moved != seen else (seen, still + _LOOK_EVERY)
        for task in tasks:
            task.cancel()
