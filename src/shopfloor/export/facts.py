"""Everything that a run knows of its episodes, as plain tables that any tool can read.

    episodes.parquet    one row an episode: run, order, outcome, brain, guard, hashes
    ticks.parquet       one row a tick of control: sensors, what was asked, what was done
    frames.parquet      one row a recorded picture: its tick and the hash of its raw pixels
    events.parquet      skills started and finished, rulings, faults, what the brain claimed
    exchanges.parquet   what the brain was asked and what it answered
    rulings.parquet     every tick on which the guard did not let an action pass as it was
    truth/              only on request: what only the simulator knows

``episode_index`` is the key in all of them. Rows stand in the order of episodes and ticks, and
each episode is one row group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopfloor.export.reading import Reading
from shopfloor.export.setup import Setup
from shopfloor.export.sheet import Sheet, as_json, text, vector, whole
from shopfloor.export.summary import EPISODES, summary
from shopfloor.export.truth import TruthSheets
from shopfloor.record import SOURCES, VERDICTS

__all__ = ["Facts"]

_KEY = ("episode_index", pa.int64())
_FRAMES = pa.schema(
    [
        _KEY,
        ("camera", pa.string()),
        ("view", pa.bool_()),
        ("seq", pa.int64()),
        ("captured_tick", pa.int64()),
        ("tick", pa.int64()),
        ("xxh3_128", pa.string()),
    ]
)
_EVENTS = pa.schema(
    [_KEY, ("tick", pa.int64()), ("kind", pa.string()), ("data", pa.string())],
)
_EXCHANGES = pa.schema(
    [
        _KEY,
        ("tick", pa.int64()),
        ("model_id", pa.string()),
        ("request", pa.string()),
        ("answer", pa.string()),
        ("latency_s", pa.float64()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
        ("cost_usd", pa.float64()),
        ("gauges", pa.string()),
    ]
)
_RULINGS = pa.schema(
    [
        _KEY,
        ("tick", pa.int64()),
        ("verdict", pa.string()),
        ("rule", pa.string()),
        ("detail", pa.string()),
    ]
)
_PER_TICK = (
    ("tick", pa.int64()),
    ("source", pa.string()),
    ("verdict", pa.string()),
    ("requested_tick", pa.int64()),
    ("requested_seq", pa.int64()),
    ("terminated", pa.bool_()),
    ("truncated", pa.bool_()),
)
_VECTORS = ("q", "qd", "wrench", "requested", "applied")
_GATHER = 100
_NUMBERS = ("jaw_m", "requested_jaw_m", "applied_jaw_m")


class Facts:
    """The tables of one export.

    Args:
        folder: Where they go.
        setup: Limbs of all episodes.
        truth: Whether what only the simulator knows goes along.
    """

    def __init__(self, folder: Path, setup: Setup, *, truth: bool) -> None:
        self._limbs = tuple(setup.limbs)
        ticks = _ticks_schema(setup)
        self._sheets: dict[str, Sheet] = {}
        self._truth: TruthSheets | None = None
        try:
            for name, schema in (
                ("episodes", EPISODES),
                ("ticks", ticks),
                ("frames", _FRAMES),
                ("events", _EVENTS),
                ("exchanges", _EXCHANGES),
                ("rulings", _RULINGS),
            ):
                gather = _GATHER if name == "episodes" else 1
                self._sheets[name] = Sheet(folder / f"{name}.parquet", schema, gather=gather)
            if truth:
                self._truth = TruthSheets(folder / "truth", self._limbs)
        except BaseException:
            self.close()
            raise

    def add(self, reading: Reading) -> None:
        """Append an episode.

        Raises:
            RunCorrupt: Its truth is damaged.
        """
        index = reading.chosen.number
        notes = reading.notes
        self._sheets["episodes"].add_rows([summary(reading)])
        self._sheets["ticks"].add(_ticks(reading.ticks, index, self._limbs))
        for name, rows in (
            ("frames", [_frame(note) for note in (*notes["frame"], *notes["view"])]),
            ("events", [_event(note) for note in notes["event"]]),
            ("exchanges", [_exchange(note) for note in notes["exchange"]]),
            ("rulings", [_ruling(note) for note in notes["ruling"]]),
        ):
            self._sheets[name].add_rows([{"episode_index": index, **row} for row in rows])
        if self._truth is not None:
            self._truth.add(reading)

    def close(self) -> None:
        """Write the ends of the files. May be called again."""
        for sheet in self._sheets.values():
            sheet.close()
        if self._truth is not None:
            self._truth.close()


def _ticks_schema(setup: Setup) -> pa.Schema:
    columns: list[tuple[str, pa.DataType]] = [_KEY, *_PER_TICK]
    for limb, joints in setup.limbs.items():
        for name in _VECTORS:
            width = 6 if name == "wrench" else len(joints)
            columns.append((f"{limb}.{name}", pa.list_(pa.float64(), width)))
        columns += [(f"{limb}.{name}", pa.float64()) for name in _NUMBERS]
    return pa.schema(columns)


def _ticks(ticks: npt.NDArray[Any], index: int, limbs: Sequence[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "episode_index": np.full(len(ticks), index, np.int64),
        "tick": whole(ticks["tick"]),
        "source": _named(ticks["source"], SOURCES),
        "verdict": _named(ticks["verdict"], VERDICTS),
        "requested_tick": whole(ticks["requested_tick"]),
        "requested_seq": whole(ticks["requested_seq"]),
        "terminated": ticks["terminated"] != 0,
        "truncated": ticks["truncated"] != 0,
    }
    for limb in limbs:
        columns |= {f"{limb}.{name}": vector(ticks[f"{limb}.{name}"]) for name in _VECTORS}
        columns |= {f"{limb}.{name}": ticks[f"{limb}.{name}"].copy() for name in _NUMBERS}
    return columns


def _named(codes: npt.NDArray[np.float64], names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(whole(codes), list(names)).dictionary_decode()


def _frame(note: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "camera": note["camera"],
        "view": "tick" not in note,  # a view is taken for the brain, at no tick of a stream
        "seq": note["seq"],
        "captured_tick": note["captured_tick"],
        "tick": note.get("tick", note["captured_tick"]),
        "xxh3_128": note["xxh3_128"],
    }


def _event(note: Mapping[str, Any]) -> dict[str, Any]:
    return {"tick": note["tick"], "kind": text(note["kind"]), "data": as_json(note["data"])}


def _exchange(note: Mapping[str, Any]) -> dict[str, Any]:
    tokens = note["tokens"] or (None, None)
    return {
        "tick": note["tick"],
        "model_id": text(note["model_id"]),
        "request": text(note["request"]),
        "answer": text(note["answer"]),
        "latency_s": note["latency_s"],
        "tokens_in": tokens[0],
        "tokens_out": tokens[1],
        "cost_usd": note["cost_usd"],
        "gauges": as_json(note.get("gauges", {})),
    }


def _ruling(note: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tick": note["tick"],
        "verdict": note["verdict"],
        "rule": note["rule"],
        "detail": as_json(note["detail"]),
    }
