"""Registrations of a made-up population, in the JSON form the gateway takes.

Use of chance: registrations are made in blocks of 1,000. Block `b` draws from a Mersenne Twister of its own,
`random.Random(f"natalog-sample/{seed}/{b}")`, and uses nothing but `random()` and `getrandbits()`. So any
stretch of the output can be made by itself, and is the same however the whole is split.

Births are stratified: the i-th of `count` registrations takes the i-th part of the years' births, so the
output is in order of birth (of registration, for one day) and its years follow the table to one in `count`.
Each block has its provinces in the proportions of the table; the i-th registration of a province takes the
i-th number of that province, which makes numbers unique without remembering any.
"""

from __future__ import annotations

from binascii import b2a_base64
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from random import Random
from typing import Final

from natalog.sample.births import (
    BIRTHS,
    DELAY,
    MONTHS,
    PROVINCE_BIRTHS,
    SLOTS,
    TWINS,
    WEEKEND,
    desk_seconds,
    quantiles,
    quota,
)
from natalog.sample.counties import COUNTIES
from natalog.sample.placement import SHARED_BY_TWINS, Record, place, place_exempt

BLOCK: Final = 1000
LOT: Final = 50  # consecutive numbers, as they come in booklets
LOTS: Final = 200_000  # per province and print year: seven digits
DELIVERY: Final = 500  # consecutive lots that are in use at a time in a province, at many hospitals
LOT_STEP: Final = 183  # has no factor in common with DELIVERY, so no lot comes twice
OLD_BLANKS: Final = 30_000  # of LOTS: a share of 15 % still in use the year after they were printed
OLD_STEP: Final = 61_417  # has no factor in common with LOTS; spreads them over those in use
STATIONS: Final = 14  # police stations per county: some 40,000 in all
EXEMPT: Final = 0.0055  # share of registrations without a usable certificate (approximate)
LAST_LETTER_YEAR: Final = 2025  # Z; what follows is not published, so later births get Z too
EARLIEST_BIRTH: Final = date(2000, 1, 1).toordinal()  # certificates before have no letter
TWIN_DAYS: Final = 40  # in a small sample the next birth may be months away


@dataclass(frozen=True, slots=True)
class Population:
    """What to make up.

    `provinces` are two digits each, none meaning all by their share. `first_year` to `last_year` are years of
    birth; with `day`, everything is registered on that day instead. `org` (2, 4, 6 or 12 digits) keeps all
    registrations inside one division or unit. `origin` is LIVE or BACKFILL; empty: LIVE for a day, BACKFILL
    for years. `irregular` is the share of registrations with a doubt or a late filing, `exempt` of
    those without a usable certificate.
    Raises ValueError when the numbers of a province would not suffice, or nothing fits.
    """

    seed: int
    count: int
    provinces: tuple[str, ...] = ()
    first_year: int = min(BIRTHS)
    last_year: int = max(BIRTHS)
    day: date | None = None
    org: str = ""
    origin: str = ""
    irregular: float = 0.005
    exempt: float = EXEMPT

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must not be negative")
        if self.first_year not in BIRTHS or self.last_year not in BIRTHS or self.first_year > self.last_year:
            raise ValueError(f"births are published for {min(BIRTHS)} to {max(BIRTHS)} only")
        if self.day is not None and not date(2012, 1, 1) <= self.day <= date(2100, 1, 1):
            raise ValueError("the day must lie in 2012 or later")
        if self.origin not in ("", "LIVE", "BACKFILL"):
            raise ValueError("origin must be LIVE or BACKFILL")
        unknown = [p for p in self.provinces if p not in PROVINCE_BIRTHS]
        if unknown:
            raise ValueError(f"no province {', '.join(unknown)}; there are {' '.join(PROVINCE_BIRTHS)}")


def filings(population: Population, start: int = 0, stop: int | None = None) -> Iterator[Record]:
    """Registrations `start` to `stop` (all) of the population, each a fresh dictionary."""
    world = _World(population)
    end = population.count if stop is None else min(stop, population.count)
    for block in range(start // BLOCK, (end + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        made = world.block(block, min(BLOCK, population.count - first))
        if start <= first and first + BLOCK <= end:
            yield from made
        else:
            yield from made[max(0, start - first) : end - first]


@dataclass(frozen=True, slots=True)
class _Twin:
    """What the second of two twins shares with the first."""

    born: int
    registered: int
    seconds: int
    county: str
    unit: str
    mother: str
    father: str
    shared: Record


class _World:
    """Tables of one population."""

    def __init__(self, population: Population) -> None:
        self.p = population
        self.counties = _counties(population)
        shares = {province: PROVINCE_BIRTHS[province] for province in self.counties}
        self.pattern = quota(shares, BLOCK)
        self.per_block = {province: self.pattern.count(province) for province in shares}
        self.delay = [int(days) for days in quantiles(DELAY)]
        self.desk = desk_seconds()
        self.first, self.cumulated = _calendar(population.first_year, population.last_year)
        # Nobody registers after this day, so a made-up past does not run into the future.
        self.horizon = date(population.last_year + 1, 3, 31).toordinal()
        self.iso: dict[int, str] = {}
        seeded = Random(f"natalog-sample/{population.seed}")
        self.offset = {province: int(seeded.random() * LOTS) for province in PROVINCE_BIRTHS}
        self.tag = f"{seeded.getrandbits(24):06x}"
        self.live = (population.origin or ("LIVE" if population.day else "BACKFILL")) == "LIVE"
        self._check_capacity()

    def _check_capacity(self) -> None:
        """A letter serves two years, or, for a day, whatever lies behind it."""
        years = range(self.p.first_year, self.p.last_year + 1)
        whole = sum(BIRTHS[y] for y in years)
        share = max(self.per_block.values()) / BLOCK
        part = 1.0 if self.p.day else max((BIRTHS[y] + BIRTHS.get(y + 1, 0)) / whole for y in years)
        if self.p.count * min(1.0, part) * share > LOT * LOTS:
            raise ValueError(
                f"{self.p.count:,} registrations need more numbers than a province has in two years; "
                "take more years or provinces, or several seeds and days"
            )

    def block(self, block: int, size: int) -> list[Record]:
        """The first `size` registrations of a block."""
        rng = Random(f"natalog-sample/{self.p.seed}/{block}")
        chance = rng.random
        provinces = self.pattern.copy()
        for i in range(BLOCK - 1, 0, -1):
            j = int(chance() * (i + 1))
            provinces[i], provinces[j] = provinces[j], provinces[i]
        counters = {province: block * n for province, n in self.per_block.items()}
        twins: dict[str, _Twin] = {}
        made: list[Record] = []
        for position in range(size):
            province = provinces[position]
            counter = counters[province]
            counters[province] = counter + 1
            index = block * BLOCK + position
            made.append(self._registration(rng, index, province, counter, twins))
        return made

    def _registration(
        self, rng: Random, index: int, province: str, counter: int, twins: dict[str, _Twin]
    ) -> Record:
        chance = rng.random
        # One draw for everything opaque: event id, gate, three tokens, a reference.
        opaque = f"{rng.getrandbits(1088):0272x}"
        born, registered, seconds = self._when(chance, index)
        twin = twins.pop(province, None)
        if twin is not None and abs(born - twin.born) <= TWIN_DAYS:
            born, registered, seconds = twin.born, twin.registered, twin.seconds + 240
            county, unit, mother, father = twin.county, twin.unit, twin.mother, twin.father
        else:
            twin = None
            mother, father = opaque[128:192], opaque[192:256]
            counties = self.counties[province]
            # The first codes of a province are its capital's districts: more people live there.
            county = counties[int(chance() ** 1.4 * len(counties))]
            unit = self.p.org if len(self.p.org) == 12 else f"{county}{51 + int(chance() * STATIONS)}0000"
        late = self.live and chance() < self.p.irregular / 2
        captured = seconds + 2 + int(chance() * 60)
        attempted = captured + (1860 + int(chance() ** 3 * 90_000) if late else int(chance() * 5))
        day = self._iso(registered)
        sent = self._stamp(registered, attempted)
        record: Record = {
            "event_id": _uuid(opaque[:32]),
            "unit_code": unit,
            "occurred_at": sent,
            "registration_id": f"{unit}-{day[:4]}{day[5:7]}{day[8:]}-{self.tag}-{index}",
            "registered_at": self._stamp(registered, seconds),
            "captured_at": self._stamp(registered, captured),
            "attempted_at": sent,
            "division": county,
            "birth_date": self._iso(born),
        }
        # The leap day's sixth birthday is taken early: the proofs are there whichever way it is read.
        over_six = registered - born >= 2190 and day >= f"{int(self._iso(born)[:4]) + 6}{self._iso(born)[4:]}"
        if over_six:
            record["over_six"] = {
                "visit": True,
                "face": True,
                "fingerprint": True,
                "dna": True,
                "approval_ref": f"{county[:4]}-{opaque[256:264]}",
            }
        if twin is None and chance() < self.p.exempt:
            place_exempt(record, chance, opaque[264:272])
        else:
            record["certificate_number"] = self._number(province, counter, born)
            if self.live:
                record["gate"] = _uuid(opaque[32:64])
            if twin is not None:
                record.update(twin.shared)
            else:
                place(record, chance, opaque[264:272], irregular=not late and chance() < self.p.irregular / 2)
                if chance() < TWINS:
                    shared: Record = {key: record[key] for key in SHARED_BY_TWINS if key in record}
                    twins[province] = _Twin(born, registered, seconds, county, unit, mother, father, shared)
        record["origin"] = "LIVE" if self.live else "BACKFILL"
        record["child_token"] = opaque[64:128]
        if record.get("exemption") != "WELFARE_HOME":
            record["mother_token"] = mother
            record["father_token"] = father
        size = 250 + int(chance() * 150)
        record["sealed"] = b2a_base64(rng.getrandbits(8 * size).to_bytes(size, "big"), newline=False).decode()
        record["key_id"] = f"{province}-{day[:4]}"
        return record

    def _when(self, chance: Callable[[], float], index: int) -> tuple[int, int, int]:
        """Ordinal of the birth, ordinal of the registration, second of the day of the registration."""
        part = (index + chance()) / self.p.count
        days = self.delay[int(chance() * SLOTS)]
        if self.p.day is not None:
            registered = self.p.day.toordinal()
            return max(registered - days, EARLIEST_BIRTH), registered, self.desk[int(part * SLOTS)]
        born = self.first + bisect_right(
            self.cumulated, part * self.cumulated[-1], 0, len(self.cumulated) - 1
        )
        registered = born + days
        if registered > self.horizon:
            registered = born + min(days, 7 + days % 23)
        weekday = registered % 7  # 1 Monday … 6 Saturday, 0 Sunday, as ordinal 1 was a Monday
        if weekday in (6, 0) and chance() > WEEKEND[0 if weekday == 6 else 1]:
            registered += 2 if weekday == 6 else 1
        return born, registered, self.desk[int(chance() * SLOTS)]

    def _number(self, province: str, counter: int, born: int) -> str:
        return certificate_number(province, counter, self.offset[province], int(self._iso(born)[:4]))

    def _iso(self, ordinal: int) -> str:
        text = self.iso.get(ordinal)
        if text is None:
            text = self.iso[ordinal] = date.fromordinal(ordinal).isoformat()
        return text

    def _stamp(self, ordinal: int, seconds: int) -> str:
        """RFC 3339 in Beijing time; `seconds` since midnight may pass the day's end."""
        if seconds >= 86_400:
            ordinal += seconds // 86_400
            seconds %= 86_400
        minutes = seconds // 60
        return f"{self._iso(ordinal)}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds % 60:02d}+08:00"


def certificate_number(province: str, counter: int, offset: int, birth_year: int) -> str:
    """The number of a province's registration `counter`, `offset` lots after the first.

    Serials are printed in order and go out in deliveries, whose lots are used up side by side. (Nothing published says
    so; withdrawn blanks are voided as ranges, so at least they lie together.) Numbers are printed in booklets and a
    booklet in one go, so a whole lot has one letter. Some hospitals still use last year's blanks: one lot in seven.
    (Where a lot serves births of several years, in a small sample or around New Year, each year has its letter.)
    """
    nth = counter // LOT
    lot = (nth - nth % DELIVERY + nth * LOT_STEP % DELIVERY + offset) % LOTS
    year = birth_year - (birth_year > 2000 and lot * OLD_STEP % LOTS < OLD_BLANKS)
    letter = chr(ord("A") + min(year, LAST_LETTER_YEAR) - 2000)
    return f"{letter}{province}{lot * LOT + counter % LOT:07d}"


def _uuid(digits: str) -> str:
    """A version 4 UUID from 32 hexadecimal digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _calendar(first_year: int, last_year: int) -> tuple[int, list[float]]:
    """Ordinal of the first day, and births up to the end of each day."""
    first = date(first_year, 1, 1).toordinal()
    last = date(last_year, 12, 31).toordinal()
    days = [date.fromordinal(ordinal) for ordinal in range(first, last + 1)]
    scale: dict[int, float] = defaultdict(float)
    for day in days:
        scale[day.year] += MONTHS[day.month - 1]
    return first, list(accumulate(BIRTHS[d.year] * MONTHS[d.month - 1] / scale[d.year] for d in days))


def _counties(population: Population) -> dict[str, tuple[str, ...]]:
    """Counties by province inside the population's provinces and org. Raises ValueError when none is left."""
    org = population.org[:6]
    while len(org) in (4, 6) and org.endswith("00"):
        org = org[:-2]
    wanted = population.provinces or tuple(COUNTIES)
    found = {p: tuple(c for c in COUNTIES[p] if c.startswith(org)) for p in wanted}
    found = {p: counties for p, counties in found.items() if counties}
    if not found:
        raise ValueError(f"no county of these provinces lies in {population.org}")
    return found
