"""Status queries: fresh enough or not at all, and never answered without being recorded."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from natalog import metrics
from natalog.decision.divisions import contains, province_of
from natalog.decision.numbers import is_wellformed, normalise
from natalog.gateway.audit import Audit, Sends, stated
from natalog.gateway.auth import Caller
from natalog.gateway.clock import Clock
from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.lookalikes import meant
from natalog.gateway.problems import Problem
from natalog.gateway.replica import Replica
from natalog.gateway.status import Finding, Status, find
from natalog.gateway.submission import PARTITIONS, today
from natalog.gateway.verdict import positions, rfc3339
from natalog.status.detail import Detail
from natalog.status.store import Doubtful
from natalog.wire.fields import looks_like_citizen_id
from natalog.wire.partition import partition_of

_LEDGER: Final = "ledger"
_REFERENCE: Final = re.compile(r"[\x20-\x7e]{1,128}")
_UNSTATED: Final = "UNSTATED"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks and why, from the request's headers and parameters."""

    caller: Caller
    unit: str
    purpose: str
    officer: str | None


def asking(caller: Caller, header: Callable[[str], str | None], unit: str | None) -> Asking:
    """`header` gives a request header by its name in lower case.

    Raises Problem 400 for a header that is no opaque reference, 403 for a unit outside the caller's org.
    """
    if unit is not None and not contains(caller.principal.org, unit, today()):
        raise Problem(403, "scope", "The unit is not within the org of the token.", field="unit_code")
    purpose = _reference("Natalog-Purpose", header("natalog-purpose")) or _UNSTATED
    officer = _reference("Natalog-Officer", header("natalog-officer"))
    return Asking(caller, unit or caller.principal.org, purpose, officer)


@lru_cache(10_000)
def _reference(name: str, value: str | None) -> str | None:
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
        self, replica: Replica, freshness: Freshness, clock: Clock, producer: Sends, *, stale_ms: int
    ) -> None:
        self._replica = replica
        self._freshness = freshness
        self._clock = clock
        self._audit = Audit(producer)
        self._stale_ms = stale_ms
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Begin to serve the audit's producer."""
        self._audit.start()

    def close(self) -> None:
        """Serve it no longer."""
        self._audit.close()

    def moved(self) -> None:
        """The replica took a step; on the event loop."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def seen(self, after: str, wait: float) -> bool:
        """Whether the replica has seen what the token stands for, at most `wait` seconds from now.

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
                return False
        return True

    async def ask(
        self, asking: Asking, numbers: Sequence[str], *, tell: bool = True
    ) -> tuple[bool, list[dict[str, Any]]]:
        """The status of each number and whether all of them could be told, recorded before it is returned.

        Without `tell` none is, and that is recorded too.
        """
        check_id, told = _new_id()
        began = self._clock.mono()
        now = self._clock.at(began)
        if tell:
            answers = self._answers(numbers, asking.unit, began, now, told)
        else:
            answers = [_unknown(number, told) for number in numbers]
        stamp = await self._audit.record(
            asking.unit,
            check_id,
            now,
            stated(asking.caller.principal, asking.purpose, asking.officer),
            [(_recordable(a["certificate_number"]), a["status"]) for a in answers],
            "-".join(dict.fromkeys(a["as_of"]["token"] for a in answers if a["as_of"]["token"])),
        )
        if stamp is None or not self._clock.confirms(stamp, began, now):
            # Not known to be recorded, or recorded as judged by a wrong clock: nothing that a filing may cite.
            answers = [_unknown(number, None) for number in numbers]
        _count(asking.unit, answers)
        return all(a["status"] is not Status.UNKNOWN for a in answers), answers

    def _answers(
        self, numbers: Sequence[str], unit: str, began: int, now: int, check_id: str
    ) -> list[dict[str, Any]]:
        """In one pass: all numbers that can be told are looked up at one moment.

        That is `began` by the monotonic clock and `now` by the broker's.
        """
        answers: list[dict[str, Any] | None] = []
        asked: list[tuple[int, str, _Moment]] = []
        moments: dict[int, _Moment] = {}
        for place, raw in enumerate(numbers):
            number = normalise(raw)
            if not is_wellformed(number):
                answers.append(_malformed(raw, check_id))
                continue
            partition = partition_of(number.encode(), PARTITIONS[_LEDGER])
            moment = moments.get(partition)
            if moment is None:
                # Position before state: what the token promises is in the state that is read after it.
                position, passed = self._freshness.position(partition), self._freshness.passed(partition)
                moment = moments[partition] = _Moment(partition, position, passed, began)
            answers.append(None)
            asked.append((place, number, moment))
        found: list[Detail | None] = []
        held: list[int] = []
        if self._replica.ready and asked:
            try:
                found, held = self._replica.find([number for _, number, _ in asked])
            except Doubtful:
                held = []
        for i, (place, number, moment) in enumerate(asked):
            # Less than the position: the view was emptied in between and knows nothing.
            if not held or moment.is_stale(self._stale_ms) or held[moment.partition] < moment.position:
                finding = _UNTOLD
            else:
                finding = find(number, found[i], now, unit)
            answers[place] = _json(number, finding, check_id, moment.as_of_json, moment.staleness)
        return answers  # type: ignore[return-value]  # each place has been filled above


class _Moment:
    """How far one partition of the replica had come when it was asked."""

    __slots__ = ("as_of_json", "partition", "position", "staleness")

    def __init__(self, partition: int, position: int, passed: Sample | None, began: int) -> None:
        self.partition = partition
        self.position = position
        # Below 0: the sample was asked for after the question.
        self.staleness = None if passed is None else max(0, began - passed.sent_at)
        self.as_of_json = _as_of(partition, position, None if passed is None else passed.time)

    def is_stale(self, limit_ms: int) -> bool:
        return self.staleness is None or self.staleness > limit_ms


@lru_cache(64)  # the same until the replica or the sampler moves on
def _as_of(partition: int, position: int, at: int | None) -> dict[str, str | int | None]:
    return {"token": f"{partition}.{position}", "time": rfc3339(at)}


_UNTOLD: Final = Finding(Status.UNKNOWN, usable=False)
_MALFORMED: Final = Finding(Status.MALFORMED, usable=False)
_NEVER: Final = {"token": None, "time": None}


def _count(unit: str, answers: Sequence[Mapping[str, Any]]) -> None:
    """Count what was told, under the province of the unit that asked."""
    province = province_of(unit) or metrics.UNKNOWN
    for status, many in Counter(answer["status"] for answer in answers).items():
        metrics.CHECKS.labels(province, status).inc(many)


def _unknown(number: str, check_id: str | None) -> dict[str, Any]:
    """The answer that fails closed."""
    return _json(number, _UNTOLD, check_id, _NEVER, None)


def _malformed(raw: str, check_id: str) -> dict[str, Any]:
    return _json(raw, _MALFORMED, check_id, _NEVER, None) | {"suggestion": meant(raw)}


def _json(
    number: str,
    finding: Finding,
    check_id: str | None,
    as_of: Mapping[str, str | int | None],
    staleness: int | None,
) -> dict[str, Any]:
    return {
        "certificate_number": number,
        "status": finding.status,
        "usable": finding.usable,
        "used": finding.used,
        "blacklisted": finding.blacklisted,
        "invalidated": finding.invalidated,
        "contested": finding.contested,
        "claimed_by_me": finding.claimed_by_me,
        "warnings": finding.warnings,
        "check_id": check_id,
        "as_of": as_of,
        "staleness_ms": staleness,
    }


def _new_id() -> tuple[bytes, str]:
    """A UUID of version 4 (RFC 9562), as bytes and as text; `uuid.uuid4` takes several times as long."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    h = raw.hex()
    return bytes(raw), f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _recordable(number: str) -> str:
    """What was asked about, unless it is no certificate number and might be personal."""
    return number if is_wellformed(number) else f"(malformed, {len(number)} characters)"
