"""`natalog status` against a gateway that says whatever the test wants."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from natalog.cli.status import status as command

ANSWER: dict[str, Any] = {"status": 200, "body": b""}


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(ANSWER["status"])
        self.end_headers()
        self.wfile.write(ANSWER["body"])

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def told(status: str, usable: bool) -> dict[str, Any]:
    return {
        "certificate_number": "M330123456",
        "status": status,
        "usable": usable,
        "claimed_by_me": False,
        "warnings": ["LISTED_LATER"],
        "as_of": {"token": "3.1", "time": "2026-11-02T01:30:40.000Z"},
    }


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (200, {"certificates": [told("UNUSED", True)]}, 0, "09:30:40"),
        (200, {"certificates": [told("UNUSED", True)]}, 0, "LISTED_LATER 列入或作废日期未到"),
        (200, {"certificates": [told("UNUSED", True), told("USED", False)]}, 1, "USED"),
        (503, {"certificates": [told("UNUSED", True), told("UNKNOWN", False)]}, 5, "UNKNOWN"),
        (
            200,
            {"certificates": [told("MALFORMED", False) | {"suggestion": "M330123456"}]},
            1,
            "meant M330123456?",
        ),
        (401, {"type": "urn:natalog:problem:bad-token", "detail": "Get a new one."}, 5, "Get a new one."),
        (502, "<html>", 5, "502"),
        (200, [], 5, "200"),
    ],
)
def test_exit_codes(address: str, tmp_path: Path, status: int, body: Any, code: int, says: str) -> None:
    ANSWER.update(status=status, body=body.encode() if isinstance(body, str) else json.dumps(body).encode())
    token = tmp_path / "token"
    token.write_text("t")
    app = typer.Typer()
    app.command()(command)
    arguments = ["M330123456", "--gateway", address, "--token-file", str(token)]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_nobody_there(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(
        app, ["M330123456", "--gateway", "http://127.0.0.1:1", "--token-file", str(token)]
    )
    assert result.exit_code == 5


def asked(gateway: str, token: bytes, tmp_path: Path, *more: str) -> Any:
    (tmp_path / "token").write_bytes(token)
    app = typer.Typer()
    app.command()(command)
    arguments = ["M330123456", "--gateway", gateway, "--token-file", str(tmp_path / "token"), *more]
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    "gateway", ["127.0.0.1:8080", "http://[::1", "http://:8080", "http://h:port", "ftp://h", "http://h\x00"]
)
def test_what_is_no_address_is_told_so(tmp_path: Path, gateway: str) -> None:
    result = asked(gateway, b"t", tmp_path)
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.output
    assert "http://127.0.0.1:8080" in result.output, "what one looks like"


@pytest.mark.parametrize("token", ["令牌".encode(), b"se\ncret", b"se cret", b"", b"\xff"])
def test_what_is_no_token_is_told_so_and_not_shown(address: str, tmp_path: Path, token: bytes) -> None:
    result = asked(address, token, tmp_path)
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.output
    assert "no token" in result.output
    assert "cret" not in result.output


def test_a_token_as_windows_saves_it_is_taken(address: str, tmp_path: Path) -> None:
    ANSWER.update(status=200, body=json.dumps({"certificates": [told("UNUSED", True)]}).encode())
    result = asked(address, b"\xef\xbb\xbftoken\r\n", tmp_path)
    assert result.exit_code == 0, result.output


def test_a_purpose_is_a_reference_and_no_text(address: str, tmp_path: Path) -> None:
    for purpose in ("户口登记", "x" * 129, "a\nb"):
        result = asked(address, b"t", tmp_path, "--purpose", purpose)
        assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.output
        assert "ASCII" in result.output
