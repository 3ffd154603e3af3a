"""`natalog replay verify`: usage, exit codes, the report for people. Against Kafka: tests/integration/replay."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from natalog.cli.replay import app
from natalog.exits import Exit
from natalog.replay.show import show
from tests.unit.replay.planted import Planted


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--partition", "12"], Exit.USAGE, "11"),
        (["--rules", "/nowhere/rules.json"], Exit.USAGE, "--rules"),
        (["--seal-key", "/nowhere/seal.key"], Exit.USAGE, "--seal-key"),
    ],
)
def test_wrong_usage(options: list[str], code: Exit, said: str) -> None:
    ran = CliRunner().invoke(app, ["verify", *options])
    assert ran.exit_code == code
    assert said in ran.output


def test_rules_under_a_number_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"version": 1, "sla_seconds": 60}')
    ran = CliRunner().invoke(app, ["verify", "--rules", str(file)])
    assert ran.exit_code == Exit.USAGE
    assert "another text" in ran.output


def test_no_stack(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["verify", "--data", str(tmp_path)])
    assert ran.exit_code == Exit.UNREACHABLE


def test_report_for_people() -> None:
    planted = Planted()
    planted.ledger[3].insert(8, planted.ledger[3][7])
    report = planted.audit()
    out = StringIO()
    show(report, Console(file=out, width=80))
    text = out.getvalue()
    assert "VOID" in text
    assert "partition 3" in text
    assert "1 findings." in text
    for partition in report.partitions:
        assert partition.hash in text
    out = StringIO()
    show(Planted().audit(), Console(file=out, width=80))
    assert "The ledger holds." in out.getvalue()
