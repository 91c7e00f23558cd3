"""A made-up cell, and lots of made-up but exactly repeatable ticks, for tests of recording."""

from dataclasses import dataclass

import numpy as np

from shopfloor.record import FORMAT, Entry, Manifest
from shopfloor.record.calendar import NO_CALENDAR
from shopfloor.types import (
    Action,
    BodySpec,
    CameraSpec,
    CellSpec,
    Frame,
    Goal,
    Intrinsics,
    LimbSpec,
    LimbState,
    Lot,
    Observation,
    Order,
    Outcome,
    Part,
    People,
    Ruling,
    Timestep,
    Truth,
    UnitOutcome,
)

DOF = 6
LIMBS = ("left", "right")


def intrinsics(width, height):
    return Intrinsics(width, height, 200.0, 200.0, width / 2, height / 2)


def cell_spec(*, cameras=("front", "wrist"), size=(64, 48), period_ticks=2):
    limbs = {
        name: LimbSpec(
            name=name,
            joints=tuple(f"{name}_{k}" for k in range(DOF)),
            q_lower=np.full(DOF, -3.0),
            q_upper=np.full(DOF, 3.0),
            q_home=np.zeros(DOF),
            qd_max=np.ones(DOF),
            qdd_max=np.ones(DOF),
            jaw_max_m=0.08,
            base_in_world=np.eye(4),
        )
        for name in LIMBS
    }
    return CellSpec(
        name="made-up",
        sha256="c" * 64,
        body=BodySpec("made-up", "b" * 64, limbs),
        cameras={
            name: CameraSpec(name, intrinsics(*size), intrinsics(640, 480), period_ticks, np.eye(4))
            for name in cameras
        },
        control_dt=0.02,
        changeover_s=10.0,
    )


def make_lot(index=0, *, parts=8):
    return Lot(
        index=index,
        seed=1000 + index,
        parts=tuple(Part(f"p{k}", "red", "cube", "small", 0.1, 0.2, 0.3) for k in range(parts)),
        totes=("A", "B"),
        orders=(Order(f"made-up-{index}", "把红色方块放到 A", "zh", Goal(()), 60.0),),
    )


def manifest(**changes):
    values = {
        "format": FORMAT,
        "created": "2025-01-01T00:00:00Z",
        "cell": "made-up",
        "body": "made-up",
        "brain": "none",
        "latency": "fixed:40",
        "limits": "fenced",
        "seed": 7,
        "orders": 3,
        "hours": None,
        "order_file": None,
        "record_fps": 25.0,
        "video": True,
        "depth": False,
        "audit": False,
        "allow_unproven": False,
        "cameras": (),
        "control_dt": 0.02,
        "changeover_s": 10.0,
        "calendar": NO_CALENDAR,
        "planned_cycle_s": None,
        "planned_cycle_source": None,
        "brain_deadline_s": 60.0,
        "fallback": None,
        "limb_names": LIMBS,
        "camera_names": ("front", "wrist"),
        "notes": (),
        "versions": {"shopfloor": "0.1.0"},
        "renderer": "none",
        "cpu": "made-up",
        "git_commit": None,
        "sha256": {},
        "brain_identity": {},
    }
    return Manifest(**(values | changes))


def outcome(*, ticks=0):
    return Outcome(
        good=True,
        ever=True,
        code=None,
        code_tick=None,
        units=(UnitOutcome("p0", "good"),),
        ticks=ticks,
    )


def entry_of(lot, sealed, *, ticks=0, wall_s=0.5):
    return Entry(
        lot=lot.index,
        order=lot.orders[0].id,
        instruction=lot.orders[0].instruction,
        language=lot.orders[0].language,
        seed=lot.seed,
        ticks=ticks,
        good=True,
        ever=True,
        code=None,
        code_tick=None,
        units=(UnitOutcome("p0", "good"),),
        delivered=(ticks,),
        cycles_s=(1.5,),
        segments=(("PRD", ticks),),
        think_ticks=0,
        picks=(1, 1),
        relays=0,
        worked_by="classical",
        lost=None,
        guard=(0, 0),
        repair_ticks=0,
        decisions=1,
        tokens=None,
        uncounted=1,
        model_usd=None,
        unpriced=1,
        peak_tool_speed_m_s=0.1,
        breaches=0,
        wall_s=wall_s,
        **sealed,
    )


def picture(rng, width, height, *, shift=0):
    """Return a smooth picture with a few sharp-edged parts and a little noise, like a tray."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack(
        [
            120 + 60 * np.sin((x + shift) / 30),
            110 + 50 * np.cos(y / 25),
            90 + 40 * np.sin((x + y) / 50),
        ],
        axis=-1,
    )
    for k, colour in enumerate(((190, 60, 50), (60, 150, 70), (60, 80, 180))):
        left = (shift * (k + 1) + width * k // 3) % (width * 3 // 4)
        image[height // 3 : height // 2, left : left + width // 6] = colour
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


@dataclass
class Ticks:
    """The ticks of one lot: anything a test wants to be otherwise is changed on its way."""

    spec: CellSpec
    lot: Lot
    depth: bool = False
    seed: int = 0

    def __post_init__(self):
        self.rng = np.random.default_rng([self.seed, self.lot.index])
        self.frames = {}

    def frame(self, camera, tick, *, seq):
        stream = self.spec.cameras[camera].stream
        pixels = picture(self.rng, stream.width, stream.height, shift=tick)
        depth = None
        if self.depth:
            depth = self.rng.uniform(0.4, 1.0, pixels.shape[:2]).astype(np.float32)
        return Frame(camera, pixels, depth, seq, tick, stream, np.eye(4))

    def __call__(self, tick, *, verdict="pass"):
        rng = self.rng
        for name, camera in self.spec.cameras.items():
            if tick % camera.period_ticks == 0:
                self.frames[name] = self.frame(name, tick, seq=tick // camera.period_ticks)
        limbs = {
            name: LimbState(
                q=rng.normal(size=DOF),
                qd=rng.normal(size=DOF),
                tool_in_world=np.eye(4),
                jaw_m=float(rng.uniform(0, 0.08)),
                wrench=rng.normal(size=6),
                q_target=np.zeros(DOF),
            )
            for name in LIMBS
        }
        parts = len(self.lot.parts)
        truth = Truth(
            tick=tick,
            position=rng.normal(size=(parts, 3)),
            quat=rng.normal(size=(parts, 4)),
            speed=rng.uniform(size=parts),
            touched={"left": (), "right": (0,) if parts else ()},
            jaw_open={"left": True, "right": False},
            collision_n=0.5,
        )
        observation = Observation(tick, limbs, dict(self.frames), {}, {}, People())
        requested = Action(
            targets={name: rng.normal(size=DOF) for name in LIMBS},
            jaw_m=dict.fromkeys(LIMBS, 0.02),
            tick=tick,
            seq=tick,
            source="skill",
        )
        ruling = Ruling("pass", requested)
        if verdict != "pass":
            held = {name: state.q for name, state in limbs.items()}
            action = Action(held, dict.fromkeys(LIMBS, 0.02), tick, tick, "guard")
            ruling = Ruling(verdict, action, "joint.velocity", {"limb": "left", "got": 3.5})
        return Timestep(observation, truth, terminated=False, truncated=False), requested, ruling


def work(folder, recorder, lot, *, ticks, seed=0):
    """Record and commit one whole lot; return its entry."""
    make = Ticks(recorder_spec(recorder), lot, seed=seed)
    recorder.begin(lot, {"worked": "now"})
    for tick in range(ticks):
        recorder.step(*make(tick))
    return recorder.commit(entry_of(lot, recorder.end(outcome(ticks=ticks)), ticks=ticks))


def recorder_spec(recorder):
    return recorder._spec
