"""A later build that has set 2 and more rows in each table, and what it finds of an earlier build's ledger and sets.

    python -m tests.unit.replay.later_build KEPT    # in an environment that finds the later build first

`make` writes it: the sources with the changes a next engineer would make by docs/decision.md. What they mean is made
up, and chosen to show in every decision, so that a set of old which does not mask them decides otherwise.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from natalog import events
from natalog.decision.rules import NEWEST, RuleSetError, from_json
from natalog.ledger.rules import remember, remembered
from natalog.replay.source import MemorySource
from natalog.replay.verify import verify
from tests.golden.make import FILE, read
from tests.golden.memory_ledger import MemoryLedger, seal, unseal
from tests.golden.scenes import completion, filing, person, withdrawal

ROOT = Path(__file__).resolve().parents[3]

OWN = '{"version": 100, "sla_seconds": 60, "claim_seconds": 120}'
"""An operator's file: its tables are those of the newest built-in set of whatever build reads it first."""

_SET_2 = """\
        _built_in(
            2, sla_seconds=1800, claim_seconds=7200, skew_seconds=300, tables=Tables(16, 20, 8, 6, 8, 17)
        ),
"""
_UNLUCKY = """\
        if rules.base >= 2 and number[-1] == "4":
            return codes.UNLUCKY
"""
ADDED = [
    ("codes.py", "MISROUTED: Final = 14\n", "UNLUCKY: Final = 15\n"),
    ("codes.py", "WITHDRAWN_BEFORE: Final = 1 << 18\n", "SEEN: Final = 1 << 19\n"),
    ("codes.py", "UNMARRIED_FATHER: Final = 1 << 6\n", "ODD: Final = 1 << 7\n"),
    ("codes.py", '"Natalog topic rule",\n    ),\n', '    Code("UNLUCKY", "", "", ""),\n'),
    (
        "codes.py",
        'number before.",\n        "Natalog withdrawal rule",\n    ),\n',
        '    Code("SEEN", "", "", ""),\n',
    ),
    ("codes.py", 'paternity test.",\n        f"{_NOTICE} 一",\n    ),\n', '    Code("ODD", "", "", ""),\n'),
    ("codes.py", "No filing came by the due time", ", said otherwise"),
    ("vocabulary.py", '    "CASE_DECIDED": "一人一案",\n', '    "SNOWED_IN": "大雪",\n'),
    (
        "vocabulary.py",
        '"PRIVATE_ADOPTION"),\n    ),\n',
        '    Basis("STUDENT_PARENTS", "", ("NON_RELATIVE",)),\n',
    ),
    ("vocabulary.py", '("COLLECTIVE_HOUSEHOLD", "FOLLOWS_NEITHER", "NON_RELATIVE"', ', "ODD"'),
    ("divisions.py", "Siping to Changchun, 2020-06-11\n", '    ("3301 06", "330200", 18500),\n'),
    ("divisions.py", '    ("3301 06", "330200", 18500),\n', '    ("6590 13", "659013", 18500),\n'),
    # Found late: where a county had been before it moved. The later day counts, not the later row.
    ("divisions.py", '    ("6590 13", "659013", 18500),\n', '    ("2203 81", "220500", 18000),\n'),
    ("rules.py", "divisions=14),\n        ),\n", _SET_2),
    ("filings.py", "        if not numbered:\n            return codes.MALFORMED_NUMBER\n", _UNLUCKY),
    ("filings.py", 'gives; never a refusal."""\n', "    decision.flags |= codes.SEEN\n"),
    ("doubts.py", "            mask |= codes.OVER_SIX\n", "    mask |= codes.ODD\n"),
]
"""File of decision/, what stands there once, and what a later build has behind it."""


def make(directory: Path) -> Path:
    """The later build below `directory`, interpreted; what PYTHONPATH must begin with. Fails where a text moved."""
    services = directory / "services"
    shutil.copytree(ROOT / "services", services, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("schemas", "topics.yaml", "deploy"):
        (directory / name).symlink_to(ROOT / name)
    for file, before, added in ADDED:
        path = services / "natalog" / "decision" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{file}: {before!r}"
        path.write_text(text.replace(before, before + added), encoding="utf-8")
    return services


def scene(ledger: MemoryLedger) -> list[str]:
    """What the later build's rows bear on, decided under the ledger's present set: what became of each record."""
    first = filing(ledger, _ending(ledger, "1"), "330106000000")
    new_town = filing(ledger, _ending(ledger, "1"), "659013000000")
    moved = filing(ledger, _ending(ledger, "1"), "220381000000")
    placed = {"follows": "OTHER", "relation_to_head": "99", "basis_ref": "b-1"}
    records: list[Any] = [
        first,
        ledger.again(first, unit_code="330203000000", follows="MOTHER"),
        ledger.again(first, unit_code="330105000000", follows="FATHER"),
        filing(ledger, _ending(ledger, "4")),
        filing(ledger, None, exemption="SNOWED_IN"),
        completion(ledger, None, f"snow-{ledger.now}", exemption="SNOWED_IN"),
        filing(ledger, _ending(ledger, "2"), placement_basis="STUDENT_PARENTS", **placed),
        withdrawal(ledger, first.certificate_number, first.registration_id, person("a", "330200")),
        withdrawal(ledger, first.certificate_number, first.registration_id, person("a", "330100")),
        filing(ledger, _ending(ledger, "3"), registered_at=ledger.now - 120_000),
        moved,
        ledger.again(moved, unit_code="220100000000", follows="MOTHER"),
        new_town,
        withdrawal(ledger, new_town.certificate_number, new_town.registration_id, person("a", "659013")),
    ]
    said = [_said(ledger.send(record)) for record in records]
    ledger.now += 60_000
    return said


def _ending(ledger: MemoryLedger, digit: str) -> str:
    return next(number for number in iter(ledger.number, "") if number.endswith(digit))


def _said(entry: events.Entry) -> str:
    return " ".join(filter(None, [entry.verdict.value, entry.reason, *entry.flags, *entry.doubts]))


def values(ledger: MemoryLedger) -> dict[str, list[str]]:
    """Entries so far, by partition."""
    return {str(p): [(r.value or b"").hex() for r in log] for p, log in ledger.ledger.items()}


def refused(keep: Callable[[], None]) -> str:
    """Why a set cannot be kept; "" when it can."""
    try:
        keep()
    except RuleSetError as error:
        return str(error)
    return ""


def main(kept: Path) -> dict[str, Any]:
    known = remembered(kept)
    logs = read(FILE.read_text(encoding="ascii"))
    golden = {p: logs.pop(("ledger", p), []) for p in range(12)}
    before = verify(MemorySource(golden, logs), rules=known, seal=seal, unseal=unseal)
    ledger = MemoryLedger(known.get(1))
    said = {"1": scene(ledger)}
    ledger.rules = known.get(100)
    said["100"] = scene(ledger)
    under_old = values(ledger)
    ledger.rules = known.get(2)
    said["2"] = scene(ledger)
    ledger.rules = known.get(1)
    said["1 again"] = scene(ledger)
    mixed = verify(ledger.source(), rules=known, seal=seal, unseal=unseal)
    return {
        "digests": {str(rules.version): rules.digest.hex() for rules in known.all()},
        "golden": [before.entries, before.findings.total],
        "mixed": [mixed.entries, mixed.findings.total],
        "said": said,
        "under_old": under_old,
        "first set again": refused(lambda: remember(known.get(1), kept)),
        "newest": refused(lambda: remember(NEWEST, kept)),
        "own as it was": refused(lambda: remember(from_json(OWN), kept)),
        "own on its base": refused(lambda: remember(from_json(OWN.replace("{", '{"base": 1, ')), kept)),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
