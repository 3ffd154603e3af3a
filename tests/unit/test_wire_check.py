"""Each fault planted in a copy of schemas, topics, examples, classes or hot.py is found."""

from __future__ import annotations

import dataclasses
import json
import shutil
import types
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from natalog import events
from natalog.wire import check, schemas
from natalog.wire.check import Parts, findings, parts, publish


@pytest.fixture
def copy(tmp_path: Path) -> Parts:
    """A copy of everything that is checked, free to spoil."""
    real = parts()
    shutil.copytree(real.directory, tmp_path / "schemas")
    shutil.copy(real.topics, tmp_path / "topics.yaml")
    shutil.copy(real.hot, tmp_path / "hot.py")
    module = types.ModuleType("events")
    module.__dict__.update(events.__dict__)
    return Parts(tmp_path / "schemas", tmp_path / "topics.yaml", module, tmp_path / "hot.py")


def change(given: Parts, record: str, edit: Callable[[Any], None]) -> None:
    """Edit a schema's present text."""
    path = given.directory / f"{record}.avsc"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def field(document: Any, name: str) -> Any:
    return next(f for f in document["fields"] if f["name"] == name)


def problems(given: Parts) -> str:
    return "\n".join(f"{f.where}: {f.problem}" for f in findings(given))


def test_this_checkout_has_no_findings(copy):
    assert problems(copy) == ""
    assert check.main([]) == 0


ADDED = {"name": "ward", "type": ["null", "string"], "default": None, "doc": "Ward (病区)."}


def test_an_appended_field_with_a_default_is_compatible(copy):
    change(copy, "Claim", lambda d: d["fields"].append(ADDED))
    assert "not published" in problems(copy)
    (path,) = publish(copy.directory)
    assert path.parent.name == "Claim"
    assert path.name.startswith("2-")
    left = problems(copy)
    assert "cannot read" not in left
    assert "must come first" not in left
    assert "events.Claim" in left, "the dataclass lacks it"
    assert "hot.py" in left, "the generated codec too"


BREAKS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a field without default": (
        "cannot read",
        lambda d: d["fields"].append({k: ADDED[k] for k in ("name", "type", "doc")}),
    ),
    "a field removed": ("must come first", lambda d: d["fields"].remove(field(d, "exemption"))),
    "a required field removed": ("cannot read", lambda d: d["fields"].remove(field(d, "registration_id"))),
    "a field renamed": ("cannot read", lambda d: field(d, "registration_id").update(name="registration")),
    "a field put before others": ("must come first", lambda d: d["fields"].insert(0, ADDED)),
    "a type changed": ("cannot read", lambda d: field(d, "registered_at").update(type="string")),
    "a type widened, which old readers refuse": (
        "cannot read",
        lambda d: field(d, "registration_id").update(type=["string", "long"]),
    ),
    "a type promoted, which changes the value": (
        "another value",
        lambda d: field(d, "exemption").update(type=["null", "bytes"]),
    ),
    "null taken away": ("cannot read", lambda d: field(d, "occurred_at").update(type="long", default=0)),
}


@pytest.mark.parametrize(("says", "edit"), BREAKS.values(), ids=BREAKS.keys())
def test_an_incompatible_change_is_found(copy, says, edit):
    change(copy, "Completion", edit)
    publish(copy.directory)
    found = problems(copy)
    assert any(says in line for line in found.splitlines() if line.startswith("Completion.avsc")), found


def test_a_new_enum_symbol_breaks_old_readers(copy):
    change(copy, "Withdrawal", lambda d: field(d, "action")["type"]["symbols"].append("REVOKE"))
    assert "version 2 writes, version 1 cannot read" in problems(copy)


def test_versions_are_compared_with_every_one_published_not_only_the_last(copy):
    change(copy, "Claim", lambda d: d["fields"].append(ADDED))
    publish(copy.directory)
    change(copy, "Claim", lambda d: d["fields"].remove(ADDED))
    change(copy, "Claim", lambda d: d["fields"].append({**ADDED, "type": ["null", "long"]}))
    publish(copy.directory)
    found = problems(copy)
    assert "version 3 writes, version 2 cannot read" in found
    assert "version 1 cannot read" not in found


def test_two_texts_with_one_fingerprint_are_found_and_not_published(copy):
    change(copy, "Claim", lambda d: field(d, "unit_code").update(doc="Another text (单位代码)."))
    assert "share the fingerprint" in problems(copy)
    with pytest.raises(ValueError, match="fingerprint"):
        publish(copy.directory)


def test_one_schema_under_two_names_is_found(copy):
    text = (copy.directory / "Claim.avsc").read_text()
    (copy.directory / "Reservation.avsc").write_text(text)
    assert "share the fingerprint" in problems(copy)


def published(given: Parts, record: str) -> Path:
    return next((given.directory / "published" / record).glob("*.avsc"))


def test_a_published_text_that_was_edited_is_found(copy):
    path = published(copy, "Claim")
    path.write_text(path.read_text().replace('"unit_code"', '"unit"'))
    assert "was edited" in problems(copy)


def test_a_published_text_that_was_removed_is_found(copy):
    change(copy, "Claim", lambda d: d["fields"].append(ADDED))
    publish(copy.directory)
    published_first = next((copy.directory / "published" / "Claim").glob("1-*.avsc"))
    published_first.unlink()
    assert "not numbered" in problems(copy)


def test_a_schema_removed_after_it_was_published_is_found(copy):
    (copy.directory / "Heartbeat.avsc").unlink()
    assert "old values could not be read" in problems(copy)


@pytest.mark.parametrize(
    ("doc", "says"), [("", "no English doc"), ("只有中文", "no English doc"), ("A unit.", "no Chinese term")]
)
def test_a_field_without_a_bilingual_doc_is_found(copy, doc, says):
    change(copy, "Filing", lambda d: field(d, "division").update(doc=doc))
    assert f"Filing.avsc: Filing.division: {says}" in problems(copy)


def test_a_nested_field_without_doc_is_found(copy):
    change(copy, "Filing", lambda d: field(d, "over_six")["type"][1]["fields"][0].pop("doc"))
    assert "Filing.avsc: OverSix.visit: no English doc" in problems(copy)


TOPIC_FAULTS = {
    "a schema on no topic": (
        "records: [FilingOverdue]",
        "records: []",
        "FilingOverdue.avsc: stands on no topic",
    ),
    "a topic without records": ("records: [FilingOverdue]", "records: []", "sla.alerts: carries no records"),
    "a record without schema": ("records: [Entry]", "records: [Entry, Ghost]", "carries Ghost"),
    "a topic nobody reads": ("consumers: [projector]", "consumers: []", "nobody reads it"),
    "a service nobody knows": ("consumers: [projector]", "consumers: [projection]", "services are registrar"),
    "an intake number twice": ("intake: 4", "intake: 3", "intake numbers"),
    "an unknown setting": (
        "partitions: 1\n",
        "partitions: 1\n    retention: 5\n",
        "unknown settings: retention",
    ),
    "a data class nobody knows": ("data_class: public", "data_class: secret", "needs a data_class"),
    "a number that YAML would change": ('retention.ms: "-1"', "retention.ms: -1", "in quotes"),
}


@pytest.mark.parametrize(("old", "new", "says"), TOPIC_FAULTS.values(), ids=TOPIC_FAULTS.keys())
def test_faults_of_topics(copy, old, new, says):
    text = copy.topics.read_text()
    assert old in text
    copy.topics.write_text(text.replace(old, new, 1))
    assert says in problems(copy)


def test_missing_example(copy):
    (copy.directory / "examples" / "Claim.json").unlink()
    assert "Claim.avsc: has no example" in problems(copy)


def test_example_without_schema(copy):
    (copy.directory / "examples" / "Ghost.json").write_text("{}")
    assert "examples/Ghost.json: has no schema" in problems(copy)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"unit_code": "1"}, "does not fit"),
        ({"ward": "x"}, "does not fit"),
        ({"occurred_at": "2026-11-01T09:30:00+08:00"}, "another JSON form"),
    ],
)
def test_example_that_does_not_fit(copy, changes, says):
    path = copy.directory / "examples" / "Claim.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    assert says in problems(copy)


def spoiled(**annotations: Any) -> type:
    """Claim with other fields."""
    fields = {f.name: (f.name, f.type, f) for f in dataclasses.fields(events.Claim)}
    made = [
        (name, annotations.get(name, type_), dataclasses.field(default=f.default, kw_only=True))
        for name, type_, f in fields.values()
        if annotations.get(name, type_) is not None
    ]
    return dataclasses.make_dataclass("Claim", made)


@pytest.mark.parametrize(
    ("class_", "says"),
    [
        (spoiled(occurred_at=None), "events.Claim: has other fields"),
        (spoiled(occurred_at="str"), "events.Claim.occurred_at: is str, its schema says int | None"),
    ],
)
def test_a_class_that_differs_from_its_schema(copy, class_, says):
    copy.classes.Claim = class_
    assert says in problems(copy)


def test_a_class_with_another_default(copy):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class OverSix:
        visit: bool = True
        face: bool = False
        fingerprint: bool = False
        dna: bool = False
        approval_ref: str | None = None

    copy.classes.OverSix = OverSix
    assert "events.OverSix.visit: has another default" in problems(copy)


def test_an_enum_that_differs(copy):
    copy.classes.__dict__["Origin"] = StrEnum("Origin", {"BACKFILL": "BACKFILL", "LIVE": "LIVE"})
    assert "events.Origin: differs" in problems(copy)


def test_a_schema_without_class(copy):
    del copy.classes.Heartbeat
    assert "Heartbeat.avsc: Heartbeat: has no class" in problems(copy)


def test_a_generated_codec_that_is_out_of_date(copy):
    copy.hot.write_text(copy.hot.read_text() + "\n")
    assert "hot.py: is not up to date" in problems(copy)


def test_the_table_and_the_exit_code(copy, monkeypatch, capsys):
    (copy.directory / "examples" / "Claim.json").unlink()
    monkeypatch.setattr(check, "parts", lambda: copy)
    assert check.main([]) == 1
    assert "has no example" in " ".join(capsys.readouterr().out.split())


def test_schemas_are_loaded_with_their_versions(copy):
    change(copy, "Claim", lambda d: d["fields"].append(ADDED))
    claim = schemas.load(copy.directory)["Claim"]
    assert [v.number for v in claim.versions] == [1, 2]
    assert claim.newest.text == (copy.directory / "Claim.avsc").read_text()
