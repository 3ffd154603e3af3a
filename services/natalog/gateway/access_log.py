"""One log line and one measurement per request: method, route template, status, milliseconds. Nothing else.

Addresses hold certificate numbers and event ids, so the template is logged and never the path.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Final

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from natalog import metrics

log = logging.getLogger("natalog.gateway.access")

_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


@lru_cache(1_000)  # methods, templates and statuses are few; finding the child anew costs more than observing
def _measured(method: str, route: str, status: int) -> Histogram:
    return metrics.GATEWAY_REQUESTS.labels(method, route, status)


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
            _measured(method, route, status).observe(seconds)
            if route not in _QUIET and log.isEnabledFor(logging.INFO):
                log.info(
                    "request",
                    extra={
                        "method": method,
                        "route": route,
                        "status": status,
                        "ms": round(seconds * 1000, 1),
                    },
                )
