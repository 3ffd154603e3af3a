"""Rule sets: numbered, immutable, named by every entry they decided.

A set holds what an administration may tune (three spans of time) and the tables of codes. Its text is the
canonical JSON of all of it; two texts under one number are an error, since an entry names its number only.
Built-in sets are never changed once released: a change is a new number.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from mypy_extensions import i64

from natalog.decision import divisions
from natalog.decision.codes import DOUBTS, FLAGS, REASONS, Code

CATEGORIES: Final[dict[str, str]] = {
    "ORDINARY": "国内出生",
    "BORN_ABROAD": "国外出生",
    "ADOPTION": "收养登记",
    "FACT_ADOPTION": "事实收养",
    "WELFARE_HOME": "福利机构儿童",
    "FOREIGN_NONMARITAL": "涉外非婚生",
    "CATEGORY_EIGHT": "其他无户口人员(第八类)",
    "OTHER_UNREGISTERED": "其他无户口人员",
}
HOUSEHOLD_KINDS: Final[dict[str, str]] = {
    "FAMILY": "家庭户",
    "STATION_COLLECTIVE": "派出所集体户",
    "COMMUNITY_COLLECTIVE": "社区集体户",
    "UNIT_COLLECTIVE": "单位集体户",
    "UNIVERSITY_COLLECTIVE": "高校集体户",
    "WELFARE_COLLECTIVE": "福利机构集体户",
}
FOLLOWS: Final[dict[str, str]] = {
    "FATHER": "随父",
    "MOTHER": "随母",
    "BOTH": "随父母",
    "OTHER": "随其他人",
    "NONE": "均不随",
}
PATERNITY_EVIDENCE: Final[dict[str, str]] = {"NONE": "无", "DNA": "亲子鉴定", "JUDGMENT": "法院判决"}
EXEMPTIONS: Final[dict[str, str]] = {
    "BORN_ABROAD": "国外出生",
    "ADOPTED": "收养",
    "WELFARE_HOME": "福利机构",
    "BEFORE_1996": "1996年前出生",
    "CASE_DECIDED": "一人一案",
}
WITHDRAWAL_CAUSES: Final[dict[str, str]] = {
    "WRONG_NUMBER": "编号录错",
    "DUPLICATE": "重复登记",
    "COURT_REVOKED": "法院撤销",
}
BLACKLIST_CAUSES: Final[dict[str, str]] = {
    "STOLEN": "被盗",
    "LOST": "遗失",
    "FORGED": "伪造",
    "MISPRINTED": "打印错误",
    "OTHER": "其他",
}
INVALIDATION_CAUSES: Final[dict[str, str]] = {
    "EXCHANGED": "换发",
    "REPLACED": "补发",
    "WITHDRAWN_EDITION": "旧版回收",
    "STOLEN_BLANK": "空白证被盗",
    "ERROR": "签发错误",
}
PLACEMENT_BASES: Final[dict[str, list[str]]] = {
    "STUDENT_PARENTS": ["FOLLOWS_NEITHER"],
    "OVERSEAS_PARENTS": ["FOLLOWS_NEITHER", "NON_RELATIVE"],
    "PARENTS_WITHOUT_HUKOU_OR_CUSTODY": ["FOLLOWS_NEITHER", "NON_RELATIVE"],
    "ADOPTION_REGISTERED": ["PRIVATE_ADOPTION", "FOLLOWS_NEITHER", "NON_RELATIVE"],
    "WELFARE_HOME": ["COLLECTIVE_HOUSEHOLD", "FOLLOWS_NEITHER", "NON_RELATIVE"],
    "PARENT_IN_COLLECTIVE": ["COLLECTIVE_HOUSEHOLD"],
    "CASE_DECIDED": ["FOLLOWS_NEITHER", "NON_RELATIVE", "COLLECTIVE_HOUSEHOLD", "PRIVATE_ADOPTION"],
}
"""Ground of a placement → doubts it clears (公通字〔2021〕12号 arts. 20-30; 国办发〔2015〕96号)."""


class RuleSet:
    """One numbered set. Times in milliseconds; `text` is canonical JSON, `digest` its SHA-256.

    The tables of codes only ever grow: `reasons`, `flags` and `doubts` say how many rows of each the set knows.
    """

    def __init__(
        self,
        version: int,
        sla_seconds: int,
        claim_seconds: int,
        skew_seconds: int,
        reasons: int,
        flags: int,
        doubts: int,
    ) -> None:
        self.version: int = version
        self.sla_ms: i64 = sla_seconds * 1000
        self.claim_ms: i64 = claim_seconds * 1000
        self.skew_ms: i64 = skew_seconds * 1000
        self.reasons: int = reasons
        self.flags: int = flags
        self.doubts: int = doubts
        self.flag_mask: i64 = (1 << flags) - 1
        self.doubt_mask: i64 = (1 << doubts) - 1
        tables = {"reasons": REASONS[:reasons], "flags": FLAGS[:flags], "doubts": DOUBTS[:doubts]}
        self.text: str = json.dumps(
            {
                "version": version,
                "sla_seconds": sla_seconds,
                "claim_seconds": claim_seconds,
                "skew_seconds": skew_seconds,
                "divisions": hashlib.sha256(divisions.TEXT.encode()).hexdigest(),
                "exemptions": EXEMPTIONS,
                "placement_bases": PLACEMENT_BASES,
                **{name: [_row(code) for code in table] for name, table in tables.items()},
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        self.digest: bytes = hashlib.sha256(self.text.encode()).digest()


def _row(code: Code) -> list[str]:
    return [code.code, code.zh, code.source]


BUILT_IN: Final[dict[int, RuleSet]] = {
    1: RuleSet(
        1, sla_seconds=30 * 60, claim_seconds=120 * 60, skew_seconds=5 * 60, reasons=15, flags=19, doubts=7
    ),
}
NEWEST: Final[RuleSet] = BUILT_IN[max(BUILT_IN)]


class RuleSetError(ValueError):
    """A rule set that cannot be used; the message says what to do."""


def from_json(text: str) -> RuleSet:
    """A set of one's own: `version` and any of sla_seconds, claim_seconds, skew_seconds (whole seconds).

    What is left out comes from the newest built-in set. Raises RuleSetError.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise RuleSetError(f"the rule set is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise RuleSetError('the rule set must be a JSON object, such as {"version": 100, "sla_seconds": 60}')
    spans = {
        "sla_seconds": int(NEWEST.sla_ms) // 1000,
        "claim_seconds": int(NEWEST.claim_ms) // 1000,
        "skew_seconds": int(NEWEST.skew_ms) // 1000,
    }
    for name, value in given.items():
        if name != "version" and name not in spans:
            raise RuleSetError(
                f"the rule set has an unknown field {name}; it may have version, {', '.join(spans)}"
            )
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
            raise RuleSetError(f"{name} must be a whole number from 0 to 2147483647")
        if name != "version":
            spans[name] = value
    if given.get("version", 0) < 1:
        raise RuleSetError('the rule set needs a "version" from 1, one that no other text has')
    return RuleSet(
        given["version"],
        spans["sla_seconds"],
        spans["claim_seconds"],
        spans["skew_seconds"],
        NEWEST.reasons,
        NEWEST.flags,
        NEWEST.doubts,
    )


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
