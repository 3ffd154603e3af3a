"""Status queries: fresh enough or not at all, and never answered without being recorded."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from natalog.decision.divisions import contains
from natalog.decision.numbers import is_wellformed, normalise, suggest
from natalog.decision.packing import unpack
from natalog.events import Answer, QueryRecord
from natalog.gateway.auth import Caller
from natalog.gateway.freshness import Freshness
from natalog.gateway.intake_producer import IntakeProducer, QueueFull, TooLarge
from natalog.gateway.problems import Problem
from natalog.gateway.replica import Replica
from natalog.gateway.status import Finding, Status, find
from natalog.gateway.submission import PARTITIONS, today
from natalog.gateway.verdict import positions, rfc3339
from natalog.wire.encoder import encode
from natalog.wire.fields import looks_like_citizen_id
from natalog.wire.partition import partition_of

AUDIT: Final = "queries.audit"
_LEDGER: Final = "ledger"
_RECORDED_WITHIN: Final = 3.0  # seconds
_REFERENCE: Final = re.compile(r"[\x20-\x7e]{1,128}")
_UNSTATED: Final = "UNSTATED"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks and why, from the request's headers and parameters."""

    caller: Caller
    unit: str
    purpose: str
    officer: str | None


def asking(caller: Caller, headers: Mapping[str, str], unit: str | None) -> Asking:
    """Raises Problem 400 for a header that is no opaque reference, 403 for a unit outside the caller's org."""
    if unit is not None and not contains(caller.principal.org, unit, today()):
        raise Problem(403, "scope", "The unit is not within the org of the token.", field="unit_code")
    purpose = _reference(headers, "Natalog-Purpose") or _UNSTATED
    officer = _reference(headers, "Natalog-Officer")
    return Asking(caller, unit or caller.principal.org, purpose, officer)


def _reference(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    if value is None or not value.strip():
        return None
    if not _REFERENCE.fullmatch(value) or looks_like_citizen_id(value.strip()):
        raise Problem(
            400,
            "bad-field",
            f"{name} takes up to 128 ASCII characters, an opaque reference and no citizen ID.",
            field=name,
        )
    return value.strip()


class Inquiry:
    """Answers status queries. Lives on the event loop."""

    def __init__(
        self, replica: Replica, freshness: Freshness, producer: IntakeProducer, *, stale_ms: int
    ) -> None:
        self._replica = replica
        self._freshness = freshness
        self._producer = producer
        self._stale_ms = stale_ms
        self._moved = asyncio.Event()

    def moved(self) -> None:
        """The replica took a step; on the event loop."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def seen(self, after: str, wait: float) -> None:
        """Return once the replica has seen what the token stands for, at most `wait` seconds later.

        Raises Problem 400 for what is no token.
        """
        try:
            wanted = positions(after)
            if any(partition >= PARTITIONS[_LEDGER] for partition in wanted):
                raise ValueError("no such partition")
        except ValueError:
            raise Problem(
                400, "bad-field", "`after` is not a token of this service.", field="after"
            ) from None
        deadline = time.monotonic() + wait
        while any(self._freshness.position(p) < at for p, at in wanted.items()):
            try:
                async with asyncio.timeout_at(
                    asyncio.get_running_loop().time() + deadline - time.monotonic()
                ):
                    await self._moved.wait()
            except TimeoutError:
                raise Behind from None

    async def ask(self, asking: Asking, numbers: Sequence[str]) -> tuple[bool, list[dict[str, Any]]]:
        """The status of each number and whether all of them could be told, recorded before it is returned."""
        check_id = uuid.uuid4()
        now = int(time.time() * 1000)
        answers = [self._one(number, asking.unit, now, check_id) for number in numbers]
        try:
            await self._record(asking, check_id, now, answers)
        except (TimeoutError, QueueFull, TooLarge):
            return False, [unknown(number, check_id) for number in numbers]
        return all(a["status"] != Status.UNKNOWN for a in answers), answers

    def _one(self, raw: str, unit: str, now: int, check_id: uuid.UUID) -> dict[str, Any]:
        number = normalise(raw)
        if not is_wellformed(number):
            answer = _json(raw, Finding(Status.MALFORMED, usable=False), check_id, None, None, None)
            answer["suggestion"] = suggest(raw)
            return answer
        key = number.encode()
        partition = partition_of(key, PARTITIONS[_LEDGER])
        # Position before state: what the token promises is in the state that is read after it.
        position, as_of = self._freshness.position(partition), self._freshness.as_of(partition)
        stale = now - as_of
        token = f"{partition}.{position}"
        if as_of == 0 or stale > self._stale_ms or not self._replica.ready:
            known = as_of or None
            finding = Finding(Status.UNKNOWN, usable=False)
            return _json(number, finding, check_id, token, known, stale if known else None)
        packed = self._replica.state(partition, key)
        finding = find(number, unpack(packed) if packed is not None else None, now, unit)
        return _json(number, finding, check_id, token, as_of, max(0, stale))

    async def _record(
        self, asking: Asking, check_id: uuid.UUID, now: int, answers: list[dict[str, Any]]
    ) -> None:
        tokens = dict.fromkeys(a["as_of"]["token"] for a in answers if a["as_of"]["token"])
        record = QueryRecord(
            check_id=check_id,
            asked_at=now,
            submitter=asking.caller.principal,
            purpose=asking.purpose,
            officer=asking.officer,
            answers=tuple(
                Answer(certificate_number=_recordable(a["certificate_number"]), status=a["status"])
                for a in answers
            ),
            as_of=_joined(tokens),
        )
        loop = asyncio.get_running_loop()
        written: asyncio.Future[int | None] = loop.create_future()

        def report(offset: int | None) -> None:
            loop.call_soon_threadsafe(_settle, written, offset)

        key = asking.unit.encode()
        self._producer.send(AUDIT, partition_of(key, PARTITIONS[AUDIT]), key, encode(record), report)
        async with asyncio.timeout(_RECORDED_WITHIN):
            if await written is None:
                raise TimeoutError


class Behind(Exception):
    """The replica did not come to the wanted position in time."""


def unknown(number: str, check_id: uuid.UUID | None = None) -> dict[str, Any]:
    """The answer that fails closed."""
    finding = Finding(Status.UNKNOWN, usable=False)
    return _json(number, finding, check_id, None, None, None)


def _json(
    number: str,
    finding: Finding,
    check_id: uuid.UUID | None,
    token: str | None,
    as_of: int | None,
    staleness: int | None,
) -> dict[str, Any]:
    return {
        "certificate_number": number,
        **asdict(finding),
        "check_id": None if check_id is None else str(check_id),
        "as_of": {"token": token, "time": rfc3339(as_of)},
        "staleness_ms": staleness,
    }


def _joined(tokens: Mapping[str, None]) -> str:
    furthest: dict[int, int] = {}
    for token in tokens:
        for partition, position in positions(token).items():
            furthest[partition] = max(position, furthest.get(partition, 0))
    return "-".join(f"{p}.{at}" for p, at in sorted(furthest.items()))


def _recordable(number: str) -> str:
    """What was asked about, unless it is no certificate number and might be personal."""
    return number if is_wellformed(number) else f"(malformed, {len(number)} characters)"


def _settle(written: asyncio.Future[int | None], offset: int | None) -> None:
    if not written.done():
        written.set_result(offset)
