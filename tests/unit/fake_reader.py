"""A reader of one log without a broker."""

from __future__ import annotations

from collections.abc import Mapping

from natalog.ledger.follow import Stretch


class FakeReader:
    """Has read `stretches` at the next look."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.reading: dict[int, int] = {}
        self.is_closed = False

    def start(self, positions: Mapping[int, int]) -> None:
        self.reading |= positions

    def stop(self, partitions: list[int]) -> None:
        for number in partitions:
            del self.reading[number]

    def read(self, _limit: int, _timeout: float) -> list[Stretch]:
        found, self.stretches = self.stretches, []
        return found

    def close(self) -> None:
        self.is_closed = True
