"""Single values between JSON and records, each way."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from natalog import events
from natalog.decision.numbers import is_wellformed, normalise
from natalog.wire.fields import (
    MAX_BYTES,
    MAX_COUNT,
    MAX_STRING,
    MAX_VALUE,
    MAY_BE_EMPTY,
    NUMBERS,
    Rule,
    looks_like_citizen_id,
    rule_of,
)
from natalog.wire.model import Type

MISSING = "This field is missing."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BEFORE_ALL = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND - 1
_AFTER_ALL = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND + 1
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339: what datetime.fromisoformat takes beyond it (week dates, times without colons) is refused.
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-5][0-9])?"
)
_SECONDS = slice(17, 19)
_DAY = 86_400_000  # milliseconds

Convert = Callable[[Any], Any]


class Problem(Exception):
    """A value that cannot be taken; the form that reads it adds the field's name. `at` is a path inside."""

    def __init__(self, problem: str, suggestion: str, at: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.suggestion = suggestion
        self.at = at


def reader(type_: Type, record: str, field: str) -> Convert:
    """A function from a JSON value of this field to the record's value. It raises Problem."""
    match type_.kind:
        case "string":
            return _string(record, field)
        case "boolean":
            return _boolean
        case "int" | "long":
            if type_.logical == "timestamp-millis":
                return _time
            return _date if type_.logical == "date" else _whole
        case "bytes":
            return _bytes(MAX_BYTES if record == "Filing" else MAX_VALUE)
        case "fixed":
            return _uuid if type_.name == "Uuid" else _hash
        case "enum":
            return _enum(type_)
        case "array":
            item = reader(type_.item, record, field)
            return lambda value: tuple([item(v) for v in _list(value)])
    raise TypeError(f"{record}.{field}: {type_.kind} has no JSON form")


def _string(record: str, field: str) -> Convert:
    rule, may_be_empty = rule_of(record, field), field in MAY_BE_EMPTY
    if field in NUMBERS:
        return _number
    if rule.codes or field == "registration_id":
        return _registration(rule) if field == "registration_id" else _code(rule)
    matches = re.compile(rule.pattern).fullmatch if rule.pattern else None

    def convert(value: Any) -> str:
        _check_string(value, may_be_empty)
        if matches is not None and matches(value) is None:
            raise Problem(rule.problem, rule.suggestion)
        return value  # type: ignore[no-any-return]

    return convert


def _check_string(value: Any, may_be_empty: bool) -> None:
    if type(value) is not str:
        raise Problem("This is not a string.", "Put the value in double quotes.")
    if len(value) > MAX_STRING:
        raise Problem(f"This is longer than {MAX_STRING} characters.", "Send a reference instead of a text.")
    if not value and not may_be_empty:
        raise Problem("This is empty.", "Leave the field out when there is nothing to say.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Problem("This has half of a surrogate pair.", "Send well-formed Unicode.") from None


def _number(value: Any) -> str:
    _check_string(value, True)
    if is_wellformed(value):
        return value  # type: ignore[no-any-return]
    normal = normalise(value)
    return normal if is_wellformed(normal) else value


def _registration(rule: Rule) -> Convert:
    matches = re.compile(rule.pattern).fullmatch

    def convert(value: Any) -> str:
        if type(value) is not str or matches(value) is None:
            raise Problem(rule.problem, rule.suggestion)
        if looks_like_citizen_id(value):
            raise Problem(
                "This has the form of a citizen ID.", "Send the local system's own key, never an ID number."
            )
        return value

    return convert


def _code(rule: Rule) -> Convert:
    # Values of the table itself, so that equal codes share one string.
    table = {code: code for code in rule.codes}

    def convert(value: Any) -> str:
        if type(value) is str and value in table:
            return table[value]
        raise Problem(rule.problem, rule.suggestion)

    return convert


def _enum(type_: Type) -> Convert:
    table = {member.value: member for member in getattr(events, type_.name)}
    advice = f"Send one of {', '.join(type_.symbols)}."

    def convert(value: Any) -> Any:
        if type(value) is str and value in table:
            return table[value]
        raise Problem("This is not one of the values of this field.", advice)

    return convert


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise Problem("This is neither true nor false.", "Send true or false without quotes.")


def _whole(value: Any) -> int:
    if type(value) is float and value.is_integer():  # 104.0 is a whole number in JSON Schema
        value = int(value)
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    raise Problem("This is not a count.", "Send a whole number from 0, without quotes.")


def _time(value: Any) -> int:
    match = _TIME.fullmatch(value) if type(value) is str else None
    if match is None:
        raise Problem("This is not a time.", "Send RFC 3339 with an offset, as in 2026-11-01T09:30:00+08:00.")
    if match[2] is None:
        raise Problem("This time has no offset from UTC.", "Add it, as in 2026-11-01T09:30:00+08:00.")
    try:
        if value[_SECONDS] == "60":
            milliseconds = _leap_second(value)
        else:
            milliseconds = (datetime.fromisoformat(value.upper()) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        milliseconds = _BEFORE_ALL
    if not _BEFORE_ALL < milliseconds < _AFTER_ALL:  # an offset can lead out of the years 1 to 9999
        raise Problem("There is no such time.", "Check month, day, hour, minute, second and offset.")
    return milliseconds


def _leap_second(value: str) -> int:
    """It comes before midnight UTC and is told as the second after it, as clocks do that know none (RFC 3339, 5.8)."""
    milliseconds = _time(f"{value[:17]}59{value[19:]}") + 1_000
    if milliseconds % _DAY >= 1_000:
        raise ValueError("no leap second")
    return milliseconds


def _date(value: Any) -> int:
    if type(value) is not str or _DATE.fullmatch(value) is None:
        raise Problem("This is not a date.", "Send year-month-day, as in 2026-11-01.")
    try:
        return date.fromisoformat(value).toordinal() - _EPOCH_DAY
    except ValueError:
        raise Problem("There is no such day.", "Check year, month and day.") from None


def _uuid(value: Any) -> uuid.UUID:
    if type(value) is not str or _UUID.fullmatch(value) is None:
        raise Problem(
            "This is not a UUID.", "Send 36 characters, as in 01890c5e-1f2a-7bbb-8000-0123456789ab."
        )
    return uuid.UUID(int=int(value.replace("-", ""), 16))  # twice as fast as UUID(value)


def _hash(value: Any) -> bytes:
    if type(value) is str and len(value) == 64 and value == value.lower():
        try:
            return binascii.unhexlify(value)
        except ValueError:
            pass
    raise Problem("This is not a SHA-256 digest.", "Send 64 lower-case hex digits.")


def _bytes(most: int) -> Convert:
    def convert(value: Any) -> bytes:
        try:
            decoded = binascii.a2b_base64(value, strict_mode=True) if type(value) is str else None
        except ValueError:
            decoded = None
        if decoded is None:
            raise Problem("This is not base64.", "Encode the bytes by RFC 4648, section 4, with padding.")
        if len(decoded) > most:
            raise Problem(f"This is more than {most // 1024} KiB.", "Seal fewer fields.")
        return decoded

    return convert


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise Problem("This is not a list.", "Send a JSON array.")
    return value


@cache
def writer(type_: Type) -> Convert:
    """A function from a record's value to JSON."""
    match type_.kind:
        case "int" | "long" if type_.logical == "timestamp-millis":
            return time_text
        case "int" if type_.logical == "date":
            return date_text
        case "bytes":
            return lambda value: base64.b64encode(value).decode()
        case "fixed":
            return str if type_.name == "Uuid" else lambda value: value.hex()
        case "enum":
            return str
        case "array":
            item = writer(type_.item)
            return lambda value: [item(v) for v in value]
        case "record":
            return _record_writer(type_)
        case "union" if type_.plain.kind != "union":
            return writer(type_.plain)
        case "union":
            records = {getattr(events, b.name): writer(b) for b in type_.branches if b.kind == "record"}
            plain = next(writer(b) for b in type_.branches if b.kind != "record")
            return lambda value: records.get(type(value), plain)(value)
        case _:
            return lambda value: value


def _record_writer(type_: Type) -> Convert:
    fields = [(f.name, writer(f.type)) for f in type_.fields]

    def write(record: Any) -> dict[str, Any]:
        made = {}
        for name, inner in fields:
            value = getattr(record, name)
            if value is not None:
                made[name] = inner(value)
        return made

    return write


def time_text(milliseconds: int) -> str | int:
    """RFC 3339 in UTC with milliseconds; the bare number where no calendar reaches (clocks far off)."""
    try:
        moment = _EPOCH + milliseconds * _MILLISECOND
    except OverflowError:
        return milliseconds
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def date_text(day: int) -> str | int:
    """The ISO date; the bare number where no calendar reaches."""
    try:
        return date.fromordinal(day + _EPOCH_DAY).isoformat()
    except (ValueError, OverflowError):
        return day
