"""Ranges: which numbers, which records, in bounded memory, and the same again."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
import pytest

from natalog.events import BlacklistChange, Principal
from natalog.gateway.auth import Caller
from natalog.gateway.bulk import Bulk
from natalog.gateway.intake_producer import QueueFull
from natalog.gateway.problems import Problem
from natalog.gateway.ranges import MAX_NUMBERS, Ranges, Records, numbers_of
from natalog.gateway.roles import allowed
from natalog.wire.codec import decode
from natalog.wire.partition import partition_of

EVENT = "0192f3a1-5c00-7000-8000-000000000001"


def caller(role: str = "prefecture_admin", org: str = "330100") -> Caller:
    return Caller(Principal(sub="a", org=org, roles=(role,)), allowed([role]), 4e9)


def change(first: str, last: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": EVENT, "unit_code": "330100", "action": "ADD", "cause": "LOST", "owner": "330100",
        "range": {"first": first, "last": last}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [("M330123400", "M330123400", 1), ("M330000000", "M330099999", MAX_NUMBERS), ("330000001", "330000010", 10),
     ("ｍ330000001", " M330000002 ", 2)],
)  # fmt: skip
def test_the_numbers_of_a_range(first: str, last: str, count: int) -> None:
    found = numbers_of({"first": first, "last": last})
    numbers = list(found)
    assert len(found) == len(numbers) == len(set(numbers)) == count
    assert numbers == sorted(numbers)
    assert len({len(n) for n in numbers}) == 1


@pytest.mark.parametrize(
    ("value", "status", "field"),
    [
        (None, 400, "range"),
        ([], 400, "range"),
        ({"first": "M330000001"}, 400, "range"),
        ({"first": "M330000001", "last": "M330000002", "step": 2}, 400, "range"),
        ({"first": 1, "last": "M330000002"}, 400, "range.first"),
        ({"first": "M330000001", "last": "M33O000002"}, 422, "range.last"),
        ({"first": "M330000001", "last": "N330000002"}, 422, "range.last"),
        ({"first": "M339999999", "last": "M340000001"}, 422, "range.last"),
        ({"first": "330000001", "last": "M330000002"}, 422, "range.last"),
        ({"first": "M330000002", "last": "M330000001"}, 422, "range.last"),
        ({"first": "M330000000", "last": "M330100000"}, 422, "range.last"),
    ],
)
def test_what_is_no_range(value: Any, status: int, field: str) -> None:
    with pytest.raises(Problem) as refused:
        numbers_of(value)
    assert (refused.value.status, refused.value.field) == (status, field)


def test_a_slip_in_a_range_comes_with_a_suggestion() -> None:
    with pytest.raises(Problem) as refused:
        numbers_of({"first": "M330000001", "last": "M33O000002"})
    assert refused.value.suggestion == "M330000002"


@pytest.mark.parametrize(
    ("kind", "more", "role", "status", "field"),
    [
        ("claim", {}, "station", 400, "range"),
        ("blacklist-change", {"certificate_number": "M330000001"}, "prefecture_admin", 400, "certificate_number"),
        ("blacklist-change", {"range_id": EVENT}, "prefecture_admin", 400, "range_id"),
        ("blacklist-change", {"colour": 1}, "prefecture_admin", 400, "colour"),
        ("blacklist-change", {}, "station", 403, None),
        ("blacklist-change", {"unit_code": "340100"}, "prefecture_admin", 403, "unit_code"),
        ("invalidation", {"owner": None, "issuer": "330100", "action": "VOID", "replaced_by": "M330000009"},
         "health_authority", 400, "replaced_by"),
    ],
)  # fmt: skip
def test_what_a_range_may_not_say(
    kind: str, more: dict[str, Any], role: str, status: int, field: Any
) -> None:
    content = {k: v for k, v in change("M330000001", "M330000002", **more).items() if v is not None}
    with pytest.raises(Problem) as refused:
        Records(kind, content, caller(role))
    assert (refused.value.status, refused.value.field) == (status, field)


def test_certificates_are_not_reinstated_by_range() -> None:
    content = {k: v for k, v in change("M330000001", "M330000002", action="REINSTATE", issuer="330100").items()
               if k not in ("owner", "cause")}  # fmt: skip
    with pytest.raises(Problem) as refused:
        Records("invalidation", content, caller("health_authority"))
    assert refused.value.field == "action"


def test_event_ids_follow_from_the_ranges_and_an_approval_cites_each_numbers_own_request() -> None:
    request = change("M330000001", "M330000003", action="REQUEST_REMOVE")
    del request["cause"]
    asked = list(Records("blacklist-change", request, caller()))
    assert [r.event_id for r in asked] == [uuid.uuid5(uuid.UUID(EVENT), f"M33000000{n}") for n in (1, 2, 3)]
    assert {r.range_id for r in asked} == {uuid.UUID(EVENT)}
    approval = {**request, "action": "APPROVE_REMOVE", "request_id": EVENT, "event_id": str(uuid.uuid4())}
    for record, cited in zip(Records("blacklist-change", approval, caller()), asked, strict=True):
        assert isinstance(record, BlacklistChange)
        assert (record.request_id, record.certificate_number) == (cited.event_id, cited.certificate_number)


class Producer:
    """Confirms what it took when it is told to; full after `most`."""

    def __init__(self, most: int, fail_at: int = -1) -> None:
        self.taken: list[tuple[str, int, bytes, bytes]] = []
        self.reports: list[Any] = []
        self._most = most
        self._fail_at = fail_at

    def send(self, topic: str, partition: int, key: bytes, value: bytes, report: Any) -> None:
        if len(self.reports) >= self._most:
            raise QueueFull
        self.taken.append((topic, partition, key, value))
        self.reports.append(report)

    def confirm(self) -> None:
        reports, self.reports = self.reports, []
        for at, report in enumerate(reports, len(self.taken) - len(reports)):
            report(None if at == self._fail_at else at)


class Known:
    """What is decided of ranges."""

    def __init__(self, another: bool) -> None:
        self._another = another

    def is_another(self, range_id: uuid.UUID, first: str, last: str, content: Any) -> bool:
        assert (str(range_id), first, last) == (EVENT, "M330000001", "M330001000")
        return self._another


async def send(producer: Producer, bulk: Bulk, most_open: list[int], another: bool = False) -> bytes:
    sending = asyncio.create_task(
        Ranges(producer, bulk, Known(another)).send(
            "blacklist-change", change("M330000001", "M330001000"), caller()
        )
    )
    while not sending.done():
        await asyncio.sleep(0.001)
        most_open[0] = max(most_open[0], len(producer.reports))
        assert not (sending.done() and producer.reports), "answered before every record was confirmed"
        producer.confirm()
    return await sending


@pytest.mark.parametrize(("queue", "room"), [(50, 100), (1_000, 100), (10_000, 5_000)])
def test_every_number_is_sent_within_the_budget_and_the_answer_follows_the_last_confirmation(
    queue: int, room: int
) -> None:
    producer, bulk, most_open = Producer(queue), Bulk(room), [0]
    answer = orjson.loads(asyncio.run(send(producer, bulk, most_open)))
    assert answer == {"range_id": EVENT, "count": 1_000, "location": f"/v1/ranges/{EVENT}"}
    assert most_open[0] <= min(queue, room)
    assert bulk.used == 0
    assert {t[0] for t in producer.taken} == {"birth.backfill"}
    numbers = [decode(t[3]).certificate_number for t in producer.taken]
    assert numbers == [f"M33000{n:04d}" for n in range(1, 1_001)]
    assert all(
        t[2] == n.encode() and t[1] == partition_of(t[2], 12)
        for t, n in zip(producer.taken, numbers, strict=True)
    )


def test_the_same_bytes_again() -> None:
    sent = []
    for _ in range(2):
        producer = Producer(100)
        asyncio.run(send(producer, Bulk(100), [0]))
        sent.append(producer.taken)
    assert sent[0] == sent[1]


def test_an_unconfirmed_record_is_no_202() -> None:
    bulk = Bulk(100)
    with pytest.raises(Problem) as refused:
        asyncio.run(send(Producer(100, fail_at=500), bulk, [0]))
    assert (refused.value.status, refused.value.kind, refused.value.event_id) == (
        503,
        "unknown-outcome",
        EVENT,
    )
    assert bulk.used == 0


def test_another_range_under_its_id_is_refused_before_anything_is_sent() -> None:
    producer = Producer(100)
    with pytest.raises(Problem) as refused:
        asyncio.run(send(producer, Bulk(100), [0], another=True))
    problem = refused.value
    assert (problem.status, problem.kind, problem.field, problem.event_id) == (
        422,
        "bad-range",
        "event_id",
        EVENT,
    )
    assert producer.taken == []
