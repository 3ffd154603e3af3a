"""The desk's two producers: a full one of streams is nothing to a single record, and the other way round."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import pytest
from prometheus_client import REGISTRY

from natalog.events import Principal
from natalog.gateway import desk as module
from natalog.gateway.auth import Caller
from natalog.gateway.desk import Desk
from natalog.gateway.intake_producer import QueueFull
from natalog.gateway.problems import Problem
from natalog.gateway.replies import Replies
from natalog.gateway.roles import allowed
from natalog.gateway.submission import Prepared, prepare

UNIT = "330106520000"


class Producer:
    def __init__(self, *, full: bool) -> None:
        self.full = full
        self.sent: list[bytes] = []

    def send(self, topic: str, partition: int, key: bytes, value: bytes, report: Any) -> None:
        if self.full:
            raise QueueFull
        self.sent.append(value)


def record() -> Prepared:
    caller = Caller(Principal(sub="x", org=UNIT, roles=("station",)), allowed(["station"]), 4e9)
    content = {"event_id": "0192f3a1-5c00-7000-8000-000000000001", "certificate_number": "M330123456",
               "unit_code": UNIT}  # fmt: skip
    return prepare("claim", content, caller)


def desk(live: Producer, bulk: Producer) -> Desk:
    none: Any = None
    replies = Replies(asyncio.get_running_loop())
    return Desk(live, bulk, replies, none, none, none, lambda: None)  # type: ignore[arg-type]


def test_a_full_queue_of_streams_does_not_hold_up_a_single_record() -> None:
    async def play() -> None:
        live, bulk = Producer(full=False), Producer(full=True)
        both = desk(live, bulk)
        waiting = asyncio.create_task(both.send_bulk(record()))
        await asyncio.sleep(0.05)
        both.send(record())
        assert (len(live.sent), waiting.done()) == (1, False)
        bulk.full = False
        await asyncio.wait_for(waiting, 1)
        assert (len(live.sent), len(bulk.sent)) == (1, 1)

    asyncio.run(play())


def test_a_full_queue_of_single_records_is_told_at_once_and_nothing_is_left_behind() -> None:
    async def play() -> None:
        both = desk(Producer(full=True), Producer(full=False))
        began = time.monotonic()
        with pytest.raises(Problem) as refused:
            both.send(record())
        assert time.monotonic() - began < 0.1
        assert (refused.value.status, refused.value.kind, refused.value.retry_after) == (503, "busy", 2)
        assert refused.value.event_id == "0192f3a1-5c00-7000-8000-000000000001"
        assert len(both._replies) == 0
        await both.send_bulk(record())

    asyncio.run(play())


def test_a_stream_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(module, "_BULK_WITHIN", 0.05)
        both = desk(Producer(full=False), Producer(full=True))
        with pytest.raises(Problem) as refused:
            await both.send_bulk(record())
        assert refused.value.status == 503
        assert len(both._replies) == 0

    asyncio.run(play())


def test_what_a_caller_did_not_wait_for_says_nothing_about_verdicts() -> None:
    def observed() -> float:
        return REGISTRY.get_sample_value("natalog_submit_to_verdict_seconds_count") or 0.0

    async def play() -> None:
        both = desk(Producer(full=False), Producer(full=False))
        before = observed()
        for since in (0.0, 3.0):
            sent = dataclasses.replace(both.send(record()), at=time.monotonic() - since)
            sent.waiting.offset = 7
            answer = await both.answer(sent, time.monotonic())
            assert answer.status == 202
        assert observed() - before == 1

    asyncio.run(play())
