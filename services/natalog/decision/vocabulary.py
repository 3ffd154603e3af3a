"""The codes that fields of records may hold: one table for decisions, the wire and the gateway's schema.

Codes are strings in the schemas, so that a new one needs no new schema. They are Natalog's own, in the words of the
regulation named beside each table; a mapping from local code tables (CSDJLBDM and the like) belongs to the edge.
Tables only grow, at their ends. `exemption` and `placement_basis` also decide: a rule set says how many rows of
`EXEMPTIONS` and `PLACEMENT_BASES` it knows (rules.py).
"""

from __future__ import annotations

from typing import Final, NamedTuple

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
"""出生登记类别: 公通字〔2021〕12号 arts. 20-30; persons without registration: 国办发〔2015〕96号."""

HOUSEHOLD_KINDS: Final[dict[str, str]] = {
    "FAMILY": "家庭户",
    "STATION_COLLECTIVE": "派出所集体户",
    "COMMUNITY_COLLECTIVE": "社区集体户",
    "UNIT_COLLECTIVE": "单位集体户",
    "UNIVERSITY_COLLECTIVE": "高校集体户",
    "WELFARE_COLLECTIVE": "福利机构集体户",
}
"""户类型: 公安部2023年6月通知 一 (collective households in doubt), 公通字〔2021〕12号 art. 22 (universities)."""

FOLLOWS: Final[dict[str, str]] = {
    "FATHER": "随父",
    "MOTHER": "随母",
    "BOTH": "随父母",
    "OTHER": "随其他人",
    "NONE": "均不随",
}
"""随父随母: 公安部2023年6月通知 一, 二.一."""

PATERNITY_EVIDENCE: Final[dict[str, str]] = {"NONE": "无", "DNA": "亲子鉴定", "JUDGMENT": "法院判决"}
"""亲子关系证明: 公安部2023年6月通知 一, 公通字〔2021〕12号 arts. 20-30."""

EXEMPTIONS: Final[dict[str, str]] = {
    "BORN_ABROAD": "国外出生",
    "ADOPTED": "收养",
    "WELFARE_HOME": "福利机构",
    "BEFORE_1996": "1996年前出生",
    "CASE_DECIDED": "一人一案",
}
"""无编号原因: 公通字〔2021〕12号 arts. 23-30; the last case by case, 国办发〔2015〕96号. Not held to on the wire: the
registration behind an unknown code has happened, so the registrar records and refuses it."""

WITHDRAWAL_CAUSES: Final[dict[str, str]] = {
    "WRONG_NUMBER": "编号录错",
    "DUPLICATE": "重复登记",
    "COURT_REVOKED": "法院撤销",
}
"""撤销原因: 公安部2023年6月通知 三.一 (wrong numbers); Natalog withdrawal rule."""

BLACKLIST_CAUSES: Final[dict[str, str]] = {
    "STOLEN": "被盗",
    "LOST": "遗失",
    "FORGED": "伪造",
    "MISPRINTED": "打印错误",
    "OTHER": "其他",
}
"""列入原因: 公安部2023年6月通知 三.三."""

INVALIDATION_CAUSES: Final[dict[str, str]] = {
    "EXCHANGED": "换发",
    "REPLACED": "补发",
    "WITHDRAWN_EDITION": "旧版回收",
    "STOLEN_BLANK": "空白证被盗",
    "ERROR": "签发错误",
}
"""作废原因: 公安部2023年6月通知 三.三; exchange and replacement as the issuers of certificates do them."""


class Basis(NamedTuple):
    """A ground of an unusual placement."""

    code: str
    zh: str
    clears: tuple[str, ...]
    """Doubts it clears."""


PLACEMENT_BASES: Final[tuple[Basis, ...]] = (
    Basis("STUDENT_PARENTS", "父母为在校学生", ("FOLLOWS_NEITHER",)),
    Basis("OVERSEAS_PARENTS", "父母在国外", ("FOLLOWS_NEITHER", "NON_RELATIVE")),
    Basis("PARENTS_WITHOUT_HUKOU_OR_CUSTODY", "父母无户口或无监护权", ("FOLLOWS_NEITHER", "NON_RELATIVE")),
    Basis("ADOPTION_REGISTERED", "已办收养登记", ("PRIVATE_ADOPTION", "FOLLOWS_NEITHER", "NON_RELATIVE")),
    Basis("WELFARE_HOME", "福利机构", ("COLLECTIVE_HOUSEHOLD", "FOLLOWS_NEITHER", "NON_RELATIVE")),
    Basis("PARENT_IN_COLLECTIVE", "父母为集体户", ("COLLECTIVE_HOUSEHOLD",)),
    Basis(
        "CASE_DECIDED",
        "一人一案",
        ("FOLLOWS_NEITHER", "NON_RELATIVE", "COLLECTIVE_HOUSEHOLD", "PRIVATE_ADOPTION"),
    ),
)
"""落户依据: 公通字〔2021〕12号 arts. 20-30; 国办发〔2015〕96号. To clear other doubts from a new rule set on, a ground
gets a second row at the end; a set goes by the last one it knows."""

VOCABULARIES: Final[dict[str, dict[str, str]]] = {
    "category": CATEGORIES,
    "household_kind": HOUSEHOLD_KINDS,
    "follows": FOLLOWS,
    "paternity_evidence": PATERNITY_EVIDENCE,
    "placement_basis": {basis.code: basis.zh for basis in PLACEMENT_BASES},
    "Withdrawal.cause": WITHDRAWAL_CAUSES,
    "BlacklistChange.cause": BLACKLIST_CAUSES,
    "Invalidation.cause": INVALIDATION_CAUSES,
}
"""Codes with their Chinese by field, or by record and field, for all that the wire holds to."""
