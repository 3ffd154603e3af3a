"""The status view alone, without Kafka or HTTP: folding a ledger, its size, and how fast it is back after a restart.

    python -m bench.status_view                       a million numbers
    python -m bench.status_view --numbers 10000000    ten million; some minutes and 2 GB below TMPDIR

The ledger is made up entry by entry, chained and valid (each filing takes its number), from a few hundred filings as
`natalog sample` makes them, with numbers as it gives them out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from bench.workload import Mix, Workload
from natalog.decision import codes
from natalog.ledger.follow import Stretch
from natalog.sample.births import PROVINCE_BIRTHS, quota
from natalog.sample.population import BLOCK, certificate_number
from natalog.status.glance import scan
from natalog.status.view import StatusView
from natalog.wire.hot import encode_entry
from natalog.wire.murmur2 import partition_of

_NUMBER = 28  # where the number's ten bytes begin in a filing's value
_PARTITIONS = 12


def numbers(count: int) -> Iterator[bytes]:
    """Certificate numbers as the population of `natalog sample` gets them: by share of each province, lot by lot.

    Fourteen years of births; the sample's own registrations would take forty times as long to make up.
    """
    pattern = quota(PROVINCE_BIRTHS, BLOCK)
    counters = dict.fromkeys(PROVINCE_BIRTHS, 0)
    for n in range(count):
        province = pattern[n % BLOCK]
        counter = counters[province]
        counters[province] += 1
        yield certificate_number(province, counter, 0, 2012 + n * 14 // count).encode()


def stretches(count: int, size: int = 1_000) -> Iterator[Stretch]:
    """The ledger of `count` filings, partition by partition as they fill."""
    filings = [v for _, v in Workload(seed=3, mix=Mix(claimed=0, exempt=0), backfill=True).filings(500)]
    chance = Random(2)
    heads = [(0, bytes(32))] * _PARTITIONS
    open_: list[Stretch] = [Stretch(p) for p in range(_PARTITIONS)]
    for n, number in enumerate(numbers(count)):
        filing = filings[n % len(filings)]
        value = b"".join(
            [filing[:10], chance.randbytes(16), filing[26:_NUMBER], number, filing[_NUMBER + 10 :]]
        )
        partition = int(partition_of(number, _PARTITIONS))
        seq, prev = heads[partition]
        entry = encode_entry(
            seq, prev, 1, seq, 1_782_871_200_000 + n, 1, codes.ACCEPTED, 0, 0, 0, -1, -1, -1, None, value
        )
        heads[partition] = (seq + 1, sha256(entry).digest())
        stretch = open_[partition]
        stretch.offsets.append(seq)
        stretch.keys.append(number)
        stretch.values.append(entry)
        stretch.position = seq + 1
        if len(stretch.offsets) == size:
            yield stretch
            open_[partition] = Stretch(partition)
    yield from (s for s in open_ if s.offsets)


def measure(count: int, directory: Path) -> dict[str, Any]:
    """Fold `count` entries, close, open again."""
    view = StatusView(directory, _PARTITIONS)
    view.load("bench")
    wall = cpu = thread = scanning = 0.0
    size = scanned = 0
    last = time.monotonic()
    for turn, stretch in enumerate(stretches(count)):
        size += sum(map(len, stretch.values))
        if turn % 16 == 0:
            began = time.process_time()
            scan(view.tails[stretch.partition].head, stretch.offsets, stretch.keys, stretch.values)
            scanning += time.process_time() - began
            scanned += len(stretch.values)
        began, began_cpu, began_thread = time.perf_counter(), time.process_time(), time.thread_time()
        advance = view.apply(stretch)
        if time.monotonic() - last > 30:
            view.snapshot()
            last = time.monotonic()
        wall += time.perf_counter() - began
        cpu += time.process_time() - began_cpu
        thread += time.thread_time() - began_thread
        assert not advance.void
    view.close()  # which writes the sets out, runs pressed together
    sizes = view.sets.sizes()
    began = time.perf_counter()
    again = StatusView(directory, _PARTITIONS)
    assert again.load("bench") == ""
    opened = time.perf_counter() - began
    held = len(again.sets.maps[0])
    again.close()
    assert held == count
    return {
        "numbers": count,
        "entry_bytes": round(size / count),
        "fold_us_wall": round(wall / count * 1e6, 2),
        "fold_us_thread": round(thread / count * 1e6, 2),
        "fold_us_cpu_with_background": round(cpu / count * 1e6, 2),
        "scan_us": round(scanning / scanned * 1e6, 2),
        "bitmap_mb_per_million": round(sizes["used"][1] / count, 4),
        "all_bitmaps_mb_per_million": round(sum(bytes_ for _, bytes_ in sizes.values()) / count, 4),
        "disk_mb": round(sum(p.stat().st_size for p in directory.iterdir()) / 1e6),
        "open_s": round(opened, 3),
    }


def main() -> int:
    """Run it. The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.status_view")
    parser.add_argument("--numbers", type=int, default=1_000_000)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="natalog-view."))
    try:
        print(json.dumps(measure(arguments.numbers, directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
