"""MISROUTED, UNREADABLE, REPEATED: what a record is before anything is decided about it."""

import hashlib
import re
from typing import Any

import pytest

from natalog import events
from natalog.decision.rules import NEWEST
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch, is_registration_id
from natalog.wire.codec import decode, encode
from natalog.wire.errors import UnknownFingerprint
from natalog.wire.fields import looks_like_citizen_id, rule_of
from natalog.wire.partition import partition_of
from natalog.wire.topics import INTAKE_TOPICS
from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    HOUR,
    NUMBER,
    OTHER,
    T0,
    Step,
    approve_withdrawal,
    ask_withdrawal,
    backfill,
    blacklist,
    claim,
    completion,
    event,
    filing,
    overdue,
    release,
    succession,
    void,
)


def test_a_wrong_key_is_misrouted_and_the_entry_keeps_it():
    w = given()
    w.when(filing(), key=OTHER.encode()).then_refused("MISROUTED")
    assert w.told[0].key == OTHER.encode()
    assert w.state(OTHER).seen == b""


def test_a_wrong_partition_is_misrouted():
    wrong = (partition_of(NUMBER.encode(), 12) + 1) % 12
    w = given()
    w.when(filing(), partition=wrong).then_refused("MISROUTED")
    assert w.told[0].key is None


@pytest.mark.parametrize(
    ("step", "good"),
    [
        (claim(), {"birth.registrations"}),
        (release(), {"birth.registrations"}),
        (completion(), {"birth.registrations"}),
        (filing(), {"birth.registrations", "birth.backfill"}),
        (ask_withdrawal(), {"birth.registrations", "birth.backfill"}),
        (blacklist(), {"blacklist.changes", "birth.backfill"}),
        (void(), {"certificate.invalidations", "birth.backfill"}),
        (overdue(), {"sla.alerts"}),
    ],
    ids=lambda v: type(v.record).__name__ if isinstance(v, Step) else "",
)
def test_a_wrong_topic_is_misrouted(step, good):
    for topic in INTAKE_TOPICS:
        entry = given().when(step, topic=topic).entry
        assert (entry.reason == "MISROUTED") == (topic not in good), topic


def test_a_misrouted_record_leaves_no_trace_on_the_number():
    w = given()
    e = filing("R1", id="e")
    w.when(e, partition=(partition_of(NUMBER.encode(), 12) + 1) % 12)
    w.when(e).then_accepted()


def test_misrouted_goes_before_repeated():
    e = claim(id="e")
    w = given(e)
    w.when(e, topic="sla.alerts").then_refused("MISROUTED")
    w.when(e, key=b"r:R1").then_refused("MISROUTED")


NAMES_A_REGISTRATION = {
    "completion": completion,
    "filing": filing,
    "backfill": backfill,
    "request": ask_withdrawal,
    "approval": lambda reg: approve_withdrawal("ask", reg),
    "succession": succession,
    "overdue": overdue,
}
NONE = [
    "",
    "R" * 65,
    "R 1",
    "R1\n",
    "R_1",
    "登记-1",
    "R１",
    "ß",
    "33010619900101123X",
    "330106199001011234",
    "330106900101123",
    "R-33010619900101123x-1",
    "1-330106900101123",
]
SOME = [
    "R",
    "-",
    "-" * 64,
    "R" * 64,
    "1" * 15,
    "1" * 18,
    "330106-19900101-1234",
    "R330106199001011234",
    "3301061990010112345",
    "330106261101001",
]
names = pytest.mark.parametrize("told", NAMES_A_REGISTRATION.values(), ids=NAMES_A_REGISTRATION)


@names
@pytest.mark.parametrize("text", NONE)
def test_a_registration_id_that_is_none_is_misrouted_and_leaves_no_trace(told, text):
    w = given()
    w.when(told(text)).then_refused("MISROUTED")
    assert w.told[0].key is None
    assert w.state().seen == b""


@names
@pytest.mark.parametrize("text", SOME)
def test_any_other_registration_id_is_one(told, text):
    assert given().when(told(text)).entry.reason != "MISROUTED"


def test_a_succession_may_name_no_registration():
    given().when(succession(None)).then_accepted("SUCCESSION")


def test_an_exempt_childs_registration_id_must_be_one_too():
    given().when(filing("", None, exemption="ABANDONED")).then_refused("MISROUTED")
    given().when(filing("330106199001011234", None)).then_refused("MISROUTED")


@pytest.mark.parametrize("text", [*NONE, *SOME])
def test_the_registrar_and_the_gateway_agree_on_registration_ids(text):
    rule = rule_of("Filing", "registration_id")
    assert is_registration_id(text) == bool(
        re.fullmatch(rule.pattern, text) and not looks_like_citizen_id(text)
    )


def test_an_empty_registration_id_makes_no_spare_certificate():
    w = given()
    w.when(filing("", NUMBER)).then_refused("MISROUTED")
    w.when(void(NUMBER, by=OTHER)).then_accepted()
    w.when(filing("R2", OTHER)).then_accepted()
    w.when(filing("R1", NUMBER, registered=0)).then_refused("INVALIDATED", doubts=VOID, first=1)


@pytest.mark.parametrize(
    ("step", "key"),
    [
        (filing("R-1", None), b"r:R-1"),
        (filing("R-1", "33O"), b"r:R-1"),
        (filing("R-1", ""), b"r:R-1"),
        (filing("R-1", "330123456"), b"330123456"),
        (completion("R-1", None), b"r:R-1"),
        (ask_withdrawal("R-1", None), b"r:R-1"),
        (overdue("R-1", None), b"r:R-1"),
        (claim(number=None, id="x"), b"e:" + str(event("x")).encode()),
        (blacklist(number="33O", id="x"), b"e:" + str(event("x")).encode()),
    ],
    ids=lambda v: type(v.record).__name__ if isinstance(v, Step) else v.decode()[:3],
)
def test_the_key_without_a_well_formed_number(step, key):
    assert given().when(step, key=key).entry.reason != "MISROUTED"
    assert given().when(step, key=key + b"1").entry.reason == "MISROUTED"


def read(value: bytes) -> Any:
    """An entry, decoded."""
    return decode(value)


def batch(*values):
    n, key = len(values), NUMBER.encode()
    return decide_batch(
        Head.genesis(),
        partition_of(key, 12),
        [0] * n,
        list(range(n)),
        [T0] * n,
        [key] * n,
        list(values),
        {},
        NEWEST,
        lambda raw: b"sealed" + raw,
    )


@pytest.mark.parametrize("value", [None, b"", b"\xc3", b"\xc3\x01", b"hello", b"{}", b"\x00" * 40])
def test_what_is_no_record_is_unreadable(value):
    out = batch(value)
    entry = read(out.entries[0][1])
    assert isinstance(entry, events.Entry)
    assert isinstance(entry.input, events.Unreadable)
    assert (str(entry.verdict), entry.reason, entry.flags) == ("UNREADABLE", None, ())
    assert entry.input.hash == hashlib.sha256(value or b"").digest()
    assert entry.input.sealed == b"sealed" + (value or b"")
    assert out.states == {}


def test_a_truncated_record_is_unreadable():
    value = encode(filing().record)
    verdicts = {str(read(batch(value[:n]).entries[0][1]).verdict) for n in range(10, len(value), 7)}
    assert verdicts == {"UNREADABLE"}
    assert str(read(batch(value + b"\0").entries[0][1]).verdict) == "UNREADABLE"


def test_an_unknown_fingerprint_halts_and_is_no_verdict():
    with pytest.raises(UnknownFingerprint):
        batch(b"\xc3\x01" + b"\x11" * 8 + b"body")


def test_one_record_one_entry_in_order_and_chained():
    steps = [claim(), filing("R1"), filing("R1"), filing("R2"), claim()]
    values: list[bytes | None] = [encode(s.record) for s in steps]
    values += [values[1], b"noise", None]
    out = batch(*values)
    entries = [read(v) for _, v in out.entries]
    assert [e.seq for e in entries] == list(range(8))
    assert [e.offset for e in entries] == list(range(8))
    assert entries[0].prev == bytes(32)
    for (_, before), after in zip(out.entries, entries[1:], strict=False):
        assert after.prev == hashlib.sha256(before).digest()
    assert (out.head.seq, out.head.prev) == (8, hashlib.sha256(out.entries[-1][1]).digest())
    assert out.head.causes[0] == 7
    repeat = entries[5].input
    assert isinstance(repeat, events.Repeat)
    assert (repeat.event_id, entries[5].first) == (steps[1].record.event_id, 1)


@pytest.mark.parametrize("at", [-1, 2**62])
def test_a_broker_time_that_is_none_is_held_within_bounds(at):
    w = given()
    w.when(claim(at=at - T0, occurred_at=T0)).then_accepted()
    assert w.state().claims[0].granted_at == w.state().last_at == (0 if at < 0 else 2**50)


def test_decision_time_does_not_step_back_and_a_step_beyond_skew_is_counted():
    w = given(claim(at=HOUR))
    assert w.state().last_at == T0 + HOUR
    w.when(release(at=0)).then_accepted()
    assert w.state().last_at == T0 + HOUR
