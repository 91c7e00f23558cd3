"""What is known of a whole episode, as one row: where it is from, how it ended, who worked it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from shopfloor.export.reading import Reading
from shopfloor.export.sheet import as_json, text
from shopfloor.export.wording import both_languages

__all__ = ["EPISODES", "summary"]

_UNITS = pa.list_(
    pa.struct(
        [("part", pa.string()), ("state", pa.string()), ("code", pa.string()), ("tick", pa.int64())]
    )
)
EPISODES = pa.schema(
    [
        ("episode_index", pa.int64()),
        ("run", pa.string()),
        ("manifest_sha256", pa.string()),
        ("log_sha256", pa.string()),
        ("lot", pa.int64()),
        ("order", pa.string()),
        ("seed", pa.int64()),
        ("language", pa.string()),
        ("instruction", pa.string()),
        ("instruction_en", pa.string()),
        ("instruction_zh", pa.string()),
        ("good", pa.bool_()),
        ("ever", pa.bool_()),
        ("code", pa.string()),
        ("code_tick", pa.int64()),
        ("units", _UNITS),
        ("ticks", pa.int64()),
        ("control_dt_s", pa.float64()),
        ("think_ticks", pa.int64()),
        ("repair_ticks", pa.int64()),
        ("decisions", pa.int64()),
        ("picks_tried", pa.int64()),
        ("picks_held", pa.int64()),
        ("relays", pa.int64()),
        ("guard_limited", pa.int64()),
        ("guard_stopped", pa.int64()),
        ("breaches", pa.int64()),
        ("peak_tool_speed_m_s", pa.float64()),
        ("cell", pa.string()),
        ("body", pa.string()),
        ("limits", pa.string()),
        ("latency", pa.string()),
        ("brain", pa.string()),
        ("brain_identity", pa.string()),
        ("notes", pa.string()),
        ("hashes", pa.string()),
        ("versions", pa.string()),
        ("git_commit", pa.string()),
        ("papers_sha256", pa.string()),
    ]
)
"""Columns that hold more than one value and are no list are JSON. ``instruction`` is what the
brain was told; the other language was put into words from the goal, or is null. ``breaches`` is
null where nobody looked, ``papers_sha256`` where nobody gave papers."""


def summary(reading: Reading) -> dict[str, Any]:
    """Return the row of an episode, a value for each column of ``EPISODES``."""
    entry, manifest = reading.chosen.entry, reading.chosen.run.manifest
    orders = [order for order in reading.begin["lot"]["orders"] if order["id"] == entry.order]
    words = both_languages(orders[0], entry.lot) if orders else {}
    return {
        "episode_index": reading.chosen.number,
        "run": reading.chosen.run.path.name,
        "manifest_sha256": reading.episode.manifest_sha256,
        "log_sha256": entry.log_sha256,
        "lot": entry.lot,
        "order": entry.order,
        "seed": entry.seed,
        "language": entry.language,
        "instruction": text(entry.instruction),
        "instruction_en": words.get("en"),
        "instruction_zh": words.get("zh"),
        "good": entry.good,
        "ever": entry.ever,
        "code": entry.code,
        "code_tick": entry.code_tick,
        "units": [
            {"part": unit.part, "state": unit.state, "code": unit.code, "tick": unit.tick}
            for unit in entry.units
        ],
        "ticks": entry.ticks,
        "control_dt_s": manifest.control_dt,
        "think_ticks": entry.think_ticks,
        "repair_ticks": entry.repair_ticks,
        "decisions": entry.decisions,
        "picks_tried": entry.picks[0],
        "picks_held": entry.picks[1],
        "relays": entry.relays,
        "guard_limited": entry.guard[0],
        "guard_stopped": entry.guard[1],
        "breaches": entry.breaches,
        "peak_tool_speed_m_s": entry.peak_tool_speed_m_s,
        "cell": manifest.cell,
        "body": manifest.body,
        "limits": manifest.limits,
        "latency": manifest.latency,
        "brain": manifest.brain,
        "brain_identity": as_json(manifest.brain_identity),
        "notes": as_json(manifest.notes),
        "hashes": as_json(manifest.sha256),
        "versions": as_json(manifest.versions),
        "git_commit": manifest.git_commit,
        "papers_sha256": manifest.papers.papers_sha256 if manifest.papers.given else None,
    }
