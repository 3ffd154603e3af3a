"""`natalog tail`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natalog.cli.target import Kafka, KafkaProperties, kafka_target, unreachable

if TYPE_CHECKING:
    from confluent_kafka import Consumer, TopicPartition

    from natalog.cluster import Cluster

_SHOWN = 160  # characters of a line's details


def tail(
    topic: Annotated[str, typer.Argument(help="Topic, such as ledger or birth.registrations.")],
    data: Annotated[Path | None, typer.Option(help="Directory of a local stack.")] = None,
    kafka: Kafka = None,
    kafka_properties: KafkaProperties = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help="begin, end, an offset, -N (the last N of each partition), or a time such as "
            "2026-11-01T09:30:00+08:00.",
        ),
    ] = "end",
    partition: Annotated[list[int] | None, typer.Option(help="Only these partitions.")] = None,
    key: Annotated[str | None, typer.Option(help="Only records with this key.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=0, help="Stop after so many; 0: never.")] = 0,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on at the end, or stop there.")
    ] = True,
    uncommitted: Annotated[
        bool, typer.Option(help="Show records of open and aborted transactions too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print the records of a topic, readable: what kcat is for other encodings.

    Committed records only, unless --uncommitted. What cannot be decoded is shown as such and never stops it. With
    --json a line is {"topic","partition","offset","time","key","kind","record"}; an undecodable one has "problem"
    and "value" (base64).

    Exit codes: 0 done or stopped by Ctrl-C; 2 wrong usage; 5 Kafka cannot be reached or has no such topic.
    """
    from confluent_kafka import KafkaException

    cluster = kafka_target(data, kafka, kafka_properties)
    shown = 0
    try:
        for line in _lines(cluster, topic, start, partition, key, follow, uncommitted, as_json):
            print(line, flush=follow)
            shown += 1
            if count and shown >= count:
                return
    except KafkaException as error:
        raise unreachable(cluster, error) from None
    except KeyboardInterrupt:
        return


def _lines(
    cluster: Cluster,
    topic: str,
    start: str,
    partitions: list[int] | None,
    key: str | None,
    follow: bool,
    uncommitted: bool,
    as_json: bool,
) -> Iterator[str]:
    from confluent_kafka import Consumer, KafkaError, KafkaException

    from natalog.kafka.clients import NO_GROUP

    consumer = Consumer(
        {
            **cluster.security,
            "bootstrap.servers": cluster.bootstrap,
            "group.id": NO_GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_uncommitted" if uncommitted else "read_committed",
            "log_level": 2,
        }
    )
    wanted_key = None if key is None else key.encode()
    try:
        places = _places(consumer, topic, start, partitions)
        left = {place.partition for place in places}
        consumer.assign(places)
        while follow or left:
            message = consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            if error is None:
                if wanted_key is None or message.key() == wanted_key:
                    yield _json(message) if as_json else _text(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            elif error.fatal() or error.code() in (
                KafkaError.UNKNOWN_TOPIC_OR_PART,
                KafkaError.TOPIC_AUTHORIZATION_FAILED,
            ):
                raise KafkaException(error)
    finally:
        consumer.close()


def _places(consumer: Consumer, topic: str, start: str, partitions: list[int] | None) -> list[TopicPartition]:
    from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, TopicPartition

    found = consumer.list_topics(topic, timeout=10).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    wanted = partitions or sorted(found.partitions)
    missing = set(wanted) - set(found.partitions)
    if missing:
        raise typer.BadParameter(f"{topic} has {len(found.partitions)} partitions", param_hint="--partition")
    if start in ("begin", "end"):
        at = OFFSET_BEGINNING if start == "begin" else OFFSET_END
        return [TopicPartition(topic, p, at) for p in wanted]
    if re.fullmatch(r"-?\d+", start):
        places = []
        for p in wanted:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)
            offset = high + int(start) if start.startswith("-") else int(start)
            places.append(TopicPartition(topic, p, min(max(offset, low), high)))
        return places
    try:
        moment = datetime.fromisoformat(start)
        if moment.tzinfo is None:
            raise ValueError("no offset")
    except ValueError:
        raise typer.BadParameter(
            "begin, end, an offset, -N, or a time with an offset such as 2026-11-01T09:30:00+08:00",
            param_hint="--from",
        ) from None
    milliseconds = int(moment.timestamp() * 1000)
    asked = [TopicPartition(topic, p, milliseconds) for p in wanted]
    answers: list[TopicPartition] = consumer.offsets_for_times(asked, timeout=10)
    return answers


def _opened(message: Any) -> dict[str, Any]:
    """Kind and record, or the problem."""
    import base64

    from natalog.wire import codec
    from natalog.wire.errors import WireError
    from natalog.wire.json_form import to_json

    try:
        record = codec.decode(message.value())
        try:
            form = to_json(record, expand=True)
        except WireError:  # the entry is fine, the input it holds is not
            form = to_json(record)
        return {"kind": type(record).__name__, "record": form}
    except WireError as error:
        value = message.value()
        return {
            "problem": str(error),
            "value": None if value is None else base64.b64encode(value).decode(),
        }


def _json(message: Any) -> str:
    import orjson

    from natalog.wire.json_values import time_text

    line = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "time": time_text(message.timestamp()[1]),
        "key": _key(message),
        **_opened(message),
    }
    return orjson.dumps(line).decode()


def _text(message: Any) -> str:
    opened = _opened(message)
    time = datetime.fromtimestamp(message.timestamp()[1] / 1000).astimezone()
    place = f"{message.partition():>2}/{message.offset():<6}"
    start = f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d} {place} {_key(message):<12}"
    if "problem" in opened:
        return f"{start} ?? {opened['problem']}"
    record = opened["record"]
    if opened["kind"] == "Entry":
        return f"{start} {_entry(record)}"
    return f"{start} {opened['kind']} {_fields(record)}"


def _entry(entry: dict[str, Any]) -> str:
    marks = [entry.get("reason"), *entry.get("flags", []), *(f"?{d}" for d in entry.get("doubts", []))]
    words = " ".join(m for m in marks if m)
    inner = entry.get("record", {})
    first = f" first={entry['first']}" if "first" in entry else ""
    start = f"#{entry['seq']} {entry['verdict']} {words}".rstrip()
    return f"{start}{first} <- {entry['topic']}@{entry['offset']} {inner.get('kind', '')} {_fields(inner)}".rstrip()


def _fields(record: dict[str, Any]) -> str:
    hidden = {"kind", "submitter", "sealed", "certificate_number", "occurred_at"}
    text = " ".join(f"{k}={v}" for k, v in record.items() if k not in hidden)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _key(message: Any) -> str:
    key = message.key()
    return "" if key is None else key.decode(errors="replace")
