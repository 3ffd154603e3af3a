"""murmur2 as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2).

librdkafka calls the same partitioner `murmur2_random`. Compiled by mypyc; works interpreted too.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

_M: Final[i64] = 0x5BD1E995
_MASK: Final[i64] = 0xFFFFFFFF
_SEED: Final[i64] = 0x9747B28C


def murmur2(data: bytes) -> i64:
    """The hash as an unsigned 32-bit number (Java's is the same bits, signed)."""
    length: i64 = len(data)
    h: i64 = (_SEED ^ length) & _MASK
    at: i64 = 0
    while length - at >= 4:
        k: i64 = data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24)
        # k and _M are below 2^32 and 2^31, so the product stays below 2^63.
        k = (k * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
        at += 4
    rest: i64 = length - at
    if rest >= 3:
        h ^= data[at + 2] << 16
    if rest >= 2:
        h ^= data[at + 1] << 8
    if rest >= 1:
        h = ((h ^ data[at]) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: i64) -> i64:
    """The partition Kafka's default partitioner gives a non-null key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
