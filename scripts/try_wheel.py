"""Builds the wheel, installs it into a fresh environment elsewhere, and starts a whole stack with it.

Catches what tests in a checkout cannot: a module or data file missing from the wheel, a dependency that only
the development environment has. Usage: try_wheel.py DIRECTORY (for everything it makes).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from subprocess import PIPE

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 120.0  # seconds


def main(work: Path) -> int:
    """Exit code 0 when the installed wheel serves a request and stops cleanly."""
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(1)
    )  # scripts/test broken off: the stack is stopped all the same
    natalog = install(build(work), work)
    elsewhere = work / "elsewhere"
    elsewhere.mkdir()
    environment = {
        "PATH": f"{natalog.parent}:{os.environ['PATH']}",
        "HOME": str(elsewhere),
        "NATALOG_KAFKA_LIBS": os.environ.get("NATALOG_KAFKA_LIBS", str(ROOT / ".kafka" / "libs")),
        "NATALOG_KAFKA_HEAP": "512",
    }
    listing = output(natalog, "--help", env=environment)
    for command in ("up", "token", "run"):
        if f"  {command} " not in listing:
            raise SystemExit(f"`natalog --help` does not list {command}:\n{listing}")
    print("natalog --help: ok")
    data = elsewhere / "stack"
    up = subprocess.Popen([natalog, "up", "--data", data], cwd=elsewhere, env=environment)
    try:
        stack = await_stack(data, up)
        print(f"natalog up: ready, {len(stack['pids'])} processes")
        who = ("--role", "station", "--org", "330106000000", "--sub", "ci")
        token = output(natalog, "token", "--data", str(data), *who, env=environment).strip()
        request = urllib.request.Request(
            f"{stack['gateway']}/v1/certificates/M330123456",
            headers={
                "Authorization": f"Bearer {token}",
                "Natalog-Purpose": "registration",
                "Natalog-Officer": "ci",
            },
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            status = json.load(response)
        if status["status"] != "UNUSED":
            raise SystemExit(f"a number never seen should be UNUSED: {status}")
        print("one request: ok")
    finally:
        up.send_signal(signal.SIGTERM)
        code = up.wait(90)
    if code != 0 or (data / "stack.json").exists():
        raise SystemExit(
            f"`natalog up` ended with {code}, stack.json there: {(data / 'stack.json').exists()}"
        )
    print("stopped by SIGTERM: ok")
    return 0


def output(natalog: Path, *arguments: str, env: dict[str, str]) -> str:
    """Standard output of a command that must succeed."""
    command = [str(natalog), *arguments]
    done = subprocess.run(command, cwd=env["HOME"], env=env, check=True, text=True, stdout=PIPE, timeout=60)
    return done.stdout


def build(work: Path) -> Path:
    """Path of the wheel, built from a source distribution, so both are whole and the checkout stays clean."""
    subprocess.run(["uv", "build", "--quiet", "--out-dir", work / "dist", ROOT], check=True)
    (wheel,) = (work / "dist").glob("*.whl")
    print(f"built {wheel.name}")
    return wheel


def install(wheel: Path, work: Path) -> Path:
    """Path of `natalog` in a fresh environment, with dependencies as locked."""
    locked = work / "locked.txt"
    export = ["uv", "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes"]
    subprocess.run([*export, "--output-file", locked], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    venv = work / "venv"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, venv], check=True)
    pip: list[str | Path] = ["uv", "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
    subprocess.run([*pip, "--constraint", locked, wheel], check=True)
    return venv / "bin" / "natalog"


def await_stack(data: Path, up: subprocess.Popen[bytes]) -> dict[str, dict[str, int]]:
    """What stack.json says, once it is there."""
    deadline = time.monotonic() + READY_WITHIN
    while not (data / "stack.json").exists():
        if up.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"`natalog up` was not ready (exit code {up.poll()})")
        time.sleep(0.1)
    content: dict[str, dict[str, int]] = json.loads((data / "stack.json").read_text())
    return content


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
