"""The replica's thread beside the event loop, which takes submissions in and out meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

from natalog.gateway.replica import Replica
from natalog.gateway.replies import Replies
from natalog.ledger.follow import Stretch
from natalog.ledger.rocks import StoreFailed
from natalog.status.view import Advance


def test_entries_are_handed_over_while_submissions_come_and_go():
    """A thread that walks what the loop changes dies, and the process with it."""
    failed: list[BaseException] = []
    stop = threading.Event()
    rounds = 0

    async def run() -> None:
        nonlocal rounds
        replies = Replies(asyncio.get_running_loop())
        replica = object.__new__(Replica)
        replica._replies = replies
        replica._lane = None
        advance = Advance([bytes(16)] * 10, list(range(10)), [b""] * 10, [])

        def follow() -> None:
            try:
                while not stop.is_set():
                    replica._hand_over(0, advance)
            except BaseException as error:
                failed.append(error)

        held = [replies.expect(n.to_bytes(16, "big"), "t", 0) for n in range(1, 3_000)]
        thread = threading.Thread(target=follow)
        thread.start()
        until = time.monotonic() + 0.6
        while time.monotonic() < until and not failed:
            rounds += 1
            for waiting in held[:200]:
                replies.forget(waiting)
            held = held[200:] + [
                replies.expect((rounds << 32 | n).to_bytes(16, "big"), "t", 0) for n in range(1, 201)
            ]
        stop.set()
        thread.join()

    asyncio.run(run())
    assert rounds > 3
    assert failed == []


def test_a_failed_store_halts_no_partition():
    """It is not the entry that cannot be folded: the thread ends, and with it the process."""

    def fail(_stretch: Stretch) -> None:
        raise StoreFailed("IO error: No space left on device")

    replica = object.__new__(Replica)
    replica._view = SimpleNamespace(apply=fail)  # type: ignore[assignment]
    replica._halted = set()
    with pytest.raises(StoreFailed):
        replica._take(None, Stretch(0, [0], [b"k"], [b"v"], 1))
    assert not replica._halted
