"""Files of records: what may be sent side by side, under which token, and what is sent again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from natalog.cli.submission_file import WINDOW, BadLine, Line, subject, windows
from natalog.cli.submission_sender import _bodies, _final, _rounds


def lines(tmp_path: Path, *records: dict[str, Any], name: str = "f.ndjson") -> list[Line]:
    path = tmp_path / name
    body = "".join(json.dumps(r) + "\n" for r in records).encode()
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return [line for window, _ in windows(path) for line in window]


def record(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "unit_code": "330106520000", **more}


def test_the_kind_is_taken_off_and_the_rest_is_sent_as_it_is(tmp_path: Path) -> None:
    for name in ("f.ndjson", "f.ndjson.gz"):
        (line,) = lines(tmp_path, record("filing", registration_id="R"), name=name)
        assert json.loads(line.body) == {"unit_code": "330106520000", "registration_id": "R"}


@pytest.mark.parametrize("text", ["x", "[]", "{}", '{"kind": "entry"}', "1"])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f"
    path.write_text(f'{{"kind":"claim"}}\n\n{text}\n')
    with pytest.raises(BadLine, match="Line 3"):
        list(windows(path))


def test_records_of_one_number_or_registration_keep_their_order(tmp_path: Path) -> None:
    found = lines(
        tmp_path,
        record("claim", certificate_number="A"),
        record("claim", certificate_number="B"),
        record("filing", certificate_number="A", registration_id="R"),
        record("withdrawal", certificate_number="C", registration_id="R"),
        record("invalidation", certificate_number="D", replaced_by="B"),
        record("filing", certificate_number="D"),
        record("filing"),
    )
    assert [[line.number for line in round_] for round_ in _rounds(found)] == [[1, 2, 7], [3, 5], [4, 6]]


def test_one_request_has_one_kind_and_one_token(tmp_path: Path) -> None:
    found = lines(
        tmp_path,
        record("claim"),
        record("filing"),
        record("claim"),
        record("claim", unit_code="110105520000"),
        record("withdrawal", action="REQUEST"),
        record("withdrawal", action="APPROVE"),
    )
    assert [[line.number for line in body] for body in _bodies(found)] == [[1, 3], [2], [4], [5], [6]]


def test_an_approval_is_another_persons(tmp_path: Path) -> None:
    request, approval, removal = lines(
        tmp_path,
        record("withdrawal", action="REQUEST"),
        record("withdrawal", action="APPROVE"),
        record("blacklist-change", action="APPROVE_REMOVE"),
    )
    assert subject(request) != subject(approval) == subject(removal)
    assert approval.role == removal.role == "province_admin"


def test_large_files_come_in_windows(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text('{"kind":"claim"}\n' * (WINDOW + 1))
    assert [len(window) for window, _ in windows(path)] == [WINDOW, 1]


def test_what_is_worth_sending_again() -> None:
    assert _final(b'{"verdict":"REFUSED","status":202}')
    assert _final(b'{"type":"x","status":422}')
    for status in (202, 500, 503):
        assert not _final(b'{"status":%d}' % status)
