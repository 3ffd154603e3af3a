"""Errors of the HTTP interface as RFC 9457 problem objects: `application/problem+json`.

A problem means that nothing was recorded. `detail` is a sentence for a person that says what to do; it never
repeats a value that was sent, which might be personal.
"""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final[dict[str, str]] = {
    "bad-json": "The body is not what this call takes",
    "bad-field": "A field cannot be taken",
    "malformed-number": "The certificate number is malformed",
    "too-large": "The body is too large",
    "wrong-media-type": "The media type is not one this call takes",
    "no-token": "A bearer token is needed",
    "bad-token": "The bearer token is not accepted",
    "role": "The caller's roles do not allow this call",
    "scope": "The unit is outside the caller's organisation",
    "not-found": "There is nothing here",
    "not-allowed": "This address takes other methods",
    "busy": "The queue is full",
    "kafka-away": "The ledger cannot be reached",
    "not-ready": "The gateway is still starting",
    "internal": "The gateway failed",
}
"""Every problem type, `urn:natalog:problem:` + its name, with its title."""


class Problem(Exception):
    """A request, or one line of a stream, that is answered with a problem object."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        field: str | None = None,
        suggestion: str | None = None,
        event_id: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.field = field
        self.suggestion = suggestion
        self.event_id = event_id
        self.retry_after = retry_after

    def body(self, *, line: int | None = None) -> bytes:
        """The JSON object; `line` counts from 1 in a stream."""
        content: dict[str, object] = {
            "type": f"urn:natalog:problem:{self.kind}",
            "title": TITLES[self.kind],
            "status": self.status,
            "detail": self.detail,
        }
        optional = {
            "field": self.field,
            "suggestion": self.suggestion,
            "event_id": self.event_id,
            "line": line,
            "retry_after": self.retry_after,
        }
        content.update({k: v for k, v in optional.items() if v is not None})
        return orjson.dumps(content)

    def response(self) -> Response:
        """The HTTP answer, with `Retry-After` or `WWW-Authenticate` where they belong."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(self.body(), self.status, headers, MEDIA_TYPE)
