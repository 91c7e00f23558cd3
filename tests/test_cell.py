"""The sorting cell: its contract, and its physics against closed forms."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from body_examples import LIMBS, joints_at
from shopfloor.cell.scene import TIMESTEP_S
from shopfloor.cell.sorting import SortingCell
from shopfloor.errors import SpecMismatch
from shopfloor.order.part import footprint
from shopfloor.perception import pixel
from shopfloor.skill.context import SkillContext
from shopfloor.skill.jump import TopDown, jump
from shopfloor.testing import STAGE_LOT, check_cell, paint
from shopfloor.types import Action, Cell, Part

DT = 0.02
GRAVITY = 9.81
FLOOR_M = 0.003


def home(bench):
    return {limb: bench.spec.limbs[limb].q_home for limb in LIMBS}


def send(cell, targets, *, jaw=0.0, ticks=1):
    """Send the limbs to joints and return the last timestep."""
    for _ in range(ticks):
        jaws = jaw if isinstance(jaw, dict) else dict.fromkeys(targets, jaw)
        timestep = cell.step(Action(targets, jaws, 0, 0, "person"))
    return timestep


def glide(cell, start, goal, *, ticks=100, jaw=0.0):
    """Go from joints to joints smoothly, and let everything settle."""
    for share in 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, ticks)):
        send(
            cell,
            {limb: start[limb] + share * (goal[limb] - start[limb]) for limb in start},
            jaw=jaw,
        )
    return send(cell, goal, jaw=jaw, ticks=40)


def lot(*parts):
    return replace(STAGE_LOT, parts=parts)


# --- the contract ---------------------------------------------------------------------------------


def test_it_keeps_the_contract_of_a_cell(cell):
    assert isinstance(cell, Cell)
    lots = list(cell.orders(seed=3, count=2).lots())
    check_cell(cell, [STAGE_LOT, lots[1]])


@pytest.mark.parametrize("fps", [1, 2, 5, 10, 25, 50, 10 / 3])
def test_streams_that_divide_the_control_rate_have_their_period(bench, fps):
    cell = SortingCell(bench, record_fps=fps, render=False)
    assert {camera.period_ticks for camera in cell.spec.cameras.values()} == {round(50 / fps)}


@pytest.mark.parametrize(
    "fps", [0, -10, 3, 7, 30, 60, 100, 0.3, 24.999, float("nan"), float("inf")]
)
def test_streams_that_do_not_are_refused(bench, fps):
    with pytest.raises(SpecMismatch, match="does not divide the control rate of 50 Hz; take 1, 2"):
        SortingCell(bench, record_fps=fps, render=False)


def test_a_cell_without_cameras_moves_and_says_that_it_sees_nothing(dark_cell):
    timestep = dark_cell.reset(STAGE_LOT, seed=1)
    assert timestep.observation.frames == {}
    assert dark_cell.renderer == "none"
    with pytest.raises(SpecMismatch, match="render=False"):
        dark_cell.view("overview")


def test_the_seed_changes_what_is_seen_and_not_what_is_there(cell):
    first, second = (cell.reset(STAGE_LOT, seed=seed) for seed in (1, 2))
    assert np.array_equal(first.truth.position, second.truth.position)
    assert not np.array_equal(
        first.observation.frames["overview"].pixels, second.observation.frames["overview"].pixels
    )


@pytest.mark.parametrize("count", [2, 3, 4])
def test_stations_are_the_lots_totes_and_the_tray(dark_cell, count):
    totes = ("A", "B", "C", "D")[:count]
    seen = dark_cell.reset(replace(STAGE_LOT, totes=totes), seed=1).observation.stations
    assert set(seen) == {*totes, "tray"}
    boxes = [(station.center_m, station.size_m) for station in seen.values()]
    for i, ((ax, ay, _), (aw, ad, _)) in enumerate(boxes):
        for (bx, by, _), (bw, bd, _) in boxes[i + 1 :]:
            apart = max(abs(ax - bx) - (aw + bw) / 2, abs(ay - by) - (ad + bd) / 2)
            assert apart > 0, "two stations stand in each other"


@pytest.mark.parametrize("camera", ["overview", "front"])
@pytest.mark.parametrize("native", [True, False])
def test_the_depth_of_a_picture_is_that_of_rays_cast_by_hand(cell, camera, native):
    timestep = cell.reset(STAGE_LOT, seed=1)
    frame = cell.view(camera) if native else timestep.observation.frames[camera]
    parts = [
        replace(part, x_m=float(at[0]), y_m=float(at[1]))
        for part, at in zip(STAGE_LOT.parts, timestep.truth.position, strict=True)
    ]
    tray = timestep.observation.stations["tray"]
    _, wanted = paint(frame.intrinsics, frame.camera_in_world, parts, (tray,))
    # Only over the tray, where there is nothing but parts: arms, totes and walls are not cast.
    half = np.array(tray.size_m[:2]) / 2 - 0.01
    corners = np.array([[a, b, 0] for a in (-1, 1) for b in (-1, 1)]) * [*half, 0] + tray.center_m
    u, v = pixel(frame, corners).T
    window = (
        slice(int(max(np.sort(v)[:2])), int(min(np.sort(v)[2:]))),
        slice(int(max(np.sort(u)[:2])), int(min(np.sort(u)[2:]))),
    )
    seen, cast = frame.depth[window], wanted[window]
    shown = seen > cast - 0.005  # the wall of a tote hides some of the tray from the front
    off = np.abs(seen - cast)[shown]
    assert shown.mean() > 0.7
    assert off.size > (30_000 if native else 1_500)
    assert np.median(off) < 2e-4
    assert (off < 1e-3).mean() > 0.98, "more than the rims of the parts differ"


# --- parts ----------------------------------------------------------------------------------------


def lift(cell, index, height):
    """Put a part into the air, at rest."""
    joint = cell.model.joint(cell.model.body(f"part {cell_lot(cell).parts[index].id}").jntadr[0])
    cell.data.qpos[joint.qposadr[0] + 2] = height
    cell.data.qvel[joint.dofadr[0] : joint.dofadr[0] + 6] = 0.0


def cell_lot(_cell):
    return STAGE_LOT


def test_a_part_falls_as_galilei_has_it(dark_cell):
    timestep = dark_cell.reset(STAGE_LOT, seed=1)
    lift(dark_cell, 1, 0.40)
    at = timestep.truth.position[1, :2]
    for tick in range(1, 13):
        truth = dark_cell.step(dark_cell.hold()).truth
        t, k = tick * DT, tick * DT / TIMESTEP_S
        fallen = 0.40 - truth.position[1, 2]
        # Closed form, and what a first-order integrator of this step makes of it, exactly.
        assert fallen == pytest.approx(GRAVITY * t**2 / 2, abs=GRAVITY * t * TIMESTEP_S / 2 + 1e-9)
        assert fallen == pytest.approx(GRAVITY * TIMESTEP_S**2 * k * (k + 1) / 2, abs=1e-9)
        assert truth.speed[1] == pytest.approx(GRAVITY * t, abs=1e-9)
        assert truth.position[1, :2] == pytest.approx(at, abs=1e-6)
    assert fallen > 0.2


def test_a_fallen_part_comes_to_rest_on_the_tray(dark_cell):
    dark_cell.reset(STAGE_LOT, seed=1)
    lift(dark_cell, 0, 0.08)
    for _ in range(100):
        truth = dark_cell.step(dark_cell.hold()).truth
    assert truth.speed.max() < 5e-3
    for part, at in zip(STAGE_LOT.parts, truth.position, strict=True):
        assert at[2] == pytest.approx(FLOOR_M + footprint(part).half_m[2], abs=5e-4)


@pytest.mark.parametrize("shape", ["cube", "cylinder", "bar"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_parts_weigh_what_their_volume_of_printed_plastic_does(dark_cell, shape, size):
    part = Part("p0", "red", shape, size, 0.0, 0.0, 0.3)
    dark_cell.reset(lot(part), seed=1)
    x, y, z = (2 * half for half in footprint(part).half_m)
    volume = np.pi / 4 * x * x * z if shape == "cylinder" else x * y * z
    assert dark_cell.model.body("part p0").mass[0] == pytest.approx(900 * volume)


def test_friction_holds_a_part_on_a_slope_below_its_angle_and_not_above(dark_cell):
    # Tilt gravity instead of the tray: tan(angle) against MuJoCo's coefficient of the pair, which
    # is the larger of the part's 0.7 and the tray's 1.
    for slope, slides in ((0.85, False), (1.15, True)):
        part = Part("p0", "red", "cube", "large", 0.0, 0.0, 0.0)
        before = dark_cell.reset(lot(part), seed=1).truth.position[0]
        angle = np.arctan(slope)
        dark_cell.model.opt.gravity[:] = GRAVITY * np.array([np.sin(angle), 0, -np.cos(angle)])
        for _ in range(25):
            truth = dark_cell.step(dark_cell.hold()).truth
        moved = truth.position[0, 0] - before[0]
        assert (moved > 0.01) == slides, f"on a slope of {slope} it moved {moved * 1000:.1f} mm"


# --- limbs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize(
    "force", [(0, 0, -1.962), (0, 0, 5.0), (3.0, -2.0, 1.0)], ids=["200 g", "lifted", "askew"]
)
def test_the_wrist_feels_a_known_weight_on_the_gripper(dark_cell, limb, force):
    # The sign is that of the force with which the arm holds against it.
    dark_cell.reset(STAGE_LOT, seed=1)
    body = dark_cell.model.body(f"{limb}/tool").id
    dark_cell.data.xfrc_applied[body, :3] = force
    for _ in range(60):
        felt = dark_cell.step(dark_cell.hold()).observation.limbs[limb]
    axes = felt.tool_in_world[:3, :3]
    lever = dark_cell.data.xipos[body] - dark_cell.data.site(f"{limb}/wrist").xpos
    assert felt.wrench[:3] == pytest.approx(-axes.T @ force, abs=0.02)
    assert felt.wrench[3:] == pytest.approx(-axes.T @ np.cross(lever, force), abs=0.005)


@pytest.mark.parametrize("tilt", [(4, 0.9), (4, -0.7), (3, 0.5), (5, 1.0)])
def test_however_the_gripper_is_turned_its_own_weight_is_not_felt(dark_cell, bench, tilt):
    dark_cell.reset(STAGE_LOT, seed=1)
    joint, by = tilt
    turned = {limb: q + by * np.eye(6)[joint] for limb, q in home(bench).items()}
    for felt in glide(dark_cell, home(bench), turned).observation.limbs.values():
        assert np.abs(felt.wrench[:3]).max() < 0.05
        assert np.abs(felt.wrench[3:]).max() < 0.005


@pytest.mark.parametrize("limb", LIMBS)
def test_servos_follow_the_quickest_jumps(dark_cell, bench, geometry, fenced, rng, limb):
    context = SkillContext(bench, geometry, fenced, DT)
    dark_cell.reset(lot(), seed=1)
    side, yaw = (-1, 0.0) if limb == "left" else (1, np.pi)
    spot = TopDown(0.33 * side, 0.0, 0.30, yaw)
    q = joints_at(bench, limb, spot.x_m, spot.y_m, spot.z_m, spot.yaw_rad)
    timestep = glide(dark_cell, home(bench), {**home(bench), limb: q})
    worst_rad = worst_m = 0.0
    for _ in range(8):
        x, y, z = rng.uniform([0.15, -0.2, 0.03], [0.38, 0.2, 0.12])
        goal = TopDown(x * side, y, z, yaw + rng.uniform(-1, 1))
        path = jump(context, limb, q, spot, goal, 0.15)
        for row in path[1:]:
            timestep = send(dark_cell, {**home(bench), limb: row})
            state = timestep.observation.limbs[limb]
            worst_rad = max(worst_rad, float(np.abs(state.q - row).max()))
            wanted = geometry.tool_pose(limb, row)[:3, 3]
            worst_m = max(worst_m, float(np.linalg.norm(state.tool_in_world[:3, 3] - wanted)))
        spot, q = goal, path[-1]
    assert worst_rad < 0.02, f"{worst_rad * 1000:.1f} mrad behind"
    assert worst_m < 0.01, f"{worst_m * 1000:.1f} mm behind"


def test_a_held_part_is_not_pulled_back_once_a_limb_was_pushed_away(dark_cell, bench):
    dark_cell.reset(STAGE_LOT, seed=1)
    joint = dark_cell.model.joint("left/joint6")
    dark_cell.data.qpos[joint.qposadr[0]] += 0.2
    held = dark_cell.hold().targets["left"]
    assert held[5] == pytest.approx(bench.spec.limbs["left"].q_home[5] + 0.2)
    assert held[:5] == pytest.approx(bench.spec.limbs["left"].q_home[:5])


def test_the_jaw_opens_at_the_speed_of_its_drive(dark_cell, bench):
    timestep = dark_cell.reset(STAGE_LOT, seed=1)
    widths = [timestep.observation.limbs["left"].jaw_m]
    for _ in range(25):
        timestep = send(dark_cell, home(bench), jaw=0.085)
        widths.append(timestep.observation.limbs["left"].jaw_m)
    assert widths[0] == pytest.approx(0.0, abs=1e-3)
    assert widths[-1] == pytest.approx(0.085, abs=1e-3)
    assert np.diff(widths).max() / DT < 0.45
    assert all(timestep.truth.jaw_open.values())


X_M, Y_M = -0.15, 0.05


def gripped(cell, bench, shape, size):
    """Close the left jaw on a part; return the part, the timestep, and joints above and there."""
    part = Part("p0", "red", shape, size, X_M, Y_M, np.pi / 2)
    cell.reset(lot(part), seed=1)
    down = {**home(bench), "left": joints_at(bench, "left", X_M, Y_M, FLOOR_M + 0.010)}
    over = {**home(bench), "left": joints_at(bench, "left", X_M, Y_M, 0.10)}
    glide(cell, home(bench), over, jaw=0.07)
    timestep = glide(cell, over, down, jaw=0.07)
    assert timestep.truth.touched["left"] == ()
    return part, send(cell, down, jaw=0.0, ticks=30), over, down


@pytest.mark.parametrize(
    ("shape", "size"),
    [("cube", "large"), ("cylinder", "large"), ("cylinder", "small"), ("bar", "large")],
)
def test_a_jaw_that_closes_on_a_part_holds_and_carries_it(dark_cell, bench, shape, size):
    part, timestep, over, down = gripped(dark_cell, bench, shape, size)
    half = footprint(part).half_m
    assert timestep.truth.touched == {"left": (0,), "right": ()}
    assert not timestep.truth.jaw_open["left"]
    timestep = glide(dark_cell, down, over, jaw=0.0)
    assert timestep.truth.position[0, 2] == pytest.approx(half[2] + FLOOR_M + 0.087, abs=4e-3)
    weight = dark_cell.model.body("part p0").mass[0] * GRAVITY
    felt = timestep.observation.limbs["left"]
    assert felt.tool_in_world[:3, :3] @ felt.wrench[:3] == pytest.approx([0, 0, weight], abs=0.05)
    timestep = send(dark_cell, over, jaw=0.08, ticks=60)
    assert timestep.truth.touched["left"] == ()
    assert timestep.truth.position[0, 2] < 0.03, "it was let go and did not fall"


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ("cube", "large"),
        ("bar", "large"),
        ("cylinder", "large"),
        ("cylinder", "small"),
    ],
)
def test_a_jaw_says_how_wide_a_held_part_is(dark_cell, bench, shape, size):
    part, timestep, _, _ = gripped(dark_cell, bench, shape, size)
    width = 2 * footprint(part).half_m[1]  # a bar that lies across is taken by its narrow side
    assert timestep.observation.limbs["left"].jaw_m == pytest.approx(width, abs=2.5e-3)


def test_pressing_on_the_table_is_a_collision_of_that_force(dark_cell, bench):
    dark_cell.reset(lot(), seed=1)
    over = {**home(bench), "left": joints_at(bench, "left", -0.45, 0.05, 0.05)}
    timestep = glide(dark_cell, home(bench), over)
    assert timestep.truth.collision_n == 0.0
    pressed = {**home(bench), "left": joints_at(bench, "left", -0.45, 0.05, -0.002)}
    timestep = glide(dark_cell, over, pressed)
    felt = timestep.observation.limbs["left"]
    upwards = -(felt.tool_in_world[:3, :3] @ felt.wrench[:3])[2]
    assert upwards > 5
    # Each contact point bears its share; there are several, and none bears more than all.
    assert 0 < timestep.truth.collision_n <= upwards * 1.1
    assert timestep.truth.collision_n > upwards / 12


def test_a_stop_brakes_whatever_is_under_way(dark_cell, bench):
    dark_cell.reset(lot(), seed=1)
    start = home(bench)
    for i in range(8):
        moving = send(dark_cell, {n: q + 0.04 * i * np.eye(6)[0] for n, q in start.items()})
    assert np.abs(moving.observation.limbs["left"].qd).max() > 1.0
    before = dark_cell.data.time
    dark_cell.stop()
    assert dark_cell.data.time - before <= 0.5 + 1e-9
    still = dark_cell.step(dark_cell.hold())
    assert np.abs(still.observation.limbs["left"].qd).max() < 0.02


def test_a_simulation_that_leaves_the_numbers_is_cut_short(dark_cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a file where it stands
    timestep = dark_cell.reset(STAGE_LOT, seed=1)
    assert not timestep.truncated
    dark_cell.data.qvel[0] = np.nan
    timestep = dark_cell.step(dark_cell.hold())
    assert timestep.truncated
    assert not timestep.terminated


def test_truth_does_not_leak_into_what_a_brain_sees(dark_cell):
    observation = dark_cell.reset(STAGE_LOT, seed=1).observation
    assert set(observation.__slots__) == {
        "documents", "frames", "limbs", "people", "stations", "tick", "views",
    }  # fmt: skip


def test_the_compiled_scene_has_no_part_in_another(dark_cell):
    for lot_ in dark_cell.orders(seed=8, count=3).lots():
        dark_cell.reset(lot_, seed=lot_.seed)
        deep = [c.dist for c in dark_cell.data.contact if c.dist < -1e-3]
        assert not deep, f"lot {lot_.index} begins with {len(deep)} things inside each other"
        assert dark_cell.model.opt.timestep == TIMESTEP_S
        assert mujoco.mj_name2id(dark_cell.model, mujoco.mjtObj.mjOBJ_CAMERA, "overview") >= 0
