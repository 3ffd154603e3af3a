"""One future for many entries of the ledger."""

from __future__ import annotations

import pytest

from natalog.cluster import Cluster
from natalog.gateway.entry_reader import EntryReader, Missing, _Part, _Shared


def test_it_is_done_with_the_last_entry_and_none_stands_for_what_is_missing() -> None:
    shared = _Shared(3)
    parts = [_Part(shared, at) for at in range(3)]
    parts[2].set_result(b"c")
    parts[0].set_exception(Missing("gone"))
    assert not shared.future.done()
    parts[1].set_result(b"b")
    assert shared.future.result(0) == [None, b"b", b"c"]


def test_a_reading_that_fails_fails_all_and_at_once() -> None:
    shared = _Shared(2)
    parts = [_Part(shared, at) for at in range(2)]
    parts[1].set_exception(TimeoutError("too late"))
    parts[0].set_result(b"a")
    with pytest.raises(TimeoutError):
        shared.future.result(0)


def test_nothing_asked_is_answered_without_reading() -> None:
    assert EntryReader(Cluster("127.0.0.1:1"), "ledger").read_many([]).result(0) == []
