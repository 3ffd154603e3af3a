"""Sends windows of lines to the gateway: side by side what is independent, in order what is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from natalog.cli.submission_file import PATHS, Line, subject
from natalog.cli.target import Token
from natalog.exits import Exit

_BODY_LINES = 2_000
_NDJSON = "application/x-ndjson"
_PAUSE = 1.0  # seconds between two tries
_LONGEST_PAUSE = 30.0  # seconds
_WAIT = 30.0  # seconds a request may wait for its verdicts
_AGAIN = (408, 425, 429)
"""Answers, besides any 5xx, after which the same is sent again: a 5xx says nothing of what became of the records."""


class Stopped(Exception):
    """Sending cannot go on; the message says why and what to do, `code` is how the command ends."""

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code


class Sender:
    """An HTTP client that resends until every line has an answer: sending again is always safe."""

    def __init__(self, gateway: str, token: Token, *, patience: float, connections: int) -> None:
        self._gateway = gateway
        self._token = token
        self._patience = patience
        self._requests = asyncio.Semaphore(connections)
        self._fault = ""
        # trust_env=False: the gateway is inside, whatever proxy the outside needs.
        self._client = httpx.AsyncClient(base_url=gateway, timeout=httpx.Timeout(90.0), trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, lines: Sequence[Line]) -> list[bytes]:
        """The answer of each line: a verdict, a problem of its own, or the last word on one late beyond patience.

        Raises Stopped.
        """
        answers = {line.number: line.refused for line in lines if line.refused is not None}
        for round_ in _rounds([line for line in lines if line.refused is None]):
            stopped: BaseException | None = None
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._post(body)) for body in _bodies(round_)]
            except* Stopped as several:
                stopped = several.exceptions[0]
            if stopped is not None:  # raised in there it would be one of a group
                raise stopped
            for task in tasks:
                answers.update(task.result())
        return [_of_line(line, answers[line.number]) for line in lines]

    async def _post(self, lines: list[Line]) -> dict[int, bytes]:
        answers: dict[int, bytes] = {}
        deadline = time.monotonic() + self._patience
        left = lines
        while left:
            got = await self._try(left)
            late = []
            for line, answer in zip(left, got, strict=False):
                if is_final(answer) or time.monotonic() > deadline:
                    answers[line.number] = answer
                else:
                    late.append(line)
            late += left[len(got) :]
            if len(late) < len(left):
                deadline = time.monotonic() + self._patience
            elif time.monotonic() > deadline:
                raise Stopped(
                    f"The gateway at {self._gateway} does not answer.{self._fault}", Exit.UNREACHABLE
                )
            if late:
                await asyncio.sleep(_PAUSE)
            left = late
        return answers

    async def _try(self, lines: list[Line]) -> list[bytes]:
        """Answers in order, fewer than lines when the stream broke; what is missing is sent again.

        Raises Stopped for an answer to the whole request that the same request would get again.
        """
        first = lines[0]
        token = self._token(first.role, first.org, subject(first))
        answers: list[bytes] = []
        try:
            async with (
                self._requests,
                self._client.stream(
                    "POST",
                    f"/v1/{PATHS[first.kind]}",
                    params={"wait": f"{min(_WAIT, self._patience):g}"},
                    headers={"Authorization": f"Bearer {token}", "Content-Type": _NDJSON},
                    content=b"\n".join(line.body for line in lines),
                ) as reply,
            ):
                status = reply.status_code
                if status in _AGAIN or status >= 500:
                    self._fault = f" Its last answer was {status}."
                    await asyncio.sleep(min(_LONGEST_PAUSE, _seconds(reply.headers.get("Retry-After", ""))))
                    return []
                if status == 401:
                    await asyncio.sleep(_PAUSE)  # whoever writes new tokens may be about to
                    if self._token(first.role, first.org, subject(first)) != token:
                        return []
                if status != 200 or not reply.headers.get("Content-Type", "").startswith(_NDJSON):
                    raise Stopped(_why(status, await reply.aread()), Exit.USAGE)
                async for answer in _lines(reply):
                    if _object(answer) is None:  # no gateway's
                        break
                    answers.append(answer)
        except httpx.TransportError:
            self._fault = ""
        return answers[: len(lines)]


async def _lines(reply: httpx.Response) -> AsyncIterator[bytes]:
    """Whole lines. httpx's own end at any of Unicode's line ends, which a number as it was received may hold."""
    rest = b""
    async for piece in reply.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _of_line(line: Line, answer: bytes) -> bytes:
    """A problem names the line of the request it came in; here that of the file."""
    if b'"line"' not in answer:
        return answer
    return orjson.dumps(orjson.loads(answer) | {"line": line.number})


def _why(status: int, body: bytes) -> str:
    """What is wrong with the whole request: no line of it was taken, and none will be while it stays so."""
    detail = (_object(body) or {}).get("detail")
    if detail is None:
        return f"The gateway answered {status} and no verdicts; is this its address?"
    mend = "Put a new token into its file" if status == 401 else "Mend that"
    return f"The gateway answered {status}: {detail} {mend} and run this again: nothing is recorded twice."


def is_final(answer: bytes) -> bool:
    """Whether sending again could bring no better answer: a verdict, a taken range, or a refusal of this very line.

    What speaks of the whole body or request (no `line`), or of a failure, says nothing for good about any record.
    """
    told = _object(answer)
    if told is None:
        return False
    if "verdict" in told or "range_id" in told:
        return True
    status = told.get("status")
    return "line" in told and isinstance(status, int) and 400 <= status < 500 and status not in _AGAIN


def is_answer(text: bytes) -> bool:
    """Whether it is what a gateway says to a record, final or not."""
    told = _object(text) or {}
    return "verdict" in told or ("status" in told and not told.keys().isdisjoint(("type", "location")))


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _rounds(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that share a number or registration go to successive rounds, in order."""
    rounds: list[list[Line]] = []
    latest: dict[str, int] = {}
    for line in lines:
        place = 1 + max(latest.get(tie, -1) for tie in line.ties)
        for tie in line.ties:
            latest[tie] = place
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(line)
    return rounds


def _bodies(lines: list[Line]) -> list[list[Line]]:
    """Lines one request can carry: of one kind, under one token."""
    groups: dict[tuple[str, str, str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.kind, line.role, line.org, subject(line)), []).append(line)
    return [g[i : i + _BODY_LINES] for g in groups.values() for i in range(0, len(g), _BODY_LINES)]
