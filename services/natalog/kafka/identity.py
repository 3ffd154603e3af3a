"""Whether the topics are there, and which ledger it is: asked before anything is read."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from natalog.kafka.offsets import GRACE, answer

log = logging.getLogger(__name__)

_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED)
"""The second where a user has no right to a topic, be it there or not."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which ledger this is: a topic deleted and made anew, or another cluster, has other ids."""

    cluster: str
    topic: str


def identity_of(admin: AdminClient, topic: str, *, timeout: float = 10.0) -> Identity:
    """Ids of the cluster and of `topic`. `timeout` in seconds. Raises KafkaException when there is no answer."""
    try:
        cluster = admin.list_topics(timeout=timeout).cluster_id
    except KafkaException:
        _hear(admin)
        raise
    (described,) = _described(admin, [topic], timeout).values()
    return Identity(str(cluster), str(answer(described, time.monotonic() + timeout + GRACE).topic_id))


def wait_for_topics(admin: AdminClient, topics: Sequence[str]) -> Identity:
    """Until all are there and may be seen; meanwhile it logs which are not. Returns the first one's identity."""
    told: dict[str, str] = {}
    while True:
        try:
            missing = missing_topics(admin, topics)
            if not missing:
                return identity_of(admin, topics[0])
            if missing != told:
                log.warning(
                    "waiting for topics: see natalog topics plan, and acls", extra={"topics": missing}
                )
                told = missing
        except KafkaException as error:
            log.warning("waiting for Kafka", extra={"detail": str(error)})
        time.sleep(1)


def missing_topics(admin: AdminClient, topics: Sequence[str], *, timeout: float = 10.0) -> dict[str, str]:
    """Topics that are not there or that this user may not see, with Kafka's name for why.

    One question for all. `timeout` in seconds. Raises KafkaException when there is no answer.
    """
    until = time.monotonic() + timeout + GRACE
    missing: dict[str, str] = {}
    for topic, described in _described(admin, topics, timeout).items():
        try:
            answer(described, until)
        except KafkaException as error:
            if error.args[0].code() not in _NO_TOPIC:
                _hear(admin)
                raise
            missing[topic] = error.args[0].name()
    return missing


def _hear(admin: AdminClient) -> None:
    """Have error events logged, which nobody else takes: a wrong password is told by them alone."""
    admin.poll(0)


def _described(admin: AdminClient, topics: Sequence[str], timeout: float) -> Mapping[str, Future[Any]]:
    told: Mapping[str, Future[Any]] = admin.describe_topics(
        TopicCollection(list(topics)), request_timeout=timeout
    )
    return told
