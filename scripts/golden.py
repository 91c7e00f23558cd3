"""Renders the golden pictures of the grounding probe, with the boxes of every part in them.

    python scripts/golden.py

They are crops of the sorting cell's own views, in several sizes, hardly any of them square; each
part's box is where its corners project to. Only parts that are the single one of their kind in a
picture, whole and unhidden, are asked for. The pictures are part of the package, so that every
probe puts the same questions: run this again only to change them.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from shopfloor.body.bench import Bench
from shopfloor.cell.sorting import SortingCell
from shopfloor.order.part import footprint
from shopfloor.perception import pixel

OUT = Path(__file__).parents[1] / "src" / "shopfloor" / "brain" / "data" / "golden"
SIZES = ((1280, 720), (960, 960), (720, 1080), (1024, 576), (640, 800), (896, 512))
"""Width and height of each picture [px]."""
SEED = 77_000
ZH = {
    "red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "blue": "蓝色",
    "purple": "紫色", "cube": "方块", "cylinder": "圆柱体", "bar": "长条",
}  # fmt: skip


def corners(part) -> np.ndarray:
    """``(n, 3)`` points around a part on the tray, at its foot and at its top, in the world [m]."""
    half = np.array(footprint(part).half_m)
    c, s = np.cos(part.yaw_rad), np.sin(part.yaw_rad)
    if footprint(part).round:
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        up = np.array([0, 0, half[2]])
        ring = half[0] * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
        signs = np.concatenate([ring - up, ring + up])
    else:
        signs = np.array(list(product((-1, 1), repeat=3))) * half
    x = part.x_m + c * signs[:, 0] - s * signs[:, 1]
    y = part.y_m + s * signs[:, 0] + c * signs[:, 1]
    return np.stack([x, y, 0.003 + half[2] + signs[:, 2]], axis=1)


def main() -> None:
    """Render all pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    cell = SortingCell(Bench())
    rng = np.random.default_rng(SEED)
    listed = []
    lots = cell.orders(seed=SEED, count=60).lots()
    for index, (width, height) in enumerate(SIZES):
        for lot in lots:
            kinds = [(part.colour, part.shape) for part in lot.parts]
            single = [p for p, kind in zip(lot.parts, kinds, strict=True) if kinds.count(kind) == 1]
            if len(single) >= 4:
                break
        cell.reset(lot, seed=lot.seed)
        frame = cell.view("overview")
        boxes = {}
        for part in single:
            uv = pixel(frame, corners(part))
            boxes[part.id] = (*uv.min(axis=0), *uv.max(axis=0))
        # A window around the parts, of the picture's aspect, anywhere that holds them all.
        low = np.min([b[:2] for b in boxes.values()], axis=0) - 25
        high = np.max([b[2:] for b in boxes.values()], axis=0) + 25
        h, w = frame.pixels.shape[:2]
        scale = max((high[0] - low[0]) / width, (high[1] - low[1]) / height)
        most = min(w / width, h / height)
        scale = min(max(scale, rng.uniform(0.6, 1.0) * most), most)
        ww, hh = scale * width, scale * height
        left = rng.uniform(max(0, high[0] - ww), min(w - ww, max(low[0], 0)) + 1e-9)
        top = rng.uniform(max(0, high[1] - hh), min(h - hh, max(low[1], 0)) + 1e-9)
        turn = np.array([[1 / scale, 0, -left / scale], [0, 1 / scale, -top / scale]])
        # warpAffine maps centres of pixels at whole numbers: half a pixel is put in and taken out.
        turn[:, 2] += 0.5 * (turn[:, 0] + turn[:, 1]) - 0.5
        image = cv2.warpAffine(frame.pixels, turn, (width, height), flags=cv2.INTER_CUBIC)
        asked = []
        for part in single:
            box = np.array(boxes[part.id])
            at = (box - [left, top, left, top]) / scale
            if at.min() < 0 or at[2] > width or at[3] > height:
                continue
            asked.append({
                "en": f"{part.colour} {part.shape}",
                "zh": ZH[part.colour] + ZH[part.shape],
                "box": [round(float(v), 2) for v in at],
            })  # fmt: skip
        name = f"golden-{index}-{width}x{height}.jpg"
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(OUT / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])
        listed.append({"file": name, "width": width, "height": height, "targets": asked})
        print(name, len(asked))
    cell.close()
    text = json.dumps({"seed": SEED, "pictures": listed}, ensure_ascii=False, indent=1)
    (OUT / "golden.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
