"""Times other simulators' own ``env.step`` at the same picture size, where they are installed.

They are measured as they come, with their own physics, scene and visual quality, and are named as
such: this says what a user of each gets, not whose code is better.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["rivals"]

_PX = 224
_STEPS = 40


def rivals() -> dict[str, float | str]:
    """Milliseconds of one ``env.step`` at 224 px with as many cameras as each offers, by name."""
    found: dict[str, float | str] = {}
    for name, module, make in (
        ("gym-aloha insertion, own quality", "gym_aloha", _gym_aloha),
        ("robosuite two-arm lift, own quality", "robosuite", _robosuite),
    ):
        if find_spec(module) is None:
            found[name] = "not installed"
            continue
        try:
            found[name] = _timed(make())
        except Exception as error:  # noqa: BLE001 - it may want other versions than are here
            found[name] = f"installed, and does not run here: {type(error).__name__}: {error}"
    return found


def _timed(step: Callable[[], Any]) -> float:
    for _ in range(5):
        step()
    began = time.perf_counter()
    for _ in range(_STEPS):
        step()
    return 1000 * (time.perf_counter() - began) / _STEPS


def _gym_aloha() -> Callable[[], Any]:
    import gym_aloha  # type: ignore[import-not-found]  # noqa: F401 - registers its envs
    import gymnasium  # type: ignore[import-not-found]

    env = gymnasium.make(
        "gym_aloha/AlohaInsertion-v0",
        obs_type="pixels",
        observation_width=_PX,
        observation_height=_PX,
    )
    env.reset(seed=0)
    action = env.action_space.sample() * 0
    return lambda: env.step(action)


def _robosuite() -> Callable[[], Any]:
    import numpy as np
    import robosuite  # type: ignore[import-not-found]

    env = robosuite.make(
        "TwoArmLift",
        robots=["UR5e", "UR5e"],
        has_renderer=False,
        has_offscreen_renderer=True,
        use_camera_obs=True,
        camera_names=["agentview", "frontview"],
        camera_heights=_PX,
        camera_widths=_PX,
        camera_depths=True,
    )
    env.reset()
    low, _ = env.action_spec
    action = np.zeros_like(low)
    return lambda: env.step(action)


if (
    __name__ == "__main__"
):  # in an environment of theirs, where shopfloor itself need not be installed
    Path(sys.argv[1]).write_text(
        json.dumps({"others": rivals()}, indent=2) + "\n", encoding="utf-8"
    )
