"""A range of numbers instead of one: a blacklist change or a void for up to 100,000 certificates in one call.

Each number gets a record of its own, with an event id that follows from the range's (UUIDv5 of its event id and the
number). So a range can be sent again at any time, after a gateway was killed in its middle too: what is on the
ledger already is answered there as a repeat, the rest is new. The records go by birth.backfill and never delay a desk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from natalog import metrics
from natalog.decision.numbers import is_wellformed, normalise
from natalog.events import BlacklistChange, Invalidation, InvalidationAction
from natalog.gateway.auth import Caller
from natalog.gateway.bulk import Bulk, Pace
from natalog.gateway.intake_producer import IntakeProducer, QueueFull, TooLarge
from natalog.gateway.listings import Listings, event_id_in
from natalog.gateway.problems import Problem
from natalog.gateway.submission import BACKFILL, malformed, naming, on_topic, record_of
from natalog.wire.content import content_of

MAX_NUMBERS: Final = 100_000
KINDS: Final = ("blacklist-change", "invalidation")
"""Kinds that may carry a range."""
_FULL_WAIT: Final = 0.02  # seconds
_AGAIN: Final = "Send the range again under the same event_id: what is recorded is not recorded twice."


@dataclass(frozen=True, slots=True)
class Numbers:
    """Consecutive certificate numbers of one letter and province."""

    letter: str
    """"" for the editions of 1996 to 1999."""
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[str]:
        return map(self.at, range(self.first, self.last + 1))

    def at(self, serial: int) -> str:
        """The number with this serial, which is its nine digits."""
        return f"{self.letter}{serial:09d}"


def numbers_of(value: Any) -> Numbers:
    """The numbers of a `range` object. Raises Problem 400 or 422."""
    if not (isinstance(value, Mapping) and value.keys() == {"first", "last"}):
        raise Problem(
            400,
            "bad-range",
            'A range is an object with two numbers: {"first": "M330123400", "last": "M330123499"}.',
            field="range",
        )
    ends = []
    for name in ("first", "last"):
        given = value[name]
        if not isinstance(given, str) or len(given) > 64:
            raise Problem(
                400,
                "bad-range",
                "This is not a string.",
                field=f"range.{name}",
                suggestion="Put the value in double quotes.",
            )
        number = normalise(given)
        if not is_wellformed(number):
            raise malformed(given, f"range.{name}")
        ends.append(number)
    first, last = ends
    if len(first) != len(last) or first[:-7] != last[:-7]:
        raise Problem(
            422,
            "bad-range",
            "First and last number of a range have the same letter and province. Send one range for each.",
            field="range.last",
        )
    found = Numbers(first[:-9], int(first[-9:]), int(last[-9:]))
    if found.first > found.last:
        raise Problem(
            422,
            "bad-range",
            "The last number of the range comes before its first. Exchange them.",
            field="range.last",
        )
    if found.last - found.first >= MAX_NUMBERS:
        raise Problem(
            422,
            "bad-range",
            f"A range has at most {MAX_NUMBERS:,} numbers. Send several, each with an event_id of its own.",
            field="range.last",
        )
    return found


class Records:
    """The records of one range, made one by one. Raises Problem 400, 403, 413 or 422 before the first is made."""

    def __init__(self, kind: str, content: Mapping[str, Any], caller: Caller) -> None:
        if kind not in KINDS:
            raise Problem(
                400,
                "bad-field",
                "A range is for blacklist changes and voids only.",
                field="range",
                suggestion="Send one record for each number.",
            )
        self.kind = kind
        self.numbers = numbers_of(content["range"])
        for name in ("certificate_number", "replaced_by", "range_id"):
            if content.get(name) is not None:
                raise Problem(
                    400,
                    "bad-field",
                    "This field does not go with a range.",
                    field=name,
                    suggestion="Leave it out, or send one record for each number.",
                )
        one = {name: value for name, value in content.items() if name not in ("range", "range_id")}
        first = record_of(kind, {**one, "certificate_number": next(iter(self.numbers))}, caller)
        assert isinstance(first, BlacklistChange | Invalidation)
        if isinstance(first, Invalidation) and first.action is not InvalidationAction.VOID:
            raise Problem(
                400,
                "bad-field",
                "A range of certificates can be voided, not reinstated.",
                field="action",
                suggestion="Send one record for each number.",
            )
        self.range_id = first.event_id
        self._template = replace(first, range_id=self.range_id)
        on_topic(kind, self._template, BACKFILL)  # the size of one is the size of all

    def __iter__(self) -> Iterator[BlacklistChange | Invalidation]:
        return map(self.of, self.numbers)

    def of(self, number: str) -> BlacklistChange | Invalidation:
        """One number's record."""
        # An approval cites a removal requested as a range by that range's id; on the ledger every number has its own.
        cited = getattr(self._template, "request_id", None)
        more: dict[str, Any] = {} if cited is None else {"request_id": event_id_in(cited, number)}
        return replace(
            self._template,
            event_id=event_id_in(self.range_id, number),
            certificate_number=number,
            **more,
        )


class Ranges:
    """Sends ranges, in the bulk lane. Lives on the event loop."""

    def __init__(self, producer: IntakeProducer, bulk: Bulk, listings: Listings) -> None:
        self._producer = producer
        self._bulk = bulk
        self._listings = listings

    async def send(self, kind: str, content: Mapping[str, Any], caller: Caller) -> bytes:
        """The body of the 202, once every record stands on its topic.

        Raises Problem 4xx where nothing was recorded, and 503 where some records may be and others not.
        """
        with naming(content):
            records = Records(kind, content, caller)
            await self._refuse_another(records)
            deliveries = _Deliveries(self._bulk)
            pace = Pace(self._bulk)
            for record in records:
                await self._one(kind, record, deliveries)
                if deliveries.failed:
                    break
                await pace.step()
            await deliveries.all()
            if deliveries.failed:
                raise Problem(
                    503, "unknown-outcome", f"Kafka did not confirm every record. {_AGAIN}", retry_after=5
                )
        metrics.GATEWAY_SUBMISSIONS.labels(kind, "range").inc(len(records.numbers))
        return orjson.dumps(
            {
                "range_id": str(records.range_id),
                "count": len(records.numbers),
                "location": f"/v1/ranges/{records.range_id}",
            }
        )

    async def _refuse_another(self, records: Records) -> None:
        """Raises Problem 422 for a range whose id is that of another one, so far as that is decided."""
        numbers = records.numbers
        if await asyncio.to_thread(
            self._listings.is_another,
            records.range_id,
            numbers.at(numbers.first),
            numbers.at(numbers.last),
            lambda number: content_of(records.of(number)),
        ):
            raise Problem(
                422,
                "bad-range",
                "Another range was sent under this event_id: it said something else, or had other numbers. "
                "Send each range under an event_id of its own.",
                field="event_id",
            )

    async def _one(self, kind: str, record: BlacklistChange | Invalidation, deliveries: _Deliveries) -> None:
        prepared = on_topic(kind, record, BACKFILL)
        units = self._bulk.cost(len(prepared.value))
        await self._bulk.acquire(units)
        while True:
            try:
                report = deliveries.expect(units)
                self._producer.send(prepared.topic, prepared.partition, prepared.key, prepared.value, report)
                return
            except QueueFull:
                deliveries.unsent()
                await asyncio.sleep(_FULL_WAIT)
            except TooLarge:
                deliveries.unsent()
                self._bulk.release(units)
                raise Problem(413, "too-large", "The record is too large. Seal fewer fields.") from None
            except BaseException:
                deliveries.unsent()
                self._bulk.release(units)
                raise


class _Deliveries:
    """Counts records on their way and gives their room back as Kafka confirms them, from the producer's thread."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._loop = asyncio.get_running_loop()
        self._open = 0
        self._changed = asyncio.Event()
        self.failed = False

    def expect(self, units: int) -> Any:
        """A delivery report for one record."""
        self._open += 1

        def report(offset: int | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self._delivered, units, offset)

        return report

    def unsent(self) -> None:
        """The record just expected was not sent."""
        self._open -= 1

    async def all(self) -> None:
        """Return when every record is confirmed or has failed; the producer gives up on one after half a minute."""
        while self._open:
            self._changed.clear()
            await self._changed.wait()

    def _delivered(self, units: int, offset: int | None) -> None:
        self._open -= 1
        self._bulk.release(units)
        self.failed |= offset is None
        self._changed.set()
