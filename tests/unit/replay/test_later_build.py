"""A set is decided and proven alike by every later build, whatever that one's tables have beyond it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from natalog.decision.rules import BUILT_IN, RuleSetError, from_json
from natalog.ledger.rules import remember, remembered
from tests.golden.memory_ledger import MemoryLedger
from tests.unit.replay import later_build
from tests.unit.replay.later_build import OWN, ROOT, scene, values

HERE = {1: BUILT_IN[1], 100: from_json(OWN)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this build kept of the sets it decided under."""
    directory = tmp_path_factory.mktemp("rules")
    for rules in HERE.values():
        remember(rules, directory)
    return directory


@pytest.fixture(scope="module")
def later(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    services = later_build.make(tmp_path_factory.mktemp("later"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.replay.later_build", str(kept)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(services), str(ROOT)])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_takes_up_the_sets_kept_here(later: Any) -> None:
    ours = {str(version): rules.digest.hex() for version, rules in HERE.items()}
    assert {version: later["digests"][version] for version in ours} == ours
    assert set(later["digests"]) == {"1", "2", "100"}


def test_it_decides_to_the_same_bytes_under_them(later: Any) -> None:
    ledger = MemoryLedger()
    for version, rules in HERE.items():
        ledger.rules = rules
        assert scene(ledger) == later["said"][str(version)]
    assert values(ledger) == later["under_old"]


def test_its_own_set_decides_by_every_row_that_is_new(later: Any) -> None:
    """Else the test above would show nothing."""
    old, new = later["said"]["1"], later["said"]["2"]
    assert [was for was, now in zip(old, new, strict=True) if was == now] == ["ACCEPTED"]
    assert new == [
        "ACCEPTED SEEN ODD",
        "ACCEPTED AMENDMENT SEEN ODD",
        "REFUSED USED CONTESTED",
        "REFUSED UNLUCKY",
        "ACCEPTED ODD",
        "ACCEPTED",
        "ACCEPTED SEEN FOLLOWS_NEITHER ODD",
        "ACCEPTED",
        "REFUSED NOT_OWNER",
        "ACCEPTED SEEN ODD",
        "ACCEPTED SEEN ODD",
        "ACCEPTED AMENDMENT SEEN ODD",
        "ACCEPTED SEEN ODD",
        "ACCEPTED",
    ]
    assert later["said"]["1 again"] == old


def test_it_proves_what_was_decided_under_both(later: Any) -> None:
    assert later["mixed"][0] == 4 * len(later["said"]["1"])
    assert later["mixed"][1] == 0
    assert later["golden"][0] > 400
    assert later["golden"][1] == 0


def test_it_keeps_its_set_beside_them_and_no_second_text_under_a_number(later: Any, kept: Path) -> None:
    assert later["first set again"] == later["newest"] == later["own on its base"] == ""
    assert "stood for another text" in later["own as it was"]
    # And a build of before says what it lacks.
    with pytest.raises(RuleSetError, match=r"2\.json: rule set 2 is based on 2, which is no built-in set"):
        remembered(kept)
