"""How the Rerun viewer opens an episode: the cell in 3D, pictures, curves, what happened."""

from __future__ import annotations

from typing import Any

import numpy as np

from shopfloor.export.scene import Scene

__all__ = ["entity", "layout"]

_BEHIND_S, _AHEAD_S = 2.0, 1.0
"""How much of a tool's way is shown around now: what it did, and what was asked of it next."""


def entity(rr: Any, path: str) -> str:
    """Return an entity path whose parts may hold any sign: names come from cells and bodies."""
    escaped: str = rr.new_entity_path(path.strip("/").split("/"))
    return escaped


def layout(rr: Any, scene: Scene, *, truth: bool) -> Any:
    """Return a blueprint.

    Args:
        rr: The module ``rerun``.
        scene: The episode.
        truth: Whether there is any truth to show.
    """
    import rerun.blueprint as rrb

    now = rr.TimeRangeBoundary.cursor_relative
    done, ahead = now(seconds=-_BEHIND_S), now(seconds=_AHEAD_S)
    ways: Any = {}
    for name in scene.limbs:
        for what, end in (("done", now()), ("requested", ahead)):
            ways[entity(rr, f"path/{name}/{what}")] = rrb.VisibleTimeRanges(
                timeline="time", start=done, end=end
            )
    contents = ["$origin/**", "- /views/**", "- /sensors/**", "- /log/**", "- /state/**"]
    middle = _middle(scene)
    cell = rrb.Spatial3DView(
        name="cell",
        contents=contents,
        overrides=ways,
        eye_controls=rrb.EyeControls3D(
            kind=rrb.Eye3DKind.Orbital,
            position=middle + _reach(scene) * np.array([0.6, -1.0, 0.75]),
            look_target=middle,
        ),
    )
    pictures = [
        rrb.Spatial2DView(
            name=f"{film.camera}{' (views)' if film.views else ''}",
            origin=entity(rr, f"{'views' if film.views else 'cameras'}/{film.camera}"),
            contents=["$origin/**"],
        )
        for film in scene.films
        if film.packets
    ]
    curves = [
        rrb.TimeSeriesView(
            name=what, contents=[entity(rr, f"sensors/{name}/{what}") for name in scene.limbs]
        )
        for what in ("jaw", "force", "torque", "position", "velocity")
    ]
    if truth:
        curves.append(rrb.TimeSeriesView(name="collision (truth)", contents=["/truth/collision_n"]))
    right = [rrb.Grid(*pictures)] if pictures else []
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Vertical(
                cell, rrb.StateTimelineView(name="states", origin="state"), row_shares=[3, 1]
            ),
            rrb.Vertical(
                *right,
                rrb.Tabs(*curves, name="sensors"),
                rrb.TextLogView(name="log", origin="log"),
            ),
            column_shares=[3, 2],
        ),
        rrb.TimePanel(state="collapsed", timeline="time"),
        rrb.BlueprintPanel(state="collapsed"),
        rrb.SelectionPanel(state="collapsed"),
    )


def _middle(scene: Scene) -> Any:
    """Return ``(3,)`` what to look at: the middle of the stations, else of the bases [m]."""
    places = [station.center_m for station in scene.stations]
    places = places or [tuple(limb.base_in_world[:3, 3]) for limb in scene.limbs.values()]
    return np.mean(places, axis=0) if places else np.zeros(3)


def _reach(scene: Scene) -> float:
    """Return how far around that the cell goes [m]."""
    middle = _middle(scene)
    bases = [limb.base_in_world[:3, 3] for limb in scene.limbs.values()]
    return max([0.5, *(float(np.linalg.norm(base - middle)) for base in bases)]) + 0.5
