"""Each fault that can be planted is found, at its exact place."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from natalog import events
from natalog.events import Repeat, Unreadable, Verdict
from natalog.ledger import step
from natalog.replay import again, chain
from natalog.replay.finding import Findings, Kind
from natalog.replay.source import MemorySource, Record
from natalog.replay.verify import verify
from natalog.wire.codec import encode
from natalog.wire.hot import read_command
from tests.golden.memory_ledger import seal
from tests.unit.replay.planted import Planted, input_of, is_filing

# The chain ------------------------------------------------------------------------------------------------------------


def test_flipped_byte_that_no_decision_looks_at():
    planted = Planted()
    partition, seq = planted.find(lambda e: is_filing(e) and input_of(e).key_id == "33-2026", before_end=2)
    value = bytearray(planted.ledger[partition][seq].value or b"")
    value[bytes(value).index(b"33-2026")] ^= 1
    planted.put(partition, seq, bytes(value))
    assert planted.places() == [
        (Kind.INTAKE, partition, seq, "input.key_id"),
        (Kind.CHAIN, partition, seq + 1, "prev"),
    ] or planted.places() == [
        (Kind.CHAIN, partition, seq + 1, "prev"),
        (Kind.INTAKE, partition, seq, "input.key_id"),
    ]


@pytest.mark.parametrize("at", [0, 9, 10, 12, 50])
def test_flipped_byte_in_an_entrys_head(at):
    """In magic, fingerprint, seq, prev, topic."""
    planted = Planted()
    partition, seq = 3, 5
    value = bytearray(planted.ledger[partition][seq].value or b"")
    value[at] ^= 1
    planted.put(partition, seq, bytes(value))
    found = planted.audit().found
    assert found[0].partition == partition
    assert found[0].offset == 2 * seq
    assert {f.partition for f in found if f.kind in (Kind.CHAIN, Kind.VOID, Kind.UNKNOWN_FORMAT)} == {
        partition
    }


def test_removed_entry():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "USED" and is_filing(e), before_end=3)
    planted.ledger[partition].pop(seq)
    found = planted.places()
    assert (Kind.CHAIN, partition, seq + 1, "seq") in found
    assert (Kind.CAUSE_MISSING, partition) in {(f[0], f[1]) for f in found}
    assert found[0][1:3] == (partition, seq + 1)


def test_first_entry_removed():
    planted = Planted()
    planted.ledger[4].pop(0)
    assert planted.places()[0] == (Kind.CHAIN, 4, 1, "seq")


def test_duplicated_entry():
    planted = Planted()
    log = planted.ledger[3]
    log.insert(8, log[7]._replace(offset=log[7].offset + 1))
    report = planted.audit()
    (found,) = report.found
    assert (found.kind, found.partition, found.seq, found.offset, found.field) == (Kind.VOID, 3, 7, 15, "seq")
    assert (found.expected, found.found) == ("8", "7")
    assert report.partitions[3].void == 1


def test_swapped_entries():
    planted = Planted()
    log = planted.ledger[5]
    first, second = log[10], log[11]
    log[10], log[11] = (
        first._replace(value=second.value, key=second.key),
        second._replace(value=first.value, key=first.key),
    )
    assert planted.places() == [(Kind.ORDER, 5, 11, "seq")]


def test_strangers_between_entries():
    """Bytes that are no entry, a null, another kind of record, a stale chain of two: all void, none stops the audit."""
    planted = Planted()
    log = planted.ledger[7]
    stale = [log[3], log[4]]
    foreign = [Record(0, 0, b"k", v) for v in (b"nonsense", None, encode(input_of(planted.entry(7, 2))))]
    for record in (*foreign, *stale):
        log.insert(12, record._replace(offset=23))
    report = planted.audit()
    assert [(f.kind, f.partition, f.offset) for f in report.found] == [(Kind.VOID, 7, 23)] * 5
    assert report.partitions[7].void == 5
    assert report.partitions[7].entries == len(log) - 5


def test_stranger_at_the_end():
    planted = Planted()
    planted.ledger[7].append(Record(999, 0, b"k", b"nonsense"))
    found = planted.audit().found
    assert [(f.kind, f.partition, f.offset, f.found) for f in found] == [
        (Kind.VOID, 7, 999, "8 bytes that are none")
    ]


def test_break_is_taken_up_again_without_waiting_for_the_end(monkeypatch):
    """Else a break at the start would hold a whole partition in memory."""
    monkeypatch.setattr(chain, "PATIENCE", 4)
    planted = Planted()
    planted.ledger[5].pop(6)
    following = chain.Chain(5, Findings(10))
    assert len(following.feed(planted.ledger[5])) == len(planted.ledger[5])
    assert following.end() == []
    report = planted.audit()
    assert report.found[0].kind is Kind.CHAIN
    assert report.partitions[5].entries == len(planted.ledger[5])
    assert report.partitions[5].seq == len(planted.ledger[5])


def test_entry_decided_twice_with_a_right_chain():
    planted = Planted()
    entry = planted.entry(3, 9)
    before = next(e for s in range(8, -1, -1) if (e := planted.entry(3, s)).topic == entry.topic)
    planted.forge(3, 9, offset=before.offset)
    found = planted.places()
    assert (Kind.CHAIN, 3, 9, "offset") in found


def test_entry_under_another_key():
    planted = Planted()
    log = planted.ledger[5]
    log[10] = log[10]._replace(key=b"Y330000000")
    assert planted.places()[0] == (Kind.CHAIN, 5, 10, "key")


def test_beginning_gone():
    planted = Planted()
    source_log = planted.ledger[2]
    del source_log[:]

    class Cut(MemorySource):
        def ledger_bounds(self, partition: int) -> tuple[int, int]:
            return (40, 40) if partition == 2 else super().ledger_bounds(partition)

    found = verify(Cut({2: source_log}, {})).found
    assert [(f.kind, f.partition, f.found) for f in found] == [(Kind.SHORTENED, 2, "the log begins at 40")]


# Causes ---------------------------------------------------------------------------------------------------------------


def test_intake_record_without_entry():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.topic == "certificate.invalidations" and e.offset == 2)
    log = planted.intake["certificate.invalidations", partition]
    log.insert(1, log[0]._replace(offset=1))
    (found,) = planted.audit().found
    assert (found.kind, found.partition, found.seq) == (Kind.CAUSE_MISSING, partition, seq)
    assert "certificate.invalidations offset 1" in found.found


def test_entry_without_intake_record():
    planted = Planted()
    log = planted.intake["birth.registrations", 5]
    gone = log.pop(4)
    (found,) = [f for f in planted.audit().found if f.kind is Kind.CAUSE_UNKNOWN]
    assert planted.entry(5, found.seq or 0).offset == gone.offset


def test_altered_input_with_a_right_chain():
    """The decision does not depend on it: only the intake can tell."""
    planted = Planted()
    partition, seq = planted.find(lambda e: "IMPOSSIBLE_YEAR" in e.flags, before_end=1)
    altered = replace(input_of(planted.entry(partition, seq)), mother_token="another", sealed=b"other")
    planted.forge(partition, seq, input=encode(altered))
    found = planted.audit().found
    assert [(f.kind, f.partition, f.seq, f.field) for f in found] == [
        (Kind.INTAKE, partition, seq, "input.mother_token"),
        (Kind.INTAKE, partition, seq, "input.sealed"),
    ]
    assert "another" not in str(found), "values may be personal"


def test_broker_time_altered():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "MISROUTED")
    planted.forge(partition, seq, received_at=planted.entry(partition, seq).received_at - 1)
    assert planted.places() == [(Kind.INTAKE, partition, seq, "received_at")]


def test_intake_that_the_broker_did_not_stamp():
    planted = Planted()
    partition, seq = planted.find(is_filing)
    entry = planted.entry(partition, seq)
    log = planted.intake[entry.topic, partition]
    place = next(at for at, record in enumerate(log) if record.offset == entry.offset)
    log[place] = log[place]._replace(by_broker=False)
    assert planted.places() == [(Kind.INTAKE, partition, seq, "received_at")]


def test_intake_under_another_key():
    planted = Planted()
    log = planted.intake["blacklist.changes", 5]
    log[0] = log[0]._replace(key=b"k")
    (found,) = planted.audit().found
    assert (found.kind, found.partition, found.field, found.expected) == (Kind.INTAKE, 5, "key", "k")


# Decisions ------------------------------------------------------------------------------------------------------------

FORGERIES: dict[str, tuple[Callable[[events.Entry], bool], dict[str, Any]]] = {
    "flags": (lambda e: "UNCHECKED" in e.flags and is_filing(e), {"flags": ()}),
    "doubts": (lambda e: "FOLLOWS_NEITHER" in e.doubts, {"doubts": ()}),
    "first": (lambda e: e.reason == "USED" and is_filing(e), {"first": 0}),
    "delay_ms": (lambda e: e.delay_ms is not None, {"delay_ms": 1}),
    "reason": (lambda e: e.reason == "MALFORMED_NUMBER", {"reason": "MISSING_NUMBER"}),
    "key": (lambda e: e.reason == "MISROUTED" and e.key is None, {"key": "own"}),
    "claim_expires_at": (
        lambda e: e.claim_expires_at is not None and "PREFIX_WARNING" in e.flags,
        {"claim_expires_at": 7},
    ),
}


@pytest.mark.parametrize("field", FORGERIES)
def test_forged_field_with_a_right_chain(field):
    wanted, changes = FORGERIES[field]
    planted = Planted()
    partition, seq = planted.find(wanted)
    if changes == {"key": "own"}:
        changes = {"key": planted.ledger[partition][seq].key}
    planted.forge(partition, seq, **changes)
    found = [place for place in planted.places() if place[0] is Kind.DECISION]
    assert found == [(Kind.DECISION, partition, seq, field)]


def test_forged_verdict_with_a_right_chain():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "NOT_LISTED")
    planted.forge(partition, seq, verdict=Verdict.ACCEPTED, reason=None)
    found = planted.audit().found
    assert [(f.kind, f.partition, f.seq, f.offset, f.field, f.expected, f.found) for f in found] == [
        (Kind.DECISION, partition, seq, 2 * seq, "verdict", "REFUSED", "ACCEPTED"),
        (Kind.DECISION, partition, seq, 2 * seq, "reason", "NOT_LISTED", "null"),
    ]


def test_forged_rule_set():
    """Under the set it names, the claim would end sooner."""
    planted = Planted()
    partition, seq = planted.find(lambda e: e.claim_expires_at is not None and e.rules == 1)
    planted.forge(partition, seq, rules=100)
    assert planted.places()[0] == (Kind.DECISION, partition, seq, "claim_expires_at")


def test_same_entry_in_other_bytes():
    """Flags in a block that tells its size say the same, and are not what a registrar writes."""
    planted = Planted()
    partition, seq = planted.find(lambda e: e.flags == ("UNCHECKED",) and is_filing(e))
    value = planted.ledger[partition][seq].value or b""
    plain, padded = b"\x02\x12UNCHECKED\x00", b"\x01\x14\x12UNCHECKED\x00"
    assert value.count(plain) == 1
    planted.put(partition, seq, value.replace(plain, padded))
    planted.rehash(partition, seq + 1)
    assert planted.places() == [(Kind.DECISION, partition, seq, "encoding")]


@pytest.mark.parametrize("expired", [False, True])
def test_repeat_that_names_the_wrong_first(expired):
    planted = Planted()
    partition, seq = planted.find(lambda e: e.verdict is Verdict.REPEATED and (e.first or 0) > 0)
    if expired:
        planted.expire()
    planted.forge(partition, seq, first=0)
    assert planted.places() == [(Kind.DECISION, partition, seq, "first")]


def test_repeat_of_nothing():
    planted = Planted()
    planted.expire()
    partition, seq = planted.find(lambda e: e.verdict is Verdict.REPEATED)
    made_up = Repeat(event_id=uuid.UUID(int=7), content=bytes(32))
    planted.forge(partition, seq, input=made_up)
    assert planted.places() == [(Kind.DECISION, partition, seq, "verdict")]


def test_repeat_of_other_content():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.verdict is Verdict.REPEATED)
    told = planted.entry(partition, seq).input
    assert isinstance(told, Repeat)
    planted.forge(partition, seq, input=replace(told, content=bytes(32)))
    assert planted.places() == [
        (Kind.INTAKE, partition, seq, "input.content"),
        (Kind.DECISION, partition, seq, "verdict"),
    ]


def test_new_record_called_a_repeat():
    """It carries the record's own id and content, which no entry before it decided."""
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "NOT_LISTED")
    entry = planted.entry(partition, seq)
    command = read_command(entry.input)
    told = Repeat(event_id=uuid.UUID(bytes=command.event_id), content=command.content)
    planted.forge(partition, seq, verdict=Verdict.REPEATED, reason=None, first=0, input=told)
    assert planted.places()[0] == (Kind.DECISION, partition, seq, "verdict")
    planted.expire()
    assert planted.places()[0] == (Kind.DECISION, partition, seq, "verdict")


@pytest.mark.parametrize(
    ("field", "value", "expired", "found"),
    [
        ("hash", bytes(32), False, [(Kind.INTAKE, "input.hash"), (Kind.DECISION, "input.hash")]),
        ("hash", bytes(32), True, [(Kind.DECISION, "input.hash")]),
        ("length", 77, False, [(Kind.INTAKE, "input.length"), (Kind.DECISION, "input")]),
        ("length", 77, True, [(Kind.DECISION, "input")]),
        ("sealed", b"\x00", False, [(Kind.DECISION, "input")]),
        ("sealed", b"\x00", True, [(Kind.DECISION, "input.sealed")]),
    ],
)
def test_unreadable_with_another(field, value, expired, found):
    planted = Planted()
    partition, seq = planted.find(lambda e: e.verdict is Verdict.UNREADABLE)
    if expired:
        planted.expire()
    told = planted.entry(partition, seq).input
    assert isinstance(told, Unreadable)
    planted.forge(partition, seq, input=replace(told, **{field: value}))
    assert planted.places() == [(kind, partition, seq, name) for kind, name in found]


def test_readable_record_called_unreadable():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "MALFORMED_NUMBER")
    raw = planted.entry(partition, seq).input
    assert isinstance(raw, bytes)
    hidden = Unreadable(hash=sha256(raw).digest(), length=len(raw), sealed=seal(raw))
    key = planted.ledger[partition][seq].key
    told = {"verdict": Verdict.UNREADABLE, "reason": None, "flags": (), "delay_ms": None, "key": key}
    planted.forge(partition, seq, **told, input=hidden)
    assert planted.places()[0] == (Kind.DECISION, partition, seq, "verdict")


def test_rules_that_fail(monkeypatch):
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "NOT_LISTED")
    event = input_of(planted.entry(partition, seq)).event_id.bytes
    genuine = step.decide_batch

    def failing(*arguments: Any) -> Any:
        if any(value and event in value for value in arguments[6]):
            raise ZeroDivisionError
        return genuine(*arguments)

    monkeypatch.setattr(again, "decide_batch", failing)
    (found,) = planted.audit().found
    assert (found.kind, found.partition, found.seq) == (Kind.DECISION_FAILED, partition, seq)
    assert found.found == "ZeroDivisionError"


# What this build does not know ----------------------------------------------------------------------------------------

NEWER = b"\xc3\x01newer..."


def test_entry_of_a_newer_schema():
    """The chain goes on over it; the next entry names its hash."""
    planted = Planted()
    log = planted.ledger[5]
    log[9] = log[9]._replace(value=NEWER + b"body", key=b"Y000000000")

    prev = sha256(NEWER + b"body").digest()
    planted.put(5, 10, encode(replace(planted.entry(5, 10), prev=prev)))
    planted.rehash(5, 11)
    report = planted.audit()
    assert (report.found[0].kind, report.found[0].offset) == (Kind.UNKNOWN_FORMAT, 18)
    assert b"newer...".hex() in report.found[0].found
    assert Kind.CHAIN not in report.findings.counts
    assert report.partitions[5].seq == len(log) - 1


def test_input_of_a_newer_schema():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "NOT_LISTED", before_end=1)
    planted.forge(partition, seq, input=NEWER + b"body")
    found = planted.audit().found
    assert (Kind.UNKNOWN_FORMAT, partition, seq, "input") in planted.places()
    assert Kind.CHAIN not in {f.kind for f in found}


def test_unknown_flag():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "NOT_LISTED", before_end=1)
    planted.forge(partition, seq, flags=("NEW_FLAG",))
    report = planted.audit()
    assert report.found[0].kind is Kind.UNKNOWN_FORMAT
    assert "NEW_FLAG" in report.found[0].found
    assert Kind.CHAIN not in report.findings.counts


# I1 and I2, without the rules -----------------------------------------------------------------------------------------


@pytest.fixture
def without_rules(monkeypatch):
    """As if `decide` and `evolve` agreed with every forgery."""
    monkeypatch.setattr(again.Again, "take", lambda self, links, causes: None)


@pytest.mark.usefixtures("without_rules")
def test_model_alone_finds_nothing_on_a_right_ledger():
    assert [p for p in Planted().places() if p[0] is not Kind.SUCCESSION_FORGED] == []


@pytest.mark.usefixtures("without_rules")
def test_second_standing_registration():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "USED" and is_filing(e))
    planted.forge(partition, seq, verdict=Verdict.ACCEPTED, reason=None, first=None, flags=())
    assert (Kind.ONE_STANDS, partition, seq, "verdict") in planted.places()


@pytest.mark.usefixtures("without_rules")
def test_number_freed_by_one_person():
    planted = Planted()
    partition, seq = planted.find(
        lambda e: e.reason == "NEEDS_SECOND_PERSON" and isinstance(input_of(e), events.Withdrawal)
    )
    planted.forge(partition, seq, verdict=Verdict.ACCEPTED, reason=None)
    assert (Kind.ONE_STANDS, partition, seq, "verdict") in planted.places()


@pytest.mark.usefixtures("without_rules")
def test_withdrawal_forgotten():
    planted = Planted()
    partition, seq = planted.find(lambda e: "WITHDRAWN_BEFORE" in e.flags)
    flags = tuple(f for f in planted.entry(partition, seq).flags if f != "WITHDRAWN_BEFORE")
    planted.forge(partition, seq, flags=flags)
    assert (Kind.ONE_STANDS, partition, seq, "flags") in planted.places()


@pytest.mark.usefixtures("without_rules")
def test_submission_decided_twice():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.verdict is Verdict.REPEATED)
    entry = planted.entry(partition, seq)
    original = planted.entry(partition, entry.first or 0)
    planted.forge(partition, seq, verdict=Verdict.REFUSED, reason="USED", first=None, input=original.input)
    assert (Kind.ONE_ENTRY, partition, seq, "verdict") in planted.places()


def test_second_standing_registration_with_the_rules():
    planted = Planted()
    partition, seq = planted.find(lambda e: e.reason == "USED" and is_filing(e))
    planted.forge(partition, seq, verdict=Verdict.ACCEPTED, reason=None, first=None, flags=())
    found = planted.places()
    assert (Kind.DECISION, partition, seq, "verdict") in found
    assert (Kind.ONE_STANDS, partition, seq, "verdict") in found
