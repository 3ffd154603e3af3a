"""A client whose assignment changes faster than librdkafka stops partitions (kafka/consumer.py)."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT
from tests.kafka_broker import Broker

HASTY = """
import sys
from confluent_kafka import TopicPartition
from natalog.cluster import Cluster
from natalog.kafka.clients import assigned_consumer

consumer = assigned_consumer(Cluster(sys.argv[1]), "hasty", ends=True)
seen = set()
places = [TopicPartition("birth.registrations", partition, 0) for partition in range(12)]
consumer.assign(places)
while len(seen) < 12:
    if message := consumer.poll(1):
        seen.add(message.partition())
for turn in range(100):
    for _ in range(3):
        consumer.assign(places)
    consumer.unassign()
    consumer.incremental_assign(places)
    consumer.incremental_unassign(places[:6])
    consumer.poll(0.01)
consumer.assign(places)
consumer.close()
consumer.close()
print("alive")
"""


def test_changing_an_assignment_in_haste_kills_nobody(kafka: Broker):
    """Without `_settle` the process dies of an assertion within the first turns."""
    done = subprocess.run(
        [sys.executable, "-c", HASTY, kafka.bootstrap],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT / "services",
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
