# mypy: disable-error-code="method-assign, assignment, attr-defined"
"""What makes a registrar right, one guard a function that takes it out, and the test that fails then.

`RUNNER_WITHOUT=name,…` in the environment of a test run takes guards out of every registrar it starts;
`python -m tests.integration.registrar.out_in_turn [NAME…]` does so with each and demands that its test fail.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import TopicPartition

from natalog.kafka import clients
from natalog.ledger import fold, step
from natalog.ledger.head import Head
from natalog.ledger.store import Store
from natalog.registrar import (
    alerts,
    desk,
    flight,
    gaps,
    hidden,
    intake,
    loop,
    markers,
    stalls,
    takeover,
    work,
    writer,
)
from natalog.registrar.partition import Phase
from natalog.wire.errors import WireError
from natalog.wire.hot import read_entry
from tests.integration.registrar.replacing import replace

GUARDS: dict[str, Callable[[], None]] = {}
TESTS: dict[str, str] = {}
"""The test that fails without a guard, or without several of which each would do (names joined by commas)."""


def guard(name: str, test: str = "") -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Name a guard by the function that takes it out, and the test that notices."""

    def named(take_out: Callable[[], None]) -> Callable[[], None]:
        GUARDS[name] = take_out
        if test:
            TESTS[name] = test
        return take_out

    return named


def without(name: str) -> None:
    """Take one guard out."""
    if name not in GUARDS:
        raise SystemExit(f"no such guard: {name}")
    GUARDS[name]()


# 1 The chain is the compare-and-set ----------------------------------------------------------------------------------


@guard("extends", "test_chain.py::test_void_entries_are_skipped_and_alarmed")
def fold_any_entry() -> None:
    """Whatever reads as an entry counts."""

    def fold_batch(
        head: Head, partition: int, offsets: Any, keys: Any, values: Any, states: Any
    ) -> step.Folded:
        out = step.Folded(head.copy())
        for offset, key, value in zip(offsets, keys, values, strict=True):
            try:
                entry = read_entry(value)
            except WireError:
                out.void.append(offset)
                out.head.offset = offset + 1
                continue
            fitting = Head(entry.seq, entry.prev, offset, [-1] * len(head.causes))
            one = step.fold_batch(fitting, partition, [offset], [key], [value], {**states, **out.states})
            out.states |= one.states
            one.head.causes = [max(pair) for pair in zip(one.head.causes, out.head.causes, strict=True)]
            out.head = one.head
        return out

    replace(fold, "fold_batch", fold_batch)


@guard("landing", "test_chain.py::test_foreign_valid_entry_counts_and_nothing_is_decided_twice")
def land_anywhere() -> None:
    replace(flight, "_landed", lambda decided, landing: True)


@guard("ends", "test_chain.py::test_foreign_record_while_idle_ends_the_registrar")
def watch_no_ends() -> None:
    replace(desk.Desk, "compare_ends", lambda self, ends, now: None)


@guard("foreign", "test_chain.py::test_foreign_record_while_idle_ends_the_registrar")
def suspect_nobody() -> None:
    original = desk.Desk._take_over

    def trusting(self: desk.Desk, partition: Any, *, suspicious: bool) -> None:
        original(self, partition, suspicious=False)

    replace(desk.Desk, "_take_over", trusting)


@guard("membership", "test_crash.py::test_stopped_while_idle_and_another_takes_over")
def ask_no_group() -> None:
    """Call an entry foreign without asking the group who may have written it.

    The test passes without it now and then, when the group's news comes before the ends of logs; what a registrar makes
    of the answer is held by `tests/unit/test_registrar_intake.py::test_only_a_member_calls_entries_foreign`.
    """
    replace(intake.Intake, "is_member", lambda self, partition, resume: True)


@guard("resume", "test_intake.py::test_committed_offsets_set_forward_and_back")
def trust_committed_offsets() -> None:
    compare = desk.compare_committed
    committed: dict[int, list[int]] = {}

    def trust(partition: Any, findings: takeover.Findings) -> None:
        compare(partition, findings)
        places = [(topic, partition.number) for topic in desk.INTAKE_TOPICS]
        committed[partition.number] = [max(0, findings.committed.get(place, -1)) for place in places]
        partition.gaps.known = Anything()

    replace(desk, "compare_committed", trust)
    replace(desk.Desk, "resume", lambda self, number: committed[number])


@guard("intake start")
def start_anywhere() -> None:
    replace(desk, "missing_intake", lambda partition, findings: None)
    decide_in_any_order()


@guard("holes told", "test_holes.py::test_a_hole_in_an_intake_log_is_told_of")
def pass_over_holes() -> None:
    replace(gaps.Gaps, "tell", lambda self, topic, first, end: None)


@guard(
    "ends probed", "test_holes.py::test_a_hole_at_the_end_of_an_intake_log_is_told_of_and_waited_for_no_more"
)
def probe_no_ends() -> None:
    replace(stalls.Stalls, "read", lambda self, partitions: None)


@guard("stamps", "test_drift.py::test_records_with_their_senders_time_halt_their_partition")
def take_any_time() -> None:
    replace(loop, "stamped", lambda messages: messages)


@guard("expired markers", "test_markers.py::test_markers_may_expire")
def take_expired_markers_for_records() -> None:
    replace(desk, "passed", lambda resume, number, findings: 0)


@guard("markers proven", "test_markers.py::test_record_that_expires_behind_a_marker_is_lost")
def pass_whatever_expired() -> None:
    """Take whatever is gone of the one topic with transaction markers for markers."""
    replace(desk, "passed", lambda resume, number, findings: findings.starts[takeover.MARKED_TOPIC, number])


@guard("markers looked at", "test_markers.py::test_markers_may_expire")
def look_at_no_markers() -> None:
    replace(markers.Markers, "look", lambda self, deciding, ends, now: None)


@guard("vouch again", "test_markers.py::test_committed_offsets_are_told_again")
def vouch_once() -> None:
    original = desk.Desk.to_vouch
    replace(desk.Desk, "to_vouch", lambda self, *, all_of_them: original(self, all_of_them=False))


@guard("order", "test_decides.py::test_unknown_fingerprint_halts_its_partition_alone")
def decide_in_any_order() -> None:
    replace(gaps, "in_order", lambda columns, causes, known_gaps: columns)


@guard("proof", "test_chain.py::test_state_that_is_not_of_this_ledger")
def prove_nothing() -> None:
    replace(fold.Fold, "_prove", lambda self, stretch: setattr(self, "_proven", True))


@guard("identity", "test_chain.py::test_state_of_a_ledger_that_was_deleted")
def know_every_ledger() -> None:
    replace(Store, "belongs_to", lambda self, identity: True)
    prove_nothing()


# 2 Lead topic --------------------------------------------------------------------------------------------------------


@guard("lead topic", "test_group.py::test_rolling_upgrade_that_adds_a_topic")
def subscribe_to_all() -> None:
    """What the assignor gave of each topic, not the lead topic's numbers of all."""
    original = intake.Intake.__init__

    @functools.wraps(original)
    def subscribing(self: intake.Intake, live: Any, *arguments: Any, **named: Any) -> None:
        original(self, live, *arguments, **named)

        def own(consumer: Any, places: Any) -> None:
            numbers = {place.partition for place in places}
            self._on_assign(consumer, [TopicPartition(intake.LEAD, number) for number in numbers])

        topics = list(intake.LIVE_TOPICS)
        live.subscribe(topics, on_assign=own, on_revoke=self._on_revoke, on_lost=self._on_revoke)

    replace(intake.Intake, "__init__", subscribing)


@guard("ledger partition", "test_decides.py::test_bad_input_becomes_an_entry_each")
def partition_by_key() -> None:
    """Let the partitioner find the ledger's partition."""
    original = writer.LedgerWriter.send
    replace(writer.LedgerWriter, "send", lambda self, partition, entries: original(self, -1, entries))


# 3 Batch discipline --------------------------------------------------------------------------------------------------


@guard("throw away")
def keep_batches() -> None:
    """Keep a batch during whose filling partitions came or went."""
    for name in ("_on_assign", "_on_revoke"):
        replace(intake.Intake, name, unnoticed(getattr(intake.Intake, name)))


def unnoticed(callback: Callable[..., None]) -> Callable[..., None]:
    """A rebalance callback that does not count as one."""

    def called(self: intake.Intake, consumer: Any, partitions: Any) -> None:
        callback(self, consumer, partitions)
        self._rebalances -= 1

    return called


@guard("phase")
def decide_in_any_phase() -> None:
    """Decide what is in hand, whoever holds the partition now."""
    original = loop.Registrar._decide

    def decide(self: loop.Registrar, batch: intake.Batch) -> Any:
        touched = [self._desk.partitions[number] for number in batch.groups]
        phases = [partition.phase for partition in touched]
        for partition in touched:
            partition.phase = Phase.DECIDING
        try:
            return original(self, batch)
        finally:
            for partition, phase in zip(touched, phases, strict=True):
                partition.phase = phase

    replace(loop.Registrar, "_decide", decide)


TESTS["throw away,phase"] = "test_group.py::test_rebalance_while_a_batch_is_being_filled"


@guard("batch metadata", "test_group.py::test_the_group_refuses_a_batch_of_an_earlier_generation")
def take_metadata_at_the_end() -> None:
    built = the_intake()
    original = writer.LedgerWriter.send_offsets
    replace(
        writer.LedgerWriter,
        "send_offsets",
        lambda self, offsets, metadata: original(self, offsets, built[0].metadata()),
    )


@guard("batch offsets", "test_crash.py::test_committed_offsets_are_those_of_the_batch")
def commit_positions() -> None:
    """Commit where the consumers stand, which may have gone on meanwhile."""
    built = the_intake()
    original = writer.LedgerWriter.send_offsets

    def send(self: writer.LedgerWriter, offsets: dict[tuple[str, int], int], metadata: object) -> None:
        time.sleep(0.2)
        for consumer in (built[0]._live, built[0]._bulk):
            places = consumer.position(consumer.assignment())
            offsets |= {(tp.topic, tp.partition): tp.offset for tp in places if tp.offset > 0}
        original(self, offsets, metadata)

    replace(writer.LedgerWriter, "send_offsets", send)


@guard("offsets", "test_crash.py::test_stopped_between_transactions_while_another_takes_over")
def commit_unfenced() -> None:
    replace(writer.LedgerWriter, "send_offsets", lambda self, offsets, metadata: None)


@guard("same transaction", "test_crash.py::test_successions_survive_kill_around_the_commit")
def send_successions_afterwards() -> None:
    """Send the Successions a batch brought forth in a transaction of their own, right after the batch's."""
    original = flight.Committer._fly
    send = writer.LedgerWriter.send_successions
    waiting: list[tuple[bytes, int, bytes]] = []

    def fly(self: flight.Committer, flown: flight.Flight) -> None:
        waiting.clear()
        original(self, flown)
        if waiting:
            self._writer.begin()
            send(self._writer, waiting)
            self._writer.settle()
            self._writer.commit()

    replace(writer.LedgerWriter, "send_successions", lambda self, successions: waiting.extend(successions))
    replace(flight.Committer, "_fly", fly)


def the_intake() -> list[intake.Intake]:
    """The intake, as soon as it is built."""
    built: list[intake.Intake] = []
    original = intake.Intake.__init__

    @functools.wraps(original)
    def keep(self: intake.Intake, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        built.append(self)

    replace(intake.Intake, "__init__", keep)
    return built


# 4 Assignment --------------------------------------------------------------------------------------------------------


@guard("high watermark", "test_chain.py::test_open_transaction_at_the_end_is_waited_out")
def fold_to_the_stable_end() -> None:
    original = takeover.Round.findings

    def stable_end(self: takeover.Round) -> takeover.Findings | None:
        found = original(self)
        if found is not None:
            for partition in found.ledger_ends:
                found.ledger_ends[partition] = min(found.ledger_ends[partition], found.folded[partition])
        return found

    replace(takeover.Round, "findings", stable_end)


@guard("stable offsets", "test_chain.py::test_open_transaction_that_has_only_offsets_yet")
def ask_for_no_offsets() -> None:
    replace(takeover.CommittedOffsets, "ready", lambda self: True)
    replace(takeover.CommittedOffsets, "offsets", lambda self: {})


@guard("reset is an error", "test_intake.py::test_intake_that_expires_while_it_is_waited_for")
def reset_to_the_start() -> None:
    """Go on at the first record there is when the next one is gone."""
    original = clients._consumer

    def resetting(bootstrap: str, name: str, group: str, settings: dict[str, Any]) -> Any:
        if "group.instance.id" in settings:
            settings = {**settings, "auto.offset.reset": "earliest"}
        return original(bootstrap, name, group, settings)

    replace(clients, "_consumer", resetting)


# Each would do: the first tells at the takeover, the other as soon as the intake is read.
TESTS["intake start,reset is an error"] = "test_intake.py::test_intake_log_that_starts_too_late"


# 5 Live before bulk --------------------------------------------------------------------------------------------------


@guard("two consumers", "test_bulk.py::test_live_records_do_not_wait_behind_bulk_already_fetched")
def share_one_consumer() -> None:
    """Read bulk with the live consumer, in the order it comes."""
    replace(intake, "LIVE_TOPICS", tuple(intake.INTAKE_TOPICS))
    replace(intake, "BULK", "none")


@guard("bulk share", "test_bulk.py::test_bulk_keeps_its_share_under_full_live_load")
def bulk_when_idle() -> None:
    """Leave all of a batch to live records."""
    original = intake.Intake.take

    def take(self: intake.Intake, wait: float) -> intake.Batch | None:
        self._live_cap = self._cap
        return original(self, wait)

    replace(intake.Intake, "take", take)


@guard("alerts wait", "test_decides.py::test_an_alert_waits_for_what_came_before_it")
def alerts_as_they_come() -> None:
    replace(alerts.Alerts, "sift", lambda self, messages: messages)


# 6 State -------------------------------------------------------------------------------------------------------------


@guard("after commit", "test_chain.py::test_foreign_valid_entry_counts_and_nothing_is_decided_twice")
def store_before_the_commit() -> None:
    original = flight.Committer._fly

    def fly(self: flight.Committer, flown: flight.Flight) -> None:
        for partition, decided in flown.decided:
            assert decided.outcome is not None
            last = partition.next_own + len(decided.outcome.entries) - 1
            partition.fold.accept(decided.outcome.states, decided.outcome.head, last + 1, last)
        original(self, flown)

    replace(flight.Committer, "_fly", fly)


@guard("flush by time", "test_crash.py::test_what_was_decided_is_on_disk_after_a_while")
def flush_on_revoke_only() -> None:
    original = Store.flush
    replace(Store, "flush", lambda self, *, wait: original(self, wait=wait) if wait else None)


@guard("flush on revoke", "test_group.py::test_follower_takes_over_with_what_it_has_folded")
def flush_by_time_only() -> None:
    original = Store.flush
    replace(Store, "flush", lambda self, *, wait: None if wait else original(self, wait=wait))


@guard("follow", "test_group.py::test_follower_takes_over_with_what_it_has_folded")
def fold_own_share_only() -> None:
    original = desk.Desk.assigned

    def assigned(self: desk.Desk, numbers: list[int]) -> None:
        original(self, numbers)
        self._reader.stop([p.number for p in self.partitions if p.phase is Phase.FOLLOWING])

    replace(desk.Desk, "assigned", assigned)


# A transaction whose end Kafka forgot to write (ADR 23) --------------------------------------------------------------


@guard("sweep", "test_broker.py::test_takeover_of_a_transaction_without_its_end")
def sweep_nothing() -> None:
    replace(hidden.HiddenEnds, "look", lambda self, taking_over, now: [])


@guard("reads own", "test_broker.py::test_markers_lost_under_a_living_registrar")
def believe_own_entries_after_a_rebalance() -> None:
    revoked = desk.Desk.revoked
    doubt = fold.Fold.doubt

    def trusting(self: desk.Desk, numbers: list[int]) -> None:
        fold.Fold.doubt = lambda self: None
        try:
            revoked(self, numbers)
        finally:
            fold.Fold.doubt = doubt

    replace(desk.Desk, "revoked", trusting)


@guard("shorter ledger", "test_broker.py::test_markers_lost_under_a_living_registrar")
def expect_no_shorter_ledger() -> None:
    watched = desk.Desk.watched

    def forgetting(self: desk.Desk) -> Any:
        places = watched(self)
        for partition in self.partitions:
            partition.settled = 0
        return places

    replace(desk.Desk, "watched", forgetting)


# 7 Static membership, and one partition's trouble is its own ---------------------------------------------------------


@guard("static member", "test_group.py::test_a_restart_moves_no_share")
def be_any_member() -> None:
    original = clients._consumer

    def anonymous(bootstrap: str, name: str, group: str, settings: dict[str, Any]) -> Any:
        settings = {key: value for key, value in settings.items() if key != "group.instance.id"}
        return original(bootstrap, name, group, settings)

    replace(clients, "_consumer", anonymous)


@guard("same instance", "test_crash.py::test_same_instance_twice")
def take_the_fence_for_a_fault() -> None:
    replace(loop, "is_same_instance", lambda error: False)


@guard("halt alone", "test_decides.py::test_unknown_fingerprint_halts_its_partition_alone")
def halt_everything() -> None:
    original = work.Decider.decide

    def everything(self: work.Decider, fold: Any, ahead: Any, columns: work.Columns) -> work.Decided:
        decided = original(self, fold, ahead, columns)
        if decided.sick is not None:
            raise decided.sick
        return decided

    replace(work.Decider, "decide", everything)


class Anything(set[Any]):
    """Contains everything."""

    def __contains__(self, _: object) -> bool:
        return True
