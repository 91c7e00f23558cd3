"""One value, one sequence of bytes: what is logged and hashed must not depend on chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

from shopfloor.errors import RunCorrupt, SpecMismatch

__all__ = ["pack", "plain", "unpack"]

_DEEPEST = 32
_INT64 = range(-(2**63), 2**64)


def plain(value: Any, what: str = "a log record", *, depth: int = 0) -> Any:
    """Return ``value`` as plain JSON values (and bytes), keys sorted.

    Some of it comes from a model, so what would break the log is written down in another
    form instead of ending the shift: integers beyond 64 bits as hexadecimal text, and
    what is nested deeper than 32 levels as a note that it was.

    Args:
        value: Scalars, strings, bytes, NumPy values, and mappings and sequences of them.
        what: Named in the error.
        depth: Levels above this one.

    Raises:
        SpecMismatch: A value of another type.
    """
    if value is None or isinstance(value, bool | float | str | bytes):
        # A subclass (numpy.float64, an enum of str) must give the same bytes as its base.
        return value if value is None or type(value) in _EXACT else _base(value)
    if isinstance(value, int):
        return int(value) if value in _INT64 else hex(value)
    if depth >= _DEEPEST:
        return f"nested deeper than {_DEEPEST} levels, left out"
    if isinstance(value, Mapping):
        items = {str(key): item for key, item in value.items()}
        return {key: plain(items[key], what, depth=depth + 1) for key in sorted(items)}
    if isinstance(value, list | tuple):
        return [plain(item, what, depth=depth + 1) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist(), what, depth=depth + 1)
    raise SpecMismatch(
        f"{what} holds a {type(value).__name__}; only plain JSON values, bytes and NumPy "
        "arrays can be logged. Convert it where it is made"
    )


_EXACT = (bool, float, str, bytes)


def _base(value: float | str | bytes) -> float | str | bytes:
    if isinstance(value, float):
        return float(value)
    return str.__str__(value) if isinstance(value, str) else bytes(value)


def pack(value: Any) -> bytes:
    """Return the bytes of a plain value. Lone surrogates, which JSON allows, are kept."""
    packed: bytes = msgpack.packb(value, use_bin_type=True, unicode_errors="surrogatepass")
    return packed


def unpack(data: bytes, what: str) -> Any:
    """Return the value that ``pack`` gave the bytes of.

    Raises:
        RunCorrupt: The bytes are no such value; ``what`` is named.
    """
    try:
        return msgpack.unpackb(data, raw=False, unicode_errors="surrogatepass")
    except Exception as error:
        raise RunCorrupt(f"{what} is not what was written: {error}") from error
