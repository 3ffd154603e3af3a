"""The bulk lane: a bounded budget, first come first served, and one slice of work per round of the event loop."""

from __future__ import annotations

import asyncio
import gzip
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from natalog.events import Entry, Principal, Verdict
from natalog.gateway.answers import MEMORY, Answers
from natalog.gateway.auth import Caller
from natalog.gateway.body import Bounds
from natalog.gateway.bulk import SLICE, Bulk, Pace
from natalog.gateway.lane import Lane
from natalog.gateway.language import Language
from natalog.gateway.ndjson import Stream
from natalog.gateway.roles import allowed
from natalog.wire.codec import decode, encode

UNIT = "330106520000"
CALLER = Caller(Principal(sub="x", org=UNIT, roles=("station",)), allowed(["station"]), 4e9)
BOUNDS = Bounds(record=10_000, stream=1 << 30, seconds=5)


def test_room_is_given_in_order_and_a_large_record_is_not_starved() -> None:
    async def play() -> list[str]:
        bulk, order = Bulk(4), list[str]()

        async def take(name: str, units: int) -> None:
            await bulk.acquire(units)
            order.append(name)

        await take("first", 4)
        tasks = [asyncio.create_task(take(*t)) for t in (("large", 3), ("small", 1), ("other", 1))]
        await asyncio.sleep(0)
        bulk.release(1)
        tasks.append(asyncio.create_task(take("late", 1)))
        await asyncio.sleep(0)
        assert order == ["first"]  # one unit is not enough for the large one, and nobody overtakes it
        bulk.release(3)
        await asyncio.sleep(0.01)
        assert (order, bulk.used) == (["first", "large", "small"], 4)
        tasks[2].cancel()
        tasks[3].cancel()
        bulk.release(3)
        bulk.release(1)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert bulk.used == 0
        return order

    asyncio.run(play())


def test_room_that_is_granted_to_somebody_who_leaves_is_not_lost() -> None:
    async def play() -> None:
        bulk = Bulk(1)
        await bulk.acquire(1)
        waiting = asyncio.create_task(bulk.acquire(1))
        await asyncio.sleep(0)
        bulk.release(1)  # granted, but not yet woken
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert bulk.used == 0
        await asyncio.wait_for(bulk.acquire(1), 10)

    asyncio.run(play())


def test_a_desk_has_its_turn_after_every_slice_of_however_many_streams() -> None:
    async def play() -> list[int]:
        bulk, lines, rounds = Bulk(10), [0], []

        async def stream() -> None:
            pace = Pace(bulk)
            for _ in range(50 * SLICE):
                lines[0] += 1
                await pace.step()

        streams = [asyncio.create_task(stream()) for _ in range(20)]
        while not all(s.done() for s in streams):
            before = lines[0]
            await asyncio.sleep(0)  # what a desk's request does between two steps
            rounds.append(lines[0] - before)
        return rounds

    first, *others = asyncio.run(play())
    assert first + sum(others) == 20 * 50 * SLICE
    assert first <= 20 * SLICE  # each begins with a slice, then one goes on per round
    assert max(others) <= 2 * SLICE


class Desk:
    def refuse_when_closed(self) -> None: ...


class Ledger:
    """A producer that accepts every record, once it is told to: at once from then on."""

    def __init__(self) -> None:
        self.lane = Lane(asyncio.get_running_loop(), self)  # type: ignore[arg-type]
        self.sent: list[tuple[int, bytes]] = []
        self.waiting = 0
        self.open = False

    def put(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self.sent.append((partition, value))
        if self.open:
            asyncio.get_running_loop().call_soon(self._decide, len(self.sent) - 1)

    def decide(self) -> None:
        self.open = True
        for place in range(len(self.sent)):
            self._decide(place)

    def _decide(self, place: int) -> None:
        partition, value = self.sent[place]
        entry = Entry(
            seq=place, prev=bytes(32), topic="birth.registrations", offset=place, received_at=1_793_496_600_123,
            rules=1, verdict=Verdict.ACCEPTED, flags=(), doubts=(), input=value,
        )  # fmt: skip
        self.lane.arrived(partition, [decode(value).event_id.bytes], [place], [encode(entry)])  # type: ignore[union-attr]


def claim(n: int) -> bytes:
    record = {
        "event_id": f"0192f3a1-5c00-7000-8000-{n:012d}",
        "certificate_number": "M330123456",
        "unit_code": UNIT,
    }
    return orjson.dumps(record) + b"\n"


def stream(lane: Lane, bulk: Bulk, answers: Answers) -> Stream:
    return Stream(
        Desk(), lane, bulk, None, answers,  # type: ignore[arg-type]
        caller=CALLER, kind="claim", wait=1, language=Language.ENGLISH, bounds=BOUNDS,
    )  # fmt: skip


def test_reading_stops_when_the_budget_is_used_up(tmp_path: Path) -> None:
    async def play() -> None:
        ledger, bulk, read = Ledger(), Bulk(100), [0]

        async def chunks() -> Any:
            for n in range(1_000):
                read[0] += 1
                yield claim(n)

        answers = Answers(tmp_path, 1 << 20)
        running = asyncio.create_task(stream(ledger.lane, bulk, answers).run(chunks(), gzipped=False))
        deadline = time.monotonic() + 30
        while len(ledger.sent) < 100:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert len(ledger.sent) == 100
        assert read[0] <= 102
        ledger.decide()
        await asyncio.wait_for(running, 60)
        lines = b""
        while (block := await answers.get()) is not None:
            lines += block
        assert [orjson.loads(line)["event_id"][-4:] for line in lines.splitlines()] == [
            f"{n:04d}" for n in range(1_000)
        ]
        assert bulk.used == 0

    asyncio.run(play())


def test_a_problem_names_its_line_of_the_body_and_one_of_the_whole_body_none(tmp_path: Path) -> None:
    async def play() -> None:
        async def chunks() -> Any:
            yield gzip.compress(b"\n\n\n{broken\n\n" + b'[]\n{"a":1,"a":2}\n')
            yield b"what is no gzip"

        answers = Answers(tmp_path, 1 << 20)
        await asyncio.wait_for(stream(Ledger().lane, Bulk(100), answers).run(chunks(), gzipped=True), 60)
        problems = [orjson.loads(line) for line in (await answers.get() or b"").splitlines()]
        assert [(p["status"], p.get("line")) for p in problems] == [(400, 4), (400, 6), (400, 7), (400, None)]

    asyncio.run(play())


def test_a_stream_that_breaks_gives_everything_back(tmp_path: Path) -> None:
    async def play() -> None:
        ledger, bulk = Ledger(), Bulk(100)

        async def chunks() -> Any:
            for n in range(50):
                yield claim(n)
            raise ConnectionResetError

        running = asyncio.create_task(
            stream(ledger.lane, bulk, Answers(tmp_path, 1 << 20)).run(chunks(), gzipped=False)
        )
        await asyncio.sleep(0.2)
        with pytest.raises(ExceptionGroup):
            await asyncio.wait_for(running, 30)
        assert bulk.used == 0
        assert len(ledger.lane.awaited) == 0

    asyncio.run(play())


def test_answers_that_nobody_fetches_go_to_disk_and_come_back_in_order(tmp_path: Path) -> None:
    async def play() -> None:
        answers = Answers(tmp_path, 20 << 20)
        wanted = [b"%d:" % n + b"x" * 500 for n in range(20_000)]
        for line in wanted:
            answers.put(line)
        assert answers.on_disk > 5 << 20
        assert sum(map(len, answers._head)) <= MEMORY
        got = await answers.get() or b""
        for n in range(2_000):  # room in memory again, but what is on disk comes first
            wanted.append(b"late %d " % n + b"x" * 500)
            answers.put(wanted[-1])
        answers.end()
        while (block := await answers.get()) is not None:
            got += block
        assert got.splitlines() == wanted
        answers.close()

    asyncio.run(play())
    assert list(tmp_path.iterdir()) == []  # the file has no name, so a killed gateway leaves none


def test_no_more_is_read_while_the_disks_share_is_used_up(tmp_path: Path) -> None:
    async def play() -> None:
        answers = Answers(tmp_path, 1 << 20)
        for _ in range(10_000):
            answers.put(b"x" * 600)
        waiting = asyncio.create_task(answers.room())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        while answers.on_disk:
            await answers.get()
        await asyncio.wait_for(waiting, 10)

    asyncio.run(play())


def test_answers_are_passed_on_at_once_and_wait_for_their_reader(tmp_path: Path) -> None:
    async def play() -> None:
        answers = Answers(tmp_path, 1 << 20)
        getting = asyncio.create_task(answers.get())
        await asyncio.sleep(0.01)
        answers.put(b"a")
        assert await asyncio.wait_for(getting, 10) == b"a\n"
        answers.put(b"b")
        answers.put(b"c")
        answers.end()
        assert await answers.get() == b"b\nc\n"
        assert await answers.get() is None

    asyncio.run(play())
