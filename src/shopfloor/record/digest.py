"""``log_sha256``: one hash over what happened in a lot, and nothing about when it was run.

Three streams are hashed as they come, each with SHA-256: the rows (tick, states, actions,
verdicts; raw float64), the truth rows, and all other records in their order. Blocks are
joined before hashing, so the hash does not depend on how often the log is flushed.
``log_sha256`` is the SHA-256 over the three. Left out are wall times and what follows from
them: the latency of an exchange, its cost (which may be charged by the GPU second), and
the stamp of the lot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xxhash

from shopfloor.record.canonical import pack
from shopfloor.types import Frame

__all__ = ["NOT_HASHED", "LogDigest", "frame_digest"]

NOT_HASHED: Mapping[str, frozenset[str]] = {
    "begin": frozenset({"stamp"}),
    "exchange": frozenset({"latency_s", "cost_usd", "gauges"}),
}
"""What is left out of records, by their kind."""


def frame_digest(frame: Frame) -> str:
    """Return the XXH3 128-bit hash of a frame's raw pixels and depth, as hexadecimal text.

    SHA-256 takes 90 µs for one 224 x 224 picture where the processor has instructions for
    it and 500 µs where not, XXH3 takes 4 µs. These hashes are there to show that two runs
    saw the same pictures; they are not proof against a forger.
    """
    pixels = np.ascontiguousarray(frame.pixels)
    state = xxhash.xxh3_128(repr((pixels.shape, frame.depth is not None)).encode())
    state.update(pixels.data)
    if frame.depth is not None:
        state.update(np.ascontiguousarray(frame.depth).data)
    return state.hexdigest()


class LogDigest:
    """The running hash of one lot's log; the same when writing it and when reading it."""

    __slots__ = ("_notes", "_rows", "_truth")

    def __init__(self) -> None:
        self._notes = hashlib.sha256()
        self._rows = hashlib.sha256()
        self._truth = hashlib.sha256()

    def note(self, kind: str, body: Any, payload: bytes) -> None:
        """Add a record that holds no rows; ``payload`` is its bytes in the log."""
        if (skipped := NOT_HASHED.get(kind)) is not None:
            kept = {key: value for key, value in body.items() if key not in skipped}
            payload = pack((kind, kept))
        self._notes.update(payload)

    def rows(self, data: bytes) -> None:
        """Add a block of rows."""
        self._rows.update(data)

    def truth(self, data: bytes) -> None:
        """Add a block of truth rows."""
        self._truth.update(data)

    def hexdigest(self) -> str:
        """Return ``log_sha256``."""
        streams = (self._rows.digest(), self._truth.digest(), self._notes.digest())
        return hashlib.sha256(pack(("shopfloor log", 1, *streams))).hexdigest()
