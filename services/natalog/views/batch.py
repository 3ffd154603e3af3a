"""Stretches of the ledger become staged rows: validity by the chain rule, one row per entry. Compiled.

Pure but for the lists it is handed. However entries are cut into batches, the rows are the same.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from natalog.decision.rules import NEWEST, RuleSet, RuleSets
from natalog.ledger.head import Head
from natalog.ledger.step import advance, extends
from natalog.views.decision_row import decision_row
from natalog.views.filing_parts import Copies, FilingParts
from natalog.views.filing_row import filing_row
from natalog.views.lateness import SILENCE_MS
from natalog.wire.codec import upgrade, version_of
from natalog.wire.hot import RECORD_INPUT, EntryView
from natalog.wire.schemas import SCHEMAS
from natalog.wire.topics import INTAKE_TOPICS

_FILING: Final = SCHEMAS["Filing"].newest.header
_LIVE: Final = INTAKE_TOPICS.index("birth.registrations")
_KINDS: Final[dict[bytes, str]] = {SCHEMAS[name].newest.header: name for name in SCHEMAS}


class Fold:
    """Where the fold of one partition stands: the chain's head, and what the lateness rule looks back at."""

    def __init__(
        self,
        head: Head,
        last: i64,
        void: i64,
        received_at: i64,
        live_at: i64,
        silent_from: i64,
        silent_to: i64,
    ) -> None:
        self.head: Head = head
        self.last: i64 = last  # ledger offset of the last valid entry, -1 before the first
        self.void: i64 = void  # void entries so far
        self.received_at: i64 = received_at  # of the last entry, -1 before the first
        self.live_at: i64 = live_at  # the same of the last entry from birth.registrations
        self.silent_from: i64 = silent_from
        self.silent_to: i64 = silent_to

    def copy(self) -> Fold:
        """The same, free to be advanced."""
        return Fold(
            self.head.copy(),
            self.last,
            self.void,
            self.received_at,
            self.live_at,
            self.silent_from,
            self.silent_to,
        )


def genesis() -> Fold:
    """The fold of an empty ledger."""
    return Fold(Head.genesis(), -1, 0, -1, -1, 0, 0)


class Batch:
    """Rows of one transaction. `known` has the rule sets that entries may have been decided under."""

    def __init__(self, known: RuleSets) -> None:
        self._known: RuleSets = known
        self._rules: RuleSet = NEWEST  # of the entry before
        self._filings: FilingParts = FilingParts()
        self._decisions: BytesWriter = BytesWriter()
        self._turns: dict[bytes, int] = {}  # filings on each key
        self._touched: set[bytes] = set()  # keys of the other entries
        self.filings: int = 0
        self.decisions: int = 0
        self.turns: int = 0
        """Most filings that one key has in it: what changes one row twice is written in as many turns."""
        self.kinds: dict[str, int] = {}
        """How many decisions of each kind there are."""
        self.unplaced: int = 0
        """Entries whose unit names no known province."""
        self.first_at: i64 = 0  # earliest and latest time of receipt, UTC ms; both 0 when there is none
        self.last_at: i64 = 0
        self.before: dict[int, Fold] = {}
        """Positions it begins at, by partition."""
        self.folds: dict[int, Fold] = {}
        """Positions after it, by partition."""
        self.void: dict[int, list[int]] = {}
        """Ledger offsets of void entries, by partition."""
        self.faults: dict[int, Exception] = {}
        """Why a partition could not be folded to the end of its stretch."""
        self.entries: list[tuple[int, int, EntryView]] = []
        """Partition, ledger offset and entry of all that is valid, for whoever counts."""

    def size(self) -> int:
        """Bytes to be copied."""
        return int(self._filings.size()) + len(self._decisions)

    def arrange(self, rows: int = 1_000_000) -> bool:
        """Put so many more filings in order and find the candidates among them. Whether there are any left.

        Nothing is added once it was called.
        """
        return self._filings.arrange(self._turns, self._touched, rows)

    def candidates(self) -> dict[str, list[bytes]]:
        """Numbers of filings that need not be staged if no table knows them, by their letter (FilingParts)."""
        return self._filings.candidates()

    def filing_rows(self, known: set[bytes]) -> Copies:
        """What is copied for the filings; `known` are the candidates that a table knows."""
        return self._filings.copies(known)

    def decision_rows(self) -> bytes:
        """The rows of `stage_decisions`, one after the other."""
        return self._decisions.getvalue()

    def add(
        self,
        before: Fold,
        partition: i64,
        offsets: list[int],
        keys: list[bytes],
        values: list[bytes],
    ) -> None:
        """Fold the records of a stretch that begins at `before`'s ledger offset.

        An entry that this build cannot fold, or whose rule set is not known, ends it there, and stands in `faults`.
        """
        self.before.setdefault(int(partition), before)
        fold = before.copy()
        head = fold.head
        for i in range(len(offsets)):
            value = values[i]
            key = keys[i]
            seq: i64 = head.seq
            prev = head.prev
            causes = head.causes
            decisions: i64 = len(self._decisions)
            times = (fold.received_at, fold.live_at, fold.silent_from, fold.silent_to)
            try:
                entry = extends(head, key, value)
                if entry is None:
                    self.void.setdefault(int(partition), []).append(offsets[i])
                    fold.void += 1
                else:
                    head.causes = causes.copy()
                    advance(head, entry, value)
                    self._take(fold, partition, key, entry, head.prev)
                    self.entries.append((int(partition), offsets[i], entry))
                    fold.last = offsets[i]
            except Exception as fault:
                head.seq = seq
                head.prev = prev
                head.causes = causes
                fold.received_at, fold.live_at, fold.silent_from, fold.silent_to = times
                self._filings.drop()
                self._decisions.truncate(decisions)
                self.faults[int(partition)] = fault
                break
            head.offset = offsets[i] + 1
        self.folds[int(partition)] = fold

    def _take(self, fold: Fold, partition: i64, key: bytes, entry: EntryView, digest: bytes) -> None:
        rules = self._rules
        if entry.rules != rules.version:
            rules = self._rules = self._known.get(int(entry.rules))
        received_at: i64 = entry.received_at
        if entry.topic == _LIVE:
            if fold.live_at >= 0 and received_at - fold.live_at >= SILENCE_MS:
                fold.silent_from = fold.live_at
                fold.silent_to = received_at
            if received_at > fold.live_at:
                fold.live_at = received_at
        fold.received_at = received_at
        if self.first_at == 0 or received_at < self.first_at:
            self.first_at = received_at
        if received_at > self.last_at:
            self.last_at = received_at
        kind = ""
        if entry.kind == RECORD_INPUT:
            value = entry.input
            kind = _KINDS.get(value[:10], "")
            if kind == "":
                kind = version_of(value).record
                value = upgrade(value)
            if kind == "Filing":
                turn = self._turns.get(key, 0)
                self._turns[key] = turn + 1
                if turn >= self.turns:
                    self.turns = turn + 1
                silent_from, silent_to = fold.silent_from, fold.silent_to
                parts = self._filings
                if not filing_row(
                    parts.facts,
                    parts.shared,
                    parts.content,
                    parts.certificates,
                    partition,
                    key,
                    entry,
                    digest,
                    value,
                    silent_from,
                    silent_to,
                    turn & 0x7FFF,
                    rules,
                ):
                    self.unplaced += 1
                parts.keep(key)
                self.filings += 1
                return
        if not decision_row(self._decisions, partition, key, entry, digest, kind, rules):
            self.unplaced += 1
        self._touched.add(key)
        self.decisions += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
