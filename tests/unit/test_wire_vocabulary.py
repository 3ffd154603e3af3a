"""One table of codes: what a decision knows, what the wire takes and what the OpenAPI document shows are the same."""

from __future__ import annotations

import re
from typing import Any

import pytest

from natalog.decision import doubts, vocabulary
from natalog.decision.vocabulary import EXEMPTIONS, HOUSEHOLD_KINDS, PATERNITY_EVIDENCE, VOCABULARIES
from natalog.wire.clean_columns import columns_of
from natalog.wire.json_schema import json_schema
from natalog.wire.json_values import Problem, reader
from natalog.wire.kinds import KIND_OF_RECORD
from natalog.wire.schemas import SCHEMAS

KINDS = {record.__name__: kind for record, kind in KIND_OF_RECORD.items()}


def fields_of(name: str) -> list[tuple[str, Any]]:
    """Records and fields that a vocabulary's name means."""
    record, _, field = name.rpartition(".")
    return [
        (schema, f)
        for schema in KINDS
        for f in SCHEMAS[schema].newest.type.fields
        if f.name == field and record in ("", schema)
    ]


@pytest.mark.parametrize(("name", "codes"), VOCABULARIES.items(), ids=VOCABULARIES)
def test_the_wire_takes_and_shows_the_codes_of_the_table_and_no_other(
    name: str, codes: dict[str, str]
) -> None:
    found = fields_of(name)
    assert found, "no record has such a field"
    for record, field in found:
        shown = json_schema(record)["properties"][field.name]
        assert [code for code in shown["enum"] if code is not None] == list(codes)
        assert all(f"{code} {zh}" in shown["description"] for code, zh in codes.items())
        (column,) = [c for c in columns_of(KINDS[record])[1] if c.name == field.name]
        assert list(column.codes) == list(codes)
        read = reader(field.type.plain, record, field.name)
        assert [read(code) for code in codes] == list(codes)
        for other in ("", "NO_SUCH", next(iter(codes)).lower()):
            with pytest.raises(Problem, match="not in the vocabulary"):
                read(other)


def test_every_table_is_in_use_and_every_code_has_its_chinese() -> None:
    tables = [table for name, table in vars(vocabulary).items() if name.isupper() and isinstance(table, dict)]
    tables.remove(VOCABULARIES)
    used = [id(table) for table in VOCABULARIES.values()] + [id(EXEMPTIONS)]
    assert [table for table in tables if id(table) not in used] == []
    for table in (*VOCABULARIES.values(), EXEMPTIONS):
        for code, zh in table.items():
            assert re.fullmatch(r"[A-Z][A-Z0-9_]*", code)
            assert re.search(r"[\u4e00-\u9fff]", zh), code


def test_doubts_rest_on_codes_there_are() -> None:
    assert HOUSEHOLD_KINDS.keys() > doubts._COLLECTIVE
    assert PATERNITY_EVIDENCE.keys() > doubts._PATERNITY_SHOWN
