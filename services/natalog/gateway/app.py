"""The routes. Everything they need comes in as `Parts`; nothing here knows Kafka."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from natalog import metrics
from natalog.gateway import reports
from natalog.gateway.access_log import AccessLog
from natalog.gateway.auth import Caller, Verifier
from natalog.gateway.desk import Answer, Desk
from natalog.gateway.inquiry import Behind, Inquiry, asking, unknown
from natalog.gateway.ndjson import Stream
from natalog.gateway.problems import Problem
from natalog.gateway.roles import Call
from natalog.gateway.submission import KINDS, prepare

log = logging.getLogger(__name__)

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
MAX_BODY: Final = 400_000  # bytes of one JSON object
MAX_WAIT: Final = 60.0  # seconds
MAX_NUMBERS: Final = 1_000

_PREFER_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d+)\"?", re.IGNORECASE)
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes stand on. `ready` says why not, or None."""

    verifier: Verifier
    desk: Desk
    inquiry: Inquiry
    wait: float
    report: Callable[[str, Any, Caller], Awaitable[str]]
    """Records a report of an edge agent: kind, JSON, caller; returns its event id."""
    openapi: Callable[[], bytes]
    ready: Callable[[], str | None]


def build(parts_of: Callable[[], Parts], lifespan: Callable[[Starlette], Any]) -> Starlette:
    """The application. `parts_of` is asked per request, since parts are made on the running loop."""

    def endpoint(template: str, handle: Callable[[Parts, Request], Awaitable[Response]]) -> Endpoint:
        async def call(request: Request) -> Response:
            request.scope["natalog.route"] = template
            try:
                return await handle(parts_of(), request)
            except Problem as problem:
                return problem.response()
            except ClientDisconnect:
                return Response(status_code=499)

        return call

    def route(template: str, handle: Callable[[Parts, Request], Awaitable[Response]], method: str) -> Route:
        return Route(template, endpoint(template, handle), methods=[method])

    return Starlette(
        routes=[
            *(route(f"/v1/{name}", _submit_of(kind), "POST") for name, kind in KINDS.items()),
            *(route(f"/v1/{name}", _report_of(kind), "POST") for name, kind in reports.KINDS.items()),
            route("/v1/submissions/{event_id}", _submission, "GET"),
            route("/v1/certificates/check", _check, "POST"),
            route("/v1/certificates/{number}", _certificate, "GET"),
            route("/healthz", _health, "GET"),
            route("/readyz", _readiness, "GET"),
            route("/metrics", _metrics, "GET"),
            route("/openapi.json", _openapi, "GET"),
        ],
        middleware=[Middleware(AccessLog)],
        exception_handlers={HTTPException: _http_problem, Exception: _fault},
        lifespan=lifespan,
    )


def _submit_of(kind: str) -> Callable[[Parts, Request], Awaitable[Response]]:
    async def submit(parts: Parts, request: Request) -> Response:
        caller = parts.verifier.caller(request.headers.get("authorization"))
        wait = _wait(request, parts.wait)
        media = request.headers.get("content-type", JSON).split(";")[0].strip().lower()
        gzipped = _gzipped(request)
        parts.desk.refuse_when_closed()
        if media == NDJSON:
            return _Streamed(Stream(parts.desk, caller, kind, wait), request, gzipped=gzipped)
        if media != JSON:
            raise Problem(415, "wrong-media-type", f"Send {JSON}, or {NDJSON} for many records.")
        deadline = time.monotonic() + wait
        try:
            prepared = prepare(kind, await _json_body(request, gzipped), caller)
        except Problem:
            metrics.GATEWAY_SUBMISSIONS.labels(kind, "problem").inc()
            raise
        return _response(await parts.desk.answer(parts.desk.send(prepared), deadline))

    return submit


def _report_of(kind: str) -> Callable[[Parts, Request], Awaitable[Response]]:
    async def report(parts: Parts, request: Request) -> Response:
        caller = parts.verifier.caller(request.headers.get("authorization"))
        parts.desk.refuse_when_closed()
        event_id = await parts.report(kind, await _json_body(request, _gzipped(request)), caller)
        return Response(orjson.dumps({"event_id": event_id, "status": 202}), 202, media_type=JSON)

    return report


class _Streamed(Response):
    """Sends verdicts while the body is still being read.

    Not Starlette's StreamingResponse: that listens for a disconnect by receiving, and so takes parts of the body.
    """

    media_type = NDJSON

    def __init__(self, stream: Stream, request: Request, *, gzipped: bool) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._stream = stream
        self._request = request
        self._gzipped = gzipped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        running = asyncio.create_task(self._stream.run(self._request.stream(), gzipped=self._gzipped))
        try:
            async for lines in self._stream.lines():
                await send({"type": "http.response.body", "body": lines, "more_body": True})
            await running
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except* ClientDisconnect:
            log.info("a client left in the middle of its body")
        finally:
            running.cancel()


async def _submission(parts: Parts, request: Request) -> Response:
    caller = parts.verifier.caller(request.headers.get("authorization"))
    caller.require(Call.SUBMISSIONS)
    try:
        event_id = uuid.UUID(request.path_params["event_id"])
    except ValueError:
        raise Problem(400, "bad-field", "An event_id is a UUID.", field="event_id") from None
    if (reason := parts.ready()) is not None:
        raise Problem(503, "not-ready", reason, retry_after=2)
    return _response(await parts.desk.find(event_id, caller))


async def _certificate(parts: Parts, request: Request) -> Response:
    number = request.path_params["number"]
    ok, answers = await _ask(parts, request, [number[:64]])
    headers = {} if ok else {"Retry-After": "2"}
    return Response(orjson.dumps(answers[0]), 200 if ok else 503, headers, JSON)


async def _check(parts: Parts, request: Request) -> Response:
    parts.verifier.caller(request.headers.get("authorization"))  # before the body is read
    content = await _json_body(request, _gzipped(request))
    numbers = content.get("certificate_numbers") if isinstance(content, dict) else None
    if not (
        isinstance(numbers, list)
        and 0 < len(numbers) <= MAX_NUMBERS
        and all(isinstance(n, str) and len(n) <= 64 for n in numbers)
    ):
        raise Problem(
            400,
            "bad-json",
            f'Send {{"certificate_numbers": [...]}} with 1 to {MAX_NUMBERS:,} strings.',
            field="certificate_numbers",
        )
    ok, answers = await _ask(parts, request, numbers)
    headers = {} if ok else {"Retry-After": "2"}
    return Response(orjson.dumps({"certificates": answers}), 200 if ok else 503, headers, JSON)


async def _ask(parts: Parts, request: Request, numbers: list[str]) -> tuple[bool, list[dict[str, Any]]]:
    caller = parts.verifier.caller(request.headers.get("authorization"))
    caller.require(Call.STATUS)
    who = asking(caller, request.headers, request.query_params.get("unit_code"))
    after = request.query_params.get("after")
    if after is not None:
        try:
            await parts.inquiry.seen(after, _wait(request, parts.wait))
        except Behind:
            return False, [unknown(number) for number in numbers]
    return await parts.inquiry.ask(who, numbers)


async def _health(parts: Parts, request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type=JSON)


async def _readiness(parts: Parts, request: Request) -> Response:
    reason = parts.ready()
    body = {"status": "ready"} if reason is None else {"status": "not ready", "reason": reason}
    return Response(orjson.dumps(body), 200 if reason is None else 503, media_type=JSON)


async def _metrics(parts: Parts, request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _openapi(parts: Parts, request: Request) -> Response:
    return Response(parts.openapi(), media_type=JSON)


def _response(answer: Answer) -> Response:
    headers = {}
    if answer.location is not None:
        headers["Location"] = answer.location
    if answer.token is not None:
        headers["Natalog-As-Of"] = answer.token
    return Response(answer.body, answer.status, headers, JSON)


def _wait(request: Request, default: float) -> float:
    """Seconds from `?wait=` or `Prefer: wait=` (RFC 7240), at most MAX_WAIT. Raises Problem 400."""
    asked = request.query_params.get("wait")
    if asked is None:
        found = _PREFER_WAIT.search(request.headers.get("prefer", ""))
        return default if found is None else min(float(found[1]), MAX_WAIT)
    try:
        wait = float(asked)
        if not 0 <= wait < float("inf"):
            raise ValueError("out of range")
    except ValueError:
        raise Problem(400, "bad-field", "`wait` is a number of seconds from 0.", field="wait") from None
    return min(wait, MAX_WAIT)


def _gzipped(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(415, "wrong-media-type", "A body may be gzip or not compressed at all.")
    return encoding == "gzip"


async def _json_body(request: Request, gzipped: bool) -> Any:
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise Problem(413, "too-large", f"A body of one record may have {MAX_BODY:,} bytes.")
        parts.append(chunk)
    body = b"".join(parts)
    if gzipped:
        inflate = zlib.decompressobj(wbits=31)
        try:
            body = inflate.decompress(body, MAX_BODY)
        except zlib.error:
            raise Problem(400, "bad-json", "The body is not gzip.") from None
        if not inflate.eof:
            raise Problem(413, "too-large", "The gzip body ends early or holds more than one record may.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "bad-json", "The body is not JSON.") from None


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return Problem(405, "not-allowed", "See /openapi.json for the calls of this address.").response()
    return Problem(404, "not-found", "There is no such address; see /openapi.json.").response()


async def _fault(request: Request, error: Exception) -> Response:
    # The record may have been sent, so this is no 4xx: the sender sends again under the same event_id.
    log.error("request failed", exc_info=error)
    return Problem(
        500, "internal", "Send the request again, under the same event_id.", retry_after=5
    ).response()
