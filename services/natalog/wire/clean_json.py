"""Clean JSON objects straight to a record's bytes, without a record in between. Compiled by mypyc.

`take` knows nothing but the ordinary case: every field known and well-formed, numbers of certificates in their normal
form. For whatever it is not sure of it returns None, and the caller goes the careful way (`json_form`,
`encoder`), which finds the fault or takes the record all the same. So it need only be right about what it takes, never
complete (tests/property/test_wire_clean_json.py). Columns are made from the schemas by `clean_columns.py`.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from natalog.decision.numbers import is_wellformed
from natalog.wire.varint import put

OTHER: Final = 0
"""A form this module does not take."""
TEXT: Final = 1
DIGITS: Final = 2
NAME: Final = 3
CODE: Final = 4
NUMBER: Final = 5
BOOLEAN: Final = 6
TIME: Final = 7
DATE: Final = 8
UUID: Final = 9
BYTES: Final = 10
INNER: Final = 11
FIXED: Final = 12

_DAYS: Final = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
_CITIZEN_ID: Final = 15
"""Digits in a row, up to 18, that may be a citizen ID: no name may be one."""


class Column:
    """One field: its form, and its bytes where it is absent."""

    def __init__(
        self,
        name: str,
        form: int,
        *,
        nullable: bool,
        absent: bytes | None,
        tag: bytes,
        codes: dict[str, bytes],
        lengths: list[int],
        most: int,
        inner: list[Column],
    ) -> None:
        self.name: str = name
        self.form: i64 = form
        self.nullable: bool = nullable
        self.absent: bytes | None = absent
        """None: it must be there. For FIXED the bytes are given with each call."""
        self.tag: bytes = tag
        """What precedes a value: the branch of a union with null."""
        self.codes: dict[str, bytes] = codes
        """Values of CODE with their bytes."""
        self.lengths: list[int] = lengths
        """How many digits DIGITS may have."""
        self.most: i64 = most
        """Characters of TEXT and NAME, bytes of BYTES."""
        self.inner: list[Column] = inner


class Taken:
    """A record's value and what its sender's rights and its key hang on."""

    def __init__(self) -> None:
        self.event_id: bytes = b""
        self.number: str = ""
        self.unit: str = ""
        self.backfill: bool = False
        self.value: bytes = b""


def take(header: bytes, columns: list[Column], content: dict[str, object], submitter: bytes) -> Taken | None:
    """The record of a JSON object in the newest version of its schema, or None for anything out of the ordinary.

    `content` has no key twice (its parser's business), `submitter` is encoded. A record without certificate number is
    out of the ordinary too, and so is one without any of `registered_at` and `registered_on` where there are such.
    """
    taken = Taken()
    w = BytesWriter()
    w.write(header)
    found = _walk(w, columns, content, submitter, taken)
    if found != len(content) or taken.number == "":
        return None
    taken.value = w.getvalue()
    return taken


def _walk(
    w: BytesWriter, columns: list[Column], content: dict[str, object], submitter: bytes, taken: Taken
) -> i64:
    """Fields of the object that were taken; -1 for anything out of the ordinary."""
    found: i64 = 0
    dated: i64 = 0
    for column in columns:
        form = column.form
        if form == FIXED:
            w.write(submitter)
            continue
        value = content.get(column.name)
        if value is None:
            if column.name in content:
                if not column.nullable:
                    return -1
                found += 1
            absent = column.absent
            if absent is None:
                return -1
            w.write(absent)
            if column.name == "registered_at" or column.name == "registered_on":
                dated += 1
            continue
        found += 1
        if len(column.tag):
            w.write(column.tag)
        if form == CODE:
            if not isinstance(value, str):
                return -1
            code = column.codes.get(value)
            if code is None:
                return -1
            w.write(code)
            if column.name == "origin":
                taken.backfill = value == "BACKFILL"
        elif form == BOOLEAN:
            if value is True:
                w.append(1)
            elif value is False:
                w.append(0)
            else:
                return -1
        elif form == INNER:
            if not isinstance(value, dict):
                return -1
            inside = _walk(w, column.inner, value, submitter, taken)
            if inside != len(value):
                return -1
        elif not isinstance(value, str):
            return -1
        elif form == BYTES:
            if not _bytes(w, value, column.most):
                return -1
        else:
            try:
                raw = value.encode("utf-8")
            except UnicodeEncodeError:
                return -1
            if not _text(w, column, form, value, raw, taken):
                return -1
    return found if dated < 2 else -1


def _text(w: BytesWriter, column: Column, form: i64, value: str, raw: bytes, taken: Taken) -> bool:
    """Append what a text says; False for anything out of the ordinary. `raw` is the text in UTF-8."""
    if form == TEXT:
        if len(raw) == 0 or len(value) > column.most:
            return False
    elif form == DIGITS:
        if len(raw) not in column.lengths or not _digits(raw, 0, len(raw)):
            return False
        if column.name == "unit_code":
            taken.unit = value
    elif form == NAME:
        if len(raw) == 0 or len(raw) > column.most or not _name(raw):
            return False
    elif form == NUMBER:
        if not is_wellformed(value):
            return False
        if column.name == "certificate_number":
            taken.number = value
    elif form == UUID:
        id_ = _uuid(value)
        if id_ is None:
            return False
        w.write(id_)
        if column.name == "event_id":
            taken.event_id = id_
        return True
    elif form == TIME:
        return _time(w, raw)
    elif form == DATE:
        if len(raw) != 10:
            return False
        day = _day(raw)
        if day == _NO_DAY:
            return False
        put(w, day)
        return True
    else:
        return False
    put(w, len(raw))
    w.write(raw)
    return True


def _digits(raw: bytes, start: i64, end: i64) -> bool:
    at: i64 = start
    while at < end:
        c: i64 = raw[at]
        if c < 48 or c > 57:
            return False
        at += 1
    return True


def _name(raw: bytes) -> bool:
    """Letters, digits and hyphens, and nothing that may be a citizen ID."""
    at: i64 = 0
    n: i64 = len(raw)
    row: i64 = 0
    while at < n:
        c: i64 = raw[at]
        if 48 <= c <= 57:
            row += 1
        elif 65 <= c <= 90 or 97 <= c <= 122 or c == 45:
            if _CITIZEN_ID <= row <= 18:
                return False
            row = 0
        else:
            return False
        at += 1
    return not _CITIZEN_ID <= row <= 18


def _uuid(value: str) -> bytes | None:
    if len(value) != 36:
        return None
    if value[8] != "-" or value[13] != "-" or value[18] != "-" or value[23] != "-":
        return None
    hex_ = value.replace("-", "")
    if len(hex_) != 32:
        return None
    try:
        id_ = bytes.fromhex(hex_)
    except ValueError:
        return None
    return id_ if len(id_) == 16 else None  # fromhex steps over blanks


def _bytes(w: BytesWriter, value: str, most: i64) -> bool:
    try:
        decoded = a2b_base64(value, strict_mode=True)
    except ValueError:
        return False
    if len(decoded) > most:
        return False
    put(w, len(decoded))
    w.write(decoded)
    return True


_NO_DAY: Final = -(1 << 40)


def _two(raw: bytes, at: i64) -> i64:
    """A number of two digits, -1000 where there is none."""
    tens: i64 = raw[at]
    ones: i64 = raw[at + 1]
    if tens < 48 or tens > 57 or ones < 48 or ones > 57:
        return -1000
    return tens * 10 + ones - 528


def _day(raw: bytes) -> i64:
    """Days since 1970-01-01 of the ten characters YYYY-MM-DD, _NO_DAY for what is none. Years from 1600 on."""
    if raw[4] != 45 or raw[7] != 45:
        return _NO_DAY
    century = _two(raw, 0)
    rest = _two(raw, 2)
    year: i64 = century * 100 + rest
    month = _two(raw, 5)
    day = _two(raw, 8)
    if century < 16 or rest < 0 or month < 1 or month > 12 or day < 1:
        return _NO_DAY
    most: i64 = _DAYS[month]
    if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        most = 29
    if day > most:
        return _NO_DAY
    # Days from civil, years beginning in March (Hinnant), as `calendar.civil` the other way round.
    if month <= 2:
        year -= 1
        month += 12
    of_year: i64 = (153 * (month - 3) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719468


def _time(w: BytesWriter, raw: bytes) -> bool:
    """RFC 3339 with capital letters as milliseconds; False for anything else."""
    n: i64 = len(raw)
    if n < 20 or raw[10] != 84 or raw[13] != 58 or raw[16] != 58:
        return False
    day = _day(raw)
    hour = _two(raw, 11)
    minute = _two(raw, 14)
    second = _two(raw, 17)
    if day == _NO_DAY or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return False
    at: i64 = 19
    ms: i64 = 0
    if raw[at] == 46:
        at += 1
        scale: i64 = 100
        start = at
        while at < n and 48 <= raw[at] <= 57:
            ms += (raw[at] - 48) * scale
            scale //= 10
            at += 1
        if at == start:
            return False
    offset: i64 = 0
    if at >= n:
        return False
    sign: i64 = raw[at]
    if sign == 90:
        if at + 1 != n:
            return False
    elif sign == 43 or sign == 45:
        if at + 6 != n or raw[at + 3] != 58:
            return False
        hours = _two(raw, at + 1)
        minutes = _two(raw, at + 4)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return False
        offset = hours * 60 + minutes
        if sign == 45:
            offset = -offset
    else:
        return False
    put(w, (((day * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + ms)
    return True
