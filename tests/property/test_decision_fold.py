"""However a history is cut, repeated or broken off, the same entries, states and head come out of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from natalog.decision import codes
from natalog.decision.packing import pack, unpack
from natalog.decision.rules import NEWEST
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch, fold_batch
from natalog.wire.hot import read_entry
from tests.property.decision_histories import PARTITION, Sent, history

HISTORIES = st.builds(history, st.integers(0, 2**32), st.integers(1, 60))
SPLITS = st.lists(st.integers(1, 20), min_size=1, max_size=20)


class Ledger:
    """What one partition's registrar has written so far."""

    def __init__(self) -> None:
        self.head = Head.genesis()
        self.states: dict[bytes, bytes] = {}
        self.entries: list[tuple[bytes, bytes]] = []
        self.successions: list[tuple[bytes, int, bytes]] = []
        self.offsets = [0] * 5

    def decide(self, batch: list[Sent]) -> None:
        offsets = []
        for sent in batch:
            offsets.append(self.offsets[sent.topic])
            self.offsets[sent.topic] += 1
        out = decide_batch(
            self.head,
            PARTITION,
            [sent.topic for sent in batch],
            offsets,
            [sent.at for sent in batch],
            [sent.key for sent in batch],
            [sent.value for sent in batch],
            # As the registrar does: only the states of the batch's own keys are fetched.
            {sent.key: self.states[sent.key] for sent in batch if sent.key in self.states},
            NEWEST,
            lambda raw: raw,
        )
        self.head = out.head
        self.states |= out.states
        self.entries += out.entries
        self.successions += out.successions

    def seen(self) -> dict[str, Any]:
        return {
            "entries": self.entries,
            "states": self.states,
            "successions": self.successions,
            "head": (self.head.seq, self.head.prev, self.head.causes),
        }


def decided(*batches: list[Sent]) -> Ledger:
    ledger = Ledger()
    for batch in batches:
        ledger.decide(batch)
    return ledger


def cut(items: list[Any], sizes: list[int]) -> list[list[Any]]:
    out, at, turn = [], 0, 0
    while at < len(items):
        size = sizes[turn % len(sizes)]
        out.append(items[at : at + size])
        at, turn = at + size, turn + 1
    return out


def folded(entries: list[tuple[bytes, bytes]], sizes: list[int]) -> dict[str, Any]:
    head, states, void = Head.genesis(), dict[bytes, bytes](), []
    for stretch in cut(entries, sizes):
        offsets = list(range(head.offset, head.offset + len(stretch)))
        keys, values = [key for key, _ in stretch], [value for _, value in stretch]
        out = fold_batch(head, PARTITION, offsets, keys, values, {k: states[k] for k in keys if k in states})
        head = out.head
        states |= out.states
        void += out.void
    return {"states": states, "head": (head.seq, head.prev, head.causes), "void": void, "offset": head.offset}


@settings(max_examples=60, deadline=None)
@given(HISTORIES, SPLITS)
def test_any_batch_split_gives_the_same_bytes(sent, sizes):
    assert decided(*cut(sent, sizes)).seen() == decided(sent).seen()


@settings(max_examples=60, deadline=None)
@given(HISTORIES, SPLITS)
def test_the_fold_of_the_entries_is_what_deciding_left(sent, sizes):
    whole = decided(sent).seen()
    fold = folded(whole["entries"], sizes)
    assert fold["void"] == []
    assert (fold["states"], fold["head"], fold["offset"]) == (whole["states"], whole["head"], len(sent))


@settings(max_examples=40, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_any_prefix_folds_to_the_state_it_had(sent, sizes, data):
    length = data.draw(st.integers(0, len(sent)))
    before = decided(sent[:length]).seen()
    fold = folded(decided(sent).entries[:length], sizes)
    assert (fold["states"], fold["head"]) == (before["states"], before["head"])


@settings(max_examples=40, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_entries_read_again_are_void_and_change_nothing(sent, sizes, data):
    """A stale registrar's writes, or a stretch copied: only what extends the head counts."""
    entries = decided(sent).entries
    noisy = []
    for at, entry in enumerate(entries):
        noisy.append(entry)
        again = data.draw(st.integers(0, at + 1))
        noisy += entries[again : at + 1][: data.draw(st.integers(0, 2))]
    clean, fold = folded(entries, [50]), folded(noisy, sizes)
    assert len(fold["void"]) == len(noisy) - len(entries)
    assert (fold["states"], fold["head"]) == (clean["states"], clean["head"])


@settings(max_examples=40, deadline=None)
@given(HISTORIES, SPLITS, st.data())
def test_records_delivered_again_are_repeats_and_change_no_state(sent, sizes, data):
    ledger = decided(*cut(sent, sizes))
    states, count = dict(ledger.states), len(ledger.entries)
    later = sent[-1].at + 1
    again = data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=30))
    ledger.decide([replace(s, at=later) for s in again])
    assert ledger.states == states
    assert not ledger.successions[len(decided(sent).successions) :]
    assert {read_entry(value).verdict for _, value in ledger.entries[count:]} == {codes.REPEATED}
    fold = folded(ledger.entries, sizes)
    assert (fold["states"], fold["void"]) == (states, [])


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_states_survive_packing(sent):
    for packed in decided(sent).states.values():
        assert pack(unpack(packed)) == packed
