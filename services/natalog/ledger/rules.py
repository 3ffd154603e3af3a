"""The rule sets of this process: what is decided under, and what entries may have been decided under."""

from __future__ import annotations

import json
from pathlib import Path

from natalog.decision.rules import NEWEST, RuleSet, RuleSetError, RuleSets, from_json

KEPT = "rules"
"""Directory under the data directory that keeps every set decided under here, a file each."""


def remember(rules: RuleSet, data: Path) -> None:
    """Keep the set for audits, and see that its number never stood for another text here.

    An entry names its set by number alone. Raises RuleSetError when the number was used for another text, by
    an operator's file or by a build whose tables differ.
    """
    path = data / KEPT / f"{rules.version}.json"
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8"))["digest"] != rules.digest.hex():
            raise RuleSetError(
                f"rule set {rules.version} stood for another text when it decided here before ({path}); "
                "give the new one a new version"
            )
        return
    spans = {
        "version": rules.version,
        "sla_seconds": int(rules.sla_ms) // 1000,
        "claim_seconds": int(rules.claim_ms) // 1000,
        "skew_seconds": int(rules.skew_ms) // 1000,
        "digest": rules.digest.hex(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(spans, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def remembered(data: Path) -> RuleSets:
    """Every set that `remember` kept, and the built-in ones.

    Raises RuleSetError when this build makes another text of one of them.
    """
    known = RuleSets()
    for path in sorted((data / KEPT).glob("*.json")):
        spans = json.loads(path.read_text(encoding="utf-8"))
        digest = spans.pop("digest")
        rules = from_json(json.dumps(spans))
        if rules.digest.hex() != digest:
            raise RuleSetError(f"{path} was written by a build with other tables: use that build")
        known.add(rules)
    return known


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
