"""Runs that never happened, made from seeds, to look at and to test reports with."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from shopfloor.record.calendar import NO_CALENDAR
from shopfloor.record.entry import FORMAT, Entry, Manifest
from shopfloor.types import UnitOutcome

__all__ = ["entry", "manifest", "shift", "write_videos"]

CODES = ("grasp.slip", "perception.wrong_object", "grasp.miss", "place.miss", "order.timeout")
WEIGHTS = (0.4, 0.25, 0.15, 0.12, 0.08)
WORDS = {
    "en": (
        "Put the red cubes into tote A and everything else into tote B.",
        "Two small green cylinders go to C. Leave the rest where it is.",
        "Sort by size: large parts to A, small ones to B.",
    ),
    "zh": (
        "把红色方块放进 A 箱，其余放进 B 箱。",
        "取两个绿色小圆柱放到 C 箱，其他不要动。",
        "按大小分拣：大件放 A，小件放 B。",
    ),
}


def manifest(**changes: object) -> Manifest:
    """Return a manifest, with some fields changed."""
    plain = Manifest(
        format=FORMAT,
        created="2026-11-20T08:00:00Z",
        cell="sorting",
        body="bench",
        brain="classical",
        latency="fixed:40",
        limits="bench-2026-11",
        seed=1000,
        orders=300,
        hours=None,
        order_file=None,
        record_fps=10.0,
        video=True,
        audit=False,
        allow_unproven=False,
        depth=False,
        cameras=(),
        control_dt=0.02,
        changeover_s=10.0,
        calendar=NO_CALENDAR,
        planned_cycle_s=None,
        planned_cycle_source=None,
        brain_deadline_s=60.0,
        fallback=None,
        limb_names=("left", "right"),
        camera_names=("overhead", "front"),
        notes=(),
        versions={"shopfloor": "0.1.0", "python": "3.11.9", "mujoco": "3.3.7", "numpy": "2.4.6"},
        renderer="llvmpipe (LLVM 15.0.6, 256 bits)",
        cpu="Example CPU @ 2.40 GHz",
        git_commit="0123456789abcdef0123456789abcdef01234567",
        sha256={
            name: hashlib.sha256(name.encode()).hexdigest()
            for name in ("body", "cell", "orders", "limits")
        },
        brain_identity={"name": "classical", "version": "0.1.0"},
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def entry(lot: int = 0, **changes: object) -> Entry:
    """Return a small good lot: 1,000 ticks, two good units, one bystander."""
    plain = Entry(
        lot=lot,
        order=f"sorting-1000-{lot:04d}",
        instruction=WORDS["en"][lot % 3],
        language="en",
        seed=1000 + lot,
        ticks=1000,
        good=True,
        ever=True,
        code=None,
        code_tick=None,
        units=(
            UnitOutcome("p0", "good"),
            UnitOutcome("p1", "good"),
            UnitOutcome("p2", "bystander"),
        ),
        delivered=(480, 960),
        cycles_s=(8.0, 9.0),
        segments=(("SBY", 10), ("PRD", 980), ("SBY", 10)),
        think_ticks=10,
        picks=(2, 2),
        relays=0,
        worked_by="classical",
        lost=None,
        guard=(3, 0),
        repair_ticks=0,
        decisions=3,
        tokens=None,
        uncounted=3,
        model_usd=None,
        unpriced=3,
        peak_tool_speed_m_s=0.24,
        breaches=0,
        frames={"overhead": 100, "front": 100},
        log_sha256=hashlib.sha256(f"lot {lot}".encode()).hexdigest(),
        wall_s=2.5,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def shift(lots: int, *, seed: int = 0, failing: float = 0.0) -> tuple[Entry, ...]:
    """Return a shift of random lots, of which about a share ``failing`` fails."""
    rng = np.random.default_rng((seed, lots))
    return tuple(_lot(rng, lot, failing) for lot in range(lots))


def _lot(rng: np.random.Generator, lot: int, failing: float) -> Entry:
    count = int(rng.integers(4, 11))
    language = "zh" if lot % 2 else "en"
    failed = bool(rng.random() < failing)
    code = str(rng.choice(CODES, p=WEIGHTS)) if failed else None
    cycles = tuple(float(s) for s in 6.2 + rng.gamma(3.0, 0.8, size=count))
    if failed:
        cycles = cycles[:-1]
    segments: list[tuple[str, int]] = []
    delivered: list[int] = []
    now = 0
    for seconds in cycles:
        think, work = int(rng.integers(2, 60)), round(seconds * 50)
        segments += [("SBY", think), ("PRD", work)]
        now += think + work
        delivered.append(now)
    if failed:
        segments.append(("PRD", 700))
        now += 700
    lost = {"grasp.slip": "scrap", "perception.wrong_object": "quarantine"}.get(code or "", "wip")
    units = [UnitOutcome(f"p{i}", "good") for i in range(len(cycles))]
    if failed:
        units.append(UnitOutcome(f"p{count - 1}", lost, code, now - 600))  # type: ignore[arg-type]
    units.append(UnitOutcome(f"p{count}", "bystander"))
    slips = int(rng.random() < 0.08)
    assist = failed and bool(rng.random() < 0.35)
    return entry(
        lot,
        instruction=WORDS[language][int(rng.integers(3))],
        language=language,
        ticks=now,
        good=not failed,
        ever=not failed or bool(rng.random() < 0.2),
        code=code,
        code_tick=now - 600 if failed else None,
        units=tuple(units),
        delivered=tuple(delivered),
        cycles_s=cycles,
        segments=tuple(segments),
        think_ticks=sum(ticks for state, ticks in segments if state == "SBY"),
        picks=(count + slips, count - int(failed)),
        relays=0,
        worked_by="classical",
        lost=None,
        guard=(int(rng.poisson(4)), int(code == "order.timeout")),
        repair_ticks=int(rng.integers(1500, 6000)) if assist else 0,
        decisions=count + 1,
        uncounted=count + 1,
        unpriced=count + 1,
        peak_tool_speed_m_s=float(0.2 + 0.049 * rng.random()),
        wall_s=now * 0.02 / 9.0,
    )


def write_videos(folder: Path, lot: int, *, frames: int = 60) -> None:
    """Write a small moving picture for both cameras of a lot, as H.264."""
    import av

    for camera, tint in (("overhead", 40), ("front", 150)):
        path = folder / "episodes" / f"{lot:06d}" / f"{camera}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as box:
            stream = box.add_stream("libx264", rate=10)
            stream.width = stream.height = 224
            stream.pix_fmt = "yuv420p"
            for i in range(frames):
                pixels = np.full((224, 224, 3), 210, np.uint8)
                pixels[140:200, 20:204] = (tint, 120, 90)
                x = 20 + 2 * i
                pixels[60 + lot % 40 : 90 + lot % 40, x : x + 30] = (200, 60, 40)
                for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                    box.mux(packet)
            for packet in stream.encode(None):
                box.mux(packet)
