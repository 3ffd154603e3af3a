"""Decides every input of one partition again, on the state the ledger itself folds to, and compares bytes (I3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from natalog.decision import codes
from natalog.decision.packing import unpack
from natalog.decision.rules import RuleSet, RuleSetError, RuleSets
from natalog.decision.state import seen_before
from natalog.ledger.head import Head
from natalog.ledger.step import Outcome, decide_batch, fold_batch
from natalog.replay.chain import Link
from natalog.replay.differences import entry_differences
from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.source import Record
from natalog.replay.states import Table
from natalog.replay.successions import Successions
from natalog.wire.codec import upgrade
from natalog.wire.errors import WireError
from natalog.wire.hot import (
    RECORD_INPUT,
    REPEAT_INPUT,
    EntryView,
    encode_repeat_entry,
    encode_unreadable_entry,
)
from natalog.wire.schemas import HEADER_SIZE
from natalog.wire.topics import INTAKE_TOPICS

Seal = Callable[[bytes], bytes]
"""Either way: seals a record nobody could read, or opens such a copy (ValueError when it cannot)."""

_NO_CAUSES = [-1] * len(INTAKE_TOPICS)


class Again:
    """Re-decides; what differs is folded as the ledger has it, so that one fault is not found a thousand times.

    `shape_only` counts entries of which no more than the form could be judged: an unreadable record that is neither
    on the intake any more nor can be opened.
    """

    def __init__(
        self,
        partition: int,
        *,
        rules: RuleSets,
        seal: Seal | None,
        unseal: Seal | None,
        states: Table,
        clouded: set[bytes],
        successions: Successions,
        findings: Findings,
    ) -> None:
        self.shape_only = 0
        self.unknown_rules: set[int] = set()
        self._partition = partition
        self._rules = rules
        self._seal = seal
        self._unseal = unseal
        self._states = states
        self._clouded = clouded
        self._successions = successions
        self._findings = findings

    def take(self, links: Sequence[Link], causes: Sequence[Record | None]) -> None:
        """Entries in the chain's order, each with its intake record where that is there and fits."""
        run: list[Link] = []
        inputs: list[bytes | None] = []
        version = -1
        for link, cause in zip(links, causes, strict=True):
            record, entry = link
            if entry.kind == RECORD_INPUT:
                known, value = True, entry.input
            else:
                known, value = self._input(record, entry, cause)
            if known and record.key not in self._clouded:
                if entry.rules != version:
                    self._decide(run, inputs, version)
                    run, inputs, version = [], [], int(entry.rules)
                run.append(link)
                inputs.append(value)
                continue
            self._decide(run, inputs, version)
            run, inputs = [], []
            if record.key in self._clouded:
                self._fold(record, entry)
            elif entry.kind == REPEAT_INPUT:
                self._check_repeat(record, entry)
            else:
                self._check_unreadable(record, entry)
        self._decide(run, inputs, version)

    def _input(self, record: Record, entry: EntryView, cause: Record | None) -> tuple[bool, bytes]:
        """Whether the record that was decided is at hand, where the entry does not hold it, and the record."""
        if cause is not None:
            return True, cause.value or b""
        if entry.kind == REPEAT_INPUT or self._unseal is None:
            return False, b""
        try:
            raw = self._unseal(entry.sealed)
        except ValueError as error:
            self._report(Kind.DECISION, record, entry, "input.sealed", "a copy of what came in", str(error))
            return False, b""
        if sha256(raw).digest() != entry.hash:
            self._report(
                Kind.DECISION, record, entry, "input.hash", sha256(raw).hexdigest(), entry.hash.hex()
            )
            return False, b""
        return True, raw

    def _decide(self, run: list[Link], inputs: list[bytes | None], version: int) -> None:
        if not run:
            return
        keys = [record.key for record, _ in run]
        states = self._states.among(keys)
        try:
            rules = self._rules.get(version)
        except RuleSetError as error:
            self._without_rules(run, version, str(error))
            return
        try:
            outcome = self._batch(run, inputs, keys, states, rules)
        except Exception:  # whatever it is, the entry that raises it is found one by one below
            outcome = None
        if outcome is not None and outcome.entries == [(record.key, record.value) for record, _ in run]:
            self._states.put(outcome.states)
            if outcome.successions:
                self._successions.called_for(self._partition, run, outcome.successions)
            return
        for link, value in zip(run, inputs, strict=True):
            self._decide_one(link, value, rules)

    def _batch(
        self,
        run: Sequence[Link],
        inputs: Sequence[bytes | None],
        keys: list[bytes],
        states: dict[bytes, bytes],
        rules: RuleSet,
    ) -> Outcome:
        first = run[0][1]
        # Without the key, the sealed copy is taken as it is; hash and length stand for it.
        copies = {entry.hash: entry.sealed for _, entry in run if entry.hash}
        seal = self._seal or (lambda raw: copies.get(sha256(raw).digest(), b""))
        return decide_batch(
            Head(first.seq, first.prev, 0, list(_NO_CAUSES)),
            self._partition,
            [int(entry.topic) for _, entry in run],
            [int(entry.offset) for _, entry in run],
            [int(entry.received_at) for _, entry in run],
            keys,
            list(inputs),
            states,
            rules,
            seal,
        )

    def _decide_one(self, link: Link, value: bytes | None, rules: RuleSet) -> None:
        record, entry = link
        keys = [record.key]
        try:
            outcome = self._batch([link], [value], keys, self._states.among(keys), rules)
        except Exception as error:  # a fault of the rules, to be told with its place
            told = str(error) if isinstance(error, WireError) else type(error).__name__
            self._report(Kind.DECISION_FAILED, record, entry, "", "a decision", told)
            self._fold(record, entry)
            return
        if outcome.successions:
            self._successions.called_for(self._partition, [link], outcome.successions)
        if self._same(record, entry, outcome.entries[0][1]):
            self._states.put(outcome.states)
        else:
            self._fold(record, entry)

    def _same(self, record: Record, entry: EntryView, expected: bytes) -> bool:
        value = record.value
        assert value is not None
        if value == expected:
            return True
        # An entry of an older schema says the same in other bytes.
        if value[:HEADER_SIZE] != expected[:HEADER_SIZE] and upgrade(value) == expected:
            return True
        for field, ours, theirs in entry_differences(expected, value):
            self._report(Kind.DECISION, record, entry, field, ours, theirs)
        return False

    def _check_repeat(self, record: Record, entry: EntryView) -> None:
        """A repeat whose record is gone: it must name the entry of this key that decided the same content."""
        packed = self._states.among([record.key]).get(record.key)
        first = seen_before(unpack(packed).seen, entry.event_id, entry.content) if packed is not None else -1
        if first < 0:
            self._report(
                Kind.DECISION,
                record,
                entry,
                "verdict",
                "another than REPEATED: no entry of this key holds this event id and content",
                "REPEATED",
            )
            return
        expected = encode_repeat_entry(
            entry.seq,
            entry.prev,
            entry.topic,
            entry.offset,
            entry.received_at,
            entry.rules,
            codes.REPEATED,
            0,
            0,
            0,
            first,
            -1,
            -1,
            None,
            entry.event_id,
            entry.content,
        )
        self._same(record, entry, expected)

    def _check_unreadable(self, record: Record, entry: EntryView) -> None:
        """An unreadable record that is gone: only the entry's form can be judged."""
        self.shape_only += 1
        expected = encode_unreadable_entry(
            entry.seq,
            entry.prev,
            entry.topic,
            entry.offset,
            entry.received_at,
            entry.rules,
            codes.UNREADABLE,
            0,
            0,
            0,
            -1,
            -1,
            -1,
            record.key,
            entry.hash,
            entry.length,
            entry.sealed,
        )
        self._same(record, entry, expected)

    def _without_rules(self, run: Sequence[Link], version: int, text: str) -> None:
        if version not in self.unknown_rules:
            self.unknown_rules.add(version)
            self._report(Kind.UNKNOWN_RULES, *run[0], "rules", "a rule set known here", f"{version}: {text}")
        for record, entry in run:
            self._fold(record, entry)

    def _fold(self, record: Record, entry: EntryView) -> None:
        """State as every reader folds it from the entry, right or wrong."""
        assert record.value is not None
        head = Head(entry.seq, entry.prev, record.offset, list(_NO_CAUSES))
        states = self._states.among([record.key])
        try:
            folded = fold_batch(head, self._partition, [record.offset], [record.key], [record.value], states)
        except Exception as error:  # no reader can fold it either
            self._report(Kind.DECISION_FAILED, record, entry, "", "an entry that folds", type(error).__name__)
            self._clouded.add(record.key)
            return
        self._states.put(folded.states)

    def _report(
        self, kind: Kind, record: Record, entry: EntryView, field: str, expected: str, found: str
    ) -> None:
        self._findings.add(
            Finding(kind, self._partition, int(entry.seq), record.offset, field, expected, found)
        )
