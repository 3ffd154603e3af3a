"""Alerts wait for the live input that came before them.

sla.alerts is short and read in no time, birth.registrations may lag. Decided as they come, alerts would overtake the
completions they are about, and an overdue filing would be none for the ledger. So an alert in hand is kept until a
record of birth.registrations with a later broker time is there, before which it is put, or until that log's end, asked
for with the alert already in hand, has been passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaException, Message

from natalog.kafka.offsets import Place

LEAD = "birth.registrations"
ALERTS = "sla.alerts"


class Ends(Protocol):
    """A question for the ends of logs (kafka.offsets.LogBounds)."""

    def ready(self) -> bool:
        """Whether `ends` answers at once."""

    def ends(self) -> Mapping[Place, int]:
        """Raises KafkaException when the cluster did not answer."""


@dataclass(slots=True)
class Waiting:
    """An alert in hand. `end` is where birth.registrations ended afterwards, None until that is known."""

    message: Message
    end: int | None = None


class Alerts:
    """Alerts in hand, by partition and in their order. `ask` asks for the ends of birth.registrations."""

    def __init__(self, ask: Callable[[list[int]], Ends]) -> None:
        self._ask = ask
        self._waiting: dict[int, list[Waiting]] = defaultdict(list)
        self._question: Ends | None = None
        self._asked: dict[int, list[Waiting]] = {}
        """The alerts that were in hand when the question was asked."""

    def sift(self, messages: list[Message]) -> list[Message]:
        """Keep the alerts among live `messages`; returns the others."""
        others: list[Message] = []
        for message in messages:
            if message.topic() == ALERTS and message.error() is None:
                self._waiting[message.partition()].append(Waiting(message))
            else:
                others.append(message)
        return others

    def release(self, groups: dict[int, list[Message]], decided_to: Callable[[int], int]) -> None:
        """Put into `groups` (records by partition, in order) every alert whose time has come.

        `decided_to` tells the next offset of a partition of birth.registrations, by the ledger.
        """
        if not self._waiting:
            return
        self._hear()
        for number, waiting in list(self._waiting.items()):
            group = merged(groups.get(number, []), waiting, decided_to(number))
            if group:
                groups[number] = group
            if not waiting:
                del self._waiting[number]
        if self._question is None and (unknown := [n for n, w in self._waiting.items() if w[-1].end is None]):
            self._asked = {number: list(self._waiting[number]) for number in unknown}
            self._question = self._ask(unknown)

    def clear(self) -> None:
        """Forget all: the records are going to be read again."""
        self._waiting.clear()
        self._question = None

    def _hear(self) -> None:
        if self._question is None or not self._question.ready():
            return
        question, self._question = self._question, None
        try:
            ends = question.ends()
        except KafkaException:
            return  # asked again at once
        for number, asked in self._asked.items():
            for waiting in asked:
                if waiting.end is None:
                    waiting.end = ends[LEAD, number]


def merged(group: list[Message], waiting: list[Waiting], decided_to: int) -> list[Message]:
    """`group` with those of `waiting` in their places that need not wait any more; they are taken from `waiting`."""
    result: list[Message] = []
    taken = 0

    def take(before: int | None) -> None:
        nonlocal taken
        while taken < len(waiting):
            alert = waiting[taken]
            passed = alert.end is not None and decided_to >= alert.end
            if not passed and (before is None or alert.message.timestamp()[1] >= before):
                return
            result.append(alert.message)
            taken += 1

    for message in group:
        if message.topic() == LEAD:
            take(message.timestamp()[1])
            decided_to = message.offset() + 1
        result.append(message)
    take(None)
    del waiting[:taken]
    return result
