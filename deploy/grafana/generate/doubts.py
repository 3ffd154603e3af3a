"""Names of the label `doubt`: the notice's seven patterns."""

from __future__ import annotations

from typing import Final

DOUBTS: Final[dict[str, str]] = {
    "VOID_CERTIFICATE": "void certificate 使用失效证明",
    "COLLECTIVE_HOUSEHOLD": "collective household 落集体户",
    "NON_RELATIVE": "non-relative 非亲属落户",
    "PRIVATE_ADOPTION": "private adoption 私自收养",
    "OVER_SIX": "over six 6周岁以上",
    "FOLLOWS_NEITHER": "follows neither parent 未随父母",
    "UNMARRIED_FATHER": "father without test 随父无鉴定",
}
