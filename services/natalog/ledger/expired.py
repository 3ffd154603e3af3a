"""What the registrars' group says of records that expired: whether any of them was left undecided."""

from __future__ import annotations


def vouched_to(resume: int, start: int, committed: int, end: int) -> int:
    """Where MARKED_TOPIC begins now (`start`), if all that expired of it from `resume` on is decided or was transaction
    markers; else 0. `committed` is the group's offset (negative: none), `end` the log's.

    It only ever comes to stand after a record that was decided, or after offsets that were read and held none
    (registrar/markers.py). It is believed of what is gone, never of what can still be read.
    """
    return start if resume < start <= committed <= end else 0
