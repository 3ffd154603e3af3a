"""The watch's small parts, by example."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from natalog import events, metrics
from natalog.decision.rules import NEWEST
from natalog.watch.alert import alert_of
from natalog.watch.gaps import Gaps
from natalog.watch.obligations import Folded, Obligation, Obligations
from natalog.watch.partition import Gap, Partition, ReadAgain, Sample
from natalog.watch.watch import Terms, Watch
from natalog.watch.watchdog import Stillness
from natalog.wire.codec import decode, encode
from natalog.wire.hot import read_command
from natalog.wire.murmur2 import partition_of
from natalog.wire.partition import key_of

T0 = 1_782_871_200_000
MINUTE = 60_000
NUMBER = "Z330000019"
KEY = NUMBER.encode()
PARTITION = int(partition_of(KEY, 12))
STATION = events.Principal(sub="desk-1", org="330106000000", roles=("station",))
HEAD = {"certificate_number": NUMBER, "unit_code": "330106000000", "submitter": STATION}


def completion(registration: str = "R1", at: int = T0, event: int = 1, **fields: object) -> events.Completion:
    head = {**HEAD, "event_id": uuid.UUID(int=event), "occurred_at": at}
    return events.Completion(**{**head, "registration_id": registration, "registered_at": at, **fields})


def filing(registration: str = "R1", at: int = T0, event: int = 2) -> events.Filing:
    return events.Filing(
        **HEAD,
        event_id=uuid.UUID(int=event),
        occurred_at=at,
        registration_id=registration,
        registered_at=at,
        category="ORDINARY",
    )


def obligations_after(*records: tuple[events.Intake, int], remember_ms: int = 10 * MINUTE) -> Obligations:
    """(record, received at) each, at offsets from 0."""
    obligations = Obligations(PARTITION, NEWEST, remember_ms=remember_ms)
    for offset, (record, at) in enumerate(records):
        assert obligations.fold(offset, key_of(record), encode(record), at) is Folded.TAKEN
    return obligations


def test_due_half_an_hour_after_the_registration() -> None:
    (owed,) = obligations_after((completion(at=T0), T0 + MINUTE))
    assert owed == Obligation(KEY, NUMBER, "R1", "330106000000", T0 + 30 * MINUTE, 0)


def test_registration_in_the_future_is_due_half_an_hour_after_it_was_received() -> None:
    (owed,) = obligations_after((completion(at=T0 + 9 * MINUTE), T0))
    assert owed.due_at == T0 + 30 * MINUTE


def test_filing_of_that_registration_closes() -> None:
    assert not len(obligations_after((completion(), T0), (filing(), T0 + MINUTE)))
    assert len(obligations_after((completion("R1"), T0), (filing("R2"), T0 + MINUTE))) == 1


def test_completion_sent_again_after_its_filing_opens_nothing() -> None:
    again = completion(event=7)
    assert not len(obligations_after((completion(), T0), (filing(), T0), (again, T0), (completion(), T0)))
    assert not len(obligations_after((filing(), T0), (completion(), T0)))


def test_refused_completion_opens_nothing() -> None:
    refused = completion(certificate_number=None, exemption="NONE_SUCH")
    key = key_of(refused)
    obligations = Obligations(int(partition_of(key, 12)), NEWEST, remember_ms=0)
    assert obligations.fold(0, key, encode(refused), T0) is Folded.TAKEN
    assert not len(obligations)


@pytest.mark.parametrize(
    ("key", "partition"), [(b"Z330000020", PARTITION), (KEY, (PARTITION + 1) % 12), (b"\xff", PARTITION)]
)
def test_misrouted_completion_opens_nothing(key: bytes, partition: int) -> None:
    obligations = Obligations(partition, NEWEST, remember_ms=0)
    assert obligations.fold(0, key, encode(completion()), T0) is Folded.TAKEN
    assert not len(obligations)


def test_undecodable_records_are_told_apart() -> None:
    obligations = Obligations(PARTITION, NEWEST, remember_ms=0)
    value = encode(completion())
    assert obligations.fold(0, KEY, None, T0) is Folded.UNREADABLE
    assert obligations.fold(1, KEY, b"junk", T0) is Folded.UNREADABLE
    assert obligations.fold(2, KEY, value[:-1], T0) is Folded.UNREADABLE
    assert obligations.needed_from(3) == 3
    assert obligations.fold(3, KEY, value[:2] + b"newer!!!" + value[10:], T0) is Folded.UNKNOWN_SCHEMA
    assert obligations.fold(4, KEY, value, T0) is Folded.TAKEN
    assert len(obligations) == 1
    assert obligations.needed_from(5) == 3, "a newer build is to read it again"


def test_rules_that_fail_cost_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    obligations = Obligations(PARTITION, NEWEST, remember_ms=0)
    from natalog.watch import obligations as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "decide", lambda *_: 1 // 0)
        assert obligations.fold(0, KEY, encode(completion()), T0) is Folded.UNDECIDABLE
    assert obligations.fold(1, KEY, encode(completion("R2", event=3)), T0) is Folded.TAKEN
    assert [o.registration_id for o in obligations] == ["R2"]


def test_commit_trails_at_the_oldest_record_still_needed() -> None:
    obligations = obligations_after((completion("R1"), T0), (filing("R1"), T0), remember_ms=MINUTE)
    assert obligations.needed_from(2) == 0
    obligations.forget(T0 + MINUTE)
    assert obligations.needed_from(2) == 0
    obligations.forget(T0 + MINUTE + 1)
    assert obligations.needed_from(2) == 2


def test_told_obligation_is_needed_no_more() -> None:
    obligations = obligations_after((completion("R1"), T0), remember_ms=MINUTE)
    obligations.forget(T0 + 60 * MINUTE)
    assert obligations.needed_from(1) == 0
    obligations.settle(*obligations.overdue(T0 + 30 * MINUTE, 9))
    obligations.forget(T0 + 60 * MINUTE)
    assert obligations.needed_from(1) == 1


def test_alert_is_the_same_record_whoever_sends_it_when() -> None:
    (owed,) = obligations_after((completion(), T0))
    first, second = alert_of(owed, T0 + 31 * MINUTE), alert_of(owed, T0 + 99 * MINUTE)
    assert first.event_id == second.event_id
    a, b = read_command(encode(first)), read_command(encode(second))
    assert a.content == b.content
    assert key_of(first) == KEY
    assert decode(encode(first)) == first
    later = Obligation(KEY, NUMBER, "R1", owed.unit_code, owed.due_at + 1, 0)
    assert alert_of(later, 0).event_id != first.event_id


def test_partition_takes_only_the_next_record() -> None:
    partition = Partition(Obligations(PARTITION, NEWEST, remember_ms=0), 5, 0)
    with pytest.raises(Gap) as gap:
        partition.fold(7, KEY, encode(completion()), T0)
    assert (gap.value.expected, gap.value.offset) == (5, 7)
    with pytest.raises(ReadAgain):
        partition.fold(4, KEY, encode(completion()), T0)
    assert not len(partition.obligations)
    partition.fold(5, KEY, encode(completion()), T0)
    assert partition.position == 6


def test_partition_knows_how_far_it_has_surely_read() -> None:
    partition = Partition(Obligations(PARTITION, NEWEST, remember_ms=0), 5, 0)
    partition.sampled(Sample(100, 6))
    assert (partition.read_to, partition.lag) == (None, 1)
    partition.fold(5, KEY, encode(completion()), T0)
    partition.advance()
    assert (partition.read_to, partition.lag) == (100, 0)
    partition.sampled(Sample(200, 6))
    assert partition.read_to == 200


def test_gap_is_believed_by_the_next_process_only(tmp_path: Path) -> None:
    path = tmp_path / "gaps.json"
    assert not Gaps(path).was_seen(3, 5, 7)
    assert not Gaps(path).was_seen(3, 5, 8)
    assert not Gaps(path).was_seen(4, 5, 8)
    assert Gaps(path).was_seen(3, 5, 8)


def test_standing_still_is_told_from_idleness_and_from_progress() -> None:
    stillness = Stillness(0)
    assert stillness.seconds({}, 100) == 0
    assert stillness.seconds({1: (5, 9)}, 200) == 0
    assert stillness.seconds({1: (5, 9)}, 230) == 30
    assert stillness.seconds({1: (6, 9)}, 231) == 0
    assert stillness.seconds({1: (6, 9)}, 240) == 9
    assert stillness.seconds({}, 250) == 0


@pytest.mark.parametrize("module", ["natalog.cli", "natalog.gateway.main", "natalog.registrar.main"])
def test_faust_is_imported_by_nobody_else(module: str) -> None:
    code = f"import sys, {module}; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class _Shares:
    """A group that gives half of the partitions to another member while the first is asking where they begin."""

    def __init__(self) -> None:
        self.held = set(range(12))

    def assignment(self) -> set[int]:
        return set(self.held)

    def started_from(self, partition: int) -> int | None:
        return None

    async def starts(self, numbers: set[int]) -> dict[int, int]:
        self.held = set(range(6, 12))
        return dict.fromkeys(numbers, 0)

    async def ends(self, numbers: set[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, 0)

    async def commit(self, offsets: dict[int, int]) -> bool:
        assert offsets.keys() <= self.held
        return True


def test_what_the_group_gave_to_others_meanwhile_is_not_held() -> None:
    none: Any = None
    kafka: Any = _Shares()
    watch = Watch(Terms(NEWEST, 0, 0), none)
    watch.attach(kafka)
    asyncio.run(watch.sweep())
    assert watch.state()["partitions"] == list(range(6, 12))


class _Log(_Shares):
    """Partition 3, whose end is as it is set."""

    def __init__(self) -> None:
        self.held = {3}
        self.end = 0

    async def starts(self, numbers: set[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, 0)

    async def ends(self, numbers: set[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, self.end)


def test_the_watch_is_as_stale_as_the_last_moment_of_which_it_has_read_all() -> None:
    none: Any = None
    kafka: Any = _Log()
    now = [1000.0]
    watch = Watch(Terms(NEWEST, 0, 0), none, mono=lambda: now[0])
    watch.attach(kafka)

    def told(after: float) -> float | None:
        now[0] += after
        asyncio.run(watch.sweep())
        return metrics.WATCH.get_sample_value("natalog_watch_staleness_seconds")

    def read(offset: int) -> None:
        asyncio.run(watch.record(3, offset, b"x", b"x", T0))

    assert metrics.WATCH.get_sample_value("natalog_watch_staleness_seconds") == 0  # no partitions
    assert told(0.0) == 0
    for offset in range(20):  # records come in all the time: some are unread whenever it looks
        kafka.end = offset + 1
        assert told(0.5) == 0.5
        assert metrics.WATCH.get_sample_value("natalog_watch_lag_records") == 1
        read(offset)
    kafka.end += 1
    assert [told(0.5), told(20.0), told(20.0)] == [0.5, 20.5, 40.5]  # and now nothing is read
    now[0] += 5  # nor swept
    assert metrics.WATCH.get_sample_value("natalog_watch_staleness_seconds") == 45.5
