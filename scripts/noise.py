"""Write the tables of docs/noise.md anew, and draw its picture: one view at every level.

    python scripts/noise.py

Needs nothing but an installed shopfloor and a GL library. Nothing on the page between the marks
``<!-- table -->`` and ``<!-- end of table -->`` is written by hand.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from shopfloor.body.bench import Bench
from shopfloor.cell.noise import LEVELS, NoiseLevel, NoisyCell
from shopfloor.cell.noise.level import table
from shopfloor.cell.sorting import SortingCell
from shopfloor.types import Frame

DOCS = Path(__file__).parents[1] / "docs"
SEED, LOT = 1000, 0
LEFT, TOP, SIDE = 380, 240, 520
"""What is shown of the native view [px]: the tray and the rims of two totes."""
SHOWN = 340
NEAR_M, FAR_M = 1.25, 1.40
"""Distances that the colours of depth span; black where nothing was measured."""
LETTERS = cv2.FONT_HERSHEY_DUPLEX


def depth_picture(depth: np.ndarray) -> np.ndarray:
    """Paint a depth picture, near warm and far cold."""
    share = np.clip((FAR_M - depth) / (FAR_M - NEAR_M), 0, 1)
    painted = cv2.applyColorMap((255 * share).astype(np.uint8), cv2.COLORMAP_TURBO)
    painted[depth == 0] = 0
    return painted


def shown(picture: np.ndarray) -> np.ndarray:
    """Cut out what is shown, at the size in which it is shown."""
    part = picture[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    return np.asarray(cv2.resize(part, (SHOWN, SHOWN), interpolation=cv2.INTER_AREA))


def panel(frame: Frame, level: NoiseLevel) -> np.ndarray:
    """RGB above depth, with the level's number and name."""
    head = np.full((44, SHOWN, 3), 255, np.uint8)
    text = f"{level.number}: {level.name}"
    cv2.putText(head, text, (6, 30), LETTERS, 0.72, (40, 40, 40), 1, cv2.LINE_AA)
    rows = (head, shown(frame.pixels[..., ::-1]), shown(depth_picture(frame.depth)))
    return cv2.copyMakeBorder(np.vstack(rows), 0, 10, 5, 5, cv2.BORDER_CONSTANT, value=[255] * 3)


def main() -> None:
    """Write the page and the picture."""
    body = Bench()
    world = SortingCell(body)
    lot = list(world.orders(seed=SEED, count=LOT + 1).lots())[LOT]
    panels = []
    for level in LEVELS:
        cell = NoisyCell(world, body, level)
        cell.reset(lot, seed=lot.seed)
        panels.append(panel(cell.view("overview"), level))
    world.close()
    grid = np.vstack([np.hstack(panels[:3]), np.hstack(panels[3:])])
    picture = DOCS / "pictures" / "noise.jpg"
    cv2.imwrite(str(picture), grid, [cv2.IMWRITE_JPEG_QUALITY, 70])
    page = DOCS / "noise.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end of table -->")
    whole = f"{before}<!-- table -->\n{table()}<!-- end of table -->{after}"
    page.write_text(whole, encoding="utf-8")
    print(f"{picture}  {grid.shape[1]} x {grid.shape[0]}, {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
