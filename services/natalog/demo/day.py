"""Puts the day together from the sample and the planted cases, and plays it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from random import Random

from natalog.demo.gateway import Asked, NoAnswer
from natalog.demo.ordinary import ordinary
from natalog.demo.plan import Case, cases
from natalog.demo.scene import Scene, today
from natalog.sample import Population, Record, filings

ORDINARY = "ordinary registrations"
BASES = 6  # registrations a planted case may use
AT_ONCE = 96  # scenes in the air


@dataclass(slots=True)
class Played:
    """One case, played once. `failure` says why it could not be played to its end."""

    case: Case
    scene: Scene
    failure: str = ""


def compose(gateway: Asked, *, seed: int, province: str, registrations: int) -> list[Played]:
    """The day's scenes in the order they begin: ordinary work with the planted cases strewn in."""
    planned = [case for case in cases() for _ in range(case.copies)]
    work = Case("ordinary registration", ORDINARY, registrations, ordinary)
    wanted = registrations + BASES * len(planned)
    regular = Population(
        seed=seed,
        # Some have no certificate, and a planted case can be made only of one that has.
        count=wanted + wanted // 20 + 50,
        provinces=(province,),
        day=today(),
        irregular=0,
    )
    made = list(filings(regular))
    rng = Random(f"natalog-demo/{seed}")
    order = [index for _, index in sorted((rng.random(), index) for index in range(len(made)))]
    day = [made[index] for index in sorted(order[:registrations])]
    numbered = (made[index] for index in order[registrations:] if "certificate_number" in made[index])
    bases = list(islice(numbered, BASES * len(planned)))
    units = sorted({str(r["unit_code"]) for r in made})
    scenes: list[tuple[float, Played]] = []

    def add(at: float, case: Case, own: list[Record]) -> None:
        name = case.name if case is work else f"{case.name} ({case.subject})"
        chance = Random(f"natalog-demo/{seed}/{len(scenes)}")
        scene = Scene(name=name, gateway=gateway, rng=chance, bases=own, units=units)
        scenes.append((at, Played(case, scene)))

    for index, record in enumerate(day):
        add(index / registrations, work, [record])
    for index, case in enumerate(planned):
        # Nothing planted in the last tenth: the longest stories have several steps.
        add(rng.random() * 0.9, case, bases[index * BASES : (index + 1) * BASES])
    scenes.sort(key=lambda scene: scene[0])
    return [played for _, played in scenes]


async def play(day: list[Played], done: Callable[[Played], None]) -> None:
    """Play all scenes, AT_ONCE in the air; `done` is called after each."""
    waiting = iter(day)

    async def worker() -> None:
        for played in waiting:
            try:
                await played.case.play(played.scene)
            except NoAnswer as problem:
                played.failure = str(problem)
            except (KeyError, TypeError, ValueError) as error:
                # An answer that is no verdict leaves nothing to go on with; its difference says what came.
                played.failure = f"could not go on: {type(error).__name__} {error}"
            done(played)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())
