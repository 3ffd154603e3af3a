"""The ways of records to Kafka: a full queue of streams is nothing to a single record, and the other way round."""

from __future__ import annotations

import asyncio
import dataclasses
import time
import uuid
from concurrent.futures import Future
from typing import Any

import orjson
import pytest

from natalog import metrics
from natalog.events import Claim, Entry, Principal, Verdict
from natalog.gateway import lane as module
from natalog.gateway.auth import Caller
from natalog.gateway.desk import Desk
from natalog.gateway.intake_producer import QueueFull
from natalog.gateway.lane import Lane
from natalog.gateway.lines import Line
from natalog.gateway.problems import Problem
from natalog.gateway.replies import Replies
from natalog.gateway.roles import allowed
from natalog.gateway.submission import Prepared, prepare
from natalog.wire.encoder import encode

UNIT = "330106520000"


class Producer:
    def __init__(self, *, full: bool) -> None:
        self.full = full
        self.sent: list[bytes] = []
        self.waiting = 0

    def send(self, topic: str, partition: int, key: bytes, value: bytes, report: Any) -> None:
        self.put(topic, partition, key, value)

    def put(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        if self.full:
            raise QueueFull
        self.sent.append(value)


def record() -> Prepared:
    caller = Caller(Principal(sub="x", org=UNIT, roles=("station",)), allowed(["station"]), 4e9)
    content = {"event_id": "0192f3a1-5c00-7000-8000-000000000001", "certificate_number": "M330123456",
               "unit_code": UNIT}  # fmt: skip
    return prepare("claim", content, caller)


def line() -> Line:
    made = record()
    return Line(made.event_id.bytes, made.number, made.topic, made.partition, made.key, made.value)


def ways(live: Producer, bulk: Producer) -> tuple[Desk, Lane]:
    none: Any = None
    loop = asyncio.get_running_loop()
    desk = Desk(live, Replies(loop), none, none, none, lambda: None)  # type: ignore[arg-type]
    return desk, Lane(loop, bulk)  # type: ignore[arg-type]


def test_a_full_queue_of_streams_does_not_hold_up_a_single_record() -> None:
    async def play() -> None:
        live, bulk = Producer(full=False), Producer(full=True)
        desk, lane = ways(live, bulk)
        waiting = asyncio.create_task(lane.put(line()))
        await asyncio.sleep(0.05)
        desk.send(record())
        assert (len(live.sent), waiting.done()) == (1, False)
        bulk.full = False
        await asyncio.wait_for(waiting, 10)
        assert (len(live.sent), len(bulk.sent)) == (1, 1)

    asyncio.run(play())


def test_a_full_queue_of_single_records_is_told_at_once_and_nothing_is_left_behind() -> None:
    async def play() -> None:
        desk, lane = ways(Producer(full=True), Producer(full=False))
        began = time.monotonic()
        with pytest.raises(Problem) as refused:
            desk.send(record())
        assert time.monotonic() - began < 1
        assert (refused.value.status, refused.value.kind, refused.value.retry_after) == (503, "busy", 2)
        assert refused.value.event_id == "0192f3a1-5c00-7000-8000-000000000001"
        assert len(desk._replies) == 0
        await lane.put(line())

    asyncio.run(play())


def test_a_stream_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(module, "_PUT_WITHIN", 0.05)
        _, lane = ways(Producer(full=False), Producer(full=True))
        with pytest.raises(Problem) as refused:
            await lane.put(line())
        assert refused.value.status == 503
        assert len(lane.awaited) == 0

    asyncio.run(play())


def test_a_late_line_waits_until_its_record_is_safe_but_not_for_long() -> None:
    async def play() -> None:
        bulk = Producer(full=False)
        _, lane = ways(Producer(full=False), bulk)
        bulk.waiting = 1
        asyncio.get_running_loop().call_later(0.1, setattr, bulk, "waiting", 0)
        began = time.monotonic()
        await lane.safe(began)
        assert 0.1 <= time.monotonic() - began < 0.9
        bulk.waiting = 1
        await lane.safe(began - 10)

    asyncio.run(play())


class Places:
    """Entries about one event id, by partition: in place of the replica and of the reader of the ledger."""

    def __init__(self, *entries: tuple[str, int, int, str | None]) -> None:
        self.values: dict[tuple[int, int], bytes] = {}
        for partition, (number, received_at, seq, reason) in enumerate(entries):
            claim = Claim(
                event_id=EVENT, certificate_number=number, unit_code=UNIT,
                submitter=Principal(sub="x", org=UNIT, roles=("station",)),
            )  # fmt: skip
            entry = Entry(
                seq=seq, prev=bytes(32), topic="birth.registrations", offset=0, received_at=received_at, rules=1,
                verdict=Verdict.ACCEPTED if reason is None else Verdict.REFUSED, reason=reason, flags=(), doubts=(),
                input=encode(claim),
            )  # fmt: skip
            self.values[partition, seq] = encode(entry)

    def places(self, event_id: bytes, partition: int | None = None) -> list[tuple[int, int]]:
        return list(self.values)

    def read(self, partition: int, offset: int) -> Future[bytes]:
        read: Future[bytes] = Future()
        read.set_result(self.values[partition, offset])
        return read


EVENT = uuid.UUID("0192f3a1-5c00-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("entries", "number"),
    [
        ([("M330000001", 900, 7, None), ("M330000002", 500, 9, None)], "M330000002"),
        ([("M330000001", 500, 9, None), ("M330000002", 900, 7, None)], "M330000001"),
        # On the slower lane it waited longer to be decided, and is another use of the event id all the same.
        ([("M330000001", 900, 7, None), ("M330000002", 500, 9, "EVENT_ID_REUSED")], "M330000001"),
        ([("M330000001", 900, 7, "EVENT_ID_REUSED")], "M330000001"),
    ],
)
def test_of_two_numbers_under_one_event_id_the_first_received_is_told(entries: Any, number: str) -> None:
    async def play() -> None:
        places: Any = Places(*entries)
        none: Any = None
        desk = Desk(none, none, places, places, none, lambda: None)
        caller = Caller(Principal(sub="x", org=UNIT, roles=("station",)), allowed(["station"]), 4e9)
        answer = await desk.find(EVENT, caller)
        assert orjson.loads(answer.body)["certificate_number"] == number

    asyncio.run(play())


def test_what_a_caller_did_not_wait_for_says_nothing_about_verdicts() -> None:
    def observed() -> float:
        return metrics.GATEWAY.get_sample_value("natalog_submit_to_verdict_seconds_count") or 0.0

    async def play() -> None:
        both, _ = ways(Producer(full=False), Producer(full=False))
        before = observed()
        for since in (0.0, 3.0):
            sent = dataclasses.replace(both.send(record()), at=time.monotonic() - since)
            sent.waiting.offset = 7
            answer = await both.answer(sent, time.monotonic())
            assert answer.status == 202
        assert observed() - before == 1

    asyncio.run(play())


def test_nobody_is_told_that_a_submission_is_unknown_while_the_ledger_is_still_read() -> None:
    async def play() -> None:
        none: Any = None
        desk = Desk(
            none, Replies(asyncio.get_running_loop()), none, none, none, lambda: "The ledger is read."
        )
        caller = Caller(Principal(sub="x", org=UNIT, roles=("station",)), allowed(["station"]), 4e9)
        with pytest.raises(Problem) as told:
            await desk.find(record().event_id, caller)
        assert (told.value.status, told.value.kind) == (503, "not-ready")

    asyncio.run(play())
