"""/docs."""

from starlette.responses import Response


def response() -> Response:
    return Response(b"")
