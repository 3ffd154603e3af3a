"""Whether two programs wrote the same ledger, byte for byte, and what stands in it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, TopicPartition

from bench.cluster import PARTITIONS
from natalog.decision.codes import DOUBTS, FLAGS, REASONS, VERDICTS, names
from natalog.wire.hot import read_entry

_NO_HEAD = bytes(32)


@dataclass(slots=True)
class Ledger:
    """One ledger topic as a reader of committed records sees it; lists by partition."""

    counts: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    heads: list[bytes] = field(default_factory=lambda: [_NO_HEAD] * PARTITIONS)
    digests: list[bytes] = field(default_factory=list)
    """SHA-256 over keys, values and their lengths, in order."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Entries by verdict, reason, flag and doubt."""

    @property
    def entries(self) -> int:
        """Entries of all partitions."""
        return sum(self.counts)


def read_ledger(bootstrap: str, topic: str, *, explain: bool = False) -> Ledger:
    """Read a ledger from its beginning to its end. With `explain`, count outcomes and check that the chain holds."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "queued.min.messages": 100_000,
            "fetch.queue.backoff.ms": 5,
        }
    )
    ledger = Ledger()
    hashes = [hashlib.sha256() for _ in range(PARTITIONS)]
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    open_partitions = set(range(PARTITIONS))
    while open_partitions:
        for message in consumer.consume(5_000, 1.0):
            partition = message.partition()
            assert partition is not None
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise RuntimeError(error.str())
                open_partitions.discard(partition)
                continue
            key, value = message.key() or b"", message.value() or b""
            hashes[partition].update(
                len(key).to_bytes(4, "big") + len(value).to_bytes(4, "big") + key + value
            )
            if explain:
                _explain(ledger, partition, value)
            ledger.counts[partition] += 1
    consumer.close()
    ledger.digests = [running.digest() for running in hashes]
    return ledger


def _explain(ledger: Ledger, partition: int, value: bytes) -> None:
    entry = read_entry(value)
    if entry.prev != ledger.heads[partition] or entry.seq != ledger.counts[partition]:
        raise RuntimeError(f"the chain of partition {partition} breaks at seq {entry.seq}")
    ledger.heads[partition] = hashlib.sha256(value).digest()
    ledger.outcomes[VERDICTS[entry.verdict]] += 1
    if entry.reason:
        ledger.outcomes[REASONS[entry.reason].code] += 1
    for code in names(FLAGS, int(entry.flags)) + names(DOUBTS, int(entry.doubts)):
        ledger.outcomes[code] += 1
