"""The page of a probe: the golden pictures with what was asked and what was answered."""

from __future__ import annotations

import base64
from typing import Any

import cv2
from jinja2 import Environment, PackageLoader, StrictUndefined

from shopfloor.brain.chat.golden import golden
from shopfloor.brain.chat.probe import Probe
from shopfloor.brain.chat.together import Together

__all__ = ["page"]

_TRUTH, _HIT, _MISS = (255, 255, 255), (40, 200, 60), (230, 40, 40)


def page(probe: Probe | Together) -> str:
    """Return one self-contained HTML page; that of a pair shows the pair, and then each of them."""
    environment = Environment(
        loader=PackageLoader("shopfloor.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("probe.html.j2")
    pair = probe if isinstance(probe, Together) else None
    alone = (probe.planner, probe.perceiver) if isinstance(probe, Together) else (probe,)
    probes = [(one, _pictures(one)) for one in alone]
    title = " + ".join(one.seat for one in alone)
    return template.render(pair=pair, probes=probes, title=title)


def _pictures(probe: Probe) -> list[dict[str, Any]]:
    """Golden pictures with the truth in white, answers in green where they hit, else in red."""
    drawn = []
    for picture in golden():
        asked = [one for one in probe.pointings if one.picture == picture.name]
        if not asked:
            continue
        image = picture.pixels.copy()
        for one in asked:
            left, top, right, bottom = (round(v) for v in one.truth)
            cv2.rectangle(image, (left, top), (right, bottom), _TRUTH, 1)
        for one in asked:
            colour = _HIT if one.hit else _MISS
            if one.got is None:
                continue
            at = [round(v) for v in one.got]
            if one.kind == "point":
                cv2.drawMarker(image, (at[0], at[1]), colour, cv2.MARKER_CROSS, 22, 2)
            else:
                cv2.rectangle(image, (at[0], at[1]), (at[2], at[3]), colour, 2)
        _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        uri = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
        drawn.append({"name": picture.name, "uri": uri, "asked": asked})
    return drawn
