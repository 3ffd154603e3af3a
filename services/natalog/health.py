"""/metrics, /healthz and /readyz of a service that has no HTTP of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(
    host: str,
    port: int,
    registry: CollectorRegistry,
    report: Callable[[], tuple[bool, dict[str, object]]],
) -> int:
    """Answer in a thread of its own; returns the port (given 0, a free one).

    `registry` is the service's own (natalog.metrics); `report` tells whether it is ready and what to say about it as
    JSON.
    """
    expose = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            exposed: Iterable[bytes] = expose(environ, start_response)
            return exposed
        if path not in ("/healthz", "/readyz"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not here\n"]
        ready, state = report()
        status = "200 OK" if ready or path == "/healthz" else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(state).encode()]

    server = make_server(host, port, answer, ThreadingWSGIServer, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return int(server.server_port)
