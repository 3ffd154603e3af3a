"""What the ends of logs tell a registrar: somebody wrote, its entries are gone, or a takeover stands still."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from natalog.ledger.follow import LEDGER
from natalog.registrar.desk import Desk
from natalog.registrar.hidden import HANGING, HIDDEN, HiddenEnds
from natalog.registrar.partition import Partition, Phase


def partition(number: int, *, offset: int = 0, next_own: int = 0) -> Partition:
    head = SimpleNamespace(offset=offset, causes=[-1] * 5)
    fold: Any = SimpleNamespace(partition=number, head=head)
    made = Partition(fold)
    made.phase, made.next_own = Phase.DECIDING, next_own
    return made


def rechecked(deciding: list[Partition], ends: dict[tuple[str, int], int]) -> list[int]:
    """Partitions that are looked at again when these ends are told."""
    found: list[int] = []
    desk: Any = SimpleNamespace(
        deciding=lambda: deciding,
        recheck=lambda partitions: found.extend(p.number for p in partitions),
        _markers=SimpleNamespace(look=lambda deciding, ends, now: None),
        _stalls=SimpleNamespace(is_stalled=lambda partition, ends, now: False),
    )
    Desk.compare_ends(desk, SimpleNamespace(ends=lambda: ends), 0.0)  # type: ignore[arg-type]
    return found


def asked(deciding: list[Partition]) -> None:
    """Their ends are asked for."""
    desk: Any = SimpleNamespace(deciding=lambda: deciding)
    Desk.watched(desk)


def test_a_ledger_shorter_than_the_entries_of_the_question_before_is_looked_at() -> None:
    lost, whole, fresh = (partition(n, next_own=10) for n in range(3))
    deciding = [lost, whole, fresh]
    asked(deciding)
    fresh.next_own = 12  # committed since: its marker may still be on its way
    ends = {(LEDGER, 0): 9, (LEDGER, 1): 10, (LEDGER, 2): 11}
    assert rechecked(deciding, ends) == []  # so may all that was new to the first question
    asked(deciding)
    assert rechecked(deciding, ends) == [0]


def test_a_partition_taken_over_since_the_question_is_not_compared() -> None:
    old, new = partition(0, next_own=10), partition(1, next_own=20)
    asked([old])
    asked([old])
    assert rechecked([old, new], {(LEDGER, 0): 10}) == []


def test_a_takeover_that_stands_still_is_swept_once_and_then_told_of() -> None:
    ends = HiddenEnds()
    still = [partition(3, offset=5)]
    assert ends.look(still, 100.0) == []
    assert ends.look(still, 100.0 + HIDDEN) == still
    assert ends.look(still, 100.0 + HANGING) == []


def test_a_takeover_that_waits_for_the_fold_of_others_stands_not_still() -> None:
    ends = HiddenEnds()
    waiting, folding = partition(3, offset=5), partition(4)
    for second in range(20):
        folding.fold.head.offset += 1000
        assert ends.look([waiting, folding], float(second)) == []
