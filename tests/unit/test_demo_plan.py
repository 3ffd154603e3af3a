"""Every planted case against the rules themselves, without Kafka: the demo's expectations and `decide` agree.

A gateway in memory takes the place of the real one: the same checks of what is sent, the same step from record to
entry, the same verdict. So a case that is planted wrongly, or a rule that changed, shows within seconds.
"""

from __future__ import annotations

import asyncio
import math
import subprocess
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from random import Random

import orjson
import pytest
from typer.testing import CliRunner

from natalog.cli import build
from natalog.decision import codes
from natalog.decision.codes import REPEATED
from natalog.decision.numbers import is_wellformed, normalise
from natalog.decision.packing import unpack
from natalog.decision.rules import NEWEST
from natalog.demo import run
from natalog.demo.day import BASES, ORDINARY, compose
from natalog.demo.expectation import Expect, accepted, again, differences, problem, refused
from natalog.demo.gateway import Answer
from natalog.demo.ordinary import ordinary
from natalog.demo.plan import cases
from natalog.demo.scene import Scene, today
from natalog.demo.tally import tally
from natalog.events import Principal
from natalog.exits import Exit
from natalog.gateway.auth import Caller
from natalog.gateway.problems import Problem
from natalog.gateway.roles import allowed
from natalog.gateway.submission import prepare
from natalog.gateway.verdict import verdict_json
from natalog.ledger.head import Head
from natalog.ledger.step import PARTITIONS, decide_batch
from natalog.local.stackfile import StackFile
from natalog.sample import Population, filings
from natalog.watch.alert import alert_of
from natalog.watch.obligations import Obligations
from natalog.wire.codec import encode
from natalog.wire.hot import read_entry
from natalog.wire.partition import partition_of
from natalog.wire.topics import INTAKE_TOPICS
from tests.status_reference import find

NOT_PLANTED = {
    "CLAIM_EXPIRED",  # a claim lives for two hours
    "SUCCEEDED_AFTER_USE",  # stands on Succession entries, which nobody submits
    "MISROUTED",  # the gateway routes rightly
}


class InMemory:
    """Gateway, registrar, watch and ledger in one dictionary."""

    def __init__(self):
        self.heads = {p: Head.genesis() for p in range(PARTITIONS)}
        self.states = {}
        self.ledger = {}
        self.offset = 0
        self.owed = {p: Obligations(p, NEWEST, remember_ms=0) for p in range(PARTITIONS)}
        self.told = {}

    async def submit(self, kind, record, person):
        try:
            prepared = prepare(kind, orjson.loads(orjson.dumps(record)), _caller(person))
        except Problem as refusal:
            return Answer(refusal.status, orjson.loads(refusal.body()))
        entry, value = self._decide(INTAKE_TOPICS.index(prepared.topic), prepared.key, prepared.value)
        if prepared.topic == "birth.registrations":
            now = int(time.time() * 1000)
            self.owed[prepared.partition].fold(self.offset, prepared.key, prepared.value, now)
        seq = entry.seq
        if entry.verdict == REPEATED:
            seq = entry.first
            entry, value = self.ledger[prepared.partition, seq]
        body = verdict_json(
            entry,
            value,
            partition=prepared.partition,
            event_id=str(prepared.event_id),
            kind=kind,
            number=prepared.number,
        )
        return Answer(200, orjson.loads(body))

    async def submission(self, event_id, person):
        for partition, owed in self.owed.items():
            now = int(time.time() * 1000)
            for obligation in owed.overdue(now, 100):
                owed.settle(obligation)
                alert = alert_of(obligation, now)
                entry, value = self._decide(INTAKE_TOPICS.index("sla.alerts"), obligation.key, encode(alert))
                self.told[str(alert.event_id)] = verdict_json(
                    entry,
                    value,
                    partition=partition,
                    event_id=str(alert.event_id),
                    kind="filing-overdue",
                    number=alert.certificate_number,
                )
        assert event_id in self.told, "the watch never told of it"
        return Answer(200, orjson.loads(self.told[event_id]))

    async def status(self, number, person):
        number = normalise(number)
        if not is_wellformed(number):
            return Answer(200, {"status": "MALFORMED", "usable": False})
        packed = self.states.get(number.encode())
        state = unpack(packed) if packed else None
        found = find(number, state, int(time.time() * 1000), person.org)
        body = {name: getattr(found, name) for name in ("status", "usable", "contested", "warnings")}
        return Answer(200, body | {"status": str(found.status), "check_id": "c-1"})

    def _decide(self, topic, key, value):
        partition = partition_of(key, PARTITIONS)
        self.offset += 1
        known = {key: self.states[key]} if key in self.states else {}
        outcome = decide_batch(
            self.heads[partition],
            partition,
            [topic],
            [self.offset],
            [int(time.time() * 1000)],
            [key],
            [value],
            known,
            NEWEST,
            lambda raw: raw,
        )
        self.heads[partition] = outcome.head
        self.states |= outcome.states
        ((_, encoded),) = outcome.entries
        entry = read_entry(encoded)
        self.ledger[partition, entry.seq] = entry, encoded
        for target, _, succession in outcome.successions:
            self._decide(INTAKE_TOPICS.index("certificate.invalidations"), target, succession)
        return entry, encoded


def _caller(person):
    org = person.org if len(person.org) == 12 else person.org.ljust(6, "0")
    principal = Principal(sub=person.sub, org=org, roles=(person.role,))
    return Caller(principal=principal, calls=allowed((person.role,)), expires=math.inf)


MADE = [
    f
    for f in filings(
        Population(seed=4, count=BASES * len(cases()) + 400, provinces=("33",), day=today(), irregular=0)
    )
    if "certificate_number" in f
]
UNITS = sorted({str(f["unit_code"]) for f in MADE})


def _scene(index, gateway, *, name="case"):
    own = [dict(f) for f in MADE[index * BASES : (index + 1) * BASES]]
    return Scene(name=name, gateway=gateway, rng=Random(index), bases=own, units=UNITS)


def _play(index, case):
    scene = _scene(index, InMemory(), name=case.name)
    asyncio.run(case.play(scene))
    return scene


@pytest.mark.parametrize(("index", "case"), list(enumerate(cases())), ids=lambda v: getattr(v, "name", ""))
def test_case_is_judged_as_planted(index, case):
    scene = _play(index, case)
    assert scene.steps
    assert [str(d) for step in scene.steps for d in step.differences] == []


def test_ordinary_work_is_clean():
    gateway = InMemory()
    for index in range(60):
        scene = _scene(index, gateway)
        scene.bases = scene.bases[:1]
        asyncio.run(ordinary(scene))
        assert [str(d) for step in scene.steps for d in step.differences] == []


def test_everything_that_can_be_sent_is_planted():
    planted = set()
    for index, case in enumerate(cases()):
        for step in _play(index, case).steps:
            planted |= {step.expect.reason} | step.expect.flags | step.expect.doubts
    known = {c.code for table in (codes.REASONS, codes.FLAGS, codes.DOUBTS) for c in table if c.code}
    assert known - planted == NOT_PLANTED


def test_case_names_are_unique():
    assert [n for n, count in Counter(c.name for c in cases()).items() if count > 1] == []


@pytest.mark.parametrize("registrations", [10, 700])
def test_every_scene_has_what_it_needs(registrations):
    for seed in range(5):
        day = compose(InMemory(), seed=seed, province="33", registrations=registrations)
        ordinary_day = [p for p in day if p.case.subject == ORDINARY]
        assert len(ordinary_day) == registrations
        assert any("certificate_number" in p.scene.bases[0] for p in ordinary_day)
        for played in day:
            assert len(played.scene.bases) == (1 if played.case.subject == ORDINARY else BASES)


def test_a_day_is_the_same_for_the_same_seed():
    def names(seed):
        day = compose(InMemory(), seed=seed, province="33", registrations=100)
        return [(p.scene.name, [b["event_id"] for b in p.scene.bases]) for p in day]

    assert names(3) == names(3)
    assert names(3) != names(4)
    day = compose(InMemory(), seed=3, province="33", registrations=100)
    numbers = [b["certificate_number"] for p in day for b in p.scene.bases if "certificate_number" in b]
    assert len(set(numbers)) == len(numbers)


# The comparison itself: each thing that can be wrong is seen.

BODY = {
    "event_id": "e",
    "certificate_number": "Z331234567",
    "verdict": "ACCEPTED",
    "reason": None,
    "flags": ["FILED_LATE"],
    "doubts": ["OVER_SIX"],
    "suggestion": None,
    "received_at": "2026-03-04T10:00:00.000+08:00",
    "delay_ms": 1_860_000,
    "first": 7,
    "ledger": {"partition": 3, "seq": 12, "hash": "00"},
}
RECORD: dict[str, object] = {"registered_at": "2026-03-04T09:29:00+08:00"}
RIGHT = accepted("FILED_LATE", doubts=("OVER_SIX",), number="Z331234567")


def _fields(expect: Expect, **changes: object) -> list[str]:
    answer = Answer(200, {**BODY, **changes})
    return [field for field, _, _ in differences(expect, answer, "filing", RECORD)]


def test_the_right_answer_has_no_difference():
    assert _fields(RIGHT) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"verdict": "REFUSED"}, "verdict"),
        ({"reason": "USED"}, "reason"),
        ({"flags": []}, "flags"),
        ({"flags": ["FILED_LATE", "UNCHECKED"]}, "flags"),
        ({"doubts": []}, "doubts"),
        ({"delay_ms": None}, "delay_ms"),
        ({"delay_ms": 1_860_001}, "delay_ms"),
        ({"certificate_number": "Z331234568"}, "certificate_number"),
    ],
)
def test_each_wrong_field_is_found(changes, field):
    assert _fields(RIGHT, **changes) == [field]


def test_the_entry_cited_is_compared():
    cited = Answer(200, {**BODY, "ledger": {"partition": 3, "seq": 6, "hash": "00"}})
    assert _fields(replace(RIGHT, first=cited)) == ["first"]


def test_a_repeat_must_bring_the_very_answer():
    expect = again(Answer(200, dict(BODY)))
    assert _fields(expect) == []
    assert _fields(expect, rules=2) == ["the original answer"]


def test_problems_are_compared():
    turned_away = Answer(403, {"detail": "no"})
    assert list(differences(problem(403), turned_away, "filing", RECORD)) == []
    assert [f for f, _, _ in differences(problem(400), turned_away, "filing", RECORD)] == ["verdict"]
    assert [f for f, _, _ in differences(RIGHT, turned_away, "filing", RECORD)] == ["verdict"]
    assert _fields(problem(403)) == ["verdict"]


def test_suggestions_are_compared():
    refusal = {"verdict": "REFUSED", "reason": "MALFORMED_NUMBER", "flags": [], "doubts": []}
    assert _fields(refused("MALFORMED_NUMBER", suggestion="Z330"), **refusal, suggestion="Z330") == []
    assert _fields(refused("MALFORMED_NUMBER", suggestion="Z330"), **refusal) == ["suggestion"]
    assert _fields(refused("MALFORMED_NUMBER", suggestion="*"), **refusal) == ["suggestion"]


class Forgetful(InMemory):
    """Loses one flag, as a broken registrar might."""

    async def submit(self, kind, record, person):
        answer = await super().submit(kind, record, person)
        if answer.body.get("flags"):
            answer.body["flags"] = [f for f in answer.body["flags"] if f != "FILED_LATE"]
        return answer


def late_filings(gateway):
    """The part of a day that files late, played."""
    day = compose(gateway, seed=3, province="33", registrations=10)
    day = [played for played in day if played.case.name == "filed too late"]
    for played in day:
        asyncio.run(played.case.play(played.scene))
    return day


def test_one_flag_lost_is_counted_and_named():
    day = late_filings(Forgetful())
    t = tally(day)
    assert not t.ok
    assert (t.flags["FILED_LATE"].planted, t.flags["FILED_LATE"].found) == (12, 0)
    assert t.subjects["late filings"].wrong == 12
    assert "flags []" in str(t.differences[0])


def stop_halfway(day):
    day[0].failure = "the gateway does not answer"
    return day


@pytest.mark.parametrize(
    ("judged", "alerts", "verify", "code", "says"),
    [
        (lambda: late_filings(InMemory()), 0, 0, Exit.DONE, "the ledger holds"),
        (lambda: late_filings(Forgetful()), 0, 0, Exit.DIFFERS, "12 differ from what was planted. "),
        (
            lambda: stop_halfway(late_filings(InMemory())),
            0,
            0,
            Exit.DIFFERS,
            "1 differ from what was planted. ",
        ),
        (lambda: late_filings(InMemory()), 1, 0, Exit.DIFFERS, "1 differ from what was planted. "),
        (lambda: late_filings(InMemory()), 0, 1, Exit.DIFFERS, "the ledger does not verify. "),
        (lambda: late_filings(Forgetful()), 0, 1, Exit.DIFFERS, "planted and the ledger does not verify. "),
    ],
    ids=["all right", "a verdict", "a story not played", "an alert", "the ledger", "both"],
)
def test_the_exit_code_tells_a_wrong_verdict_and_a_ledger_that_does_not_verify(
    monkeypatch, tmp_path, judged, alerts, verify, code, says
):
    day = judged()
    sent = iter((7, 7 + alerts))  # before the day, and after it

    async def play(*_):
        return day

    monkeypatch.setattr(run, "running", lambda _: nullcontext(StackFile("http://gateway", "kafka", "key")))
    monkeypatch.setattr(run, "_alerts", lambda _: next(sent))
    monkeypatch.setattr(run, "_play", play)
    asked = []

    def verifies(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, verify, "", "")

    monkeypatch.setattr(subprocess, "run", verifies)
    result = CliRunner().invoke(build(["demo"]), ["demo", "--once", "--data", str(tmp_path)])
    assert result.exit_code == code
    assert says in result.output.replace("\n", " ")
    assert [command[-4:] for command in asked] == [["replay", "verify", "--data", str(tmp_path)]]
