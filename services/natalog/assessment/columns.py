"""The columns of the assessment: names, headings and how each figure is had from the facts.

docs/assessment.md defines every one of them and says where it comes from; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from natalog.assessment.arithmetic import nearest_rank, share
from natalog.assessment.facts import Facts
from natalog.decision.codes import DOUBTS, REASONS

Value = int | Fraction | None
"""A figure before it is rounded; None where there is nothing to take it from."""


class Kind(StrEnum):
    """How a figure is written."""

    COUNT = "count"
    PERCENT = "percent"
    """A share of 1; two decimal places of a percent."""
    SECONDS = "seconds"
    """Milliseconds; three decimal places of a second."""
    HOURS = "hours"
    """Milliseconds; two decimal places of an hour."""


class Part(StrEnum):
    """What a column belongs to; a table on the screen has one block for each."""

    FILING = "Filing 备案"
    TIME = "Thirty minutes 30分钟"
    CHECKS = "Checks and refusals 核验与拒绝"
    DOUBTS = "Doubtful registrations 存疑落户"
    UPKEEP = "Upkeep 维护"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure."""

    key: str
    part: Part
    kind: Kind
    en: str
    zh: str
    of: Callable[[Facts], Value]


CAUSES: Final[dict[str, str]] = {
    "STATION": "派出所",
    "TRANSPORT": "传输",
    "MINISTRY": "部级系统",
    "CLOCK": "时钟",
    "UNKNOWN": "不明",
}
"""Causes of lateness (docs/projection.md) with their label."""


def excused(facts: Facts) -> int:
    """Late filings by the line's or the ministry's fault, but for those that the unit's own records contradict."""
    counts = facts.counts
    return counts["late TRANSPORT"] + counts["late MINISTRY"] - counts["late_contradicted"]


def assessed(facts: Facts) -> Fraction | None:
    """On time among the timed filings, excused ones set apart."""
    return share(facts.counts["on_time"], facts.counts["timed"] - excused(facts))


def discipline(facts: Facts) -> Fraction | None:
    """The same with every overdue registration counted as late that has no delay.

    Neither what is not filed nor what was filed past the clock must look better than late.
    """
    counts = facts.counts
    overdue = counts["overdue_open"] + counts["overdue_untimed"]
    return share(counts["on_time"], counts["timed"] - excused(facts) + overdue)


def complete(facts: Facts) -> Fraction | None:
    """Filed registrations with a well-formed number among those that need one."""
    return share(facts.counts["numbered"], facts.counts["filed"] - facts.counts["exempt"])


def score(facts: Facts) -> tuple[Fraction, Fraction] | None:
    """What ranks compare: discipline, and between equals the completeness of numbers. None: nothing to judge."""
    first = discipline(facts)
    if first is None:
        return None
    return first, complete(facts) or Fraction(0)


def _count(key: str, part: Part, en: str, zh: str, name: str | None = None) -> Column:
    counted = name or key
    return Column(key, part, Kind.COUNT, en, zh, lambda facts: facts.counts[counted])


def _delay(key: str, en: str, zh: str, at: Fraction) -> Column:
    return Column(key, Part.TIME, Kind.SECONDS, en, zh, lambda facts: nearest_rank(facts.delays, at))


def _share(key: str, part: Part, en: str, zh: str, of: Callable[[Facts], Value]) -> Column:
    return Column(key, part, Kind.PERCENT, en, zh, of)


COLUMNS: Final[tuple[Column, ...]] = (
    _count("registered", Part.FILING, "registered", "登记数"),
    _count("filed", Part.FILING, "filed", "已备案"),
    _count("missing", Part.FILING, "missing", "未备案"),
    _count("exempt", Part.FILING, "exempt", "免填编号"),
    Column(
        "number_missing",
        Part.FILING,
        Kind.COUNT,
        "number missing",
        "编号缺失",
        lambda facts: facts.counts["filed"] - facts.counts["exempt"] - facts.counts["numbered"],
    ),
    _share("number_complete_percent", Part.FILING, "number complete %", "编号完整率", complete),
    _count("malformed", Part.FILING, "malformed", "编号格式错误"),
    _share(
        "malformed_percent",
        Part.FILING,
        "malformed %",
        "编号格式错误率",
        lambda facts: share(facts.counts["malformed"], facts.counts["filed"]),
    ),
    _count("timed", Part.TIME, "timed", "计时备案"),
    _count("on_time", Part.TIME, "on time", "按时备案"),
    _count("untimed", Part.TIME, "not timeable", "无法计时"),
    _count("never_timed", Part.TIME, "filed, never timed", "已备案未计时"),
    _share(
        "gross_percent",
        Part.TIME,
        "gross %",
        "按时率",
        lambda facts: share(facts.counts["on_time"], facts.counts["timed"]),
    ),
    _share("assessed_percent", Part.TIME, "assessed %", "考核按时率", assessed),
    _delay("delay_p50_seconds", "p50 delay, s", "备案用时中位数(秒)", Fraction(1, 2)),
    _delay("delay_p95_seconds", "p95 delay, s", "备案用时95分位(秒)", Fraction(95, 100)),
    _delay("delay_max_seconds", "max delay, s", "最长备案用时(秒)", Fraction(1)),
    *(
        _count(f"late_{cause.lower()}", Part.TIME, f"late: {cause}", f"迟报:{zh}", f"late {cause}")
        for cause, zh in CAUSES.items()
    ),
    _count("late_contradicted", Part.TIME, "excuse contradicted", "迟报:理由不成立"),
    _count("overdue_open", Part.TIME, "overdue open", "逾期未备案"),
    _count("overdue_filed", Part.TIME, "overdue, filed since", "逾期告警后备案"),
    _count("overdue_untimed", Part.TIME, "overdue, filed without delay", "逾期告警后备案:未计时"),
    _share("discipline_percent", Part.TIME, "discipline %", "备案纪律率", discipline),
    _count("to_check", Part.CHECKS, "to be checked", "应核验"),
    _share(
        "checked_first_percent",
        Part.CHECKS,
        "checked first %",
        "先核验率",
        lambda facts: share(facts.counts["checked"], facts.counts["to_check"]),
    ),
    _count("claims_unanswered", Part.CHECKS, "claims unanswered", "占用后未登记"),
    *(
        _count(
            f"refused_{reason.code.lower()}",
            Part.CHECKS,
            f"refused: {reason.code}",
            f"拒绝:{reason.zh}",
            f"refused {reason.code}",
        )
        for reason in REASONS[1:]
    ),
    *(
        _count(f"doubt_{doubt.code.lower()}", Part.DOUBTS, doubt.code, doubt.zh, doubt.code)
        for doubt in DOUBTS
    ),
    _count("doubtful", Part.DOUBTS, "doubtful", "存疑落户合计"),
    _count(
        "over_six_without_evidence",
        Part.DOUBTS,
        "over six, no evidence",
        "六周岁以上缺材料",
        "over_six_unproven",
    ),
    _count("contested_opened", Part.UPKEEP, "contested opened", "新增争议"),
    _count("contested_closed", Part.UPKEEP, "contested closed", "办结争议"),
    _count("amendments", Part.UPKEEP, "amendments", "更正"),
    _count("backfill_done", Part.UPKEEP, "backfill done", "完成补报", "backfilled"),
    _count("listed", Part.UPKEEP, "listed", "列入黑名单"),
    Column(
        "void_to_listed_median_hours",
        Part.UPKEEP,
        Kind.HOURS,
        "median void to listed, h",
        "作废至列入黑名单中位时长(小时)",
        lambda facts: nearest_rank(facts.listing, Fraction(1, 2)),
    ),
)
