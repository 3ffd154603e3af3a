"""The command table: fast listing, help of a single command, usage errors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import natalog
from natalog.cli import COMMANDS, build
from natalog.exits import Exit


def test_help_lists_commands_without_importing_them() -> None:
    code = "import sys, natalog.cli as c\ntry: c.build(['--help'])(['--help'])\nexcept SystemExit: pass\n"
    heavy = ("confluent_kafka", "natalog.local.up", "cryptography", "pydantic", "starlette")
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print('LOADED', [m for m in {heavy!r} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "LOADED []" in done.stdout
    assert "token" in done.stdout


@pytest.mark.parametrize("command", [c.name for c in COMMANDS])
def test_every_command_teaches_its_exit_codes(command: str) -> None:
    app = build([command, "--help"])
    if command not in {c.name for c in app.registered_commands} | {g.name for g in app.registered_groups}:
        pytest.skip("not written yet")
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "xit code" in result.output


@pytest.mark.parametrize("service", ["registrar", "gateway", "watch", "projector"])
def test_every_service_teaches_all_codes_it_ends_with(service: str) -> None:
    package = Path(natalog.__file__).parent / {"projector": "views"}.get(service, service)
    named = {
        name for file in package.glob("*.py") for name in re.findall(r"\bExit\.([A-Z_]+)", file.read_text())
    }
    told = CliRunner().invoke(build(["run"]), ["run", service, "--help"]).output
    codes = set(map(int, re.findall(r"\b\d+\b", told[told.index("Exit codes:") :].split("\n\n")[0])))
    assert {Exit[name] for name in named} | {Exit.DIFFERS} <= codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "--data", "x", "--role", "king", "--org", "33", "--sub", "a"],
        ["token", "--data", "x", "--role", "station", "--org", "333", "--sub", "a"],
        ["token", "--data", "x", "--role", "station", "--org", "33", "--sub", " "],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_two(arguments: list[str]) -> None:
    assert CliRunner().invoke(build(arguments), arguments).exit_code == 2


def test_an_address_of_a_database_that_is_none_is_told_without_its_password() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "natalog", "run", "projector"],
        env={**os.environ, "NATALOG_POSTGRES": "postgresql//user:secret@host/database"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == Exit.USAGE
    assert "NATALOG_POSTGRES is no URL" in done.stdout + done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_token_without_a_stack_says_what_to_do(tmp_path) -> None:
    arguments = ["token", "--data", str(tmp_path), "--role", "station", "--org", "33", "--sub", "a"]
    result = CliRunner().invoke(build(arguments), arguments)
    assert result.exit_code == 1
    assert "natalog up --data" in result.output
