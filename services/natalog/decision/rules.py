"""Rule sets: numbered, immutable, named by every entry they decided.

A set holds what an administration may tune (three spans of time) and how much it knows of each table: codes,
exemptions, grounds of placement, changes of divisions. Its text is the canonical JSON of all of it; two texts under
one number are an error, since an entry names its number only. Built-in sets are never changed once released: a
change is a new number, and what it adds to a table goes to the table's end, where older sets do not look.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final, NamedTuple

from mypy_extensions import i64

from natalog.decision import divisions
from natalog.decision.codes import DOUBTS, FLAGS, REASONS, mask_of, names
from natalog.decision.vocabulary import EXEMPTIONS, PLACEMENT_BASES


class Tables(NamedTuple):
    """How many rows of each table a set knows. Tables only grow at their ends, so a number says which rows."""

    reasons: int
    """Of codes.REASONS, the empty one included."""
    flags: int
    doubts: int
    exemptions: int
    placement_bases: int
    divisions: int
    """Of divisions.CHANGES."""


class RuleSet:
    """One numbered set. Times in milliseconds; `text` is canonical JSON, `digest` its SHA-256.

    The text holds what can change a decision, the codes of the rows the set knows, and no wording: a better sentence
    or a row more is no other set. `base` is the built-in set whose tables and rules it has, for a built-in one its
    own number: a rule that is another from set n on asks for it.
    """

    def __init__(
        self, version: int, sla_seconds: int, claim_seconds: int, skew_seconds: int, tables: Tables, base: int
    ) -> None:
        self.version: int = version
        self.sla_ms: i64 = sla_seconds * 1000
        self.claim_ms: i64 = claim_seconds * 1000
        self.skew_ms: i64 = skew_seconds * 1000
        self.tables: Tables = tables
        self.base: int = base
        self.flag_mask: i64 = (1 << tables.flags) - 1
        self.doubt_mask: i64 = (1 << tables.doubts) - 1
        self.divisions: i64 = tables.divisions
        self.exemptions: frozenset[str] = frozenset(list(EXEMPTIONS)[: tables.exemptions])
        # A later row of a ground takes an earlier one's place.
        bases = {row.code: list(row.clears) for row in PLACEMENT_BASES[: tables.placement_bases]}
        self.clears: dict[str, int] = {code: mask_of(DOUBTS, doubts) for code, doubts in bases.items()}
        self.text: str = json.dumps(
            {
                **self._head(),
                "divisions": hashlib.sha256(divisions.text(tables.divisions).encode()).hexdigest(),
                "exemptions": sorted(self.exemptions),
                "placement_bases": {
                    code: names(DOUBTS, mask & int(self.doubt_mask)) for code, mask in self.clears.items()
                },
                "reasons": [row.code for row in REASONS[: tables.reasons]],
                "flags": [row.code for row in FLAGS[: tables.flags]],
                "doubts": [row.code for row in DOUBTS[: tables.doubts]],
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        self.digest: bytes = hashlib.sha256(self.text.encode()).digest()

    def to_json(self) -> str:
        """The set as a file that `from_json` makes the same set of, in this build and in later ones."""
        return json.dumps({**self._head(), "digest": self.digest.hex()}, indent=2)

    def _head(self) -> dict[str, int | str]:
        return {
            "version": self.version,
            "base": self.base,
            "sla_seconds": int(self.sla_ms) // 1000,
            "claim_seconds": int(self.claim_ms) // 1000,
            "skew_seconds": int(self.skew_ms) // 1000,
        }


def _built_in(
    version: int, *, sla_seconds: int, claim_seconds: int, skew_seconds: int, tables: Tables
) -> RuleSet:
    return RuleSet(version, sla_seconds, claim_seconds, skew_seconds, tables, version)


BUILT_IN: Final[dict[int, RuleSet]] = {
    rules.version: rules
    for rules in (
        _built_in(
            1,
            sla_seconds=30 * 60,
            claim_seconds=120 * 60,
            skew_seconds=5 * 60,
            tables=Tables(reasons=15, flags=19, doubts=7, exemptions=5, placement_bases=7, divisions=14),
        ),
    )
}
NEWEST: Final[RuleSet] = BUILT_IN[max(BUILT_IN)]


class RuleSetError(ValueError):
    """A rule set that cannot be used; the message says what to do."""


_FIELDS: Final[tuple[str, ...]] = ("version", "base", "sla_seconds", "claim_seconds", "skew_seconds")


def from_json(text: str) -> RuleSet:
    """A set of one's own: `version` and any of sla_seconds, claim_seconds, skew_seconds (whole seconds), and `base`.

    What is left out, and the tables, come from the built-in set `base`, the newest if that is left out too. A file
    from `RuleSet.to_json` says its `digest` besides. Raises RuleSetError, also when another digest comes out.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise RuleSetError(f"the rule set is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise RuleSetError('the rule set must be a JSON object, such as {"version": 100, "sla_seconds": 60}')
    digest = given.pop("digest", None)
    for name, value in given.items():
        if name not in _FIELDS:
            raise RuleSetError(f"the rule set has an unknown field {name}; it may have {', '.join(_FIELDS)}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
            raise RuleSetError(f"{name} must be a whole number from 0 to 2147483647")
    version = given.get("version", 0)
    if version < 1:
        raise RuleSetError('the rule set needs a "version" from 1, one that no other text has')
    base = BUILT_IN.get(given.get("base", NEWEST.version))
    if base is None:
        raise RuleSetError(
            f"rule set {version} is based on {given['base']}, which is no built-in set of this build"
        )
    rules = RuleSet(
        version,
        given.get("sla_seconds", int(base.sla_ms) // 1000),
        given.get("claim_seconds", int(base.claim_ms) // 1000),
        given.get("skew_seconds", int(base.skew_ms) // 1000),
        base.tables,
        base.version,
    )
    if digest is not None and digest != rules.digest.hex():
        raise RuleSetError(
            f"rule set {version} comes out otherwise than its file says: use the build that kept it"
        )
    return rules


class RuleSets:
    """The sets a process knows, by number."""

    def __init__(self) -> None:
        self._sets: dict[int, RuleSet] = dict(BUILT_IN)

    def add(self, rules: RuleSet) -> None:
        """Know `rules` too. Raises RuleSetError when its number already stands for another text."""
        known = self._sets.get(rules.version)
        if known is not None and known.text != rules.text:
            raise RuleSetError(
                f"rule set {rules.version} already stands for another text; give the new one a new version"
            )
        self._sets[rules.version] = rules

    def get(self, version: int) -> RuleSet:
        """The set of that number. Raises RuleSetError when it is not known here."""
        known = self._sets.get(version)
        if known is None:
            raise RuleSetError(f"rule set {version} is not known here; pass its file with --rules")
        return known

    def all(self) -> list[RuleSet]:
        return [self._sets[version] for version in sorted(self._sets)]
