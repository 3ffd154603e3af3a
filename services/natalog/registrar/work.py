"""From records in hand to entries: columns for the decision, and what is wrong with the records' offsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from natalog.decision.rules import RuleSet
from natalog.ledger.fold import Fold
from natalog.ledger.rocks import StoreFailed
from natalog.ledger.step import Outcome, decide_batch
from natalog.wire.topics import INTAKE_TOPICS, MARKED

_INDEX = {topic: index for index, topic in enumerate(INTAKE_TOPICS)}


@dataclass(slots=True)
class Columns:
    """Records of one partition, field by field; equal lengths."""

    topics: list[int]
    offsets: list[int]
    timestamps: list[int]
    keys: list[bytes]
    values: list[bytes | None]

    def cut(self, count: int) -> Columns:
        """The first `count` records."""
        return Columns(
            self.topics[:count],
            self.offsets[:count],
            self.timestamps[:count],
            self.keys[:count],
            self.values[:count],
        )


class IntakeGap(Exception):
    """Records are missing from `first` to before `offset`: read them again, and believe it only when they are missing
    again."""

    def __init__(self, topic: int, first: int, offset: int) -> None:
        super().__init__(f"{INTAKE_TOPICS[topic]}: nothing from {first} to before {offset}")
        self.topic, self.first, self.offset = topic, first, offset
        self.place = (topic, offset)


def columns_of(messages: Sequence[Message]) -> Columns:
    """Field by field; a missing key reads as b""."""
    return Columns(
        [_INDEX[m.topic()] for m in messages],
        [m.offset() for m in messages],
        [m.timestamp()[1] for m in messages],
        [m.key() or b"" for m in messages],
        [m.value() for m in messages],
    )


def stamped(messages: Sequence[Message]) -> Sequence[Message]:
    """Those before the first one that has another time than the broker's, as all of a topic set to CreateTime have."""
    for index, message in enumerate(messages):
        if message.timestamp()[0] != TIMESTAMP_LOG_APPEND_TIME:
            return messages[:index]
    return messages


def in_order(columns: Columns, causes: Sequence[int], known_gaps: set[tuple[int, int]]) -> Columns:
    """The records not decided yet; `causes` are the last decided offsets by topic.

    Raises IntakeGap when offsets are missing that no marker can have taken.
    """
    last = list(causes)
    regular = True
    for topic, offset in zip(columns.topics, columns.offsets, strict=True):
        if offset != last[topic] + 1:
            if offset <= last[topic]:
                regular = False
                continue
            if topic != MARKED and (topic, offset) not in known_gaps:
                raise IntakeGap(topic, last[topic] + 1, offset)
        last[topic] = offset
    return columns if regular else _without_decided(columns, causes)


def _without_decided(columns: Columns, causes: Sequence[int]) -> Columns:
    last = list(causes)
    fresh = Columns([], [], [], [], [])
    for topic, offset, timestamp, key, value in zip(
        columns.topics, columns.offsets, columns.timestamps, columns.keys, columns.values, strict=True
    ):
        if offset > last[topic]:
            last[topic] = offset
            fresh.topics.append(topic)
            fresh.offsets.append(offset)
            fresh.timestamps.append(timestamp)
            fresh.keys.append(key)
            fresh.values.append(value)
    return fresh


@dataclass(slots=True)
class Decided:
    """Entries for some records of one partition; `sick` is why the record after them could not be decided."""

    outcome: Outcome | None
    offsets: dict[tuple[str, int], int]
    """Next offset by intake topic and partition."""
    topics: list[int]
    sick: Exception | None = None


class Decider:
    """The rules in force, applied to batches."""

    def __init__(self, rules: RuleSet, seal: Callable[[bytes], bytes]) -> None:
        self._rules = rules
        self._seal = seal

    def decide(self, fold: Fold, ahead: Outcome | None, columns: Columns) -> Decided:
        """Decide all records; of those with one that cannot be decided, the ones before it.

        `ahead` is what was decided here last and is not in the fold yet. The fold stays as it is; the outcome becomes
        true when it is committed. Raises StoreFailed.
        """
        sick: Exception | None = None
        outcome: Outcome | None = None
        try:
            outcome = self._decide(fold, ahead, columns)
        except StoreFailed:
            raise  # no record is to blame
        except Exception as exception:
            sick = exception
            # Pure and all or nothing: find the longest beginning that can be decided.
            good, bad = 0, len(columns.offsets)
            while bad - good > 1:
                middle = (good + bad) // 2
                try:
                    outcome = self._decide(fold, ahead, columns.cut(middle))
                    good = middle
                except StoreFailed:
                    raise
                except Exception as closer:
                    sick, bad = closer, middle
            columns = columns.cut(good)
        last = dict(zip(columns.topics, columns.offsets, strict=True))
        offsets = {(INTAKE_TOPICS[topic], fold.partition): offset + 1 for topic, offset in last.items()}
        return Decided(outcome, offsets, columns.topics, sick)

    def _decide(self, fold: Fold, ahead: Outcome | None, columns: Columns) -> Outcome:
        states = fold.shelf.states(columns.keys)
        if ahead is not None:
            newer = ahead.states
            states.update([(key, newer[key]) for key in columns.keys if key in newer])
        return decide_batch(
            fold.head if ahead is None else ahead.head,
            fold.partition,
            columns.topics,
            columns.offsets,
            columns.timestamps,
            columns.keys,
            columns.values,
            states,
            self._rules,
            self._seal,
        )
