"""Reading and writing Avro's primitive types, for the generated `hot.py`. Compiled by mypyc.

The reader takes exactly what `strict.py` and fastavro take, and notes on the way whether the encoding was
canonical: the shortest varints, arrays in one block without byte count. Only then may content be hashed
from slices of the value.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from natalog.wire.errors import Unreadable

_LOW_63: Final = 0x7FFFFFFFFFFFFFFF
_LOW_57: Final = 0x1FFFFFFFFFFFFFF
_TRUNCATED: Final = "the value ends early"


class Reader:
    """A position in a value. A method that meets the end early raises Unreadable or IndexError."""

    def __init__(self, value: bytes, position: i64) -> None:
        self.b: bytes = value
        self.p: i64 = position
        self.n: i64 = len(value)
        self.canonical: bool = True

    def long(self) -> i64:
        """A long (64 bits)."""
        c: i64 = self.b[self.p]
        self.p += 1
        if c < 128:
            return (c >> 1) ^ -(c & 1)
        return self._more(c, 10)

    def int32(self) -> i64:
        """An int (32 bits)."""
        c: i64 = self.b[self.p]
        self.p += 1
        if c < 128:
            return (c >> 1) ^ -(c & 1)
        n = self._more(c, 5)
        if n < -2147483648 or n > 2147483647:
            raise Unreadable("an int exceeds 32 bits")
        return n

    def _more(self, c: i64, most: i64) -> i64:
        b = self.b
        p: i64 = self.p
        n: i64 = c & 127
        shift: i64 = 7
        while c >= 128:
            if shift == 7 * most:
                raise Unreadable("a number takes too many bytes")
            c = b[p]
            p += 1
            if shift == 63 and c > 1:
                raise Unreadable("a long exceeds 64 bits")
            n |= (c & 127) << shift
            shift += 7
        self.p = p
        if c == 0:
            self.canonical = False
        # A logical shift: the top bit of n belongs to the number, not to a sign.
        return ((n >> 1) & _LOW_63) ^ -(n & 1)

    def index(self, count: i64) -> i64:
        """The index of an enum with `count` symbols or of a union with `count` branches."""
        n = self.int32()
        if n < 0 or n >= count:
            raise Unreadable("an index points outside its enum or union")
        return n

    def there(self) -> bool:
        """Whether a union of null with one type, in this order, holds the type."""
        c: i64 = self.b[self.p]
        if c == 2:
            self.p += 1
            return True
        if c == 0:
            self.p += 1
            return False
        return self.index(2) == 1

    def boolean(self) -> bool:
        """A boolean."""
        c: i64 = self.b[self.p]
        self.p += 1
        if c > 1:
            raise Unreadable("a boolean is neither 0 nor 1")
        return c == 1

    def fixed(self, size: i64) -> bytes:
        """A fixed of `size` bytes."""
        start: i64 = self.p
        end: i64 = start + size
        if end > self.n:
            raise Unreadable(_TRUNCATED)
        self.p = end
        return self.b[start:end]

    def data(self) -> bytes:
        """A bytes."""
        size: i64 = self.long()
        start: i64 = self.p
        if size < 0 or size > self.n - start:
            raise Unreadable("a length points outside the value")
        self.p = start + size
        return self.b[start : start + size]

    def string(self) -> str:
        """A string. Raises UnicodeDecodeError where it is not UTF-8."""
        b = self.b
        size: i64 = b[self.p]
        if size >= 128 or size & 1 == 1:
            return self.data().decode("utf-8")
        start: i64 = self.p + 1
        end: i64 = start + (size >> 1)
        if end > self.n:
            raise Unreadable(_TRUNCATED)
        self.p = end
        return b[start:end].decode("utf-8")

    def skip_fixed(self, size: i64) -> None:
        """Step over a fixed."""
        self.p += size
        if self.p > self.n:
            raise Unreadable(_TRUNCATED)

    def skip_data(self) -> None:
        """Step over a bytes."""
        size: i64 = self.long()
        if size < 0 or size > self.n - self.p:
            raise Unreadable("a length points outside the value")
        self.p += size

    def skip_string(self) -> None:
        """Step over a string, which must be UTF-8 all the same."""
        self.string()

    def block(self) -> i64:
        """The number of items in the next block of an array; 0 ends it."""
        count: i64 = self.long()
        if count < 0:
            self.canonical = False
            if count < -self.n:
                raise Unreadable("an array has more items than the value has bytes")
            self.long()  # the block's size in bytes, of use only to those who skip it
            return -count
        if count > self.n:
            raise Unreadable("an array has more items than the value has bytes")
        return count

    def strings(self) -> list[str]:
        """An array of strings."""
        items: list[str] = []
        count = self.block()
        while count:
            if items:
                self.canonical = False
            for _ in range(count):
                items.append(self.string())
            count = self.block()
        return items

    def mask(self, bits: dict[bytes, int]) -> i64:
        """An array of strings as the sum of their bits; a string without a bit adds nothing."""
        mask: i64 = 0
        blocks: i64 = 0
        count = self.block()
        while count:
            if blocks:
                self.canonical = False
            blocks += 1
            for _ in range(count):
                item = self.data()
                bit = bits.get(item)
                if bit is None:
                    item.decode("utf-8")
                else:
                    mask |= bit
            count = self.block()
        return mask

    def end(self) -> None:
        """The value must be read to its end."""
        if self.p != self.n:
            raise Unreadable("bytes follow after the record")


def put(w: BytesWriter, number: i64) -> None:
    """Append a long or int in zigzag varint encoding, as short as it can be."""
    n: i64 = (number << 1) ^ (number >> 63)
    # A logical shift: in 64 bits n may have its top bit set.
    while n > 127 or n < 0:
        w.append(u8(n & 127 | 128))
        n = (n >> 7) & _LOW_57
    w.append(u8(n))


def varint(number: i64) -> bytes:
    """A long or int in zigzag varint encoding, as short as it can be."""
    w = BytesWriter()
    put(w, number)
    return w.getvalue()


def string(text: str) -> bytes:
    """A string with its length."""
    encoded = text.encode("utf-8")
    return varint(len(encoded)) + encoded


def data(value: bytes) -> bytes:
    """A bytes with its length."""
    return varint(len(value)) + value


def strings(texts: list[str]) -> bytes:
    """An array of strings in one block."""
    if not texts:
        return b"\0"
    return b"".join([varint(len(texts)), *[string(text) for text in texts], b"\0"])
