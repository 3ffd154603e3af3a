"""The view of blacklist entries and ranges: equal to the numbers' own states, inside the org only, page by page."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from natalog.decision.packing import unpack
from natalog.events import BlacklistAction, BlacklistChange, Invalidation, InvalidationAction, Principal
from natalog.gateway.listings import Listings, Question, rows
from natalog.ledger.head import Head
from natalog.ledger.store import Position
from natalog.status.store import ViewStore
from natalog.status.view import Rows
from natalog.wire.content import content_of
from natalog.wire.hot import read_entry
from natalog.wire.partition import partition_of
from tests.golden.memory_ledger import PARTITIONS, MemoryLedger

DAY = 20_700


class View:
    """A ledger in memory, and a store that is filled from it as the replica does."""

    def __init__(self, directory: Path) -> None:
        self.ledger = MemoryLedger()
        self.store = ViewStore(directory, PARTITIONS)
        self.listings = Listings(lambda: [Rows(self.store, partition) for partition in range(PARTITIONS)])

    def fold(self) -> None:
        for partition, records in self.ledger.ledger.items():
            made: dict[bytes, bytes] = {}
            for record in records:
                assert record.value is not None
                made |= rows(read_entry(record.value), record.value, record.offset)
            self.store.write(partition, Position(Head.genesis(), -1), [], {}, None, made)

    def change(self, number: str, action: str, owner: str = "330100", **more: Any) -> uuid.UUID:
        org = more.pop("org", owner)
        record = BlacklistChange(
            **{
                "event_id": self.ledger.id(),
                "certificate_number": number,
                "unit_code": org,
                "submitter": Principal(sub=more.pop("sub", "a"), org=org, roles=("prefecture_admin",)),
                "action": BlacklistAction(action),
                "owner": owner,
                **more,
            }
        )
        self.ledger.now += 1
        self.ledger.send(record)
        return record.event_id

    def page(self, org: str = "330100", **more: Any) -> dict[str, Any]:
        self.fold()
        return self.listings.blacklist(Question(org=org, day=DAY, **more))

    def state(self, number: str) -> Any:
        key = number.encode()
        return unpack(self.ledger._states[int(partition_of(key, PARTITIONS))][key])


@pytest.fixture
def view(tmp_path: Path) -> Iterator[View]:
    view = View(tmp_path / "store")
    yield view
    view.store.close()


def test_an_entry_with_its_history(view: View) -> None:
    added = view.change("M330000001", "ADD", cause="STOLEN", evidence_ref="A-1")
    asked = view.change("M330000001", "REQUEST_REMOVE")
    (entry,) = view.page()["entries"]
    assert (entry["listed"], entry["cause"], entry["removal_requests"]) == (True, "STOLEN", [str(asked)])
    view.change(
        "M330000001", "APPROVE_REMOVE", request_id=asked
    )  # the same person: refused, no part of the history
    view.change("M330000001", "APPROVE_REMOVE", request_id=asked, sub="b")
    (entry,) = view.page()["entries"]
    assert (entry["listed"], entry["cause"], entry["removal_requests"]) == (False, None, [])
    assert [c["action"] for c in entry["history"]] == ["ADD", "REQUEST_REMOVE", "APPROVE_REMOVE"]
    assert [c["submitter"] for c in entry["history"]] == ["a", "a", "b"]
    assert entry["history"][0]["event_id"] == str(added)
    assert entry["history"][2]["request_id"] == str(asked)


def test_an_approval_sent_again_after_a_new_listing_takes_nothing_off(view: View) -> None:
    view.change("M330000001", "ADD")
    asked = view.change("M330000001", "REQUEST_REMOVE")
    for action, more in (
        ("APPROVE_REMOVE", {"request_id": asked}),
        ("ADD", {}),
        ("APPROVE_REMOVE", {"request_id": asked}),
    ):
        view.change("M330000001", action, sub="b", **more)
    (entry,) = view.page()["entries"]
    assert view.state("M330000001").listing("330100") is not None
    assert entry["listed"]
    assert len(entry["history"]) == 5


@pytest.mark.parametrize("seed", range(20))
def test_listed_is_what_the_numbers_state_says(view: View, seed: int) -> None:
    """Any history, double approvals and late ones too."""
    chance = random.Random(seed)
    requests: list[uuid.UUID] = [uuid.UUID(int=7)]
    for _ in range(60):
        number, owner = chance.choice(["M330000001", "330000002"]), chance.choice(["330100", "330200"])
        action = chance.choice(list(BlacklistAction)).value
        more: dict[str, Any] = {"sub": chance.choice("ab")}
        if action == "APPROVE_REMOVE":
            more["request_id"] = chance.choice(requests)
        made = view.change(number, action, owner, **more)
        if action == "REQUEST_REMOVE":
            requests.append(made)
    entries = view.page(org="330000")["entries"]
    assert entries
    for entry in entries:
        state = view.state(entry["certificate_number"])
        listing = state.listing(entry["owner"])
        assert entry["listed"] == (listing is not None)
        if listing is not None:
            assert (
                next(c["seq"] for c in entry["history"] if c["received_at"] == entry["listed_at"])
                == listing.seq
            )
        wanted = {
            str(uuid.UUID(bytes=r.event_id)) for r in state.requests if r.about.endswith(entry["owner"])
        }
        assert set(entry["removal_requests"]) == wanted


def test_only_inside_the_org(view: View) -> None:
    for owner, number in (("330100", "M330000001"), ("330200", "M330000001"), ("340100", "M330000001")):
        view.change(number, "ADD", owner)
    owners = lambda org: [e["owner"] for e in view.page(org=org)["entries"]]  # noqa: E731
    assert owners("330000") == ["330100", "330200"]
    assert owners("330100") == ["330100"]
    assert owners("330106") == owners("330106520000") == owners("350000") == owners("000000") == []
    assert view.page(org="330100", owner="330200")["entries"] == []


def test_a_merged_prefectures_entries_are_its_heirs(view: View) -> None:
    view.ledger.now = 1_400_000_000_000  # 2014, before Laiwu went to Jinan
    view.change("M370000001", "ADD", "371200")
    assert [e["owner"] for e in view.page(org="370100")["entries"]] == ["371200"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_add_up_over_owners_and_partitions(view: View, limit: int) -> None:
    numbers = [f"M33000{n:04d}" for n in range(25)]
    for number in numbers:
        for owner in ("330100", "330200"):
            view.change(number, "ADD", owner)
    view.fold()
    found, after = [], ""
    while after is not None:
        page = view.listings.blacklist(Question(org="330000", day=DAY, limit=limit, after=after))
        found += [(e["owner"], e["certificate_number"]) for e in page["entries"]]
        assert len(page["entries"]) <= limit
        after = page["next"]
    assert found == [(owner, number) for owner in ("330100", "330200") for number in numbers]


def test_one_number_and_what_stands(view: View) -> None:
    for number in ("M330000001", "M330000012", "330000001"):
        view.change(number, "ADD")
    asked = view.change("M330000012", "REQUEST_REMOVE")
    view.change("M330000012", "APPROVE_REMOVE", request_id=asked, sub="b")
    of = lambda **q: [e["certificate_number"] for e in view.page(**q)["entries"]]  # noqa: E731
    assert of(number="M330000001") == ["M330000001"]
    assert of(number="330000001") == ["330000001"]
    assert of(number="M330000099") == []
    assert of(listed=True) == ["330000001", "M330000001"]
    assert of(listed=False) == ["M330000012"]


RANGE = uuid.UUID("0192f3a1-5c00-7000-8000-000000000029")


def void(number: str, org: str = "330100", **more: Any) -> Invalidation:
    return Invalidation(
        **{
            "event_id": uuid.uuid5(RANGE, number), "certificate_number": number, "unit_code": org,
            "submitter": Principal(sub="h", org=org, roles=("health_authority",)),
            "action": InvalidationAction.VOID, "issuer": "330100", "cause": "ERROR", "range_id": RANGE, **more,
        }
    )  # fmt: skip


def send_voids(view: View, numbers: range, **more: Any) -> None:
    for n in numbers:
        view.ledger.send(void(f"M3300{n:05d}", **more), topic="birth.backfill")


def test_a_range_is_counted_once_per_number_and_inside_the_org_only(view: View) -> None:
    send_voids(view, range(30))
    send_voids(view, range(10))  # sent again
    view.ledger.send(void("M340000001", "340100"))  # another province under the same id: NOT_OWNER
    view.fold()
    counts = view.listings.range_counts(RANGE, "330100", DAY)
    assert counts == {
        "range_id": str(RANGE),
        "decided": 30,
        "verdicts": {"ACCEPTED": 30, "REFUSED": 0},
        "reasons": {},
        "flags": {},
        "reused": 0,
    }
    other = view.listings.range_counts(RANGE, "340100", DAY)
    assert other is not None
    assert (other["decided"], other["reasons"]) == (1, {"NOT_OWNER": 1})
    assert view.listings.range_counts(RANGE, "350000", DAY) is None
    assert view.listings.range_counts(uuid.uuid4(), "330100", DAY) is None


def test_what_says_something_else_under_a_ranges_id_decides_none_of_its_numbers(view: View) -> None:
    """Half a range and as much of another body are not the whole."""
    send_voids(view, range(15))
    send_voids(view, range(15), cause="REPLACED")
    single = void("M330099999", event_id=uuid.uuid4())  # names the range, and is no number of it
    view.ledger.send(single, topic="birth.backfill")
    view.fold()
    counts = view.listings.range_counts(RANGE, "330100", DAY)
    assert counts is not None
    assert (counts["decided"], counts["verdicts"], counts["reasons"], counts["reused"]) == (
        15, {"ACCEPTED": 15, "REFUSED": 0}, {}, 15,
    )  # fmt: skip


def test_a_number_whose_event_id_was_used_before_is_decided_too(view: View) -> None:
    view.ledger.send(void("M330000001", range_id=None, cause="REPLACED"))
    send_voids(view, range(1, 3))
    view.fold()
    counts = view.listings.range_counts(RANGE, "330100", DAY)
    assert counts is not None
    assert (counts["decided"], counts["reasons"], counts["reused"]) == (2, {"EVENT_ID_REUSED": 1}, 0)


@pytest.mark.parametrize(
    ("first", "last", "more", "another"),
    [
        (10, 129, {}, False),  # the same
        (10, 140, {}, False),  # so far nobody can know
        (5, 129, {}, False),
        (11, 129, {}, True),
        (10, 128, {}, True),
        (130, 140, {}, True),
        (10, 129, {"cause": "REPLACED"}, True),
        (10, 129, {"unit_code": "330000"}, True),
    ],
)
def test_another_range_under_the_same_id_is_known_by_what_is_decided(
    view: View, first: int, last: int, more: dict[str, Any], another: bool
) -> None:
    def asked(letter: str = "M") -> bool:
        start, end = (f"{letter}3300{n:05d}" for n in (first, last))
        return view.listings.is_another(RANGE, start, end, lambda number: content_of(void(number, **more)))

    assert not asked()  # nothing is decided yet
    send_voids(view, range(10, 130))
    view.fold()
    assert asked() is another
    assert all(asked(letter) for letter in ("", "A", "N"))
