"""Sends windows of lines to the gateway: side by side what is independent, in order what is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx
import orjson

from natalog.cli.submission_file import PATHS, Line, subject
from natalog.cli.target import Token

_BODY_LINES = 2_000
_PAUSE = 1.0  # seconds between two tries
_WAIT = 30.0  # seconds a request may wait for its verdicts
_AGAIN = (202, 408, 429, 500, 503)
"""Answers after which the same is sent again."""


_LONGEST_PAUSE = 30.0  # seconds


class Unreachable(Exception):
    """The gateway did not answer for as long as patience lasted."""


class Sender:
    """An HTTP client that resends until every line has an answer: sending again is always safe."""

    def __init__(self, gateway: str, token: Token, *, patience: float, connections: int) -> None:
        self._gateway = gateway
        self._token = token
        self._patience = patience
        self._requests = asyncio.Semaphore(connections)
        # trust_env=False: the gateway is inside, whatever proxy the outside needs.
        self._client = httpx.AsyncClient(base_url=gateway, timeout=httpx.Timeout(90.0), trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, lines: Sequence[Line]) -> list[bytes]:
        """The answer of each line: a verdict, a problem, or the 202 of one that is late beyond patience.

        Raises Unreachable.
        """
        answers: dict[int, bytes] = {}
        for round_ in _rounds(lines):
            away: BaseException | None = None
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._post(body)) for body in _bodies(round_)]
            except* Unreachable as several:
                away = several.exceptions[0]
            if away is not None:  # raised in there it would be one of a group
                raise Unreachable(str(away))
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
                raise Unreachable(f"The gateway at {self._gateway} does not answer.")
            if late:
                await asyncio.sleep(_PAUSE)
            left = late
        return answers

    async def _try(self, lines: list[Line]) -> list[bytes]:
        """Answers in order, fewer than lines when the stream broke; what is missing is sent again."""
        first = lines[0]
        headers = {
            "Authorization": f"Bearer {self._token(first.role, first.org, subject(first))}",
            "Content-Type": "application/x-ndjson",
        }
        answers: list[bytes] = []
        try:
            async with (
                self._requests,
                self._client.stream(
                    "POST",
                    f"/v1/{PATHS[first.kind]}",
                    params={"wait": f"{min(_WAIT, self._patience):g}"},
                    headers=headers,
                    content=b"\n".join(line.body for line in lines),
                ) as reply,
            ):
                if reply.status_code in _AGAIN:
                    await asyncio.sleep(min(_LONGEST_PAUSE, _seconds(reply.headers.get("Retry-After", ""))))
                    return []
                if reply.status_code != 200:
                    problem = await reply.aread()
                    return [_problem(problem, reply.status_code)] * len(lines)
                async for text in reply.aiter_lines():
                    answers.append(text.encode())
        except httpx.TransportError:
            pass
        return answers[: len(lines)]


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _of_line(line: Line, answer: bytes) -> bytes:
    """A problem names the line of the request it came in; here that of the file."""
    if b'"line"' not in answer:
        return answer
    return orjson.dumps(orjson.loads(answer) | {"line": line.number})


def _problem(body: bytes, status: int) -> bytes:
    try:
        if "type" in orjson.loads(body):
            return body
    except (orjson.JSONDecodeError, TypeError):
        pass
    detail = f"The gateway answered {status}; is this its address?"
    return orjson.dumps({"type": "urn:natalog:problem:internal", "status": status, "detail": detail})


def is_final(answer: bytes) -> bool:
    """Whether sending again could bring no better answer."""
    if b'"verdict"' in answer or b'"range_id"' in answer:
        return True
    return orjson.loads(answer).get("status") not in _AGAIN


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
