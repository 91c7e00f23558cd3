"""What may cross the line between two processes: frozen dataclasses, told field by field.

A message is msgpack. Nothing that arrives is believed: it is read against the annotations of the
class that is due, field by field, within bounds of size and depth, and what does not fit is an
error and no object. No code, no class name but those of the fields' own types, and no number of
another kind can come in this way; that a number is not finite is for the guard to say.
"""

from __future__ import annotations

import types as builtin
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack
import numpy as np

__all__ = ["MOST_BYTES", "Misread", "packed", "unpacked"]

MOST_BYTES = 32_000_000
"""A longer message is refused before it is read; a native view with depth has 9 MB."""
_ARRAY = 1
_DTYPES = {"|u1": np.uint8, "<f4": np.float32, "<f8": np.float64, "|b1": np.bool_}
_MOST_ITEMS = 100_000
_MOST_TEXT = 4_000_000
_DEEPEST = 24

T = TypeVar("T")


class Misread(ValueError):
    """What arrived is not what is due."""


def packed(value: object) -> bytes:
    """Return the bytes of a value.

    Raises:
        Misread: Something in it has no form that may cross.
    """
    try:
        data: bytes = msgpack.packb(_plain(value, 0), use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise Misread(f"this cannot be sent: {error}") from error
    if len(data) > MOST_BYTES:
        raise Misread(f"a message of {len(data):,} bytes; at most {MOST_BYTES:,} are sent")
    return data


def unpacked(kind: type[T], data: bytes) -> T:
    """Read a value of a class.

    Raises:
        Misread: It is none, or is not bounded.
    """
    if len(data) > MOST_BYTES:
        raise Misread(f"a message of {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    try:
        raw = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            ext_hook=_array,
            max_str_len=_MOST_TEXT,
            max_array_len=_MOST_ITEMS,
            max_map_len=_MOST_ITEMS,
        )
        value: T = _read(kind, raw, kind.__name__, 0)
    except Misread:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise Misread(f"this is no {kind.__name__}: {type(error).__name__}: {error}") from error
    return value


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise Misread(f"a message is nested deeper than {_DEEPEST}")
    if is_dataclass(value) and not isinstance(value, type):
        told = {f.name: _plain(getattr(value, f.name), depth + 1) for f in fields(value)}
        return {"_": type(value).__name__, **told}
    if isinstance(value, np.ndarray):
        if value.dtype.str not in _DTYPES:
            raise Misread(
                f"an array of {value.dtype} cannot be sent; allowed: {', '.join(_DTYPES)}"
            )
        head: bytes = msgpack.packb([value.dtype.str, list(value.shape)])
        return msgpack.ExtType(_ARRAY, head + np.ascontiguousarray(value).tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    return value


def _array(code: int, data: bytes) -> np.ndarray:
    if code != _ARRAY:
        raise Misread(f"an extension of type {code}; only arrays, {_ARRAY}, are allowed")
    reader = msgpack.Unpacker(max_buffer_size=len(data) or 1)
    reader.feed(data)
    dtype, shape = reader.unpack()
    sound = isinstance(shape, list) and len(shape) <= 4 and all(type(n) is int for n in shape)
    if dtype not in _DTYPES or not sound or any(n < 0 for n in shape):
        raise Misread("an array with an unknown dtype or shape")
    # frombuffer refuses what does not fit; the copy is ours to write to.
    flat: np.ndarray = np.frombuffer(data, dtype=_DTYPES[dtype], offset=reader.tell())
    return flat.reshape(shape).copy()


@lru_cache(maxsize=64)
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, raw: Any, what: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise Misread(f"{what} is nested deeper than {_DEEPEST}")
    origin = get_origin(kind)
    if kind is Any:
        return _loose(raw, what, depth)
    if origin is Literal:
        return _one_of(raw, get_args(kind), what)
    if origin in (Union, builtin.UnionType):
        return _either(get_args(kind), raw, what, depth)
    if origin is tuple:
        return _tuple(get_args(kind), raw, what, depth)
    if origin is not None and issubclass(origin, Mapping):
        _require(isinstance(raw, dict) and all(type(key) is str for key in raw), what, raw)
        inner = get_args(kind)[1]
        return {key: _read(inner, each, f"{what}.{key}", depth + 1) for key, each in raw.items()}
    if origin is np.ndarray:
        _require(isinstance(raw, np.ndarray), what, raw)
        return raw
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind, raw, what, depth)
    if kind is float and type(raw) is int:
        return float(raw)
    _require(type(raw) is kind or (kind is type(None) and raw is None), what, raw)
    return raw


def _dataclass(kind: Any, raw: Any, what: str, depth: int) -> Any:
    _require(isinstance(raw, dict) and raw.get("_") == kind.__name__, what, raw)
    hints = _hints(kind)
    names = [f.name for f in fields(kind)]
    if set(raw) != {"_", *names}:
        raise Misread(f"{what} has the fields {sorted(map(str, raw))}; due are {names}")
    return kind(**{n: _read(hints[n], raw[n], f"{what}.{n}", depth + 1) for n in names})


def _either(kinds: tuple[Any, ...], raw: Any, what: str, depth: int) -> Any:
    for kind in kinds:
        tagged = isinstance(raw, dict) and raw.get("_") == getattr(kind, "__name__", None)
        if is_dataclass(kind) and not tagged:
            continue
        try:
            return _read(kind, raw, what, depth)
        except Misread:
            if is_dataclass(kind):
                raise  # it says which it is, and is wrong in itself
    raise Misread(f"{what} is {_said(raw)}, which is none of what is allowed there")


def _tuple(kinds: tuple[Any, ...], raw: Any, what: str, depth: int) -> Any:
    _require(isinstance(raw, list), what, raw)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(raw)
    if len(kinds) != len(raw):
        raise Misread(f"{what} has {len(raw)} items; due are {len(kinds)}")
    read = [_read(k, r, f"{what}[{i}]", depth + 1) for i, (k, r) in enumerate(zip(kinds, raw))]  # noqa: B905
    return tuple(read)


def _loose(raw: Any, what: str, depth: int) -> Any:
    """Plain JSON values."""
    if depth > _DEEPEST:
        raise Misread(f"{what} is nested deeper than {_DEEPEST}")
    if isinstance(raw, dict):
        _require(all(type(key) is str for key in raw), what, raw)
        return {key: _loose(each, what, depth + 1) for key, each in raw.items()}
    if isinstance(raw, list):
        return [_loose(each, what, depth + 1) for each in raw]
    _require(raw is None or type(raw) in (str, int, float, bool), what, raw)
    return raw


def _one_of(raw: Any, allowed: tuple[Any, ...], what: str) -> Any:
    if raw not in allowed:
        raise Misread(f"{what} is {_said(raw)}; allowed: {', '.join(map(str, allowed))}")
    return raw


def _require(fits: bool, what: str, raw: Any) -> None:  # noqa: FBT001
    if not fits:
        raise Misread(f"{what} is {_said(raw)}, which may not stand there")


def _said(raw: Any) -> str:
    return f"a {type(raw).__name__}"
