"""An entry of the ledger as the verdict a sender gets, with its sentences in English and Chinese."""

from __future__ import annotations

import hashlib
import re
from functools import cache, partial
from typing import Final

import orjson

from natalog.decision.calendar import bounded_day, civil
from natalog.decision.codes import (
    ACCEPTED,
    DOUBTS,
    FLAGS,
    MALFORMED_NUMBER,
    REASONS,
    REFUSED,
    VERDICTS,
    Code,
)
from natalog.decision.numbers import is_wellformed, with_letter
from natalog.gateway.language import Language, one_of
from natalog.gateway.lines import Words
from natalog.gateway.lookalikes import meant
from natalog.wire import codec
from natalog.wire.hot import EntryView
from natalog.wire.json_values import time_text
from natalog.wire.kinds import RECORD_OF_KIND

_ACCEPTED: Final[dict[str, tuple[str, str]]] = {
    "claim": ("The number is claimed for this unit.", "编号已由本单位占用。"),
    "release": ("The claim is given back, or there was none.", "占用已释放。"),
    "completion": ("The completion is recorded; its filing is due.", "办结已记录，请按时备案。"),
    "filing": ("The registration is filed.", "备案成功。"),
    "withdrawal": ("The withdrawal is recorded.", "撤销登记已记录。"),
    "blacklist-change": ("The change of the blacklist is recorded.", "黑名单变更已记录。"),
    "invalidation": ("The invalidation is recorded.", "作废信息已记录。"),
    "succession": ("The succession is recorded.", "换发承继已记录。"),
    "filing-overdue": ("The overdue filing is recorded.", "逾期未备案已记录。"),
}
_UNREADABLE: Final = ("The record could not be read.", "记录无法解析。")


def _sentences(table: tuple[Code, ...]) -> list[tuple[str, str]]:
    return [(code.text, f"{code.zh}。") for code in table]


_BY_REASON = _sentences(REASONS)
_BY_FLAG = _sentences(FLAGS)
_BY_DOUBT = _sentences(DOUBTS)
_PREFECTURE_REVIEWS = ("To be reviewed by the prefecture.", "存疑，由地市复核。")


def rfc3339(ms: int | None) -> str | int | None:
    """UTC milliseconds as the JSON form writes them; None stays None."""
    return None if ms is None else time_text(ms)


def message(entry: EntryView, kind: str, language: Language = Language.BOTH) -> str:
    """What a person reads: the verdict's sentence, then one for each flag and doubt."""
    if entry.verdict == ACCEPTED:
        parts = [_ACCEPTED[kind]]
    elif entry.verdict == REFUSED:
        parts = [_BY_REASON[entry.reason]]
    else:
        parts = [_UNREADABLE]
    parts += [sentence for place, sentence in enumerate(_BY_FLAG) if entry.flags >> place & 1]
    if entry.doubts:
        parts += [sentence for place, sentence in enumerate(_BY_DOUBT) if entry.doubts >> place & 1]
        parts.append(_PREFECTURE_REVIEWS)
    return " ".join(one_of(english, chinese, language) for english, chinese in parts)


def token(partition: int, offset: int) -> str:
    """Position of a reader that has seen the ledger up to and with `offset`: opaque to callers."""
    return f"{partition}.{offset + 1}"


_PLACE: Final = r"(?:[0-9]|1[01])\.[0-9]{1,18}"  # the ledger has twelve partitions, for ever
TOKEN_PATTERN: Final = f"^{_PLACE}(?:-{_PLACE})*$"
"""Of a token, for the OpenAPI document too."""
_TOKEN: Final = re.compile(TOKEN_PATTERN)


def positions(text: str) -> dict[int, int]:
    """Partition to next offset of a token. Raises ValueError for what is none."""
    if not _TOKEN.fullmatch(text):
        raise ValueError("no token of ours")
    return {int(partition): int(offset) for partition, offset in (p.split(".") for p in text.split("-"))}


def _suggestion(entry: EntryView, number: str | None) -> str | None:
    """What a malformed number may have been meant to be."""
    if entry.reason != MALFORMED_NUMBER or number is None:
        return None
    if not is_wellformed(number):
        return meant(number)
    # Nine bare digits: well-formed as a key, but not for a birth after 2000.
    born = getattr(codec.decode(entry.input), "birth_date", None)
    return with_letter(number, None if born is None else int(civil(bounded_day(born))[0]))


def _codes(table: tuple[Code, ...], bits: int) -> list[str]:
    return [code.code for place, code in enumerate(table) if bits >> place & 1] if bits else []


def _or_none(number: int) -> int | None:
    return None if number < 0 else number


def verdict_json(
    entry: EntryView,
    value: bytes,
    *,
    partition: int,
    event_id: str,
    kind: str,
    number: str | None,
    language: Language = Language.BOTH,
) -> bytes:
    """The verdict of DESIGN section 8. `value` is the entry's own bytes, whose SHA-256 it names."""
    return orjson.dumps(
        {
            "event_id": event_id,
            "kind": RECORD_OF_KIND[kind].__name__,
            "certificate_number": number,
            "verdict": VERDICTS[entry.verdict],
            "reason": REASONS[entry.reason].code or None,
            "flags": _codes(FLAGS, entry.flags),
            "doubts": _codes(DOUBTS, entry.doubts),
            "message": message(entry, kind, language),
            "suggestion": _suggestion(entry, number),
            "received_at": rfc3339(entry.received_at),
            "delay_ms": _or_none(entry.delay_ms),
            "claim_expires_at": rfc3339(_or_none(entry.claim_expires_at)),
            "first": _or_none(entry.first),
            "rules": entry.rules,
            "ledger": {
                "partition": partition,
                "seq": entry.seq,
                "hash": hashlib.sha256(value).hexdigest(),
            },
        }
    )


@cache
def words_of(kind: str, language: Language) -> Words:
    """The wording of verdicts that need no suggestion, for `lines.render`."""
    return Words(RECORD_OF_KIND[kind].__name__, partial(_middle, kind=kind, language=language))


def _middle(entry: EntryView, *, kind: str, language: Language) -> bytes:
    return orjson.dumps(
        {
            "verdict": VERDICTS[entry.verdict],
            "reason": REASONS[entry.reason].code or None,
            "flags": _codes(FLAGS, entry.flags),
            "doubts": _codes(DOUBTS, entry.doubts),
            "message": message(entry, kind, language),
            "suggestion": None,
        }
    )
