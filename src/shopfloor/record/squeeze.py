"""Rows of float64 as they lie on the disk: bytes of like meaning side by side, then zstd.

Half of a robot's numbers are noise in their last bits, which nothing can squeeze; the other half,
signs, exponents and what stands still, nearly vanishes once the first bytes of all numbers of a
column stand together. Nothing is rounded: what comes back is what went in, to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shopfloor.errors import RunCorrupt

__all__ = ["squeeze", "unsqueeze"]

_CODEC, _LEVEL = "zstd", 3


def squeeze(block: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """Return the body of a ``rows`` record for a block ``(n, width)`` of little-endian float64."""
    count, width = block.shape
    planes = block.view(np.uint8).reshape(count, width, 8).transpose(1, 2, 0)
    return {
        "count": count,
        "width": width,
        "data": _codec().compress(np.ascontiguousarray(planes), asbytes=True),
    }


def unsqueeze(body: Any, what: str) -> bytes:
    """Return the rows ``(n, width)`` as the bytes that they were.

    Raises:
        RunCorrupt: The body is no squeezed block; ``what`` is named.
    """
    try:
        count, width = int(body["count"]), int(body["width"])
        if count < 1 or width < 1:
            raise ValueError(f"{count} rows of {width} numbers")  # noqa: TRY301 - the same way out
        data = _codec().decompress(body["data"], count * width * 8, asbytes=True)
        planes = np.frombuffer(data, np.uint8).reshape(width, 8, count)
        return planes.transpose(2, 0, 1).tobytes()
    except (KeyError, TypeError, ValueError, OSError, OverflowError, MemoryError) as error:
        raise RunCorrupt(f"{what} holds rows that cannot be unpacked: {error}") from error


def _codec() -> Any:
    import pyarrow as pa

    return pa.Codec(_CODEC, compression_level=_LEVEL)
