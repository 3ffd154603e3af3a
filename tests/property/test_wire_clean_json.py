"""What the quick reader of clean JSON takes is, byte for byte, what the careful way makes of the same object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import example as given_example
from hypothesis import given
from hypothesis import strategies as st

from natalog import events
from natalog.sample import Population, filings
from natalog.wire import codec
from natalog.wire.clean_columns import columns_of, submitter_bytes
from natalog.wire.clean_json import Taken, take
from natalog.wire.fields import MAX_STRING
from natalog.wire.json_form import BadField, from_json
from natalog.wire.kinds import SUBMITTED
from tests.property.test_wire_json import PRINCIPAL, VALUES, example

KINDS = sorted(k for k in SUBMITTED if "certificate_number" in example(k))
TIMES = st.one_of(
    st.from_regex(
        r"\A(0001|1599|16[0-9]{2}|19[0-9]{2}|20[0-9]{2}|2000|9999)-[0-1][0-9]-[0-3][0-9][Tt ]"
        r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]{1,9})?(Z|z|[+-][0-2][0-9]:[0-6][0-9])?\Z"
    ),
    st.datetimes().map(lambda t: t.isoformat() + "Z"),
    st.dates().map(str),
    st.from_regex(r"\A[0-9]{4}-[0-1][0-9]-[0-3][0-9]\Z"),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("0123456789"), min_size=1, max_size=20),
    st.from_regex(r"\A[A-Za-z0-9-]{1,66}\Z"),
    st.from_regex(r"\A[A-Za-z]?[0-9]{8,10}\Z"),
    st.uuids().map(str),
    st.uuids().map(lambda u: str(u).upper()),
    st.uuids().map(lambda u: f" {u}"[:36]),
    st.binary(max_size=12).map(lambda b: orjson.dumps(b.hex()).decode()),
    st.sampled_from(
        ["LIVE", "BACKFILL", "DNA", "NONE", "AAAA", "AAA=", "AA==", "A", "AAAA\n", "x" * MAX_STRING]
    ),
)
ANY = st.one_of(VALUES, TIMES, TEXTS, st.none())


def quick(kind: str, content: dict[str, Any]) -> Taken | None:
    header, columns = columns_of(kind)
    return take(header, columns, content, submitter_bytes(PRINCIPAL))


def careful(kind: str, content: dict[str, Any]) -> Any:
    try:
        return from_json(kind, content, PRINCIPAL)
    except BadField:
        return None


def check(kind: str, content: dict[str, Any]) -> Taken | None:
    """Taken or not, never differently."""
    taken = quick(kind, content)
    if taken is None:
        return None
    record = careful(kind, content)
    assert record is not None, "the quick way took what the careful way refuses"
    assert taken.value == codec.encode(record)
    assert taken.event_id == record.event_id.bytes
    assert (taken.number, taken.unit) == (record.certificate_number, record.unit_code)
    assert taken.backfill == (getattr(record, "origin", None) is events.Origin.BACKFILL)
    return taken


@pytest.mark.parametrize(
    ("key", "clean"),
    [("330106199001011234", False), ("33010619900101123X", False), ("R-330106900101123", False),
     ("330106900101123", False), ("12345678901234", True), ("330106520000202611010001", True), ("R-1", True)],
)  # fmt: skip
def test_a_key_that_may_be_a_citizen_id_goes_the_careful_way(key: str, clean: bool) -> None:
    assert (check("filing", example("filing") | {"registration_id": key}) is not None) is clean


@pytest.mark.parametrize("kind", KINDS)
def test_every_published_example_is_clean(kind: str) -> None:
    assert check(kind, example(kind)) is not None


@pytest.mark.parametrize("origin", ["LIVE", "BACKFILL"])
def test_what_a_province_sends_is_clean(origin: str) -> None:
    taken = 0
    for record in filings(Population(seed=3, count=2_000, origin=origin, irregular=0.2)):
        record.pop("kind", None)
        taken += check("filing", record) is not None
    assert taken > 1_900  # all but those without a certificate number


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("registration_id", "330106202610207031"),
        ("registration_id", "33010620261020703X"),
        ("event_id", "0192f3a1-5c00-7000-8000-0000000000  "),
        ("event_id", "0192f3a1-5c00-7000-8000-00000000000g"),
        ("corrects", "0192f3a15c00-7000-8000-0000-00000001"),
        ("sealed", "AA=A"),
        ("case_ref", ""),
        ("case_ref", "案" * (MAX_STRING + 1)),
        ("case_ref", "\ud800"),
        ("birth_date", "2025-02-29"),
        ("registered_at", "2025-02-28T24:00:00Z"),
        ("registered_at", "2025-02-28T23:59:60Z"),
        ("certificate_number", "Ｍ330123456"),
        ("certificate_number", ""),
        ("category", "ordinary"),
        ("parents_married", 1),
        ("over_six", []),
        ("over_six", {"visit": None}),
    ],
)
def test_what_is_not_clean_goes_the_careful_way(field: str, value: object) -> None:
    assert check("filing", {**example("filing"), field: value}) is None


def test_references_are_mostly_chinese_and_clean() -> None:
    assert check("filing", {**example("filing"), "case_ref": "案" * MAX_STRING}) is not None


@given(st.data())
def test_one_field_with_any_value(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    names = [column.name for column in columns_of(kind)[1]]
    name = data.draw(st.sampled_from([*names, "over_six", "no_such_field"]))
    check(kind, {**example(kind), name: data.draw(ANY)})


@given(st.data())
def test_any_fields_left_out_or_null(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    content = dict(example(kind))
    for name in data.draw(st.lists(st.sampled_from(sorted(content)), max_size=4)):
        content.pop(name, None)
    for name in data.draw(st.lists(st.sampled_from(sorted(example(kind))), max_size=3)):
        content[name] = None
    check(kind, content)


@given(TIMES)
@given_example("2000-02-29T00:00:00Z")
@given_example("1900-02-29T00:00:00Z")
@given_example("1969-12-31T23:59:59.9999999Z")
@given_example("2024-02-29T23:59:59.0019+23:59")
def test_times_and_dates(text: str) -> None:
    taken = check("filing", {**example("filing"), "registered_at": text})
    check("filing", {**example("filing"), "birth_date": text})
    if taken is not None and len(text) == 20 and text >= "1970":
        assert text.endswith("Z")


@given(
    st.dictionaries(
        st.sampled_from(["visit", "face", "fingerprint", "dna", "approval_ref", "x"]), ANY, max_size=6
    )
)
def test_objects_inside(over_six: dict[str, Any]) -> None:
    check("filing", {**example("filing"), "over_six": over_six})


def test_the_callers_principal_is_stamped() -> None:
    other = replace(PRINCIPAL, sub="else", roles=())
    header, columns = columns_of("claim")
    taken = take(header, columns, example("claim"), submitter_bytes(other))
    assert taken is not None
    assert taken.value == codec.encode(from_json("claim", example("claim"), other))
