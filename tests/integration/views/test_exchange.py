"""The projector's own loop, in this process: exchanged under load, and what it hands on."""

from __future__ import annotations

from random import Random
from typing import cast

import pytest

from natalog.ledger.follow import LedgerReader, Stretch
from natalog.views.database import LIVE, NEXT, OLD, connect
from natalog.views.following import Following
from natalog.views.migrate import migrate
from natalog.views.projector import Projector
from natalog.views.rebuild import _rename
from natalog.views.writer import Writer
from tests.integration.views.ledgers import made_up, sets
from tests.integration.views.tables import IDENTITY, checksums, opened, stretch


class FromMemory:
    """Stands in for LedgerReader over lists, in pieces of a random size."""

    def __init__(self, ledger, seed: int) -> None:
        self._logs = {p: [(r.key, r.value or b"") for r in log] for p, log in ledger.ledger.items()}
        self._at: dict[int, int] = {}
        self._chance = Random(seed)

    def start(self, positions: dict[int, int]) -> None:
        self._at.update(positions)

    def read(self, limit: int, timeout: float) -> list[Stretch]:
        found = []
        for partition, log in self._logs.items():
            at = self._at[partition]
            piece = log[at : at + int(self._chance.random() * 20)]
            if piece:
                found.append(stretch(partition, piece, at))
                self._at[partition] = at + len(piece)
        return found

    def done(self) -> bool:
        return all(self._at[p] == len(log) for p, log in self._logs.items())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ahead", [False, True])
def test_tables_exchanged_at_any_moment(postgres, seed, ahead):
    """The new tables hold less than the old ones did, or more: nothing is left out, nothing is there twice."""
    ledger = made_up(300, seed=seed)
    plain, url = postgres.database(), postgres.database()
    writer = opened(plain)
    reader = FromMemory(ledger, 0)
    run_to_the_end(projector_on(plain, reader), reader)
    writer.close()

    opened(url).close()
    reader = FromMemory(ledger, seed)
    projector = projector_on(url, reader)
    projector.begin()
    for _ in range(3):
        projector.step(0)
    migrate(url, NEXT)
    if ahead:
        other = FromMemory(ledger, 5)
        beside = projector_on(url, other, NEXT)
        beside.begin()
        for _ in range(8):
            beside.step(0)
        beside.close()
    with connect(url, "public") as connection:
        connection.execute(_rename(LIVE, OLD))
        connection.execute(_rename(NEXT, LIVE))
    run_to_the_end(projector, reader)
    assert checksums(url) == checksums(plain)


def projector_on(url: str, reader: FromMemory, schema: str = LIVE, **more) -> Projector:
    following = Following(cast(LedgerReader, reader), sets(), counting=False)
    more.setdefault("ends", dict.fromkeys(range(12), 0))
    return Projector(following, lambda: Writer(url, schema, 12, IDENTITY), **more)


def run_to_the_end(projector: Projector, reader: FromMemory) -> None:
    if not reader._at:
        projector.begin()
    while projector.step(0) or not reader.done():
        pass
    projector.close()


def test_every_entry_is_handed_on_once_and_live_from_the_end_of_the_start(postgres):
    ledger = made_up(200)
    total = sum(map(len, ledger.ledger.values()))
    ends = {p: len(log) // 2 for p, log in ledger.ledger.items()}
    url = postgres.database()
    opened(url).close()
    seen: list[tuple[int, int, bool]] = []

    def hand_on(entries, live) -> None:
        seen.extend((e.partition, e.offset, live) for e in entries)

    reader = FromMemory(ledger, 2)
    projector = projector_on(url, reader, ends=ends, hand_on=hand_on)
    projector.begin()
    for _ in range(5):
        projector.step(0)
    # A rebuild sets it back to the beginning: what is folded again is history by now.
    migrate(url, NEXT)
    with connect(url, "public") as connection:
        connection.execute(_rename(LIVE, OLD))
        connection.execute(_rename(NEXT, LIVE))
    run_to_the_end(projector, reader)
    live = [(p, offset) for p, offset, is_live in seen if is_live]
    assert sorted(live) == [
        (p, at) for p, log in sorted(ledger.ledger.items()) for at in range(ends[p], len(log))
    ]
    assert {(p, offset) for p, offset, _ in seen} == {
        (p, at) for p, log in ledger.ledger.items() for at in range(len(log))
    }
    assert len(live) < total < len(seen)
