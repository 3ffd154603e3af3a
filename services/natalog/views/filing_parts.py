"""The filings of a batch, and how their rows are put together of parts. Compiled.

A filing may be the first that is heard of its number. Then there is nothing to merge, and its rows can be copied
straight into `filings`, `registrations` and `certificates` instead of being staged. Only the tables know whether a
number is new; until the writer has asked them, such a filing is a candidate.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from natalog.views.filing_columns import FILING, REGISTRATION, STAGED

_STAGED: Final = len(STAGED).to_bytes(2, "big")
_FILING: Final = len(FILING).to_bytes(2, "big")
_REGISTRATION: Final = len(REGISTRATION).to_bytes(2, "big")
_CHOICE: Final = 5 + 5 + 6
"""Bytes of the fields of CHOICE, none of which is ever null."""
_SEQ: Final = 12
"""Bytes of the first field of SHARED."""
PIECE: Final = 100_000
"""Bytes that are sent at a time: PostgreSQL takes one in while the next is put together."""


class Copies:
    """Rows for COPY, table by table."""

    def __init__(
        self,
        staged: list[bytes],
        filings: list[bytes],
        registrations: list[bytes],
        certificates: list[bytes],
    ) -> None:
        self.staged: list[bytes] = staged
        self.filings: list[bytes] = [row for row in filings if row]
        self.registrations: list[bytes] = registrations
        self.certificates: list[bytes] = certificates


class FilingParts:
    """Parts of the rows, in the order of the ledger."""

    def __init__(self) -> None:
        self.facts: BytesWriter = BytesWriter()
        self.shared: BytesWriter = BytesWriter()
        self.content: BytesWriter = BytesWriter()
        self.certificates: BytesWriter = BytesWriter()
        self.keys: list[bytes] = []
        self._fact_ends: list[int] = [0]  # where each row's part ends, and before them where the first begins
        self._shared_ends: list[int] = [0]
        self._content_ends: list[int] = [0]
        self._certificate_ends: list[int] = [0]
        self._candidates: list[int] = []
        self._filings: list[bytes] = []
        self._registrations: list[bytes] = []
        self._certificates: list[bytes] = []
        self._staged: list[bytes] = []
        self._closed: bool = False
        self._order: list[int] = []
        self._put: int = 0  # of these are put together
        self._certified: bytes = b""
        self._facts: bytes = b""
        self._both: bytes = b""
        self._own: bytes = b""

    def keep(self, key: bytes) -> None:
        """What was written since the last one is the row of a filing on `key`."""
        self.keys.append(key)
        self._fact_ends.append(len(self.facts))
        self._shared_ends.append(len(self.shared))
        self._content_ends.append(len(self.content))
        self._certificate_ends.append(len(self.certificates))

    def drop(self) -> None:
        """What was written since the last one is no row."""
        self.facts.truncate(self._fact_ends[-1])
        self.shared.truncate(self._shared_ends[-1])
        self.content.truncate(self._content_ends[-1])
        self.certificates.truncate(self._certificate_ends[-1])

    def size(self) -> int:
        """Bytes so far."""
        return len(self.facts) + len(self.shared) + len(self.content) + len(self.certificates)

    def arrange(self, filed: dict[bytes, int], touched: set[bytes], rows: int) -> bool:
        """Put so many more in order of their keys, and find the candidates. Whether there are any left.

        Once it was called nothing is added. `filed` has the number of filings on each key, `touched` the keys that
        other entries of the batch are about.

        PostgreSQL then finds neighbours in its indexes one after the other, pages and all. Here, because the rows are
        too wide to be sorted there, and because our core waits for that one. What is written is the same in any order.
        """
        keys = self.keys
        if not self._closed:
            self._close(sorted(range(len(keys)), key=keys.__getitem__))
        end = min(len(keys), self._put + rows)
        self._put_together(end, filed, touched)
        return end < len(keys)

    def _close(self, order: list[int]) -> None:
        self._closed = True
        self._order = order
        self._facts, self._both, self._own, self._certified = (
            self.facts.getvalue(),
            self.shared.getvalue(),
            self.content.getvalue(),
            self.certificates.getvalue(),
        )
        self._filings = [b""] * len(order)  # their own index is by seq: they stay in the order of the ledger

    def _put_together(self, end: int, filed: dict[bytes, int], touched: set[bytes]) -> None:
        for at in range(self._put, end):
            i = self._order[at]
            key = self.keys[i]
            certificate = self._certified[self._certificate_ends[i] : self._certificate_ends[i + 1]]
            if certificate and key not in touched and filed.get(key, 0) == 1:
                fact, both, own = self._parts(i)
                seq = both[:_SEQ]
                self._candidates.append(i)
                self._filings[i] = b"".join((_FILING, fact[_CHOICE:], both))
                self._registrations.append(b"".join((_REGISTRATION, both, own, seq, seq)))
                self._certificates.append(certificate)
            else:
                self._staged.append(self._stage_row(i))
        self._put = end

    def candidates(self) -> dict[str, list[bytes]]:
        """Keys of the candidates, in order, by their letter; "0" for those that have none. None before `arrange`."""
        found: dict[str, list[bytes]] = {}
        for i in self._candidates:
            key = self.keys[i]
            found.setdefault(chr(key[0]) if len(key) == 10 else "0", []).append(key)
        return found

    def copies(self, known: set[bytes]) -> Copies:
        """The rows, of which those of candidates on a key in `known` are staged like all others."""
        if not self._closed:
            self._close(list(range(len(self.keys))))
        self._put_together(len(self.keys), {}, set())
        if not known:
            return Copies(self._staged, self._filings, self._registrations, self._certificates)
        staged, filings = self._staged.copy(), self._filings.copy()
        registrations: list[bytes] = []
        certificates: list[bytes] = []
        for j in range(len(self._candidates)):
            i = self._candidates[j]
            if self.keys[i] in known:
                staged.append(self._stage_row(i))
                filings[i] = b""
            else:
                registrations.append(self._registrations[j])
                certificates.append(self._certificates[j])
        return Copies(staged, filings, registrations, certificates)

    def _stage_row(self, i: int) -> bytes:
        fact, both, own = self._parts(i)
        return b"".join((_STAGED, fact, both, own))

    def _parts(self, i: int) -> tuple[bytes, bytes, bytes]:
        return (
            self._facts[self._fact_ends[i] : self._fact_ends[i + 1]],
            self._both[self._shared_ends[i] : self._shared_ends[i + 1]],
            self._own[self._content_ends[i] : self._content_ends[i + 1]],
        )


def piece(rows: list[bytes], at: i64) -> i64:
    """Where a piece of some PIECE bytes ends that begins with this row."""
    size: i64 = 0
    while at < len(rows) and size < PIECE:
        size += len(rows[at])
        at += 1
    return at
