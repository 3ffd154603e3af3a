"""Requests with their answers, as the OpenAPI document shows them: `examples.json`.

They are played in their order against a real gateway by tests/integration/gateway/test_contract.py, which compares
every answer and fills in one that is null. Times in requests are as if it were `NOW`: the test moves them to its day.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from natalog.gateway.problems import Problem

NOW: Final = "2026-11-02T09:31:00+08:00"
FILE: Final = Path(__file__).with_name("examples.json")

_AWAY: Final = (
    Problem(400, "bad-request", "This is not HTTP/1.1. Send a request as RFC 9112 has it."),
    Problem(408, "too-slow", "No data came for 30 seconds. Send again over a better line."),
    Problem(
        429,
        "too-many",
        "More than 500 requests a second came from this caller. Wait, or send many records in one NDJSON body.",
        retry_after=1,
    ),
    Problem(431, "too-large", "Address and headers may have 65,536 bytes. Send fewer or shorter headers."),
    Problem(
        500, "internal", "The gateway failed. Send the request again, under the same event_id.", retry_after=5
    ),
    Problem(503, "busy", "The queue is full and nothing was recorded. Send again later.", retry_after=2),
    Problem(503, "kafka-away", "Nothing was recorded. Send again later.", retry_after=4),
    Problem(
        503,
        "unknown-outcome",
        "Kafka did not confirm every record. Send the range again under the same event_id: what is recorded is not "
        "recorded twice.",
        retry_after=5,
    ),
    Problem(
        503,
        "not-ready",
        "The ledger is still being read. Nothing was recorded. Send again later.",
        retry_after=2,
    ),
)
"""What hangs on the connection or on the gateway's own state."""


@dataclass(frozen=True, slots=True)
class Example:
    """One request. `call` is method and route template; `body` JSON, or in its place `raw` a text or `lines` NDJSON."""

    name: str
    summary: str
    call: str
    status: int
    answer: Any
    role: str | None = "station"
    org: str = "330106520000"
    sub: str = "desk-7"
    path: str | None = None
    """The address, where it differs from the template."""
    body: Any = None
    raw: str | None = None
    lines: list[Any] | None = None
    """JSON objects, or texts that are sent as they are. The answer is a list too."""
    media: str = "application/json"
    zh: bool = False
    """Whether it is asked for in Chinese."""

    @property
    def address(self) -> str:
        return self.path or self.call.split(" ")[1]


@cache
def examples() -> tuple[Example, ...]:
    """All of them, in the order in which they are played."""
    return tuple(Example(**fields) for fields in orjson.loads(FILE.read_bytes()))


def of(call: str) -> list[Example]:
    """Those of one call."""
    return [example for example in examples() if example.call == call]


def ndjson(lines: list[Any]) -> str:
    """As it is sent or answered."""
    return "".join((line if isinstance(line, str) else orjson.dumps(line).decode()) + "\n" for line in lines)


def away(status: int) -> dict[str, Any]:
    """Answers that no request of the examples brings about, by name."""
    return {problem.kind: orjson.loads(problem.body()) for problem in _AWAY if problem.status == status}
