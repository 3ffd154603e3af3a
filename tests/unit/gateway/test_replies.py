"""Each submission gets its own entry, whatever comes first and whoever else uses its event id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from natalog.gateway.replies import Arrived, Replies, Unknown

EVENT = bytes(16)


def entry(
    cause: int, *, topic: str = "birth.registrations", partition: int = 3, event_id: bytes = EVENT
) -> Arrived:
    return Arrived(partition, 100 + cause, event_id, topic, cause, b"")


def run(test: Callable[[Replies], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        await test(Replies(asyncio.get_running_loop()))

    asyncio.run(inside())


def test_delivery_then_entry_and_the_other_way_round() -> None:
    async def test(replies: Replies) -> None:
        for early in (False, True):
            waiting = replies.expect(EVENT, "birth.registrations", 3)
            if early:
                replies.arrived([entry(7)])
                await asyncio.sleep(0)
            replies.delivered(waiting, 7)
            if not early:
                await asyncio.sleep(0)
                replies.arrived([entry(7)])
            await asyncio.sleep(0)
            assert waiting.reply.result() == entry(7)
            replies.forget(waiting)
        assert len(replies) == 0

    run(test)


def test_another_record_of_the_same_event_id_is_no_answer() -> None:
    async def test(replies: Replies) -> None:
        waiting = replies.expect(EVENT, "birth.registrations", 3)
        foreign = [entry(6), entry(7, topic="birth.backfill"), entry(7, partition=4)]
        replies.arrived(foreign)
        replies.delivered(waiting, 7)
        replies.arrived(foreign)
        await asyncio.sleep(0)
        assert not waiting.reply.done()
        replies.arrived([entry(7)])
        await asyncio.sleep(0)
        assert waiting.reply.result() == entry(7)

    run(test)


def test_two_submissions_with_one_event_id_get_one_entry_each() -> None:
    async def test(replies: Replies) -> None:
        one, two = (replies.expect(EVENT, "birth.registrations", 3) for _ in range(2))
        replies.arrived([entry(7), entry(8)])
        replies.delivered(two, 8)
        replies.delivered(one, 7)
        await asyncio.sleep(0)
        assert (one.reply.result(), two.reply.result()) == (entry(7), entry(8))

    run(test)


def test_an_unknown_outcome_is_told() -> None:
    async def test(replies: Replies) -> None:
        waiting = replies.expect(EVENT, "birth.registrations", 3)
        replies.delivered(waiting, None)
        await asyncio.sleep(0)
        assert waiting.reply.result() is Unknown.SEND

    run(test)


def test_recorded_waits_for_the_delivery_report_only() -> None:
    async def test(replies: Replies) -> None:
        loop = asyncio.get_running_loop()
        waiting = replies.expect(EVENT, "birth.registrations", 3)
        loop.call_later(0.01, replies.delivered, waiting, 7)
        await replies.recorded(waiting, loop.time() + 10)
        assert waiting.offset == 7
        silent = replies.expect(EVENT, "birth.registrations", 3)
        await replies.recorded(silent, loop.time() + 0.02)
        assert silent.offset == -1

    run(test)


def test_what_is_forgotten_is_not_wanted() -> None:
    async def test(replies: Replies) -> None:
        waiting = replies.expect(EVENT, "birth.registrations", 3)
        assert replies.wants(EVENT)
        replies.forget(waiting)
        replies.forget(waiting)
        assert not replies.wants(EVENT)

    run(test)
