"""Takes each guard of a registrar out in turn and demands that its test fail (guards.py). Takes some ten minutes.

`python -m tests.integration.registrar.out_in_turn [NAMES…]`, where names joined by commas go out together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.registrar.guards import TESTS
from tests.integration.registrar.replacing import CANNOT_REPLACE

HERE = Path(__file__).parent


def fails_without(names: str) -> tuple[bool, str]:
    """Whether the test of some guards fails when they are out, and what pytest says of it."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=short", str(HERE / TESTS[names])]
    without = {**os.environ, "RUNNER_WITHOUT": names}
    ran = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    if CANNOT_REPLACE in ran.stdout:
        return False, "the guard could not be taken out"
    reasons = [line[1:].strip() for line in ran.stdout.splitlines() if line.startswith("E  ")]
    return " failed" in ran.stdout, reasons[0] if reasons else ran.stdout[-300:]


def main() -> int:
    """Print a line for each; 1 when a test passes without its guard."""
    passing = 0
    for names in sys.argv[1:] or TESTS:
        began = time.monotonic()
        fails, why = fails_without(names)
        passing += not fails
        took = time.monotonic() - began
        print(
            f"{'fails ' if fails else 'PASSES'} {names:20} {took:3.0f} s  {TESTS[names]}: {why[:160]}",
            flush=True,
        )
    return 1 if passing else 0


if __name__ == "__main__":
    sys.exit(main())
