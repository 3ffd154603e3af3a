"""Verdicts, reasons, flags and doubts: numbers for the hot path, words and law for people.

The order of every table is fixed for ever: a flag's place is its bit, and entries name it by its code.
To add one, see "To add a flag, touch these files" in docs/decision.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ACCEPTED: Final = 0
REFUSED: Final = 1
REPEATED: Final = 2
UNREADABLE: Final = 3
VERDICTS: Final[tuple[str, ...]] = ("ACCEPTED", "REFUSED", "REPEATED", "UNREADABLE")


class Code(NamedTuple):
    """One code with its wording."""

    code: str
    zh: str
    """Label, as officers read it."""
    text: str
    """Plain English: what it means and, for a reason, what to do."""
    source: str
    """Law article, notice section or technical rule it rests on."""


# Reasons of REFUSED; 0 is none.
USED: Final = 1
BLACKLISTED: Final = 2
INVALIDATED: Final = 3
SUCCEEDS_USED: Final = 4
CLAIMED_ELSEWHERE: Final = 5
MALFORMED_NUMBER: Final = 6
MISSING_NUMBER: Final = 7
UNKNOWN_EXEMPTION: Final = 8
NOT_OWNER: Final = 9
NOT_LISTED: Final = 10
NEEDS_SECOND_PERSON: Final = 11
UNKNOWN_REGISTRATION: Final = 12
EVENT_ID_REUSED: Final = 13
MISROUTED: Final = 14

_NOTICE = "公安部2023年6月通知"
REASONS: Final[tuple[Code, ...]] = (
    Code("", "", "", ""),
    Code(
        "USED",
        "编号已被使用",
        "Another registration stands on this number. Do not register with this "
        "certificate; inform the prefecture, who decides which registration is right.",
        f"{_NOTICE} 三.四",
    ),
    Code(
        "BLACKLISTED",
        "编号在黑名单中",
        "The number is blacklisted. Do not register with this certificate; "
        "keep it and inform the prefecture.",
        f"{_NOTICE} 三.四",
    ),
    Code(
        "INVALIDATED",
        "编号已作废",
        "The issuer voided this certificate. Ask the family for the one issued in its place.",
        f"{_NOTICE} 三.三",
    ),
    Code(
        "SUCCEEDS_USED",
        "原编号已登记",
        "This certificate was issued in exchange for one that a registration "
        "already used; it is good for that registration only.",
        f"{_NOTICE} 三.四",
    ),
    Code(
        "CLAIMED_ELSEWHERE",
        "编号正被其他单位占用",
        "Another unit is registering with this number now. Wait until its claim ends, or call that unit.",
        "Natalog claim rule",
    ),
    Code(
        "MALFORMED_NUMBER",
        "编号格式错误",
        "This is not a certificate number: one letter and nine digits, or nine "
        "digits for births up to 2000. Compare it with the paper and send it anew.",
        f"{_NOTICE} 三.一",
    ),
    Code(
        "MISSING_NUMBER",
        "缺少编号",
        "A number is mandatory. Enter it, or give a coded exemption.",
        f"{_NOTICE} 三.二",
    ),
    Code(
        "UNKNOWN_EXEMPTION",
        "免填编号原因无效",
        "The exemption is not one of the coded ones, or its condition "
        "does not hold (BEFORE_1996 needs a birth before 1996, CASE_DECIDED a case_ref).",
        "公通字〔2021〕12号 23–30条",
    ),
    Code(
        "NOT_OWNER",
        "无权操作",
        "This belongs to another prefecture, province or issuer. Ask its owner.",
        f"{_NOTICE} 三.三",
    ),
    Code(
        "NOT_LISTED",
        "编号不在黑名单或未作废",
        "There is nothing to remove or reinstate on this number.",
        f"{_NOTICE} 三.三",
    ),
    Code(
        "NEEDS_SECOND_PERSON",
        "需由另一人审批",
        "An approval must cite an open request made by another person.",
        "PIPL 51 (双人审批)",
    ),
    Code(
        "UNKNOWN_REGISTRATION",
        "登记不存在",
        "This registration does not stand on this number.",
        "Natalog withdrawal rule",
    ),
    Code(
        "EVENT_ID_REUSED",
        "事件编号重复使用",
        "This event_id was used before with other content. Send the record again under a new event_id.",
        "RFC 9562",
    ),
    Code(
        "MISROUTED",
        "路由错误",
        "The record lies under a key, partition or topic its content does not belong to, or its registration id is "
        "none. Send it through the gateway.",
        "Natalog topic rule",
    ),
)

# Flags, a bit each.
FILED_LATE: Final = 1 << 0
OVERDUE: Final = 1 << 1
CLOCK_SKEW: Final = 1 << 2
BACKDATED: Final = 1 << 3
NOT_TIMEABLE: Final = 1 << 4
UNCHECKED: Final = 1 << 5
CLAIM_EXPIRED: Final = 1 << 6
CLAIM_CONFLICT: Final = 1 << 7
AMENDMENT: Final = 1 << 8
CONTESTED: Final = 1 << 9
PREFIX_WARNING: Final = 1 << 10
IMPOSSIBLE_YEAR: Final = 1 << 11
REGISTERED_BEFORE_LISTING: Final = 1 << 12
LISTED_AFTER_USE: Final = 1 << 13
INVALIDATED_AFTER_USE: Final = 1 << 14
LISTED_AFTER_CLAIM: Final = 1 << 15
SUCCESSION: Final = 1 << 16
SUCCEEDED_AFTER_USE: Final = 1 << 17
WITHDRAWN_BEFORE: Final = 1 << 18

FLAGS: Final[tuple[Code, ...]] = (
    Code("FILED_LATE", "超时备案", "Filed more than 30 minutes after the registration.", f"{_NOTICE} 三.二"),
    Code("OVERDUE", "逾期未备案", "No filing came by the due time.", f"{_NOTICE} 三.二"),
    Code(
        "CLOCK_SKEW",
        "时钟偏差",
        "The registration time lies in the future beyond the allowed skew.",
        "Natalog timing rule",
    ),
    Code(
        "BACKDATED",
        "登记时间早于占用",
        "Registered before its own claim: the time was set back.",
        "Natalog timing rule",
    ),
    Code("NOT_TIMEABLE", "无法计时", "Only the day of the registration is known.", f"{_NOTICE} 三.二"),
    Code(
        "UNCHECKED", "未事前核验", "The number was not checked before the registration.", f"{_NOTICE} 三.四"
    ),
    Code("CLAIM_EXPIRED", "占用已过期", "The claim it rests on had expired.", f"{_NOTICE} 三.四"),
    Code(
        "CLAIM_CONFLICT", "与其他单位占用冲突", "Another unit held a claim on the number.", f"{_NOTICE} 三.四"
    ),
    Code(
        "AMENDMENT",
        "更正报送",
        "The registration that stands here was sent again with other content.",
        f"{_NOTICE} 三.一",
    ),
    Code("CONTESTED", "存在争议", "More than one registration lays claim to the number.", f"{_NOTICE} 三.四"),
    Code("PREFIX_WARNING", "省级代码异常", "The number names no province.", "GB/T 2260"),
    Code(
        "IMPOSSIBLE_YEAR",
        "印制年份异常",
        "The certificate's print year lies after the registration.",
        "出生医学证明编号规则",
    ),
    Code(
        "REGISTERED_BEFORE_LISTING",
        "称登记早于列入",
        "By the sender's word alone it was registered before the listing: to be reviewed.",
        f"{_NOTICE} 三.三",
    ),
    Code(
        "LISTED_AFTER_USE",
        "使用后列入黑名单",
        "Blacklisted after a registration had used it.",
        f"{_NOTICE} 三.三",
    ),
    Code(
        "INVALIDATED_AFTER_USE", "使用后作废", "Voided after a registration had used it.", f"{_NOTICE} 三.三"
    ),
    Code(
        "LISTED_AFTER_CLAIM",
        "占用或办结后列入",
        "Listed or voided while the desk was registering with it.",
        f"{_NOTICE} 三.四",
    ),
    Code("SUCCESSION", "换发承继", "The number was issued in exchange for another.", f"{_NOTICE} 三.三"),
    Code(
        "SUCCEEDED_AFTER_USE",
        "承继时已被使用",
        "The number was already used by another registration when it became a successor.",
        f"{_NOTICE} 三.三",
    ),
    Code(
        "WITHDRAWN_BEFORE",
        "曾撤销登记",
        "A registration was withdrawn from this number before.",
        "Natalog withdrawal rule",
    ),
)

# Doubts, a bit each: the seven patterns of section 一 of the notice.
VOID_CERTIFICATE: Final = 1 << 0
COLLECTIVE_HOUSEHOLD: Final = 1 << 1
NON_RELATIVE: Final = 1 << 2
PRIVATE_ADOPTION: Final = 1 << 3
OVER_SIX: Final = 1 << 4
FOLLOWS_NEITHER: Final = 1 << 5
UNMARRIED_FATHER: Final = 1 << 6

DOUBTS: Final[tuple[Code, ...]] = (
    Code("VOID_CERTIFICATE", "使用失效出生医学证明落户", "A void certificate was used.", f"{_NOTICE} 一"),
    Code(
        "COLLECTIVE_HOUSEHOLD",
        "落户在派出所(社区)集体户",
        "Placed in a station, community or university collective household.",
        f"{_NOTICE} 一",
    ),
    Code(
        "NON_RELATIVE",
        "以非亲属关系落在家庭户",
        "Placed in a family household by a non-relative.",
        f"{_NOTICE} 一",
    ),
    Code("PRIVATE_ADOPTION", "私自收养落户", "A private adoption.", f"{_NOTICE} 一"),
    Code(
        "OVER_SIX",
        "6周岁以上补报落户",
        "First registered after the sixth birthday without all the checks.",
        f"{_NOTICE} 一, 二.二",
    ),
    Code("FOLLOWS_NEITHER", "未随父或母落户", "Follows neither parent.", f"{_NOTICE} 一, 二.一"),
    Code(
        "UNMARRIED_FATHER",
        "非婚生随父落户但无亲子鉴定证明",
        "Parents unmarried, follows the father, no paternity test.",
        f"{_NOTICE} 一",
    ),
)


def names(table: tuple[Code, ...], mask: int) -> list[str]:
    """Codes of the bits set in `mask`, in the table's order."""
    return [code.code for bit, code in enumerate(table) if mask >> bit & 1]


def mask_of(table: tuple[Code, ...], codes: list[str]) -> int:
    """Bits of `codes`. Raises KeyError for a code the table does not have."""
    places = {code.code: bit for bit, code in enumerate(table)}
    mask = 0
    for code in codes:
        mask |= 1 << places[code]
    return mask
