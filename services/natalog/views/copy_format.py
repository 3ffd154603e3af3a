"""Fields of PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"). Compiled.

Every function is total: what PostgreSQL could not take (NUL in a text, a year beyond its calendar, a text too long for
an index) is put in a form that it can, so that no record of the ledger can make a batch fail.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i16, i32, i64

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"

TEXT_LIMIT: Final = 256
"""Bytes of the longest text that is kept whole."""
_KEPT: Final = 160

_EPOCH_MS: Final = 946_684_800_000  # 2000-01-01 UTC
_EPOCH_DAY: Final = 10_957
_FIRST_MS: Final = -62_135_596_800_000  # 0001-01-01
LAST_MS: Final = 253_402_214_400_000  # 9999-12-31
_FIRST_DAY: Final = -719_162
_LAST_DAY: Final = 2_932_896


def row(w: BytesWriter, fields: i64) -> None:
    """Begin a row of so many fields."""
    write_i16_be(w, i16(fields))


def null(w: BytesWriter) -> None:
    write_i32_be(w, -1)


def bigint(w: BytesWriter, n: i64) -> None:
    write_i32_be(w, 8)
    write_i64_be(w, n)


def bigint_or_null(w: BytesWriter, n: i64) -> None:
    """Negative means null."""
    if n < 0:
        write_i32_be(w, -1)
    else:
        write_i32_be(w, 8)
        write_i64_be(w, n)


def integer(w: BytesWriter, n: i64) -> None:
    write_i32_be(w, 4)
    write_i32_be(w, i32(n))


def smallint(w: BytesWriter, n: i64) -> None:
    write_i32_be(w, 2)
    write_i16_be(w, i16(n))


def boolean(w: BytesWriter, value: bool) -> None:
    write_i32_be(w, 1)
    w.append(1 if value else 0)


def time(w: BytesWriter, at_ms: i64) -> None:
    """A timestamptz from UTC milliseconds, held within the years 1 to 9999."""
    if at_ms < _FIRST_MS:
        at_ms = _FIRST_MS
    elif at_ms > LAST_MS:
        at_ms = LAST_MS
    write_i32_be(w, 8)
    write_i64_be(w, (at_ms - _EPOCH_MS) * 1000)


def date(w: BytesWriter, day: i64) -> None:
    """A date from days since 1970-01-01, held within the years 1 to 9999."""
    if day < _FIRST_DAY:
        day = _FIRST_DAY
    elif day > _LAST_DAY:
        day = _LAST_DAY
    write_i32_be(w, 4)
    write_i32_be(w, i32(day - _EPOCH_DAY))


def data(w: BytesWriter, value: bytes) -> None:
    """A bytea or a uuid."""
    write_i32_be(w, len(value))
    w.write(value)


def text(w: BytesWriter, value: bytes) -> None:
    """A text from UTF-8."""
    if len(value) > TEXT_LIMIT or 0 in value:
        value = storable(value)
    write_i32_be(w, len(value))
    w.write(value)


def text_or_null(w: BytesWriter, value: str | None) -> None:
    if value is None:
        write_i32_be(w, -1)
    else:
        text(w, value.encode("utf-8"))


def storable(value: bytes) -> bytes:
    """The text as it is kept: NUL as U+FFFD, and of what exceeds TEXT_LIMIT a beginning and its SHA-256."""
    if len(value) > TEXT_LIMIT:
        kept = value[:_KEPT].decode("utf-8", "ignore")
        value = f"{kept}…{sha256(value).hexdigest()}".encode()
    return value.replace(b"\0", b"\xef\xbf\xbd")


def texts(items: list[str]) -> bytes:
    """A text[] as a whole field, its length included."""
    w = BytesWriter()
    if not items:
        for n in (12, 0, 0, 25):
            write_i32_be(w, n)
        return w.getvalue()
    body = BytesWriter()
    for n in (1, 0, 25, len(items), 1):
        write_i32_be(body, n)
    for item in items:
        text(body, item.encode("utf-8"))
    whole = body.getvalue()
    write_i32_be(w, len(whole))
    w.write(whole)
    return w.getvalue()
