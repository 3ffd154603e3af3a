"""Reads a whole ledger and its intake and says whether one is what the other demands.

Shares `decision/`, `wire/` and `decide_batch` with the registrar, and nothing of its loop.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from natalog.decision.rules import NEWEST, RuleSet
from natalog.events import Entry, Repeat
from natalog.events import Unreadable as UnreadableCopy
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch
from natalog.wire.codec import decode
from natalog.wire.errors import UnknownFingerprint, Unreadable
from natalog.wire.topics import INTAKE_TOPICS

PARTITIONS = 12
SUCCESSIONS = "certificate.invalidations"


@dataclass
class Record:
    """One record of a log."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes | None


@dataclass
class Checked:
    """What stands on a ledger found to be right."""

    entries: dict[int, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    void: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Ledger offsets of void records by partition."""

    @property
    def count(self) -> int:
        return sum(len(entries) for entries in self.entries.values())

    def all(self) -> list[Entry]:
        return [entry for entries in self.entries.values() for entry in entries]


Place = tuple[str, int]


def read_logs(
    bootstrap: str, topics: Sequence[str], *, timeout: float = 30.0
) -> dict[str, dict[int, list[Record]]]:
    """Everything committed on some topics up to their present ends, by topic and partition."""
    places = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
    ends, starts = (
        _offsets(bootstrap, places, OffsetSpec.latest()),
        _offsets(bootstrap, places, OffsetSpec.earliest()),
    )
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "ledger-check",
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    logs: dict[str, dict[int, list[Record]]] = {topic: {p: [] for p in range(PARTITIONS)} for topic in topics}
    open_ = {place for place in ends if starts[place] < ends[place]}
    consumer.assign([TopicPartition(topic, p, starts[topic, p]) for topic, p in open_])
    deadline = time.monotonic() + timeout
    try:
        while open_:
            assert time.monotonic() < deadline, f"{open_} have no stable end (an open transaction?)"
            for message in consumer.consume(5000, 0.05):
                error = message.error()
                topic, partition, offset = message.topic(), message.partition(), message.offset()
                assert topic is not None
                assert partition is not None
                assert offset is not None
                place = (topic, partition)
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                else:
                    record = Record(offset, message.timestamp()[1], message.key() or b"", message.value())
                    logs[place[0]][place[1]].append(record)
                    offset += 1
                if offset >= ends[place]:
                    open_.discard(place)
    finally:
        consumer.close()
    return logs


def _offsets(bootstrap: str, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
    question = dict.fromkeys(places, spec)
    refused = []
    for _ in range(50):
        # Another client each time: one got no answer in fifty tries (seen once, its error was not kept).
        admin = AdminClient({"bootstrap.servers": bootstrap})
        answers = admin.list_offsets(question, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        try:
            return {(tp.topic, tp.partition): future.result().offset for tp, future in answers.items()}
        except KafkaException as exception:
            refused.append(str(exception))
            time.sleep(0.1)  # topics just made, or a broker just started
    raise AssertionError(f"ends of logs stay unknown: {Counter(refused)}")


def check_ledger(
    bootstrap: str,
    *,
    seal: Callable[[bytes], bytes],
    complete: bool = True,
    rules: RuleSet = NEWEST,
    undecided: Callable[[str, int], bool] = lambda _topic, _partition: False,
) -> Checked:
    """Raises AssertionError saying what is wrong. `complete`: every intake record must have its entry by now, but for
    places that `undecided` (topic, partition) excuses."""
    intake = read_logs(bootstrap, (*INTAKE_TOPICS, "ledger"))
    ledger = intake.pop("ledger")
    checked = Checked()
    succeeded: list[tuple[bytes, bytes]] = []
    for partition in range(PARTITIONS):
        valid = chain_of(partition, ledger[partition], checked)
        _one_entry_each(partition, valid, intake, complete, undecided)
        succeeded += _decided_again(partition, valid, intake, seal, rules)
    by_registrar = sorted(
        (record.key, record.value)
        for records in intake[SUCCESSIONS].values()
        for record in records
        if record.value is not None and _is_succession(record.value)
    )
    assert by_registrar == sorted(succeeded), "Successions on the log are not those the entries call for"
    return checked


def chain_of(partition: int, records: list[Record], checked: Checked) -> list[tuple[Record, Entry]]:
    """I4, and which records count."""
    seq, prev = 0, bytes(32)
    causes = dict.fromkeys(INTAKE_TOPICS, -1)
    valid: list[tuple[Record, Entry]] = []
    for record in records:
        entry = _entry(record.value)
        if entry is None or entry.seq != seq or entry.prev != prev or entry.offset <= causes[entry.topic]:
            checked.void[partition].append(record.offset)
            continue
        assert record.value is not None
        seq, prev, causes[entry.topic] = seq + 1, hashlib.sha256(record.value).digest(), entry.offset
        checked.entries[partition].append(entry)
        valid.append((record, entry))
    return valid


def _entry(value: bytes | None) -> Entry | None:
    try:
        record = decode(value)
    except (Unreadable, UnknownFingerprint):
        return None
    return record if isinstance(record, Entry) else None


def _one_entry_each(
    partition: int,
    valid: list[tuple[Record, Entry]],
    intake: dict[str, dict[int, list[Record]]],
    complete: bool,
    undecided: Callable[[str, int], bool],
) -> None:
    """Rule 1: one intake record, one entry; none dropped, none decided twice, none made up."""
    for topic in INTAKE_TOPICS:
        decided = [entry.offset for _, entry in valid if entry.topic == topic]
        assert len(decided) == len(set(decided)), f"{topic}-{partition}: decided twice"
        there = [record.offset for record in intake[topic][partition]]
        # Expired intake may be missing at the log's start.
        first = there[0] if there else 0
        known = [offset for offset in decided if offset >= first]
        expected = there if complete and not undecided(topic, partition) else there[: len(known)]
        missing = sorted(set(expected) - set(known))
        extra = sorted(set(known) - set(expected))
        assert known == expected, (
            f"{topic}-{partition}: without entry {missing[:9]}, without record {extra[:9]}"
        )
    records = {topic: {r.offset: r for r in intake[topic][partition]} for topic in INTAKE_TOPICS}
    for _, entry in valid:
        cause = records[entry.topic].get(entry.offset)
        if cause is None:
            continue
        assert entry.received_at == cause.timestamp
        raw = cause.value or b""
        if isinstance(entry.input, bytes):
            assert entry.input == raw, "the entry does not hold the record as received"
        elif isinstance(entry.input, UnreadableCopy):
            assert (entry.input.hash, entry.input.length) == (hashlib.sha256(raw).digest(), len(raw))
        else:
            assert isinstance(entry.input, Repeat)


def _decided_again(
    partition: int,
    valid: list[tuple[Record, Entry]],
    intake: dict[str, dict[int, list[Record]]],
    seal: Callable[[bytes], bytes],
    rules: RuleSet,
) -> list[tuple[bytes, bytes]]:
    """I3: deciding the causes again, in the ledger's order, gives the same keys and bytes. Returns the Successions."""
    records = {topic: {r.offset: r for r in intake[topic][partition]} for topic in INTAKE_TOPICS}
    causes = [(INTAKE_TOPICS.index(e.topic), records[e.topic].get(e.offset)) for _, e in valid]
    if not causes or any(cause is None for _, cause in causes):
        return []  # expired intake: nothing to compare with here (`replay verify` decides from the ledger alone)
    present = [(topic, cause) for topic, cause in causes if cause is not None]
    outcome = decide_batch(
        Head.genesis(),
        partition,
        [topic for topic, _ in present],
        [cause.offset for _, cause in present],
        [cause.timestamp for _, cause in present],
        [cause.key for _, cause in present],
        [cause.value for _, cause in present],
        {},
        rules,
        seal,
    )
    for (record, entry), again in zip(valid, outcome.entries, strict=True):
        assert (record.key, record.value) == again, (
            f"partition {partition}, seq {entry.seq}: decided otherwise now"
        )
    return [(key, value) for key, _, value in outcome.successions]


def _is_succession(value: bytes) -> bool:
    try:
        return type(decode(value)).__name__ == "Succession"
    except (Unreadable, UnknownFingerprint):
        return False
