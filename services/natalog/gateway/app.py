"""The routes. Everything they need comes in as `Parts`; nothing here knows Kafka."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from natalog import metrics
from natalog.gateway import docs_page, openapi, reading, reports
from natalog.gateway.access_log import AccessLog
from natalog.gateway.front import CERTIFICATE, Endpoint, Front
from natalog.gateway.language import Language, accepted
from natalog.gateway.parameters import refuse_others
from natalog.gateway.problems import Problem
from natalog.gateway.submission import KINDS
from natalog.gateway.submitting import JSON, Handler, report_of, submit_of
from natalog.gateway.visit import Parts, Visit, header

log = logging.getLogger(__name__)

_CERTIFICATE: Final = f"{CERTIFICATE}{{number}}"

Open = Callable[[Parts, Request], Response]
"""Answers anybody."""


def build(parts_of: Callable[[], Parts], lifespan: Callable[[Starlette], Any] | None = None) -> ASGIApp:
    """The application. `parts_of` is asked per request, since parts are made on the running loop."""
    router = Starlette(
        routes=routes(parts_of), exception_handlers={HTTPException: _http_problem}, lifespan=lifespan
    )
    # Else `/v1/claims/` is answered with the address without its slash on the host that the request itself names.
    router.router.redirect_slashes = False
    return AccessLog(Front(router, _known(parts_of, _CERTIFICATE, reading.certificate)))


def routes(parts_of: Callable[[], Parts]) -> list[Route]:
    """Every address that is served."""

    def known(method: str, template: str, handle: Handler) -> Route:
        return Route(template, _known(parts_of, template, handle), methods=[method])

    def anybody(template: str, answer: Open) -> Route:
        async def call(request: Request) -> Response:
            request.scope["natalog.route"] = template
            return answer(parts_of(), request)

        return Route(template, call, methods=["GET"])

    return [
        *(known("POST", f"/v1/{name}", submit_of(kind)) for name, kind in KINDS.items()),
        *(known("POST", f"/v1/{name}", report_of(kind)) for name, kind in reports.KINDS.items()),
        known("GET", "/v1/submissions/{event_id}", reading.submission),
        known("GET", "/v1/ranges/{range_id}", reading.range_),
        known("GET", "/v1/blacklist", reading.blacklist),
        known("POST", "/v1/certificates/check", reading.check),
        known("GET", _CERTIFICATE, reading.certificate),
        anybody("/healthz", lambda parts, request: Response(b'{"status":"ok"}', media_type=JSON)),
        anybody("/readyz", _readiness),
        anybody(
            "/metrics",
            lambda parts, request: Response(generate_latest(metrics.GATEWAY), media_type=CONTENT_TYPE_LATEST),
        ),
        anybody("/openapi.json", lambda parts, request: Response(openapi.document(), media_type=JSON)),
        anybody("/docs", lambda parts, request: docs_page.response()),
    ]


def _known(parts_of: Callable[[], Parts], template: str, handle: Handler) -> Endpoint:
    """For callers with a token, within their limits; whatever goes wrong is a problem object."""

    async def call(request: Request) -> ASGIApp:
        request.scope["natalog.route"] = template
        language = accepted(header(request, "accept-language"))
        parts = parts_of()
        try:
            caller = await parts.verifier.caller(header(request, "authorization"))
            parts.limits.admit(caller.principal.sub)
            refuse_others(request, template)
            return await handle(parts, Visit(request, caller, language))
        except Problem as problem:
            return problem.response(language)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            # Here and not in a handler of Starlette's, which would hand it on as if nobody had answered.
            return _fault(error, language)

    return call


def _readiness(parts: Parts, request: Request) -> Response:
    reason = parts.ready()
    body = {"status": "ready"} if reason is None else {"status": "not ready", "reason": reason}
    return Response(orjson.dumps(body), 200 if reason is None else 503, media_type=JSON)


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    language = accepted(request.headers.get("accept-language"))
    if error.status_code == 405:
        answer = Problem(405, "not-allowed", "This address takes another method: see /docs.").response(
            language
        )
        answer.headers.update(error.headers or {})
        return answer
    return Problem(404, "not-found", "There is no such address: see /docs.").response(language)


def _fault(error: Exception, language: Language) -> Response:
    # The record may have been sent, so this is no 4xx: the sender sends again under the same event_id.
    log.error("request failed", exc_info=error)
    return Problem(
        500, "internal", "The gateway failed. Send the request again, under the same event_id.", retry_after=5
    ).response(language)
