"""`natalog up`: holds the directory, runs the stack, keeps stack.json true, stops in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from natalog.local import stackfile
from natalog.local.lock import held
from natalog.local.stack import Stack
from natalog.local.supervisor import Supervisor
from natalog.settings import Settings

log = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    directory: Path,
    settings: Settings,
    *,
    gateway_port: int | None = None,
    announce: Callable[[stackfile.StackFile], None] = lambda _: None,
) -> None:
    """Run the stack until a stop signal; `announce` is called once, when all is ready.

    Raises lock.Held, kafka.KafkaUnavailable, stack.PortTaken, supervisor.NotReady; everything that was
    started has been stopped by then.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    # A run that was killed leaves its stack.json.
    with held(directory, taken=lambda: stackfile.remove(directory)):
        stack = Stack.prepare(directory, settings, gateway_port=gateway_port)
        asyncio.run(_run(stack, announce))


async def _run(stack: Stack, announce: Callable[[stackfile.StackFile], None]) -> None:
    ready = False

    def changed() -> None:
        if ready:
            stack.describe(supervisor.pids).write(stack.directory)

    supervisor = Supervisor(stack.services(), logs=stack.directory / "logs", changed=changed)
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():  # the second time: somebody is in a hurry
            supervisor.kill()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    starting = asyncio.create_task(supervisor.start())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            ready = True
            changed()
            announce(stack.describe(supervisor.pids))
            await stopped
    finally:
        ready = False
        starting.cancel()
        stopped.cancel()
        stackfile.remove(stack.directory)
        await supervisor.stop()
        log.info("all stopped")
