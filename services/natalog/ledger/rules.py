"""The rule sets of this process: what is decided under, and what entries may have been decided under."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

from natalog.decision.rules import NEWEST, RuleSet, RuleSetError, RuleSets, from_json

KEPT = "rules"
"""Directory that keeps every set decided under, a file each: below a local stack's directory, which all its services
share, and below a service's own where no other is set (NATALOG_RULES_KEPT)."""


def remember(rules: RuleSet, kept: Path) -> None:
    """Keep the set in `kept` for audits, and see that its number never stood for another text there.

    An entry names its set by number alone. Raises RuleSetError when the number was used for another text, by
    an operator's file or by a build whose tables differ, and when what is kept cannot be read.
    """
    path = kept / f"{rules.version}.json"
    if not path.is_file():
        _keep(rules, path)
    try:
        known = json.loads(path.read_text(encoding="utf-8"))["digest"]
    except (ValueError, KeyError, TypeError):
        raise RuleSetError(f"{path} is no rule set that was kept: bring it back from a copy") from None
    if known != rules.digest.hex():
        raise RuleSetError(
            f"rule set {rules.version} stood for another text when it decided before ({path}); give the new one a "
            'new version, or, where only the built-in sets grew meanwhile, the "base" that is kept there'
        )


def _keep(rules: RuleSet, path: Path) -> None:
    """Write the file whole or not at all; services that share the directory may do so at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{uuid.uuid4().hex}")
    with part.open("w", encoding="utf-8") as file:
        file.write(rules.to_json() + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def remembered(kept: Path) -> RuleSets:
    """Every set that `remember` kept, and the built-in ones.

    Raises RuleSetError when this build makes another text of one of them.
    """
    known = RuleSets()
    for path in sorted(kept.glob("*.json")):
        try:
            known.add(from_json(path.read_text(encoding="utf-8")))
        except RuleSetError as error:
            raise RuleSetError(f"{path}: {error}") from None
    return known


def rules_in_force(file: Path | None) -> RuleSet:
    """The set to decide under: `file`, or the newest built-in one.

    Raises RuleSetError for a file that cannot be used, or whose version has another text already.
    """
    if file is None:
        return NEWEST
    try:
        own = from_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleSetError(f"the rule set cannot be read: {error}") from error
    RuleSets().add(own)
    return own
