"""One log line and one measurement per request: method, route template, status, milliseconds. Nothing else.

Addresses hold certificate numbers and event ids, so the template is logged and never the path.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from natalog import metrics

log = logging.getLogger("natalog.gateway.access")

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class AccessLog:
    """ASGI middleware around the router, which leaves the route it chose in the scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            seconds = time.perf_counter() - began
            route = scope.get("natalog.route", "(none)")
            method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD") else "OTHER"
            metrics.GATEWAY_REQUESTS.labels(method, route, status).observe(seconds)
            if route not in _QUIET:
                log.info(
                    "request",
                    extra={
                        "method": method,
                        "route": route,
                        "status": status,
                        "ms": round(seconds * 1000, 1),
                    },
                )
