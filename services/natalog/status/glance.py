"""Judges entries of the ledger without decoding them: for the many that only say "this number is used now".

Compiled. `scan` finds valid entries exactly as the reference `ledger.step.extends` does: an entry that lies in the
canonical form below (one filing with a well-formed number, ASCII texts, accepted or refused) is walked byte by byte
without making an object of a field; any other goes to the reference itself. So the walk need only be right about what
it takes, never complete (tests/property/test_status_scan.py).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.ledger.head import Head
from natalog.ledger.step import extends
from natalog.wire.hot import RECORD_INPUT, EntryView
from natalog.wire.topics import INTAKE_TOPICS

BODY: Final = 10
"""Bytes before a record's own: the marker and the fingerprint of its schema."""

FILING: Final = bytes.fromhex("c3013c53736b1a4c0587")
ENTRY: Final = bytes.fromhex("c3011d69d6cc97204f80")
"""How a filing and an entry begin in the versions of their schemas that the walk below follows field by field."""
_TOPICS: Final[dict[bytes, int]] = {name.encode(): place for place, name in enumerate(INTAKE_TOPICS)}
_FLAGS: Final[dict[bytes, int]] = {c.code.encode(): 1 << bit for bit, c in enumerate(codes.FLAGS)}
_DOUBTS: Final[dict[bytes, int]] = {c.code.encode(): 1 << bit for bit, c in enumerate(codes.DOUBTS)}


class Scanned:
    """What a stretch holds. `void` are ledger offsets; `at`, `plain_at` and `rest_at` places in the stretch."""

    def __init__(self, head: Head) -> None:
        self.head: Head = head
        self.void: list[int] = []
        self.at: list[int] = []  # valid entries that name an event
        self.events: list[bytes] = []  # its id, for each of `at`
        self.plain_at: list[int] = []  # filings that took their number, without more
        self.plain: list[int] = []  # the numbers, as `code_of`
        self.rest_at: list[int] = []  # all other valid entries that may change a number
        self.rest: list[EntryView] = []
        self.repeats: list[int] = []  # places in `at` of repeats


def code_of(number: str) -> int:
    """A well-formed number as an integer: 0 without a letter, A = 1 … Z = 26, times 10^9, plus the digits."""
    if len(number) == 10:
        return (ord(number[0]) - 64) * 1_000_000_000 + int(number[1:])
    return int(number)


class _Walk:
    """A place in a value; `ok` turns False at whatever is not in the form this module takes."""

    def __init__(self, value: bytes) -> None:
        self.b: bytes = value
        self.n: i64 = len(value)
        self.p: i64 = BODY
        self.ok: bool = True

    def long(self) -> i64:
        """A long of at most nine bytes, in its shortest encoding."""
        b = self.b
        p: i64 = self.p
        c: i64 = b[p]
        p += 1
        if c < 128:
            self.p = p
            return (c >> 1) ^ -(c & 1)
        n: i64 = c & 127
        shift: i64 = 7
        while c >= 128:
            if shift > 56:
                self.ok = False
                return 0
            c = b[p]
            p += 1
            n |= (c & 127) << shift
            shift += 7
        if c == 0:
            self.ok = False
        self.p = p
        return (n >> 1) ^ -(n & 1)

    def small(self) -> i64:
        """A long or int of one byte, not negative."""
        c: i64 = self.b[self.p]
        self.p += 1
        if c >= 128 or c & 1:
            self.ok = False
            return 0
        return c >> 1

    def skip_int32(self) -> None:
        n = self.long()
        if n < -2147483648 or n > 2147483647:
            self.ok = False

    def there(self) -> bool:
        """A union of null with one type."""
        c: i64 = self.b[self.p]
        self.p += 1
        if c == 2:
            return True
        if c != 0:
            self.ok = False
        return False

    def skip_short(self) -> None:
        """A string of less than 64 bytes. Whoever calls this looks at its bytes later (`ascii_from`)."""
        c: i64 = self.b[self.p]
        if c >= 128 or c & 1:
            self.ok = False
        self.p += 1 + (c >> 1)
        if self.p > self.n:
            self.ok = False

    def skip_boolean(self) -> None:
        c: i64 = self.b[self.p]
        self.p += 1
        if c > 1:
            self.ok = False

    def skip_long_string(self) -> None:
        """A string of any length, looked at here."""
        size = self.long()
        start: i64 = self.p
        if size < 0 or size > self.n - start:
            self.ok = False
            return
        self.p = start + size
        if not self.b[start : start + size].isascii():
            self.ok = False

    def skip_data(self) -> None:
        size = self.long()
        if size < 0 or size > self.n - self.p:
            self.ok = False
            return
        self.p += size

    def ascii_from(self, start: i64) -> None:
        """All bytes since `start` must be ASCII, as short strings, their lengths and unions with null are."""
        if not self.b[start : self.p].isascii():
            self.ok = False

    def mask(self, bits: dict[bytes, int]) -> i64:
        """An array of known codes in one block."""
        c: i64 = self.b[self.p]
        self.p += 1
        if c == 0:
            return 0
        if c >= 128 or c & 1:
            self.ok = False
            return 0
        mask: i64 = 0
        count: i64 = c >> 1
        while count:
            size = self.small()
            start: i64 = self.p
            self.p = start + size
            bit = bits.get(self.b[start : self.p])
            if bit is None:
                self.ok = False
                return 0
            mask |= bit
            count -= 1
        if self.b[self.p] != 0:
            self.ok = False
        self.p += 1
        return mask

    def skip_optional_long(self) -> None:
        """A nullable long that is never negative."""
        if self.there() and self.long() < 0:
            self.ok = False


def scan(head: Head, offsets: list[int], keys: list[bytes], values: list[bytes]) -> Scanned:
    """Judges a stretch of one partition's ledger. `offsets` are the ledger's own, in order.

    Raises UnknownFingerprint or UnknownCode for an entry of a newer build, which must not be guessed at.
    """
    out = Scanned(head.copy())
    after = out.head
    seq: i64 = after.seq
    prev = after.prev
    causes = after.causes
    for i in range(len(offsets)):
        value = values[i]
        key = keys[i]
        code = _plain(value, key, seq, prev, causes, out, i)
        if code < 0:
            after.seq = seq
            after.prev = prev
            entry = extends(after, key, value)
            if entry is None:
                out.void.append(offsets[i])
                continue
            causes[entry.topic] = int(entry.offset)
            _note(out, entry, i)
        prev = sha256(value).digest()
        seq += 1
    after.seq = seq
    after.prev = prev
    if len(offsets):
        after.offset = offsets[len(offsets) - 1] + 1
    return out


def _note(out: Scanned, entry: EntryView, at: i64) -> None:
    event = entry.event_id
    if entry.kind == RECORD_INPUT:
        event = entry.input[BODY : BODY + 16]
        if entry.reason != codes.MISROUTED:
            out.rest_at.append(int(at))
            out.rest.append(entry)
    if len(event) == 16:
        if entry.verdict == codes.REPEATED:
            out.repeats.append(len(out.at))
        out.at.append(int(at))
        out.events.append(event)


def _plain(value: bytes, key: bytes, seq: i64, prev: bytes, causes: list[int], out: Scanned, at: i64) -> i64:
    """Notes a filing that took its number and returns the number's code; -1: let the reference look."""
    if value[:BODY] != ENTRY:
        return -1
    try:
        return _walk(_Walk(value), key, seq, prev, causes, out, at)
    except IndexError:
        return -1


def _walk(w: _Walk, key: bytes, seq: i64, prev: bytes, causes: list[int], out: Scanned, at: i64) -> i64:
    b = w.b
    if w.long() != seq:
        return -1
    start: i64 = w.p
    w.p = start + 32
    if b[start : start + 32] != prev:
        return -1
    size = w.small()
    start = w.p
    w.p = start + size
    place = _TOPICS.get(b[start : start + size])
    if place is None:
        return -1
    topic: i64 = place
    offset = w.long()
    if offset <= causes[topic]:
        return -1
    w.long()  # received_at
    w.skip_int32()  # rules
    if w.small() != codes.ACCEPTED or b[w.p] != 0:
        return -1
    w.p += 1  # no reason
    flags = w.mask(_FLAGS)
    w.mask(_DOUBTS)
    if not w.ok or flags & _MORE:
        return -1
    w.skip_optional_long()  # first
    w.skip_optional_long()  # delay_ms
    w.skip_optional_long()  # claim_expires_at
    if b[w.p] != 0 or b[w.p + 1] != 0:
        return -1  # a key of its own, or another kind of input
    w.p += 2
    if w.long() != w.n - w.p or not w.ok:
        return -1
    start = w.p
    w.p = start + BODY
    if b[start : start + BODY] != FILING:
        return -1
    event = b[w.p : w.p + 16]
    w.p += 16
    code = _number(w, key)
    if code < 0:
        return -1
    _filing(w)
    if not w.ok or w.p != w.n:
        return -1
    causes[topic] = int(offset)
    out.at.append(int(at))
    out.events.append(event)
    out.plain_at.append(int(at))
    out.plain.append(int(code))
    return code


_MORE: Final = codes.AMENDMENT | codes.CONTESTED
"""Flags of filings that say more than that the number is used now."""


def _number(w: _Walk, key: bytes) -> i64:
    """The code of the number that follows; -1 unless it is a well-formed one and the entry's key."""
    b = w.b
    if b[w.p] != 2:
        return -1
    length: i64 = b[w.p + 1]
    start: i64 = w.p + 2
    code: i64 = 0
    if length == 20:
        letter: i64 = b[start]
        if letter < 65 or letter > 90:
            return -1
        code = letter - 64
    elif length != 18:
        return -1
    end: i64 = start + (length >> 1)
    if b[start:end] != key:
        return -1
    p: i64 = end - 9
    while p < end:
        digit: i64 = b[p]
        if digit < 48 or digit > 57:
            return -1
        code = code * 10 + digit - 48
        p += 1
    w.p = end
    return code


def _filing(w: _Walk) -> None:
    """The rest of a filing, in the order of schemas/Filing.avsc."""
    start: i64 = w.p
    w.skip_short()  # unit_code
    w.ascii_from(start)
    if w.there():
        w.long()  # occurred_at
    start = w.p
    w.skip_short()  # sub
    w.skip_short()  # org
    count = w.small()
    if count:
        while count:
            w.skip_short()  # role
            count -= 1
        if w.small() != 0:
            w.ok = False
    w.skip_short()  # registration_id
    w.ascii_from(start)
    if w.there():
        w.long()  # registered_at
    if w.there():
        w.skip_int32()  # registered_on
    if w.there():
        w.long()  # captured_at
    if w.there():
        w.long()  # attempted_at
    start = w.p
    if w.there():
        w.skip_short()  # division
    w.skip_short()  # category
    if w.there():
        w.skip_short()  # household_kind
    if w.there():
        w.skip_short()  # relation_to_head
    if w.there():
        w.skip_short()  # follows
    if w.there():
        w.skip_short()  # placement_basis
    if w.there():
        w.skip_short()  # basis_ref
    w.ascii_from(start)
    if w.there():
        w.skip_int32()  # birth_date
    start = w.p
    if w.there():
        w.skip_boolean()  # parents_married
    if w.there():
        w.skip_short()  # paternity_evidence
    if w.there():  # over_six
        w.skip_boolean()
        w.skip_boolean()
        w.skip_boolean()
        w.skip_boolean()
        if w.there():
            w.skip_short()  # approval_ref
    if w.there():
        w.skip_short()  # case_ref
    if w.there():
        w.skip_short()  # exemption
    if w.there():
        w.skip_short()  # gate
    if w.small() > 1:  # origin
        w.ok = False
    w.ascii_from(start)
    if w.there():
        w.p += 16  # corrects
    if w.there():
        w.skip_long_string()  # child_token
    if w.there():
        w.skip_long_string()  # mother_token
    if w.there():
        w.skip_long_string()  # father_token
    if w.there():
        w.skip_data()  # sealed
    if w.there():
        w.skip_long_string()  # key_id
