"""The demo from start to end."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from natalog.cluster import Cluster
from natalog.demo.day import AT_ONCE, ORDINARY, Played, compose, play
from natalog.demo.gateway import Gateway
from natalog.demo.people import Tokens, desk
from natalog.demo.report import show_next, show_stories, show_table, show_wrong
from natalog.demo.stack import running
from natalog.demo.tally import Tally, tally
from natalog.exits import Exit
from natalog.kafka.clients import admin_client
from natalog.kafka.offsets import LogBounds
from natalog.local.stackfile import StackFile
from natalog.wire.topics import TOPICS

REPORT_EVERY = 0.25  # share of the day after which a line is printed where there is no terminal


class AlreadyPlayed(Exception):
    """This day was played on this ledger before: its numbers are used."""


def run(
    *, once: bool, data: Path | None, seed: int, province: str, registrations: int, console: Console
) -> Exit:
    """Play a day; DONE when everything planted was judged rightly and the ledger holds.

    Raises stack.DidNotStart, AlreadyPlayed.
    """
    with _directory(data) as directory:
        console.print(f"Starting the stack in {directory} …", highlight=False)
        began = time.monotonic()
        with running(directory) as stack:
            console.print(f"Ready after {time.monotonic() - began:.1f} s: {stack.gateway}", highlight=False)
            alerts_before = _alerts(stack)
            day = asyncio.run(_play(stack, seed, province, registrations, console))
            result = tally(day)
            _count_alerts(result, day, _alerts(stack) - alerts_before)
            show_table(console, result)
            show_stories(console, day)
            show_wrong(console, result)
            verified = _verify(directory, console)
            exit_code = Exit.DONE if result.ok and verified else Exit.DIFFERS
            _conclude(console, result, verified, seed)
            if not once:
                number = next((s.number for p in day[::-1] for s in p.scene.steps if s.number != "—"), "")
                show_next(console, stack, directory, number)
                console.print("\nThe stack stays up. Ctrl-C stops it.")
                _wait_for_signal()
                console.print("Stopping …")
    return exit_code


async def _play(
    stack: StackFile, seed: int, province: str, registrations: int, console: Console
) -> list[Played]:
    tokens = Tokens(Path(stack.issuer_key))
    async with Gateway(stack.gateway, tokens, connections=AT_ONCE) as gateway:
        day = compose(gateway, seed=seed, province=province, registrations=registrations)
        await _refuse_a_second_time(gateway, day)
        began = time.monotonic()
        await _play_with_progress(day, console)
    seconds = time.monotonic() - began
    requests = sum(len(p.scene.steps) for p in day)
    console.print(
        f"{registrations:,} ordinary registrations and {len(day) - registrations:,} planted stories: "
        f"{requests:,} records and queries in {seconds:.1f} s.",
        highlight=False,
    )
    return day


async def _refuse_a_second_time(gateway: Gateway, day: list[Played]) -> None:
    for played in day:
        record = played.scene.bases[0]
        if played.case.subject == ORDINARY and "certificate_number" in record:
            number, person = str(record["certificate_number"]), desk(str(record["unit_code"]))
            if (await gateway.status(number, person)).body.get("status") != "UNUSED":
                raise AlreadyPlayed
            return


async def _play_with_progress(day: list[Played], console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("the day", total=len(day))
        finished = 0
        wrong = 0

        def done(played: Played) -> None:
            nonlocal finished, wrong
            finished += 1
            wrong += bool(played.failure or any(s.differences for s in played.scene.steps))
            described = f"the day, {wrong} judged wrongly" if wrong else "the day"
            progress.update(task, completed=finished, description=described)
            if not console.is_terminal and finished % int(len(day) * REPORT_EVERY) == 0:
                console.print(f"{finished:,} of {len(day):,} stories played", highlight=False)

        await play(day, done)


def _alerts(stack: StackFile) -> int:
    """How many alerts the watch has ever sent."""
    topic = TOPICS["sla.alerts"]
    places = [(topic.name, number) for number in range(topic.partitions)]
    admin = admin_client(Cluster(stack.kafka), "natalog-demo")  # it must outlive its question
    return sum(LogBounds(admin, (), places).ends().values())


def _count_alerts(result: Tally, day: list[Played], sent: int) -> None:
    """Each alert that was planted has been looked up; there must be no other."""
    planted = sum(step.kind == "alert" for played in day for step in played.scene.steps)
    if sent > planted:
        result.failures.append(f"the watch sent {sent} alerts where {planted} filings are overdue")


def _verify(directory: Path, console: Console) -> bool:
    """The auditor's look at the whole ledger."""
    console.print("\n[bold]natalog replay verify[/]")
    command = [sys.executable, "-m", "natalog", "replay", "verify", "--data", str(directory)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    console.print((found.stdout + found.stderr).strip(), markup=False, highlight=False, soft_wrap=True)
    return found.returncode == 0


def _conclude(console: Console, result: Tally, verified: bool, seed: int) -> None:
    wrong = len(result.differences) + len(result.failures)
    if result.ok and verified:
        console.print(
            f"\n[bold green]All {result.records:,} verdicts and {result.queries:,} status answers are as "
            f"planted; the ledger holds.[/] (--seed {seed})"
        )
        return
    what = [f"{wrong} differ from what was planted"] if wrong else []
    what += [] if verified else ["the ledger does not verify"]
    console.print(f"\n[bold red]{' and '.join(what)}.[/] (--seed {seed})")


def _wait_for_signal() -> None:
    stop = threading.Event()
    previous = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    while not stop.wait(0.5):  # in steps: a wait without end would not let signals in
        pass
    for number, handler in previous.items():
        signal.signal(number, handler)


@contextmanager
def _directory(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="natalog-demo-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)
