"""Live before bulk: a backfill at full speed must not keep a station desk waiting, nor a busy desk a backfill for ever.

Told by the order of entries on the ledger, not by time. Both registrars are held up when their queues are full.
"""

from __future__ import annotations

import time

from natalog.events import Entry
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import filing, number

LIVE, BULK = "birth.registrations", "birth.backfill"
BATCH = 200


def test_live_records_do_not_wait_behind_bulk_already_fetched(bench: Bench) -> None:
    backlog, batches = 25_000, 40
    bench.sender.send([filing(number(), backfill=True) for _ in range(backlog)])
    registrar = bench.registrar(batch=BATCH, at=f"commit:before:{batches}", do="linger")
    registrar.wait_lingering("commit")
    time.sleep(0.5)  # all bulk is fetched by now
    bench.sender.send([filing(number(partition)) for partition in range(12)])
    registrar.go_on("commit", once_fetched="live 12")
    entries = bench.eventually(backlog + 12, timeout=60).entries
    before = sum(topics(entries[partition]).index(LIVE) for partition in range(12))
    # What had been decided, and a few batches; one consumer for both would bring them last.
    assert before <= (batches + 10) * BATCH


def test_bulk_keeps_its_share_under_full_live_load(bench: Bench) -> None:
    load, bulk = 10_000, 1_000
    bench.sender.send([filing(number(7)) for _ in range(load)])
    registrar = bench.registrar(batch=BATCH, at="commit:before:10", do="linger")
    registrar.wait_lingering("commit")
    bench.sender.send([filing(number(7), backfill=True) for _ in range(bulk)])
    time.sleep(0.5)  # live records for many batches are fetched
    registrar.go_on("commit", once_fetched=f"bulk {bulk}")
    order = topics(bench.eventually(load + bulk, timeout=60).entries[7])
    last_live = load + bulk - 1 - order[::-1].index(LIVE)
    # Ten of 200 in every batch: some 400 while live records last. Without a share it would come when those are done.
    assert order[:last_live].count(BULK) > 200


def topics(entries: list[Entry]) -> list[str]:
    return [entry.topic for entry in entries]
