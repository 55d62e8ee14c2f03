"""Bloom filters of logs: what a block's header says of the logs in it.

A header's `logsBloom` has 2048 bits. The address of each log in the block and each of its topics sets three
of them: the low 11 bits of the first, second and third pair of bytes of its Keccak-256 hash. (Ethereum Yellow
Paper, section 4.3.1 "Transaction Receipt", M3:2048; https://ethereum.github.io/yellowpaper/paper.pdf.) Here
the filter is one int whose bit n has the value 2^n, which is the header's 256 bytes read big-endian.

So the filter never denies a log that is there, and every bit in it is explained by some log of the block: a
set of logs whose own filter equals the header's leaves nothing unexplained.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, reduce
from operator import or_

from eth_hash.auto import keccak

CACHED = 1 << 16
"""Values whose bits are remembered: some 400 bytes each; a contract's topics and its busy accounts repeat."""


@lru_cache(maxsize=CACHED)
def mask(hex_text: str) -> int:
    """The three bits (two or one, where they meet) of an address or a topic, `0x…` in lower case."""
    digest = keccak(bytes.fromhex(hex_text[2:]))
    return (
        1 << (int.from_bytes(digest[0:2], "big") & 2047)
        | 1 << (int.from_bytes(digest[2:4], "big") & 2047)
        | 1 << (int.from_bytes(digest[4:6], "big") & 2047)
    )


def of(entries: Iterable[tuple[str, Iterable[str]]]) -> int:
    """The filter of logs given as (address, topics)."""
    values: set[str] = set()
    for address, topics in entries:
        values.add(address)
        values.update(topics)
    return of_values(values)


def of_values(values: Iterable[str]) -> int:
    """The filter of distinct addresses and topics."""
    return reduce(or_, map(mask, values), 0)


def may_hold(logs_bloom: int, masks: Iterable[int]) -> bool:
    """Whether all of these values may be in the block: False is certain, True is not."""
    return all(logs_bloom & bits == bits for bits in masks)
