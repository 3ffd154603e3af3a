"""From a producer's send to the committed entry in a reader's hands, Kafka to Kafka."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from bench.cluster import INTAKE, PARTITIONS
from natalog.cluster import Cluster
from natalog.kafka.clients import intake_producer, warm_up


@dataclass(frozen=True, slots=True)
class Stall:
    """A record that took long: wall-clock time of its send (seconds since 1970), partition, milliseconds."""

    sent_at: float
    partition: int
    ms: float


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds, sorted; and the slow ones in order of sending."""

    ms: list[float]
    stalls: list[Stall]
    lost: int

    def at(self, share: float) -> float:
        """A quantile."""
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * share))]


class Probe:
    """Sends filings at a steady pace and waits for their entries on one ledger topic."""

    def __init__(self, bootstrap: str, ledger: str) -> None:
        self._producer = intake_producer(Cluster(bootstrap), "bench-probe", **{"linger.ms": 0})
        warm_up(self._producer, INTAKE)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-probe",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
                "fetch.error.backoff.ms": 1,
                "fetch.queue.backoff.ms": 5,
                "socket.nagle.disable": True,
            }
        )
        places = [TopicPartition(ledger, p) for p in range(PARTITIONS)]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, 10)[1]
        self._consumer.assign(places)
        self._consumer.poll(0.5)

    def run(
        self,
        records: list[tuple[bytes, bytes]],
        per_second: float,
        *,
        warm: float = 1.0,
        stall_ms: float = 50,
        patience: float = 10,
        stop: threading.Event | None = None,
    ) -> Latencies:
        """Send `records` at a steady pace. Those of the first `warm` seconds do not count.

        `stop` ends sending early. A record not seen `patience` seconds after the last send is lost.
        """
        sent: dict[bytes, float] = {}
        done = threading.Event()
        skip = int(warm * per_second)
        counted = {key for key, _ in records[skip:]}

        def send() -> None:
            started = time.perf_counter()
            for number, (key, value) in enumerate(records):
                due = started + number / per_second
                while (left := due - time.perf_counter()) > 0:
                    time.sleep(left)
                if stop is not None and stop.is_set():
                    break
                sent[key] = time.perf_counter()
                self._producer.produce(INTAKE, value, key)
                self._producer.poll(0)
            self._producer.flush(10)
            done.set()

        clock = time.time() - time.perf_counter()
        sender = threading.Thread(target=send, name="sender")
        sender.start()
        ms: list[float] = []
        stalls: list[Stall] = []
        seen = 0
        ended = None
        while True:
            message = self._consumer.poll(0.1)
            now = time.perf_counter()
            if done.is_set():
                ended = ended or now
                if seen >= len(sent) or now - ended > patience:
                    break
            if message is None or message.error() is not None:
                continue
            key = message.key() or b""
            at = sent.get(key)
            if at is None:
                continue
            seen += 1
            if key in counted:
                took = (now - at) * 1000
                ms.append(took)
                if took > stall_ms:
                    stalls.append(Stall(at + clock, message.partition() or 0, round(took, 1)))
        sender.join()
        ms.sort()
        return Latencies(ms, stalls, len(sent) - seen)

    def close(self) -> None:
        """Give up the connections."""
        self._consumer.close()
