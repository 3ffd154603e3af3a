"""An entry of the ledger as the verdict a sender gets, with its sentences in English and Chinese."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from natalog.decision.calendar import bounded_day, civil
from natalog.decision.codes import DOUBTS, FLAGS, REASONS, Code
from natalog.decision.numbers import is_wellformed, suggest, with_letter
from natalog.events import Entry, Verdict
from natalog.wire import codec
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


def _sentences(table: tuple[Code, ...]) -> dict[str, str]:
    return {code.code: f"{code.text} {code.zh}。" for code in table if code.code}


_BY_REASON = _sentences(REASONS)
_BY_FLAG = _sentences(FLAGS)
_BY_DOUBT = _sentences(DOUBTS)
_PREFECTURE_REVIEWS = "To be reviewed by the prefecture. 存疑，由地市复核。"


def rfc3339(ms: int | None) -> str | int | None:
    """UTC milliseconds as the JSON form writes them; None stays None."""
    return None if ms is None else time_text(ms)


def message(entry: Entry, kind: str) -> str:
    """What a person reads: the verdict's sentence, then one for each flag and doubt."""
    if entry.verdict is Verdict.ACCEPTED:
        parts = [" ".join(_ACCEPTED[kind])]
    elif entry.verdict is Verdict.REFUSED:
        parts = [_BY_REASON.get(entry.reason or "", entry.reason or "")]
    else:
        parts = [" ".join(_UNREADABLE)]
    # A code of a newer rule set has no sentence here yet: the code itself is better than silence.
    parts += [_BY_FLAG.get(flag, flag) for flag in entry.flags]
    if entry.doubts:
        parts += [_BY_DOUBT.get(doubt, doubt) for doubt in entry.doubts]
        parts.append(_PREFECTURE_REVIEWS)
    return " ".join(parts)


def token(partition: int, offset: int) -> str:
    """Position of a reader that has seen the ledger up to and with `offset`: opaque to callers."""
    return f"{partition}.{offset + 1}"


def positions(text: str) -> dict[int, int]:
    """Partition to next offset of a token. Raises ValueError for what is none."""
    found = {}
    for part in text.split("-"):
        partition, offset = part.split(".")
        if not (partition.isdecimal() and offset.isdecimal()):
            raise ValueError("no token of ours")
        found[int(partition)] = int(offset)
    return found


def _suggestion(entry: Entry, number: str | None) -> str | None:
    """What a malformed number may have been meant to be."""
    if entry.reason != "MALFORMED_NUMBER" or number is None:
        return None
    if not is_wellformed(number):
        return suggest(number)
    # Nine bare digits: well-formed as a key, but not for a birth after 2000.
    record = codec.decode(entry.input) if isinstance(entry.input, bytes) else None
    born = getattr(record, "birth_date", None)
    return with_letter(number, None if born is None else int(civil(bounded_day(born))[0]))


def verdict_json(
    entry: Entry, value: bytes, *, partition: int, event_id: str, kind: str, number: str | None
) -> bytes:
    """The verdict of DESIGN section 8. `value` is the entry's own bytes, whose SHA-256 it names."""
    return orjson.dumps(
        {
            "event_id": event_id,
            "kind": RECORD_OF_KIND[kind].__name__,
            "certificate_number": number,
            "verdict": entry.verdict.value,
            "reason": entry.reason,
            "flags": entry.flags,
            "doubts": entry.doubts,
            "message": message(entry, kind),
            "suggestion": _suggestion(entry, number),
            "received_at": rfc3339(entry.received_at),
            "delay_ms": entry.delay_ms,
            "claim_expires_at": rfc3339(entry.claim_expires_at),
            "first": entry.first,
            "rules": entry.rules,
            "ledger": {
                "partition": partition,
                "seq": entry.seq,
                "hash": hashlib.sha256(value).hexdigest(),
            },
        }
    )
