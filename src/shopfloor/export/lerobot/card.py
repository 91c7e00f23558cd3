"""The dataset card: what a person who finds the folder must know first."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from shopfloor.export.lerobot.feature import IMAGES, VECTORS, rate
from shopfloor.export.setup import Setup

__all__ = ["card"]

_HEAD = """\
---
# license: yours to choose before you publish; see https://hf.co/docs/hub/repositories-licenses
task_categories:
- robotics
tags:
- LeRobot
- shopfloor
- simulation
configs:
- config_name: default
  data_files: data/*/*.parquet
---
"""

_SOURCE = (
    "**Simulation data**: recorded in a simulated cell by shopfloor, and by no real robot. "
    "Exported as LeRobotDataset v3.0."
)
_BESIDE = (
    "Failed episodes are here as they happened; `next.success` is true on the last frame of "
    "a good one. What the format has no place for lies in `meta/shopfloor/`, keyed by "
    "`episode_index`: `episodes.parquet` (seed, outcome, failure code, brain, hashes, the "
    "instruction in both languages), `ticks.parquet` (every tick of control), "
    "`frames.parquet`, `events.parquet`, `exchanges.parquet` and `rulings.parquet`."
)
_UNITS = {
    "observation.state": "joint positions [rad] and jaw openings [m]",
    "observation.velocity": "joint speeds [rad/s]",
    "observation.wrench": "wrist forces [N] and torques [N m]",
    "action": "joint targets [rad] and jaw targets [m] that went to the cell, behind the guard",
}


def card(
    setup: Setup,
    period_s: Fraction,
    *,
    episodes: int,
    good: int,
    frames: int,
    brains: Sequence[str],
) -> str:
    """Return the text of ``README.md``."""
    lines = [
        f"# {episodes} episodes of `{setup.body}`",
        "",
        _SOURCE,
        "",
        "| | |",
        "|---|---|",
        f"| episodes | {episodes}: the judge found {good} good and {episodes - good} not |",
        f"| frames | {frames} at {rate(period_s):g} Hz |",
        f"| decided by | {', '.join(f'`{brain}`' for brain in brains)} |",
        *(f"| `{key}` | {_UNITS[key]} |" for key in VECTORS),
        *(
            f"| `{IMAGES}{camera}` | {width} x {height} pixels |"
            for camera, (width, height, _) in setup.cameras.items()
        ),
        "| `task` | the instruction as the brain was told it, in Chinese or English |",
        "",
        _BESIDE,
    ]
    return _HEAD + "\n" + "\n".join(lines) + "\n"
