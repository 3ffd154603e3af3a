"""Takes submissions, waits for their entries, answers with the verdict; finds old ones again."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException

from natalog import metrics
from natalog.decision.codes import EVENT_ID_REUSED, REPEATED, VERDICTS
from natalog.decision.divisions import contains
from natalog.gateway.auth import Caller
from natalog.gateway.entry_reader import EntryReader, Missing
from natalog.gateway.freshness import Freshness
from natalog.gateway.intake_producer import IntakeProducer, QueueFull, TooLarge
from natalog.gateway.language import Language
from natalog.gateway.problems import Problem
from natalog.gateway.replica import Replica
from natalog.gateway.replies import Arrived, Replies, Unknown, Waiting
from natalog.gateway.submission import Prepared, today
from natalog.gateway.verdict import token, verdict_json
from natalog.wire import codec
from natalog.wire.hot import RECORD_INPUT, EntryView, read_entry
from natalog.wire.kinds import KIND_OF_RECORD

log = logging.getLogger(__name__)

RETRY_AFTER = 2  # seconds
_SAFE_WITHIN = 1.0  # seconds after the deadline that a 202 waits for the record to be safe
_TELLING = 1.0  # seconds; a caller that waited less and got no verdict says nothing about how long they take
_ORIGINAL_WITHIN = 2.0  # seconds; the submission is on the ledger already, so its deadline may pass a little


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict (200), or where to ask for it later (202)."""

    status: int
    body: bytes
    location: str | None = None
    token: str | None = None
    """Position of a reader that has seen the verdict's entry."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record on its way."""

    prepared: Prepared
    waiting: Waiting
    at: float
    """time.monotonic() when it was handed to the producer."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The record was sent before: its verdict is that of entry `first` of the partition."""

    partition: int
    first: int
    token: str


@dataclass(frozen=True, slots=True)
class Original:
    """The entry of the first of several equal records."""

    partition: int
    value: bytes


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry about an event id that was asked for, and the record it decided."""

    partition: int
    offset: int
    value: bytes
    entry: EntryView
    record: Any


class Desk:
    """What the routes need for single submissions, and for the originals of repeats. Lives on the event loop."""

    def __init__(
        self,
        producer: IntakeProducer,
        replies: Replies,
        replica: Replica,
        reader: EntryReader,
        freshness: Freshness,
        ready: Callable[[], str | None],
    ) -> None:
        self._producer = producer
        self._replies = replies
        self._replica = replica
        self._reader = reader
        self._freshness = freshness
        self._ready = ready

    def refuse_when_closed(self) -> None:
        """Raises Problem 503 while a submission could not be answered: starting, or Kafka away."""
        if (reason := self._ready()) is not None:
            raise Problem(
                503, "not-ready", f"{reason} Nothing was recorded. Send again later.", retry_after=RETRY_AFTER
            )
        if self._freshness.failing:
            raise Problem(
                503, "kafka-away", "Nothing was recorded. Send again later.", retry_after=2 * RETRY_AFTER
            )

    def send(self, prepared: Prepared) -> Sent:
        """Hand the record to the producer. Raises Problem 413 or 503; then nothing was recorded.

        Whoever calls this calls `answer` with the result.
        """
        waiting = self._replies.expect(prepared.event_id.bytes, prepared.topic, prepared.partition)
        began = time.monotonic()

        def report(offset: int | None) -> None:
            self._replies.delivered(waiting, offset)

        try:
            self._producer.send(prepared.topic, prepared.partition, prepared.key, prepared.value, report)
        except QueueFull:
            self._replies.forget(waiting)
            raise Problem(
                503,
                "busy",
                "The queue is full and nothing was recorded. Send again later.",
                event_id=str(prepared.event_id),
                retry_after=RETRY_AFTER,
            ) from None
        except TooLarge:
            self._replies.forget(waiting)
            raise Problem(
                413,
                "too-large",
                "The record is too large. Seal fewer fields.",
                event_id=str(prepared.event_id),
            ) from None
        except BaseException:
            self._replies.forget(waiting)
            raise
        return Sent(prepared, waiting, began)

    async def answer(self, sent: Sent, deadline: float) -> Answer:
        """The verdict, or a 202 once `deadline` (monotonic seconds) has passed or the send's outcome is unknown."""
        reply = await self.reply(sent, deadline)
        waited = time.monotonic() - sent.at
        if reply is not None or waited >= _TELLING:
            metrics.SUBMIT_TO_VERDICT.observe(waited)
        answer = self.settle(sent.prepared, reply)
        if isinstance(answer, Repeated):
            original = await self.original(sent.prepared.event_id.bytes, answer, deadline)
            return self.repeated(sent.prepared, answer, original)
        return answer

    async def reply(self, sent: Sent, deadline: float) -> Arrived | None:
        """The record's own entry; None when it is late or the send's outcome is unknown."""
        waiting = sent.waiting
        try:
            if not waiting.reply.done():
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await asyncio.shield(waiting.reply)
            reply = waiting.reply.result()
        except TimeoutError:
            # A 202 should mean that the record is safe, where that can still be known.
            loop = asyncio.get_running_loop()
            await self._replies.recorded(waiting, loop.time() + deadline + _SAFE_WITHIN - time.monotonic())
            return None
        finally:
            self._replies.forget(waiting)
        return None if isinstance(reply, Unknown) else reply

    def settle(self, prepared: Prepared, reply: Arrived | None) -> Answer | Repeated:
        """What the record's own entry says: an answer, or that the answer is an older entry's."""
        if reply is None:
            return _pending(prepared)
        entry = read_entry(reply.value)
        seen = token(reply.partition, reply.offset)
        if entry.verdict == REPEATED:
            return Repeated(reply.partition, entry.first, seen)
        metrics.GATEWAY_SUBMISSIONS.labels(prepared.kind, VERDICTS[entry.verdict]).inc()
        return Answer(200, _verdict(prepared, reply.partition, entry, reply.value), token=seen)

    async def original(self, event_id: bytes, repeated: Repeated, deadline: float) -> Original | None:
        """The entry of the first of several equal records; None when it cannot be read in time."""
        try:
            async with asyncio.timeout(max(_ORIGINAL_WITHIN, deadline - time.monotonic())):
                for partition, offset in self._replica.places(event_id, repeated.partition):
                    value = await asyncio.wrap_future(self._reader.read(partition, offset))
                    if read_entry(value).seq == repeated.first:
                        return Original(partition, value)
        except (TimeoutError, Missing, KafkaException):
            log.warning("the original of a repeat could not be read", extra={"partition": repeated.partition})
        return None

    async def originals(
        self, event_ids: Sequence[bytes], repeats: Sequence[Repeated], deadline: float
    ) -> list[Original | None]:
        """The same for many repeats, in one reading of the ledger."""
        places = [self._replica.places(id_, r.partition) for id_, r in zip(event_ids, repeats, strict=True)]
        found: list[Original | None] = [None] * len(repeats)
        # Nearly always an event id has one entry. Where it has others too, that were refused, each is looked at.
        lone = [at for at, of_one in enumerate(places) if len(of_one) == 1]
        try:
            async with asyncio.timeout(max(_ORIGINAL_WITHIN, deadline - time.monotonic())):
                values = await asyncio.wrap_future(self._reader.read_many([places[at][0] for at in lone]))
            for at, value in zip(lone, values, strict=True):
                if value is not None and read_entry(value).seq == repeats[at].first:
                    found[at] = Original(repeats[at].partition, value)
        except (TimeoutError, KafkaException):
            log.warning("originals of repeats could not be read", extra={"repeats": len(lone)})
        for at, of_one in enumerate(places):
            if len(of_one) > 1:
                found[at] = await self.original(event_ids[at], repeats[at], deadline)
        return found

    def repeated(self, prepared: Prepared, repeated: Repeated, original: Original | None) -> Answer:
        """The answer to a repeat: the original verdict, or a 202 while that cannot be read."""
        if original is None:
            return _pending(prepared)
        metrics.GATEWAY_SUBMISSIONS.labels(prepared.kind, "repeated").inc()
        entry = read_entry(original.value)
        return Answer(
            200, _verdict(prepared, original.partition, entry, original.value), token=repeated.token
        )

    async def find(self, event_id: uuid.UUID, caller: Caller, language: Language = Language.BOTH) -> Answer:
        """The original verdict of an event id inside the caller's org. Raises Problem 404 or 503.

        Of several numbers' with this event id that of the record received first, whatever their partitions are.
        """
        if (reason := self._ready()) is not None:  # what is not folded yet would seem never to have been sent
            raise Problem(503, "not-ready", f"{reason} Ask again later.", retry_after=RETRY_AFTER)
        found: list[_Found] = []
        for partition, offset in await asyncio.to_thread(self._replica.places, event_id.bytes):
            try:
                value = await asyncio.wrap_future(self._reader.read(partition, offset))
            except Missing:
                continue
            except (KafkaException, TimeoutError):
                raise Problem(
                    503,
                    "kafka-away",
                    "The ledger cannot be read now. Ask again later.",
                    retry_after=RETRY_AFTER,
                ) from None
            entry = read_entry(value)
            if entry.kind != RECORD_INPUT:
                continue
            record = codec.decode(entry.input)
            if contains(caller.principal.org, getattr(record, "unit_code", ""), today()):
                found.append(_Found(partition, offset, value, entry, record))
        if not found:
            raise Problem(
                404,
                "not-found",
                "No verdict of your organisation has this event_id. One sent just now may still come; if it does not, "
                "send the record again under the same event_id.",
            )
        # Another use of an event id is the original of nothing, though it may have been received first on another lane.
        one = min(found, key=lambda one: (one.entry.reason == EVENT_ID_REUSED, one.entry.received_at))
        body = verdict_json(
            one.entry,
            one.value,
            partition=one.partition,
            event_id=str(event_id),
            kind=KIND_OF_RECORD[type(one.record)],
            number=getattr(one.record, "certificate_number", None),
            language=language,
        )
        return Answer(200, body, token=token(one.partition, one.offset))


def _verdict(prepared: Prepared, partition: int, entry: EntryView, value: bytes) -> bytes:
    return verdict_json(
        entry,
        value,
        partition=partition,
        event_id=str(prepared.event_id),
        kind=prepared.kind,
        number=prepared.number,
        language=prepared.language,
    )


def _pending(prepared: Prepared) -> Answer:
    metrics.GATEWAY_SUBMISSIONS.labels(prepared.kind, "pending").inc()
    event_id = str(prepared.event_id)
    return Answer(202, pending(event_id), location=f"/v1/submissions/{event_id}")


def pending(event_id: str) -> bytes:
    """The body of a 202: where to ask for the verdict."""
    return f'{{"event_id":"{event_id}","status":202,"location":"/v1/submissions/{event_id}"}}'.encode()
