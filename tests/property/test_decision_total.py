"""No record makes a decision fail: one that did would halt its partition (DESIGN section 6)."""

from __future__ import annotations

import uuid
from dataclasses import fields, replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from natalog import events
from natalog.events import Principal
from natalog.wire.schemas import SCHEMAS
from tests.property.wire_records import values
from tests.unit.decision.scenario import World
from tests.unit.decision.telling import Step, completion, filing, void

IDS = [uuid.UUID(int=n) for n in range(4)]
UNITS = st.sampled_from(
    ["330106520000", "330203530000", "330100", "", "x", "3301", "330106", "３３０１０６520000"]
)
NUMBERS = st.sampled_from(
    ["Z330123456", "Z330200002", "330123456", "z330123456", "", " ", "Z33O", "\0", None]
)
EXTREMES = st.sampled_from(
    [0, 1, -1, 2**31, -(2**31), 2**50, 2**50 + 1, -(2**50) - 1, 2**62, 2**63 - 1, -(2**63), 1_782_871_200_000]
)
DAYS = st.sampled_from([0, -1, 9495, 9496, 11322, 11323, 20_000, 2**31 - 1, -(2**31)])
# What fields a rule looks at may well hold; anything the schema allows is drawn besides.
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "event_id": st.sampled_from(IDS),
    "certificate_number": NUMBERS,
    "unit_code": UNITS,
    "registration_id": st.sampled_from(["R1", "R2", "", "\U0001f600", "x" * 70_000]),
    "registered_at": EXTREMES,
    "registered_on": DAYS,
    "birth_date": DAYS,
    "effective_at": EXTREMES,
    "due_at": EXTREMES,
    "request_id": st.sampled_from(IDS),
    "owner": UNITS,
    "issuer": UNITS,
    "replaced_by": NUMBERS,
    "predecessor": NUMBERS,
    "contested_by": NUMBERS,
    "chain": st.lists(st.sampled_from(["Z330123456", "Z330200002", ""]), max_size=5).map(tuple),
    "gate": st.sampled_from([str(i) for i in IDS] + ["", "-", "\u0130" * 40, "x" * 1000]),
    "exemption": st.sampled_from(["BORN_ABROAD", "BEFORE_1996", "CASE_DECIDED", ""]),
    "placement_basis": st.sampled_from(["CASE_DECIDED", "STUDENT_PARENTS", "?"]),
    "submitter": st.builds(
        Principal,
        sub=st.sampled_from(["wang", "li", ""]),
        org=UNITS,
        roles=st.sampled_from([("station",), ("adapter",), (), ("x",) * 50]),
    ),
}


def _record(kind: type[Any]) -> st.SearchStrategy[Any]:
    types = {field.name: values(field.type) for field in SCHEMAS[kind.__name__].newest.type.fields}
    nullable = {f.name for f in fields(kind) if f.default is None}
    drawn = {}
    for name, any_value in types.items():
        usual = USUAL.get(name)
        if usual is None:
            drawn[name] = any_value
        else:
            drawn[name] = st.one_of(
                usual, usual, usual, any_value, *([st.none()] if name in nullable else [])
            )
    return st.builds(kind, **drawn)


STEPS = st.builds(Step, st.one_of([_record(kind) for kind in events.INTAKE]), EXTREMES)


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=12))
def test_every_record_gets_a_decision(steps):
    world = World()
    for step in steps:
        world.take(step)


@settings(max_examples=60, deadline=None)
@given(EXTREMES, EXTREMES, EXTREMES)
@example(-(2**63), 2**63 - 1, -(2**63))
def test_clocks_decades_off(received, registered, effective):
    world = World()
    told = [completion(), void(by="Z330200002"), filing()]
    for step in (*told, *told):
        record = step.record
        for name, value in (("registered_at", registered), ("effective_at", effective)):
            if hasattr(record, name):
                record = replace(record, **{name: value})
        world.take(Step(replace(record, event_id=uuid.uuid4()), received))


def test_huge_records():
    world = World()
    many = tuple(f"Z33{n:07}" for n in range(20_000))
    head = {"unit_code": "330106520000", "submitter": Principal(sub="r", org="", roles=("registrar",) * 5000)}
    for n in range(3):
        sent = events.Succession(
            event_id=uuid.UUID(int=n),
            certificate_number="Z330123456",
            predecessor=f"Z33000000{n}",
            registration_id="R" * 100_000,
            chain=many,
            **head,
        )
        world.take(Step(sent, n))
    world.take(void(by="Z330200002"))
    assert len(world.sent) == 1
