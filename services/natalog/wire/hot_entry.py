"""The part of the generator that writes what reads and writes entries (see `generate.py`)."""

from __future__ import annotations

from natalog.wire.model import Field, Type
from natalog.wire.schemas import Version

_TABLES = '''

_ENTRY: Final = bytes.fromhex("{header}")
_TOPICS: Final[list[bytes]] = [string(topic) for topic in INTAKE_TOPICS]
_TOPIC_PLACES: Final[dict[str, int]] = {{topic: i for i, topic in enumerate(INTAKE_TOPICS)}}
_REASONS: Final[list[bytes]] = [b"\\x00", *[b"\\x02" + string(c.code) for c in REASONS[1:]]]
_REASON_PLACES: Final[dict[str, int]] = {{c.code: i for i, c in enumerate(REASONS) if i}}
_FLAGS: Final[list[str]] = [c.code for c in FLAGS]
_FLAG_BITS: Final[dict[bytes, int]] = {{c.code.encode(): 1 << i for i, c in enumerate(FLAGS)}}
_FLAG_SETS: Final[dict[int, bytes]] = {{}}
_DOUBTS: Final[list[str]] = [c.code for c in DOUBTS]
_DOUBT_BITS: Final[dict[bytes, int]] = {{c.code.encode(): 1 << i for i, c in enumerate(DOUBTS)}}
_DOUBT_SETS: Final[dict[int, bytes]] = {{}}
RECORD_INPUT: Final = {record}
REPEAT_INPUT: Final = {repeat}
UNREADABLE_INPUT: Final = {unreadable}


def _codes(mask: int, codes: list[str], known: dict[int, bytes]) -> bytes:
    """The array of the codes whose bits are set, in the table's order."""
    encoded = known.get(mask)
    if encoded is None:
        if mask < 0 or mask >> len(codes):
            raise ValueError("a bit beyond the table of codes")
        encoded = known[mask] = strings([code for bit, code in enumerate(codes) if mask >> bit & 1])
    return encoded


def _put_optional(w: BytesWriter, number: i64) -> None:
    """A nullable long; negative means null."""
    if number < 0:
        w.append(0)
    else:
        w.append(2)
        put(w, number)


def _put_data(w: BytesWriter, value: bytes | None) -> None:
    """A nullable bytes."""
    if value is None:
        w.append(0)
    else:
        w.append(2)
        put(w, len(value))
        w.write(value)


def _head(
{parameters}) -> BytesWriter:
    w = BytesWriter()
    w.write(_ENTRY)
{head}
    return w


def encode_entry(
{parameters}    input: bytes,
) -> bytes:
    """The value of an entry whose input is a record's value.

    `topic`, `verdict` and `reason` are places in their tables (reason 0: none), `flags` and `doubts` bits,
    `first`, `delay_ms` and `claim_expires_at` are -1 for null. Raises IndexError or ValueError for a code
    that its table does not have.
    """
    w = _head(
{arguments}
    )
    w.append({record_tag})
    put(w, len(input))
    return w.getvalue() + input


def encode_repeat_entry(
{parameters}    event_id: bytes,
    content: bytes,
) -> bytes:
    """The same for a REPEATED record: which event it repeats, and its content hash."""
    if len(event_id) != 16 or len(content) != 32:
        raise ValueError("an event id has 16 bytes, a content hash 32")
    w = _head(
{arguments}
    )
    w.append({repeat_tag})
    w.write(event_id)
    w.write(content)
    return w.getvalue()


def encode_unreadable_entry(
{parameters}    hash: bytes,
    length: i64,
    sealed: bytes,
) -> bytes:
    """The same for what is no record: SHA-256 and length of what came, and a sealed copy."""
    if len(hash) != 32:
        raise ValueError("a hash has 32 bytes")
    w = _head(
{arguments}
    )
    w.append({unreadable_tag})
    w.write(hash)
    put(w, length)
    put(w, len(sealed))
    return w.getvalue() + sealed


class EntryView:
    """An entry in numbers. Fields as in `encode_entry`; those that its kind of input lacks are empty."""

    def __init__(self, r: Reader) -> None:
{fields}
        self.kind: i64 = r.index(3)
        """RECORD_INPUT, REPEAT_INPUT or UNREADABLE_INPUT."""
        self.input: bytes = r.data() if self.kind == RECORD_INPUT else b""
        self.event_id: bytes = b""
        self.content: bytes = b""
        self.hash: bytes = b""
        self.length: i64 = 0
        self.sealed: bytes = b""
        if self.kind == REPEAT_INPUT:
            self.event_id = r.fixed(16)
            self.content = r.fixed(32)
        elif self.kind == UNREADABLE_INPUT:
            self.hash = r.fixed(32)
            self.length = r.long()
            self.sealed = r.data()
        r.end()


def read_entry(value: bytes | None) -> EntryView:
    """The entry in a value of the ledger.

    Raises Unreadable, for other records too, UnknownFingerprint, and UnknownCode where the entry uses a
    code, topic or repeated code that this build's tables do not have.
    """
    if value is None:
        raise Unreadable("there is no value")
    if value[:10] != _ENTRY:
        if version_of(value).record != "Entry":
            raise Unreadable("the record is no ledger entry")
        value = upgrade(value)
    try:
        return EntryView(Reader(value, 10))
    except (IndexError, UnicodeDecodeError):
        raise Unreadable("the value ends early or has a string that is not UTF-8") from None


def _place(code: str, places: dict[str, int]) -> i64:
    place = places.get(code)
    if place is None:
        raise UnknownCode(code)
    return place


def _bits(r: Reader, bits: dict[bytes, int]) -> i64:
    mask: i64 = 0
    count = r.block()
    while count:
        for _ in range(count):
            code = r.data()
            bit = bits.get(code)
            if bit is None:
                raise UnknownCode(code.decode("utf-8"))
            mask |= bit
        count = r.block()
    return mask


def _positive(r: Reader) -> i64:
    """A nullable long that is never negative; -1 for null."""
    if not r.there():
        return -1
    number = r.long()
    if number < 0:
        raise Unreadable("a number that is never negative is")
    return number
'''

_NAMED = {
    "topic": ("w.write(_TOPICS[topic])", "_place(r.string(), _TOPIC_PLACES)", "i64"),
    "reason": ("w.write(_REASONS[reason])", "_place(r.string(), _REASON_PLACES) if r.there() else 0", "i64"),
    "flags": ("w.write(_codes(flags, _FLAGS, _FLAG_SETS))", "_bits(r, _FLAG_BITS)", "i64"),
    "doubts": ("w.write(_codes(doubts, _DOUBTS, _DOUBT_SETS))", "_bits(r, _DOUBT_BITS)", "i64"),
}
"""Fields whose codes become numbers: how they are written, read, and the type."""


def entry_code(entry: Version) -> str:
    """The code for entries. Raises ValueError for a field it does not know how to write."""
    fields = entry.type.fields
    if fields[-1].name != "input":
        raise ValueError("Entry must end with its input")
    places = {b.name or b.kind: i for i, b in enumerate(fields[-1].type.branches)}
    coded = [(f.name, *_code(f)) for f in fields[:-1]]
    return _TABLES.format(
        header=entry.header.hex(),
        parameters="".join(f"    {name}: {type_},\n" for name, _, _, type_ in coded),
        arguments="\n".join(f"        {name}," for name, *_ in coded),
        head="\n".join(f"    {write}" for _, write, _, _ in coded),
        fields="\n".join(f"        self.{name}: {type_} = {read}" for name, _, read, type_ in coded),
        record=places["bytes"],
        repeat=places["Repeat"],
        unreadable=places["Unreadable"],
        record_tag=places["bytes"] * 2,
        repeat_tag=places["Repeat"] * 2,
        unreadable_tag=places["Unreadable"] * 2,
    )


def _code(field: Field) -> tuple[str, str, str]:
    if field.name in _NAMED:
        return _NAMED[field.name]
    return _plain(field.name, field.type)


def _plain(name: str, type_: Type) -> tuple[str, str, str]:
    match type_.kind:
        case "long":
            return f"put(w, {name})", "r.long()", "i64"
        case "int":
            return f"put(w, {name})", "r.int32()", "i64"
        case "enum":
            return f"put(w, {name})", f"r.index({len(type_.symbols)})", "i64"
        case "fixed":
            return f"w.write({name})", f"r.fixed({type_.size})", "bytes"
        case "union" if type_.branches[0].kind == "null" and type_.plain.kind == "long":
            return f"_put_optional(w, {name})", "_positive(r)", "i64"
        case "union" if type_.branches[0].kind == "null" and type_.plain.kind == "bytes":
            return f"_put_data(w, {name})", "r.data() if r.there() else None", "bytes | None"
    raise ValueError(f"the generator does not know how to write {name}")
