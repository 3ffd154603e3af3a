"""Runs a table of services: starts them in order, restarts what dies, stops them in reverse order.

Why not an existing supervisor: docs/adr/ (a process supervisor of our own).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from natalog.exits import STAY_DOWN, Exit
from natalog.local.tether import tethered

log = logging.getLogger(__name__)

LOG_LIMIT = 64 << 20  # bytes; a longer log is set aside (.1) when its service starts


@dataclass(frozen=True, slots=True)
class Service:
    """One row of the table.

    `ready` answers at once whether the service can do its work. `prepare` runs before each start, `settled`
    once after the service was first ready, before what needs it starts. `stop_signal` asks it to end. Times in seconds.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None
    prepare: Callable[[], None] | None = None
    settled: Callable[[], None] | None = None
    ready_within: float = 90.0
    stop_within: float = 10.0
    stop_signal: signal.Signals = signal.SIGTERM


class NotReady(Exception):
    """A service did not become ready at the first start; the text says which and shows its last lines."""


@dataclass(slots=True)
class _State:
    service: Service
    process: asyncio.subprocess.Process | None = None
    was_ready: asyncio.Event = field(default_factory=asyncio.Event)
    keeper: asyncio.Task[None] | None = None


class Supervisor:
    """Keeps services running. `changed` is called whenever a pid came or went after the first start."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        logs: Path,
        changed: Callable[[], None],
        first_tries: int = 4,
        longest_pause: float = 10.0,
    ) -> None:
        self._states = {service.name: _State(service) for service in services}
        self._logs = logs
        self._changed = changed
        self._first_tries = first_tries
        self._longest_pause = longest_pause
        self._stopping = False
        self._failed = asyncio.Event()
        self._failure: str | None = None

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of what runs now, in the order of the table."""
        return {
            name: state.process.pid
            for name, state in self._states.items()
            if state.process is not None and state.process.returncode is None
        }

    async def start(self) -> None:
        """Start everything; returns when all are ready. Raises NotReady; call `stop` then, too."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for state in self._states.values():
            state.keeper = asyncio.create_task(self._keep(state), name=state.service.name)
        ready = asyncio.create_task(self._all_ready())
        failed = asyncio.create_task(self._failed.wait())
        try:
            await asyncio.wait([ready, failed], return_when=asyncio.FIRST_COMPLETED)
            if self._failure is not None:
                raise NotReady(self._failure)
        finally:
            ready.cancel()
            failed.cancel()

    async def stop(self) -> None:
        """Stop what runs, in reverse order of the table: its `stop_signal`, and SIGKILL after `stop_within`."""
        self._stopping = True
        for state in reversed(self._states.values()):
            process = state.process
            if process is not None and process.returncode is None:
                await self._end(state.service, process)
            if state.keeper is not None:
                state.keeper.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await state.keeper

    def kill(self) -> None:
        """SIGKILL to all at once, for a person who does not want to wait."""
        self._stopping = True
        for state in self._states.values():
            if state.process is not None and state.process.returncode is None:
                state.process.kill()

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _all_ready(self) -> None:
        for state in self._states.values():
            await state.was_ready.wait()

    async def _end(self, service: Service, process: asyncio.subprocess.Process) -> None:
        log.info("stopping", extra={"what": service.name, "pid": process.pid})
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(service.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), service.stop_within)
        except TimeoutError:
            log.warning("did not stop in time, killed", extra={"what": service.name, "pid": process.pid})
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _keep(self, state: _State) -> None:
        """Run one service for ever: the body of its task."""
        service = state.service
        for name in service.needs:
            await self._states[name].was_ready.wait()
        tries = 0
        while not self._is_stopping():
            began = time.monotonic()
            try:
                process = await self._spawn(state)
            except Exception as error:
                log.exception("cannot be started", extra={"what": service.name})
                if not state.was_ready.is_set():
                    self._give_up(state, f"{service.name} cannot be started: {error}")
                    return
                await asyncio.sleep(self._longest_pause)
                continue
            if state.was_ready.is_set():
                self._changed()
            else:
                await self._await_first_ready(state, process)
            code = await process.wait()
            if self._is_stopping():
                return
            log.warning(
                "a service ended", extra={"what": service.name, "pid": process.pid, "ended": _describe(code)}
            )
            if state.was_ready.is_set():
                self._changed()
            if code in STAY_DOWN:
                reason = f"{service.name} ended with {Exit(code).name} ({code}) and stays down"
                log.error("%s; its log says why: %s", reason, self._log_of(service))
                self._give_up(state, reason)
                return
            tries = 0 if time.monotonic() - began > 30 else tries + 1
            if not state.was_ready.is_set() and tries >= self._first_tries:
                self._give_up(state, f"{service.name} ended {tries} times before it was ready")
                return
            await asyncio.sleep(min(self._longest_pause, 0.1 * 2**tries))

    async def _await_first_ready(self, state: _State, process: asyncio.subprocess.Process) -> None:
        service = state.service
        deadline = time.monotonic() + service.ready_within
        while process.returncode is None and not self._is_stopping():
            if await service.ready():
                if service.settled is not None:
                    try:
                        await asyncio.to_thread(service.settled)
                    except Exception as error:
                        self._give_up(state, f"{service.name} runs, but could not be set up: {error}")
                        return
                log.info("ready", extra={"what": service.name, "pid": process.pid})
                state.was_ready.set()
                return
            if time.monotonic() > deadline:
                self._give_up(state, f"{service.name} was not ready within {service.ready_within:.0f} s")
                return
            await asyncio.sleep(0.05)

    async def _spawn(self, state: _State) -> asyncio.subprocess.Process:
        service = state.service
        if service.prepare is not None:
            await asyncio.to_thread(service.prepare)
        path = self._log_of(service)
        if path.is_file() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as out:
            # A session of its own: Ctrl-C on the terminal reaches `up` alone, which stops things in order.
            state.process = await asyncio.create_subprocess_exec(
                *tethered(service.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=service.environment,
                start_new_session=True,
            )
        log.info("started", extra={"what": service.name, "pid": state.process.pid})
        return state.process

    def _give_up(self, state: _State, reason: str) -> None:
        """Ends the first start; afterwards the others go on and this one stays down."""
        if self._failure is None:
            self._failure = f"{reason}.\n{self._last_lines(state.service)}"
        self._failed.set()

    def _log_of(self, service: Service) -> Path:
        return self._logs / f"{service.name}.log"

    def _last_lines(self, service: Service, count: int = 12) -> str:
        path = self._log_of(service)
        if not path.is_file():
            return ""
        with path.open("rb") as log_file:
            log_file.seek(max(0, path.stat().st_size - 8192))
            lines = log_file.read().decode(errors="replace").splitlines()
        return f"Last lines of {path}:\n" + "\n".join(f"  {line}" for line in lines[-count:])


def _describe(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
