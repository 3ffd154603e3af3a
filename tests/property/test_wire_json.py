"""JSON of any shape is a record or a BadField, and the published JSON Schema agrees with the reader."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from natalog import events
from natalog.resources import resource
from natalog.wire import codec
from natalog.wire.fields import MAX_STRING
from natalog.wire.json_form import BadField, from_json, parse, to_json
from natalog.wire.json_schema import json_schema
from natalog.wire.kinds import RECORD_OF_KIND, SUBMITTED
from natalog.wire.schemas import SCHEMAS

PRINCIPAL = events.Principal(sub="s", org="330106", roles=("adapter",))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
VALUES = st.one_of(
    JSON,
    st.sampled_from(
        [
            "2026-11-01T09:30:00+08:00",
            "2026-11-01T09:30:00Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59.999999-23:59",
            "2026-11-01",
            "0192f3a1-5c00-7000-8000-000000000001",
            "M330123456",
            "330106520000",
            "330106",
            "AAAA",
            "ORDINARY",
            "LIVE",
            "ADD",
            "20",
            "x" * MAX_STRING,
            "x" * (MAX_STRING + 1),
        ]
    ),
)


@cache
def example(kind: str) -> dict[str, Any]:
    """The example of a kind as a client would send it."""
    path = resource("schemas") / "examples" / f"{RECORD_OF_KIND[kind].__name__}.json"
    form: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    form.pop("submitter", None)
    return form


@cache
def validator(kind: str) -> Draft202012Validator:
    schema = json_schema(RECORD_OF_KIND[kind].__name__)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("kind", RECORD_OF_KIND)
def test_every_record_has_a_valid_json_schema(kind):
    validator(kind)


@pytest.mark.parametrize("kind", SUBMITTED)
def test_examples_validate(kind):
    assert list(validator(kind).iter_errors(example(kind))) == []


@given(st.sampled_from(SUBMITTED), st.data())
def test_a_changed_field_is_a_record_or_a_bad_field(kind, data):
    names = [f.name for f in SCHEMAS[RECORD_OF_KIND[kind].__name__].newest.type.fields]
    obj = {**example(kind)}
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.one_of(st.sampled_from(names), st.text(max_size=10)))
        if data.draw(st.booleans()):
            obj.pop(name, None)
        else:
            obj[name] = data.draw(VALUES)
    try:
        record = from_json(kind, obj, PRINCIPAL)
    except BadField:
        return
    assert list(validator(kind).iter_errors(obj)) == [], "the JSON Schema must take what the reader takes"
    assert codec.decode(codec.encode(record)) == record
    assert parse(kind, to_json(record)) == record


@given(st.sampled_from(list(RECORD_OF_KIND)), JSON)
def test_any_json_is_a_record_or_a_bad_field(kind, obj):
    for read in (lambda: from_json(kind, obj, PRINCIPAL), lambda: parse(kind, obj)):
        with pytest.raises(BadField):
            read()


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_code": "1"},
        {"category": "NORMAL"},
        {"parents_married": "yes"},
        {"over_six": {"visit": 1}},
        {"ward": "x"},
        {"registration_id": "a b"},
        {"sealed": "A" * 200_000},
        {"submitter": {"sub": "s", "org": "o", "roles": []}},
        {"case_ref": "x" * (MAX_STRING + 1)},
        {"origin": None},
    ],
    ids=lambda c: next(iter(c)),
)
def test_what_both_refuse(changes):
    obj = {**example("filing"), **changes}
    assert list(validator("filing").iter_errors(obj)) != []
    with pytest.raises(BadField):
        from_json("filing", obj, PRINCIPAL)


def test_the_largest_filing_fits_its_topic():
    obj = example("filing")
    texts = [n for n, f in json_schema("Filing")["properties"].items() if f.get("maxLength") == MAX_STRING]
    record = from_json(
        "filing", {**obj, **dict.fromkeys(texts, "户" * MAX_STRING), "sealed": "AAAA" * 43_690}, PRINCIPAL
    )
    assert len(codec.encode(record)) < 250_000
