"""The demo's side of the HTTP interface: what an adapter or a desk would do, retries included."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx
import orjson

from natalog.demo.people import Person, Tokens
from natalog.sample import Record

PATHS = {
    "claim": "claims",
    "release": "releases",
    "completion": "completions",
    "filing": "filings",
    "withdrawal": "withdrawals",
    "blacklist-change": "blacklist-changes",
    "invalidation": "invalidations",
}
PATIENCE = 60.0  # seconds until a submission must have its verdict


class NoAnswer(Exception):
    """The gateway gave no verdict in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a verdict, a status or a problem."""

    status: int
    body: dict[str, Any]

    @property
    def seq(self) -> int:
        """Place of the entry in its partition's ledger."""
        return int(self.body["ledger"]["seq"])

    @property
    def place(self) -> str:
        """Partition and seq for people; what the gateway said when nothing was recorded."""
        ledger = self.body.get("ledger")
        return f"p{ledger['partition']:02d}#{ledger['seq']}" if ledger else f"HTTP {self.status}"

    @property
    def received_ms(self) -> int:
        """`received_at` in UTC milliseconds."""
        return milliseconds(self.body["received_at"])

    @property
    def event_id(self) -> str:
        """Of the record this answers."""
        return str(self.body["event_id"])


def milliseconds(stamp: str) -> int:
    """UTC milliseconds of an RFC 3339 time."""
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)


class Asked(Protocol):
    """What scenes need of a gateway; tests put one in memory in its place."""

    async def submit(self, kind: str, record: Record, person: Person) -> Answer:
        """Send a record and return its answer. Raises NoAnswer."""

    async def status(self, number: str, person: Person) -> Answer:
        """The status of a number. Raises NoAnswer."""

    async def submission(self, event_id: str, person: Person) -> Answer:
        """The verdict of a record that somebody else sends, once it is there. Raises NoAnswer."""


class Gateway:
    """The demo's line to the gateway, for all its people; at most `connections` requests at a time."""

    def __init__(self, url: str, tokens: Tokens, *, connections: int) -> None:
        self._tokens = tokens
        context = ssl.create_default_context()
        # A client per connection: the pool inside one looks at all its connections at every step of a request.
        self._idle = [
            httpx.AsyncClient(
                base_url=url,
                timeout=httpx.Timeout(30.0),
                limits=httpx.Limits(max_connections=1),
                verify=context,
                # A proxy set for the outside world has no business with the loopback address.
                trust_env=False,
            )
            for _ in range(connections)
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._idle:
            await client.aclose()

    async def submit(self, kind: str, record: Record, person: Person) -> Answer:
        """Send a record until it is answered; sending again is safe, the event id makes it the same record.

        Raises NoAnswer after PATIENCE.
        """
        headers = {**self._headers(person), "Content-Type": "application/json"}
        return await self._ask("POST", f"/v1/{PATHS[kind]}", headers, orjson.dumps(record))

    async def status(self, number: str, person: Person) -> Answer:
        """The status of a number. Raises NoAnswer when the replica stays behind for PATIENCE."""
        headers = {
            **self._headers(person),
            "Natalog-Purpose": "birth registration",
            "Natalog-Officer": person.sub,
        }
        return await self._ask("GET", f"/v1/certificates/{quote(number)}", headers, None)

    async def submission(self, event_id: str, person: Person) -> Answer:
        """The verdict of a record, once it is there. Raises NoAnswer when it does not come within PATIENCE."""
        return await self._ask("GET", f"/v1/submissions/{event_id}", self._headers(person), None)

    def _headers(self, person: Person) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens.of(person)}"}

    async def _ask(self, method: str, path: str, headers: dict[str, str], content: bytes | None) -> Answer:
        deadline = time.monotonic() + PATIENCE
        pause = 0.2
        last = "no connection"
        while time.monotonic() < deadline:
            try:
                reply = await self._request(method, path, headers, content)
            except httpx.TransportError as error:
                last = f"{type(error).__name__} from the gateway"
            else:
                if reply.status_code not in (202, 404, 503) or (
                    reply.status_code == 404 and method == "POST"
                ):
                    return Answer(reply.status_code, _object(reply))
                last = f"HTTP {reply.status_code} {_object(reply).get('detail', '')}"
                if reply.status_code == 202:
                    method, path, content = "GET", reply.headers["location"], None
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 1.5)
        raise NoAnswer(f"no answer to {path} within {PATIENCE:.0f} s; last: {last}")

    async def _request(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None
    ) -> httpx.Response:
        client = self._idle.pop()
        try:
            return await client.request(method, path, headers=headers, content=content)
        finally:
            self._idle.append(client)


def _object(reply: httpx.Response) -> dict[str, Any]:
    try:
        body = orjson.loads(reply.content)
    except orjson.JSONDecodeError:
        return {"detail": reply.text[:200]}
    return body if isinstance(body, dict) else {"detail": str(body)[:200]}
