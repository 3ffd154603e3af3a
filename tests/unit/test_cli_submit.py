"""Files of records: what may be sent side by side, under which token, and what is sent again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from natalog.cli.submission_file import WINDOW, BadLine, Line, subject, windows
from natalog.cli.submission_sender import _bodies, _of_line, _rounds, is_final


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
    assert is_final(b'{"verdict":"REFUSED","status":202}')
    assert is_final(b'{"type":"x","status":422}')
    for status in (202, 408, 429, 500, 503):
        assert not is_final(b'{"status":%d}' % status)


def test_a_taken_range_is_final_and_a_problem_names_the_files_line(tmp_path: Path) -> None:
    assert is_final(b'{"range_id":"x","status":202,"count":5,"location":"y"}')
    line = lines(tmp_path, *[record("claim")] * 3)[2]
    assert json.loads(_of_line(line, b'{"type":"x","status":400,"line":1}'))["line"] == 3
    assert _of_line(line, b'{"verdict":"ACCEPTED"}') == b'{"verdict":"ACCEPTED"}'


class Gateway:
    """Answers in place of the one behind HTTP; dies after `dies_after` records."""

    sent: list[str]
    dies_after: int = 10**9
    late: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **options: Any) -> None: ...

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(self, *args: Any) -> None: ...

    async def send(self, found: list[Line]) -> list[bytes]:
        answers = []
        for line in found:
            if len(self.sent) == self.dies_after:
                raise KeyboardInterrupt
            event_id = json.loads(line.body)["event_id"]
            self.sent.append(event_id)
            verdict = {"event_id": event_id, "verdict": "ACCEPTED", "reason": None, "flags": [], "doubts": []}
            answers.append({"event_id": event_id, "status": 202} if event_id in self.late else verdict)
        return [json.dumps(answer).encode() for answer in answers]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> type[Gateway]:
    from natalog.cli import submission_file, submission_sender

    made = type("Made", (Gateway,), {"sent": []})
    monkeypatch.setattr(submission_sender, "Sender", made)
    monkeypatch.setattr(submission_file, "WINDOW", 10)
    return made


def submitted(tmp_path: Path, *more: str) -> Any:
    from natalog.cli.submit import submit

    app = typer.Typer()
    app.command()(submit)
    token = tmp_path / "token"
    token.write_text("t")
    arguments = [str(tmp_path / "f.ndjson"), "--gateway", "http://x", "--token-file", str(token), *more]
    return CliRunner().invoke(app, arguments)


def records_file(tmp_path: Path, count: int, start: str = "e") -> list[str]:
    ids = [f"{start}{n:03d}" for n in range(count)]
    (tmp_path / "f.ndjson").write_text("".join(json.dumps(record("claim", event_id=i)) + "\n" for i in ids))
    return ids


def test_a_stopped_run_goes_on_where_its_verdicts_end(tmp_path: Path, gateway: type[Gateway]) -> None:
    ids = records_file(tmp_path, 35)
    out = tmp_path / "out.ndjson"
    gateway.dies_after = 25
    submitted(tmp_path, "--verdicts", str(out))
    assert [json.loads(line)["event_id"] for line in out.read_bytes().splitlines()] == ids[:20]
    with out.open("ab") as torn:
        torn.write(b'{"event_id":"e020","verd')
    gateway.dies_after, gateway.sent[:] = 10**9, []
    result = submitted(tmp_path, "--verdicts", str(out))
    assert result.exit_code == 0, result.output
    assert gateway.sent == ids[20:]
    assert [json.loads(line)["event_id"] for line in out.read_bytes().splitlines()] == ids
    assert "35" in result.output  # the table counts all, not the rest alone
    gateway.sent[:] = []
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 0
    assert gateway.sent == []


def test_what_was_late_is_asked_for_again(tmp_path: Path, gateway: type[Gateway]) -> None:
    ids = records_file(tmp_path, 12)
    out = tmp_path / "out.ndjson"
    gateway.late = frozenset({ids[7]})
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 1
    gateway.late, gateway.sent[:] = frozenset(), []
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 0
    assert gateway.sent == ids[7:]
    assert out.read_bytes().count(b"\n") == 12


def test_verdicts_of_another_file_are_not_taken_for_this_ones(tmp_path: Path, gateway: type[Gateway]) -> None:
    out = tmp_path / "out.ndjson"
    records_file(tmp_path, 12)
    submitted(tmp_path, "--verdicts", str(out))
    records_file(tmp_path, 12, start="x")
    result = submitted(tmp_path, "--verdicts", str(out))
    assert result.exit_code == 2
    assert "another file" in result.output
    assert len(gateway.sent) == 12
