"""Intake records for benchmarks: as `natalog sample` makes them, but some 5 µs each.

A few thousand registrations of one made-up day are encoded once with the reference codec. A record is then one of
them with what must be its own put in: event id, certificate number, registration id, gate, a token and the sealed
part. Numbers are scattered over the whole range, so neighbours in time are no neighbours in a store.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from natalog.events import Claim, Filing, Origin, Principal
from natalog.sample import Population, filings
from natalog.wire.codec import encode
from natalog.wire.json_form import from_json

NUMBERS = 10_000_000
"""Numbers of one letter."""
_SCATTER = 7_368_787  # has no factor in common with NUMBERS
_POOL = 1 << 20
_EVENT = uuid.UUID(int=0)
_NUMBER = "Y999999999"
_REGISTRATION = "~" * 34
_GATE = "00000000-0000-4000-a000-000000000000"
_TOKEN = "~" * 64


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of new numbers that also get: a claim before the filing, the same record again, another registration."""

    claimed: float = 0.15
    repeated: float = 0.02
    used: float = 0.01
    irregular: float = 0.03
    """Late filings and doubtful registrations."""
    exempt: float = 0.0055


@dataclass(frozen=True, slots=True)
class _Template:
    pieces: tuple[bytes, ...]
    slots: tuple[str, ...]
    sealed: int
    unit: str


class Workload:
    """A seeded stream of (key, value), 20 million numbers long. Successive calls never use a number twice."""

    def __init__(self, *, seed: int = 1, mix: Mix | None = None, backfill: bool = False) -> None:
        self._mix = mix or Mix()
        self._random = Random(f"natalog-bench/{seed}")
        self._tag = f"{self._random.getrandbits(24):06x}"
        self._pool = self._random.randbytes(_POOL)
        self._next = 0
        # Streams of different seeds must not meet: each has a letter of its own.
        self._letter = chr(ord("Z") - seed % 13 * 2)
        self._templates = _templates(seed, self._mix, backfill)
        self._claims = _claim_pieces(self._templates)

    def records(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        """The next `count` records. What belongs to one number comes in order, some hundreds of records apart."""
        chance = self._random.random
        later: deque[tuple[bytes, bytes]] = deque()
        mix = self._mix
        made = 0
        while made < count:
            if len(later) > 400 or (later and count - made <= len(later)):
                yield later.popleft()
                made += 1
                continue
            place = int(chance() * len(self._templates))
            template = self._templates[place]
            number = self._number(template)
            dice = chance()
            if dice < mix.claimed and template.slots[1] == "number":
                event = self._random.randbytes(16)
                yield number, self._claim(place, number, event)
                made += 1
                later.append(self._filing(template, number, str(uuid.UUID(bytes=event)).encode()))
                continue
            key, value = self._filing(template, number, None)
            yield key, value
            made += 1
            if dice > 1 - mix.repeated:
                later.append((key, value))
            elif dice > 1 - mix.repeated - mix.used:
                later.append(self._filing(template, number, None))

    def filings(self, count: int) -> list[tuple[bytes, bytes]]:
        """Filings on fresh numbers only: each takes its number."""
        numbered = [t for t in self._templates if t.slots[1] == "number"]
        made = []
        for _ in range(count):
            template = numbered[int(self._random.random() * len(numbered))]
            made.append(self._filing(template, self._number(template), None))
        return made

    @property
    def numbers_made(self) -> int:
        """Certificate numbers and exempt registrations handed out so far."""
        return self._next

    def _number(self, template: _Template) -> bytes:
        index = self._next
        self._next += 1
        letter = chr(ord(self._letter) - index // NUMBERS)
        return f"{letter}{template.unit[:2]}{index * _SCATTER % NUMBERS:07d}".encode()

    def _filing(self, template: _Template, number: bytes, gate: bytes | None) -> tuple[bytes, bytes]:
        random = self._random
        registration = (
            f"{template.unit}-{self._tag}-{random.getrandbits(52):014d}"[:34].ljust(34, "0").encode()
        )
        at = int(random.random() * (_POOL - template.sealed))
        out = [template.pieces[0]]
        for slot, piece in zip(template.slots, template.pieces[1:], strict=True):
            if slot == "event":
                out.append(random.randbytes(16))
            elif slot == "number":
                out.append(number)
            elif slot == "registration":
                out.append(registration)
            elif slot == "gate":
                out.append(gate or str(uuid.UUID(int=random.getrandbits(128))).encode())
            elif slot == "token":
                out.append(random.randbytes(32).hex().encode())
            else:
                out.append(self._pool[at : at + template.sealed])
            out.append(piece)
        key = number if template.slots[1] == "number" else b"r:" + registration
        return key, b"".join(out)

    def _claim(self, place: int, number: bytes, event: bytes) -> bytes:
        head, middle, tail = self._claims[place]
        return b"".join([head, event, middle, number, tail])


def _templates(seed: int, mix: Mix, backfill: bool) -> list[_Template]:
    now = datetime.now(UTC)
    registered = now - timedelta(days=60) if backfill else now - timedelta(minutes=3)
    day = registered.astimezone(tz=None).date()
    population = Population(
        seed=seed,
        count=4_000,
        day=day,
        origin="BACKFILL" if backfill else "LIVE",
        irregular=mix.irregular,
        exempt=mix.exempt,
    )
    made = []
    for record in filings(population):
        unit = str(record["unit_code"])
        adapter = Principal(sub=f"adapter-{unit[:4]}", org=f"{unit[:4]}00", roles=("adapter",))
        filing = from_json("filing", record, adapter)
        assert isinstance(filing, Filing)
        made.append(_template(_timed(filing, registered)))
    return made


def _timed(filing: Filing, registered: datetime) -> Filing:
    """The filing's own delays, from `registered` on."""
    assert filing.registered_at is not None
    assert filing.captured_at is not None
    assert filing.attempted_at is not None
    start = int(registered.timestamp() * 1000)
    captured = filing.captured_at - filing.registered_at
    attempted = filing.attempted_at - filing.registered_at
    if (
        attempted > 1_800_000 and filing.origin is Origin.LIVE
    ):  # late by its own account: it was registered earlier
        start -= attempted
    return replace(
        filing,
        registered_at=start,
        captured_at=start + captured,
        attempted_at=start + attempted,
        occurred_at=start + attempted,
    )


def _template(filing: Filing) -> _Template:
    """The encoding cut where something of a record's own goes in. Place holders have the true lengths."""
    sealed = b"~" * len(filing.sealed or b"")
    blank = replace(
        filing,
        event_id=_EVENT,
        certificate_number=_NUMBER if filing.certificate_number else None,
        registration_id=_REGISTRATION,
        gate=_GATE if filing.gate else None,
        child_token=_TOKEN,
        sealed=sealed,
    )
    value = encode(blank)
    cuts = [("event", 10, 16)]
    at = 26
    for slot, held in (
        ("number", _NUMBER.encode() if blank.certificate_number else b""),
        ("registration", _REGISTRATION.encode()),
        ("gate", _GATE.encode() if blank.gate else b""),
        ("token", _TOKEN.encode()),
        ("sealed", sealed),
    ):
        if held:
            at = value.index(held, at)
            cuts.append((slot, at, len(held)))
            at += len(held)
    pieces = [value[:10]]
    for (_, at, size), following in zip(cuts, [*cuts[1:], ("", len(value), 0)], strict=True):
        pieces.append(value[at + size : following[1]])
    return _Template(tuple(pieces), tuple(slot for slot, _, _ in cuts), len(sealed), filing.unit_code)


def _claim_pieces(templates: list[_Template]) -> list[tuple[bytes, bytes, bytes]]:
    made = []
    for template in templates:
        claim = Claim(
            event_id=_EVENT,
            certificate_number=_NUMBER,
            unit_code=template.unit,
            occurred_at=int(datetime.now(UTC).timestamp() * 1000),
            submitter=Principal(sub="desk-1", org=template.unit, roles=("station",)),
        )
        value = encode(claim)
        at = value.index(_NUMBER.encode())
        made.append((value[:10], value[26:at], value[at + 10 :]))
    return made
