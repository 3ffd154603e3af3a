"""The status query past the router: the one call a desk waits for before every registration.

Stands between the access log and Starlette. Authentication, limits, errors and measurements are those of the route
itself, whose endpoint it calls; only Starlette's layers and its search through all routes are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

CERTIFICATE: Final = "/v1/certificates/"

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


class Front:
    """Hands `GET /v1/certificates/{number}` to its endpoint and everything else on."""

    def __init__(self, app: ASGIApp, certificate: Endpoint) -> None:
        self._app = app
        self._certificate = certificate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and not scope.get("root_path"):
            path: str = scope["path"]
            if path.startswith(CERTIFICATE):
                number = path[len(CERTIFICATE) :]
                if number and "/" not in number:
                    scope["path_params"] = {"number": number}
                    answer = await self._certificate(Request(scope, receive, send))
                    await answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)
