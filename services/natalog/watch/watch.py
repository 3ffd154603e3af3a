"""The watch: folds what it reads, looks every half second what has fallen due, tells of it, commits.

Silent while it lags: an alert goes out only when everything the broker had by its due time and grace is folded.
Crash-only: whatever cannot be right ends the process (`Ending`), and a new one reads again from the committed offset,
which trails at the oldest record that is still needed.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from natalog import metrics
from natalog.decision.divisions import province_of
from natalog.decision.numbers import PROVINCES
from natalog.decision.rules import RuleSet
from natalog.kafka.broker_clock import BrokerClock
from natalog.watch.alert import alert_of
from natalog.watch.app import Log
from natalog.watch.gaps import Gaps
from natalog.watch.obligations import Folded, Obligation, Obligations
from natalog.watch.partition import Gap, Partition, ReadAgain, Sample
from natalog.wire.encoder import encode
from natalog.wire.murmur2 import partition_of
from natalog.wire.topics import TOPICS

log = logging.getLogger(__name__)

PARTITIONS = TOPICS["sla.alerts"].partitions
PATIENCE = 3.0
"""Seconds, once all is read, in which a record may show the broker's clock before the host's has to do."""
AT_ONCE = 5_000
"""Alerts on their way at a time."""
MEASURE_EVERY = 5.0
"""Seconds between two looks at all open obligations for the gauges."""


class Ending(Exception):
    """The process must end and start anew; the text says why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`grace_ms`: how long after the due time an alert waits; `remember_ms`: see Obligations."""

    rules: RuleSet
    grace_ms: int
    remember_ms: int


class Watch:
    """All partitions this process holds. Its methods run in one event loop; `progress` is read by the watchdog."""

    def __init__(
        self,
        terms: Terms,
        gaps: Gaps,
        *,
        mono: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._terms = terms
        self._gaps = gaps
        self._mono = mono
        self._wall = wall
        self._log: Log | None = None
        self._partitions: dict[int, Partition] = {}
        self._clock = BrokerClock()
        self._measured_at = 0.0
        self._unsure_since: float | None = None
        self._provinces = {f"{code}0000" for code in PROVINCES}
        """Labels of the gauges: all from the start, or no obligation would look like no watch."""
        self.swept_at = time.monotonic()
        """When the last sweep ended."""
        self.has_share = False
        """Whether the group has answered at all."""
        # When it is asked for: a sweep that hangs would leave what it set last.
        metrics.WATCH_STALENESS.set_function(self.staleness)

    def attach(self, log_: Log) -> None:
        """Say what to read from and send to."""
        self._log = log_

    # Called by Faust -------------------------------------------------------------------------------------------------

    def assigned(self) -> None:
        """The group gave out shares: nothing folded before counts."""
        self._partitions.clear()
        self._unsure_since = None
        self.has_share = True

    def revoked(self) -> None:
        """The group takes shares back."""
        self._partitions.clear()

    async def record(
        self, number: int, offset: int, key: bytes, value: bytes | None, received_at: int
    ) -> None:
        """Take the next record of a partition. Raises Ending when records are missing before it."""
        partition = self._partitions.get(number) or await self._begin({number}, number)
        try:
            folded = partition.fold(offset, key, value, received_at)
        except ReadAgain:
            log.warning("reading a partition again", extra={"partition": number, "offset": offset})
            partition = self._partitions[number] = self._new(number, offset)
            folded = partition.fold(offset, key, value, received_at)
        except Gap as gap:
            await self._explain(number, partition, gap)
            folded = partition.fold(offset, key, value, received_at)
        if folded is not Folded.TAKEN:
            metrics.WATCH_UNDECODABLE.labels(folded.value).inc()
            extra = {"partition": number, "offset": offset, "cause": folded.value}
            log.error("a record was skipped", extra=extra)
        self._look_at_clock(partition, offset, received_at)

    async def sweep(self) -> None:
        """One round: how far is surely read, what is overdue, what may be committed."""
        mine = await self._mine()
        for partition in mine.values():
            partition.advance()
        ask = {number for number, partition in mine.items() if partition.sample is None}
        mono = self._now()  # before the ends are asked for
        for number, end in (await self._kafka.ends(ask)).items():
            mine[number].sampled(Sample(mono, end))
        for number, partition in mine.items():
            await self._tell(number, partition)
        await self._commit(mine)
        self._report(mine)
        self.swept_at = time.monotonic()

    # Asked by the watchdog and over HTTP -----------------------------------------------------------------------------

    def progress(self) -> dict[int, tuple[int, int]]:
        """Position and sampled end of the partitions that have not reached it."""
        return {
            number: (partition.position, sample.end)
            for number, partition in list(self._partitions.items())
            if (sample := partition.sample) is not None
        }

    def staleness(self) -> float:
        """Seconds since all that had been appended was read, of the partition that lags most; 0 without partitions."""
        now = self._now()
        return max((now - p.stale_since for p in list(self._partitions.values())), default=0) / 1000

    def state(self) -> dict[str, object]:
        """For /healthz."""
        return {
            "partitions": sorted(self._partitions),
            "open": sum(len(p.obligations) for p in list(self._partitions.values())),
            "lag": sum(p.lag for p in list(self._partitions.values())),
            "clock_measured": self._clock.is_measured,
        }

    # Steps -----------------------------------------------------------------------------------------------------------

    @property
    def _kafka(self) -> Log:
        assert self._log is not None
        return self._log

    def _now(self) -> int:
        return int(self._mono() * 1000)

    def _broker_time(self, mono: int) -> int:
        """The broker's time at a moment of the monotonic clock, never later than it is."""
        since = self._now() - mono
        return self._clock.now(mono, int(self._wall() * 1000) - since)

    async def _mine(self) -> dict[int, Partition]:
        if new := self._kafka.assignment() - self._partitions.keys():
            await self._begin(new)
        # The group may have given out other shares while we were asking where these begin.
        for number in self._partitions.keys() - self._kafka.assignment():
            del self._partitions[number]
        return dict(self._partitions)

    async def _begin(self, numbers: set[int], wanted: int = -1) -> Partition:
        """Start partitions where the group left off, or where the log begins if that has expired."""
        starts = await self._kafka.starts(numbers)
        ends = await self._kafka.ends(numbers)
        for number in numbers - self._partitions.keys():
            committed = self._kafka.started_from(number)
            start, end = starts[number], ends[number]
            if committed is None:
                log.info("nothing committed: reading the whole log", extra={"partition": number})
                committed = start
            elif committed > end:
                extra = {"partition": number, "committed": committed, "end": end}
                log.error("the log ends before the committed offset: reading from its start", extra=extra)
                committed = start
            elif committed < start:
                self._expired(number, start - committed)
            self._partitions[number] = self._new(number, max(start, committed))
        return self._partitions[wanted if wanted >= 0 else min(numbers)]

    def _new(self, number: int, start: int) -> Partition:
        terms = self._terms
        return Partition(Obligations(number, terms.rules, remember_ms=terms.remember_ms), start, self._now())

    async def _explain(self, number: int, partition: Partition, gap: Gap) -> None:
        """Find out why records are missing and go on after them; Ending when reading again may bring them."""
        start = (await self._kafka.starts({number}))[number]
        if gap.expected < start:
            self._expired(number, partition.skip_to(gap.offset))
            return
        if not self._gaps.was_seen(number, gap.expected, gap.offset):
            raise Ending(f"birth.registrations {number}: {gap}; reading again")
        metrics.WATCH_MISSING.labels("hole").inc(partition.skip_to(gap.offset))
        extra = {"partition": number, "expected": gap.expected, "offset": gap.offset}
        log.error("offsets without records, twice seen: somebody wrote a transaction here?", extra=extra)

    def _expired(self, number: int, count: int) -> None:
        metrics.WATCH_MISSING.labels("expired").inc(count)
        log.error(
            "records expired unread: obligations opened by them are not watched",
            extra={"partition": number, "records": count},
        )

    def _look_at_clock(self, partition: Partition, offset: int, stamp: int) -> None:
        mono = self._now()
        newest = partition.newest
        if newest is not None and offset >= newest.end:
            self._measured(self._clock.measure(stamp, newest.mono, mono))
        else:
            self._clock.read(stamp, mono)

    def _measured(self, step: int) -> None:
        if step:
            metrics.WATCH_CLOCK_STEPS.inc()
            log.error("the broker's clock was set", extra={"milliseconds": step})

    async def _tell(self, number: int, partition: Partition) -> None:
        """Send what is overdue; an obligation is settled once the brokers have its alert."""
        while (read_to := partition.read_to) is not None:
            observed = self._broker_time(read_to)
            limit = self._limit()
            due = partition.obligations.overdue(observed - self._terms.grace_ms, limit)
            if not due:
                if self._clock.is_measured:
                    partition.obligations.forget(observed)
                return
            await self._send(partition, due, observed)
            if self._partitions.get(number) is not partition:
                return

    def _limit(self) -> int:
        """Alerts to send now. The host's clock alone may be hours off: without the broker's, seen on any record that
        comes in, one alert is risked, and with its answer comes the broker's time."""
        if self._clock.is_measured:
            return AT_ONCE
        if self._unsure_since is None:
            self._unsure_since = self._mono()
        return 1 if self._mono() - self._unsure_since > PATIENCE else 0

    async def _send(self, partition: Partition, due: list[Obligation], observed: int) -> None:
        after = self._now()
        underway = [
            await self._kafka.send(int(partition_of(o.key, PARTITIONS)), o.key, encode(alert_of(o, observed)))
            for o in due
        ]
        for obligation, settled in zip(due, underway, strict=True):
            sent = await settled
            if sent.broker_time is not None:
                self._measured(self._clock.measure(sent.broker_time, after, self._now()))
            partition.obligations.settle(obligation)
            metrics.WATCH_ALERTS.inc()

    async def _commit(self, mine: dict[int, Partition]) -> None:
        offsets = {
            number: offset
            for number, partition in mine.items()
            if self._partitions.get(number) is partition and (offset := partition.to_commit()) is not None
        }
        if offsets and await self._kafka.commit(offsets):
            for number, offset in offsets.items():
                mine[number].committed = offset

    def _report(self, mine: dict[int, Partition]) -> None:
        metrics.WATCH_LAG.set(sum(p.lag for p in mine.values()))
        metrics.WATCH_PARTITIONS.set(len(mine))
        now = time.monotonic()
        if now - self._measured_at < MEASURE_EVERY:
            return
        self._measured_at = now
        mono = self._now()
        broker = self._broker_time(mono)
        metrics.WATCH_CLOCK_OFFSET.set((broker - self._wall() * 1000) / 1000)
        opened: Counter[str] = Counter()
        oldest: dict[str, int] = {}
        sla = int(self._terms.rules.sla_ms)
        for partition in mine.values():
            for obligation in partition.obligations:
                province = province_of(obligation.unit_code) or metrics.UNKNOWN
                opened[province] += 1
                age = broker - obligation.due_at + sla
                oldest[province] = max(oldest.get(province, 0), age)
        self._provinces |= opened.keys()
        for province in self._provinces:
            metrics.OBLIGATIONS_OPEN.labels(province).set(opened[province])
            metrics.OBLIGATION_OLDEST.labels(province).set(oldest.get(province, 0) / 1000)
