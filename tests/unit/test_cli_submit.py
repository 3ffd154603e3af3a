"""Files of records: what may be sent side by side, under which token, and what is sent again."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from natalog.cli import submission_file, submission_sender
from natalog.cli.submission_file import WINDOW, Line, subject, windows
from natalog.cli.submission_sender import _bodies, _of_line, _rounds, is_final
from natalog.cli.submit import submit


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


@pytest.mark.parametrize(
    ("text", "kind", "field"),
    [
        ("x", "bad-json", None),
        ("[]", "bad-json", None),
        ("1", "bad-json", None),
        ("{}", "bad-field", "kind"),
        ('{"kind": "entry"}', "bad-field", "kind"),
        ('{"kind": []}', "bad-field", "kind"),
        ('{"kind": "claim", "certificate_number": "M330000001", "certificate_number": "M330000002"}', "bad-json",
         "certificate_number"),
        ('{"kind": "claim", "kind": "filing"}', "bad-json", "kind"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_record_is_answered_here_and_the_others_go_on(
    tmp_path: Path, text: str, kind: str, field: str | None
) -> None:
    path = tmp_path / "f"
    path.write_text(f'{{"kind":"claim"}}\n\n{text}\n{{"kind":"claim"}}\n')
    first, bad, last = next(windows(path))[0]
    assert (first.refused, last.refused, bad.number) == (None, None, 3)
    answer = json.loads(bad.refused or b"")
    assert (answer["type"], answer["line"], answer.get("field")) == (f"urn:natalog:problem:{kind}", 3, field)
    assert is_final(bad.refused or b"")


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


def test_only_what_is_said_of_the_line_itself_is_final() -> None:
    assert is_final(b'{"verdict":"REFUSED","status":202}')
    assert is_final(b'{"type":"x","status":422,"line":1}')
    for status in (202, 408, 429, 500, 502, 503):
        assert not is_final(b'{"status":%d,"line":1}' % status)
    for status in (400, 401, 403, 404, 413):  # of the whole body or request
        assert not is_final(b'{"type":"x","status":%d}' % status)
    for torn in (b"", b"<html>", b'{"verdict"', b'"verdict"'):
        assert not is_final(torn)


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
    forbidden: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **options: Any) -> None: ...

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(self, *args: Any) -> None: ...

    async def send(self, found: list[Line]) -> list[bytes]:
        answers = []
        for line in found:
            if len(self.sent) == self.dies_after:
                raise KeyboardInterrupt
            if line.refused is not None:
                answers.append(json.loads(line.refused))
                continue
            event_id = json.loads(line.body)["event_id"]
            self.sent.append(event_id)
            if event_id in self.forbidden:
                answers.append({"type": "urn:natalog:problem:role", "status": 403, "detail": "-", "line": 1})
                continue
            verdict = {"event_id": event_id, "verdict": "ACCEPTED", "reason": None, "flags": [], "doubts": []}
            answers.append({"event_id": event_id, "status": 202} if event_id in self.late else verdict)
        return [json.dumps(answer).encode() for answer in answers]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> type[Gateway]:
    made = type("Made", (Gateway,), {"sent": []})
    monkeypatch.setattr(submission_sender, "Sender", made)
    monkeypatch.setattr(submission_file, "WINDOW", 10)
    return made


def submitted(tmp_path: Path, *more: str, file: str = "f.ndjson") -> Any:
    app = typer.Typer()
    app.command()(submit)
    token = tmp_path / "token"
    if not token.exists():
        token.write_text("t")
    arguments = [str(tmp_path / file), "--gateway", "http://x", "--token-file", str(token), *more]
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


def test_what_a_token_did_not_allow_is_sent_again_by_the_next_run(
    tmp_path: Path, gateway: type[Gateway]
) -> None:
    """It says nothing of the record: another token may."""
    ids = records_file(tmp_path, 12)
    out = tmp_path / "out.ndjson"
    gateway.forbidden = frozenset({ids[7]})
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 1
    gateway.forbidden, gateway.sent[:] = frozenset(), []
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


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_is_not_gzip_or_ends_early_is_told_so(
    tmp_path: Path, gateway: type[Gateway], whole: bool
) -> None:
    records_file(tmp_path, 12)
    plain = (tmp_path / "f.ndjson").read_bytes()
    (tmp_path / "f.ndjson.gz").write_bytes(plain if whole else gzip.compress(plain)[:-20])
    result = submitted(tmp_path, file="f.ndjson.gz")
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.output
    assert "f.ndjson.gz cannot be read after line" in result.output


def test_verdicts_are_never_written_over_what_is_none(tmp_path: Path, gateway: type[Gateway]) -> None:
    """A slip in the second name, the first one's say, must not cost a file."""
    records_file(tmp_path, 3)
    notes = tmp_path / "notes"
    notes.write_text("dear diary")
    one = tmp_path / "one"
    one.write_text('{"event_id":"e001","unit_code":"330106520000"}')
    for other in (tmp_path / "f.ndjson", notes, one):
        before = other.read_bytes()
        result = submitted(tmp_path, "--verdicts", str(other))
        assert (result.exit_code, other.read_bytes()) == (2, before)
        assert "holds no answers" in result.output
    assert gateway.sent == []


def test_where_no_verdicts_can_be_written_nothing_is_sent(tmp_path: Path, gateway: type[Gateway]) -> None:
    records_file(tmp_path, 3)
    for place in (tmp_path, tmp_path / "none" / "out.ndjson"):
        result = submitted(tmp_path, "--verdicts", str(place))
        assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.output
        assert "cannot be written" in result.output
    assert gateway.sent == []


def test_verdicts_of_another_file_stay_as_they_were(tmp_path: Path, gateway: type[Gateway]) -> None:
    out = tmp_path / "out.ndjson"
    gateway.late = frozenset({records_file(tmp_path, 12)[3]})
    submitted(tmp_path, "--verdicts", str(out))
    before = out.read_bytes()
    records_file(tmp_path, 12, start="x")
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 2
    assert out.read_bytes() == before, "what stands behind the late one too"


@pytest.mark.parametrize("refused", [False, True])
def test_a_line_that_changed_since_it_was_answered_is_not_taken_for_sent(
    tmp_path: Path, gateway: type[Gateway], refused: bool
) -> None:
    """Its number or a slip was mended: it would never be sent, and the old answer shown for it."""
    out, file = tmp_path / "out.ndjson", tmp_path / "f.ndjson"
    records_file(tmp_path, 12)
    good = file.read_text()
    if refused:
        file.write_text(
            good.replace(
                '"claim", "unit_code": "330106520000", "event_id": "e004"', '"c", "event_id": "e004"'
            )
        )
    submitted(tmp_path, "--verdicts", str(out))
    file.write_text(good if refused else good.replace('"e004"', '"e004", "certificate_number": "M330000002"'))
    result = submitted(tmp_path, "--verdicts", str(out))
    assert result.exit_code == 2
    assert "Line 5 of" in result.output
    assert "was changed" in result.output
    assert len(gateway.sent) == 11 + (not refused)


def test_the_same_lines_with_other_line_ends_are_the_same(tmp_path: Path, gateway: type[Gateway]) -> None:
    out, file = tmp_path / "out.ndjson", tmp_path / "f.ndjson"
    records_file(tmp_path, 3)
    submitted(tmp_path, "--verdicts", str(out))
    file.write_bytes(file.read_bytes().replace(b"\n", b" \r\n").removesuffix(b"\r\n"))
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 0
    assert len(gateway.sent) == 3


def test_verdicts_of_an_earlier_build_still_count(tmp_path: Path, gateway: type[Gateway]) -> None:
    """They do not say which lines they answer, but for the event id."""
    out = tmp_path / "out.ndjson"
    records_file(tmp_path, 3)
    submitted(tmp_path, "--verdicts", str(out))
    told = [json.loads(line) for line in out.read_text().splitlines()]
    out.write_text("".join(json.dumps({k: v for k, v in t.items() if k != "sent"}) + "\n" for t in told))
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 0
    assert len(gateway.sent) == 3


Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """Have what is sent over HTTP answered by a function."""
    monkeypatch.setattr(submission_sender, "_PAUSE", 0.01)
    client = httpx.AsyncClient

    def serve(handler: Handler) -> None:
        transport = httpx.MockTransport(handler)
        monkeypatch.setattr(httpx, "AsyncClient", functools.partial(client, transport=transport))

    return serve


def accepted(request: httpx.Request, number: str = "M330000001") -> httpx.Response:
    """A verdict for each line."""
    verdicts = [
        {"event_id": json.loads(line)["event_id"], "certificate_number": number, "verdict": "ACCEPTED",
         "reason": None, "flags": [], "doubts": []}
        for line in request.content.splitlines()
    ]  # fmt: skip
    body = "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in verdicts).encode()
    return httpx.Response(200, content=body, headers={"Content-Type": "application/x-ndjson"})


PROBLEM = {"Content-Type": "application/problem+json"}
EXPIRED = httpx.Response(
    401,
    json={"type": "urn:natalog:problem:bad-token", "status": 401, "detail": "The token has expired."},
    headers=PROBLEM,
)


def test_an_expired_token_stops_the_run_and_a_new_one_sends_everything(
    tmp_path: Path, served: Callable[[Handler], None]
) -> None:
    ids, out = records_file(tmp_path, 50), tmp_path / "out.ndjson"
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["Authorization"])
        return accepted(request) if tokens[-1] == "Bearer new" else EXPIRED

    served(answer)
    result = submitted(tmp_path, "--verdicts", str(out))
    assert (result.exit_code, out.read_bytes()) == (2, b"")
    assert "The token has expired." in result.output
    assert "NOT RECORDED" not in result.output
    assert tokens == ["Bearer t"]
    (tmp_path / "token").write_text("new")
    assert submitted(tmp_path, "--verdicts", str(out)).exit_code == 0
    assert [json.loads(line)["event_id"] for line in out.read_bytes().splitlines()] == ids


def test_a_token_that_is_renewed_during_the_run_is_taken(
    tmp_path: Path, served: Callable[[Handler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the next request, and for the one that was refused."""
    monkeypatch.setattr(submission_file, "WINDOW", 10)
    ids = records_file(tmp_path, 30)
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        (tmp_path / "token").write_text(f"t{len(tokens)}")
        return EXPIRED if len(tokens) == 2 else accepted(request)

    served(answer)
    result = submitted(tmp_path, "--json")
    assert (result.exit_code, tokens) == (0, ["t", "t1", "t2", "t3"])
    assert [json.loads(line)["event_id"] for line in result.stdout.splitlines()[: len(ids)]] == ids


@pytest.mark.parametrize(
    ("status", "media", "code"),
    [(403, "application/problem+json", 2), (404, "text/html", 2), (405, "text/html", 2), (415, "text/html", 2),
     (301, "text/html", 2), (200, "text/html", 2), (500, "text/html", 5), (502, "text/html", 5), (504, "text/html", 5),
     (503, "application/problem+json", 5), (408, "text/html", 5)],
)  # fmt: skip
def test_what_is_said_of_the_whole_request_is_no_lines_answer(
    tmp_path: Path, served: Callable[[Handler], None], status: int, media: str, code: int
) -> None:
    records_file(tmp_path, 3)
    out = tmp_path / "out.ndjson"
    body = b'{"type":"x","status":%d,"detail":"No."}' % status if "json" in media else b"<html>No</html>\n"
    served(lambda request: httpx.Response(status, content=body, headers={"Content-Type": media}))
    result = submitted(tmp_path, "--verdicts", str(out), "--patience", "0.05")
    assert (result.exit_code, out.read_bytes()) == (code, b""), result.output
    assert str(status) in result.output
    assert "NOT RECORDED" not in result.output


def test_a_proxys_502_is_sent_again(tmp_path: Path, served: Callable[[Handler], None]) -> None:
    records_file(tmp_path, 3)
    tries: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        return httpx.Response(502, content=b"<html>") if len(tries) < 3 else accepted(request)

    served(answer)
    assert (submitted(tmp_path).exit_code, len(tries)) == (0, 3)


@pytest.mark.parametrize(
    ("problem", "said"),
    [({"status": 503, "type": "urn:natalog:problem:unknown-outcome", "line": 1}, "OUTCOME UNKNOWN"),
     ({"status": 408, "type": "urn:natalog:problem:too-slow"}, "OUTCOME UNKNOWN"),
     ({"status": 422, "type": "urn:natalog:problem:malformed-number", "line": 1}, "NOT RECORDED")],
)  # fmt: skip
def test_not_recorded_is_said_only_of_what_was_refused(
    tmp_path: Path, served: Callable[[Handler], None], problem: dict[str, Any], said: str
) -> None:
    records_file(tmp_path, 1)
    body = json.dumps(problem | {"detail": "No."}).encode() + b"\n"
    served(
        lambda request: httpx.Response(200, content=body, headers={"Content-Type": "application/x-ndjson"})
    )
    result = submitted(tmp_path, "--patience", "0.05")
    assert (result.exit_code, said in result.output) == (1, True), result.output
    assert ("NOT RECORDED" in result.output) == (said == "NOT RECORDED")


def test_a_broken_line_does_not_hold_up_the_others(tmp_path: Path, served: Callable[[Handler], None]) -> None:
    out = tmp_path / "out.ndjson"
    ids = records_file(tmp_path, 4)
    good = (tmp_path / "f.ndjson").read_text().splitlines(keepends=True)
    (tmp_path / "f.ndjson").write_text("".join([*good[:2], "{broken\n", *good[2:]]))
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return accepted(request)

    served(answer)
    for _ in range(2):  # the second time everything has its answer
        result = submitted(tmp_path, "--verdicts", str(out))
        assert result.exit_code == 1
        assert "NOT RECORDED" in result.output
        assert "line 3: This is not JSON" in result.output
        answers = [json.loads(line) for line in out.read_bytes().splitlines()]
        assert [a.get("event_id") for a in answers] == [*ids[:2], None, *ids[2:]]
        assert answers[2]["line"] == 3
        assert len(sent) == 1


def test_an_answer_ends_at_a_line_feed_and_nowhere_else(
    tmp_path: Path, served: Callable[[Handler], None]
) -> None:
    """A number that is no number is told as it was received."""
    ids = records_file(tmp_path, 3)
    served(functools.partial(accepted, number="M33\u2028\x85"))
    result = submitted(tmp_path, "--json", "--patience", "0.05")
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["event_id"] for line in result.stdout.split("\n")[: len(ids)]] == ids
