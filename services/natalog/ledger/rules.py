"""The rule sets of this process: what is decided under, and what entries may have been decided under."""

from __future__ import annotations

from pathlib import Path

from natalog.decision.rules import NEWEST, RuleSet, RuleSetError, RuleSets, from_json


def rules_in_force(file: Path | None) -> tuple[RuleSet, RuleSets]:
    """The set to decide under (`file`, or the newest built-in one) and all known sets.

    Raises RuleSetError for a file that cannot be used, or whose version has another text already.
    """
    known = RuleSets()
    if file is None:
        return NEWEST, known
    try:
        own = from_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleSetError(f"the rule set cannot be read: {error}") from error
    known.add(own)
    return own, known
