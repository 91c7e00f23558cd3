"""What is seen, against scenes of which everything is known: rendered ones, and ray-cast ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.cell.camera import intrinsics, look_at
from shopfloor.errors import SpecMismatch
from shopfloor.order.part import FOOTPRINTS, footprint
from shopfloor.order.placement import scatter
from shopfloor.perception import cloud, find_parts, grasp_at, outline, pixel, point, surface
from shopfloor.testing import STAGE_LOT, paint
from shopfloor.types import COLOURS, SHAPES, SIZES, Frame, Lot, Part, Station

TRAY = Station("tray", (0.0, 0.0, 0.003), (0.38, 0.32, 0.006))
FLOOR_M = 0.003
FIELD = 2 * np.arctan(0.5 / 1.35)
ABOVE = look_at((0.0, 0.0, 1.35), (0.0, 0.0, 0.0))
JAW_M = 0.083


def a_lot(seed, *, parts=8):
    """Return a lot of random parts, scattered as the generator scatters them."""
    rng = np.random.default_rng(seed)
    wanted = [
        Part(f"p{i}", rng.choice(COLOURS), rng.choice(SHAPES), rng.choice(SIZES), 0, 0, 0)
        for i in range(parts)
    ]
    return Lot(0, seed, scatter(wanted, rng), ("A", "B"), STAGE_LOT.orders)


def picture(parts, *, lens=None, pose=ABOVE):
    """Return an exact frame of some parts; the middle of a native view, unless told otherwise."""
    lens = lens or intrinsics(640, 480, 2 * np.arctan(np.tan(FIELD / 2) / 2))
    pixels, depth = paint(lens, pose, parts, (TRAY,))
    return Frame("overview", pixels, depth, 0, 0, lens, pose)


def part(shape="cube", size="small", x=0.0, y=0.0, yaw=0.0, colour="red"):
    return Part("p", colour, shape, size, x, y, yaw)


def turned(a, b, period):
    """Return the angle between two directions that look alike every ``period`` [rad]."""
    return abs((a - b + period / 2) % period - period / 2)


def check_sighting(seen, part, *, at=None):
    """Hold what was seen of a part against the part; ``at`` is where it truly came to rest."""
    x, y = at if at is not None else (part.x_m, part.y_m)
    assert (seen.colour, seen.shape, seen.size) == (part.colour, part.shape, part.size)
    off = np.hypot(seen.outline.x_m - x, seen.outline.y_m - y)
    assert off < 1.5e-3, f"{part} is seen {off * 1000:.2f} mm away"
    height = FLOOR_M + footprint(part).height_m
    assert seen.top_m == pytest.approx(height, abs=1e-3)
    if part.shape != "cylinder":
        # The outline's yaw is that of the shorter side; a bar's own x is its longer one.
        own = part.yaw_rad + (np.pi / 2 if part.shape == "bar" else 0.0)
        period = np.pi if part.shape == "bar" else np.pi / 2
        assert np.degrees(turned(seen.outline.yaw_rad, own, period)) < 3.0


# --- rendered scenes ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(24))
def test_every_part_on_the_tray_is_found_and_described(cell, seed):
    lot = a_lot(seed)
    timestep = cell.reset(lot, seed=seed)
    found = find_parts(cell.view("overview"), timestep.observation.stations["tray"])
    assert len(found) == len(lot.parts)
    centres = np.array([[seen.outline.x_m, seen.outline.y_m] for seen in found])
    for part, at in zip(lot.parts, timestep.truth.position[:, :2], strict=True):
        nearest = int(np.argmin(np.linalg.norm(centres - at, axis=1)))
        check_sighting(found[nearest], part, at=at)


@pytest.mark.parametrize("seed", range(100, 106))
def test_every_part_can_be_taken_hold_of(cell, seed):
    lot = a_lot(seed)
    truth = cell.reset(lot, seed=seed).truth
    frame = cell.view("overview")
    for part, at in zip(lot.parts, truth.position, strict=True):
        (u, v), half = pixel(frame, at[None])[0], footprint(part).half_m
        grasp = grasp_at(frame, u, v, JAW_M)
        assert grasp is not None
        assert np.hypot(grasp.x_m - at[0], grasp.y_m - at[1]) < 1.5e-3
        widths = {2 * half[0]} if part.shape == "cylinder" else {2 * half[0], 2 * half[1]}
        assert min(abs(grasp.width_m - width) for width in widths) < 1.5e-3
        if part.shape == "bar":
            assert grasp.width_m == pytest.approx(2 * half[1], abs=1.5e-3), "taken the long way"
            assert np.degrees(turned(grasp.yaw_rad, part.yaw_rad + np.pi / 2, np.pi)) < 3
        assert grasp.top_m == pytest.approx(FLOOR_M + 2 * half[2], abs=1e-3)


def test_what_a_part_at_the_rim_stands_on_is_the_tray(cell):
    lot = Lot(0, 1, (part(x=0.16, y=0.13),), ("A", "B"), STAGE_LOT.orders)
    truth = cell.reset(lot, seed=1).truth
    frame = cell.view("overview")
    u, v = pixel(frame, truth.position[:1])[0]
    assert grasp_at(frame, u, v, JAW_M).floor_m == pytest.approx(FLOOR_M, abs=1e-3)


def test_an_empty_tray_is_empty(cell):
    lot = Lot(0, 1, (), ("A", "B"), STAGE_LOT.orders)
    timestep = cell.reset(lot, seed=1)
    frame = cell.view("overview")
    assert find_parts(frame, timestep.observation.stations["tray"]) == ()
    for u, v in ((640, 480), (520, 400), (760, 560)):
        assert grasp_at(frame, u, v, JAW_M) is None


# --- exact scenes ---------------------------------------------------------------------------------

PARTS = st.builds(
    Part,
    id=st.just("p"),
    colour=st.sampled_from(COLOURS),
    shape=st.sampled_from(SHAPES),
    size=st.sampled_from(SIZES),
    x_m=st.floats(-0.14, 0.14),
    y_m=st.floats(-0.11, 0.11),
    yaw_rad=st.floats(-np.pi, np.pi),
)


@given(PARTS)
@settings(max_examples=25, deadline=None)
def test_any_part_anywhere_is_described(part):
    (seen,) = find_parts(picture([part]), TRAY)
    check_sighting(seen, part)


@given(PARTS)
@settings(max_examples=25, deadline=None)
def test_any_part_anywhere_can_be_taken_by_its_narrow_side(part):
    frame, half = picture([part]), footprint(part).half_m
    u, v = pixel(frame, np.array([[part.x_m, part.y_m, FLOOR_M + 2 * half[2]]]))[0]
    grasp = grasp_at(frame, u, v, JAW_M)
    assert grasp.width_m == pytest.approx(2 * half[1], abs=1.5e-3)
    assert grasp.obstacle_m == pytest.approx(FLOOR_M, abs=1e-3)
    assert grasp.tip_m == pytest.approx(FLOOR_M + 0.010, abs=1e-3)


@given(PARTS, st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
@settings(max_examples=25, deadline=None)
def test_it_does_not_matter_where_on_the_part_is_pointed(part, along, across):
    frame, half = picture([part]), footprint(part).half_m
    c, s = np.cos(part.yaw_rad), np.sin(part.yaw_rad)
    x = part.x_m + c * along * half[0] - s * across * half[1]
    y = part.y_m + s * along * half[0] + c * across * half[1]
    u, v = pixel(frame, np.array([[x, y, FLOOR_M + 2 * half[2]]]))[0]
    grasp = grasp_at(frame, u, v, JAW_M)
    assert np.hypot(grasp.x_m - part.x_m, grasp.y_m - part.y_m) < 1.5e-3


def test_a_neighbour_decides_from_which_side_a_cube_is_taken():
    cube, half = part(yaw=0.3), footprint(part()).half_m[0]
    c, s = np.cos(0.3), np.sin(0.3)
    for quarter in range(4):
        way = np.array([c, s] if quarter % 2 == 0 else [-s, c]) * (1 if quarter < 2 else -1)
        x, y = way * (2 * half + 0.012)
        frame = picture([cube, part(x=x, y=y, yaw=0.3, colour="blue")])
        u, v = pixel(frame, np.array([[0.0, 0.0, FLOOR_M + 2 * half]]))[0]
        grasp = grasp_at(frame, u, v, JAW_M)
        closing = np.arctan2(way[1], way[0]) + np.pi / 2
        assert np.degrees(turned(grasp.yaw_rad, closing, np.pi)) < 3
        assert grasp.obstacle_m == pytest.approx(FLOOR_M, abs=2e-3)


def test_a_neighbour_turns_the_jaw_round_a_cylinder():
    height = FLOOR_M + footprint(part("cylinder")).height_m
    for way in np.radians([0, 45, 90, 135, 180, 225, 270, 315]):
        x, y = 0.036 * np.cos(way), 0.036 * np.sin(way)
        frame = picture([part("cylinder"), part("cylinder", x=x, y=y, colour="green")])
        u, v = pixel(frame, np.array([[0.0, 0.0, height]]))[0]
        grasp = grasp_at(frame, u, v, JAW_M)
        assert np.degrees(turned(grasp.yaw_rad, way, np.pi)) > 44
        assert grasp.obstacle_m < FLOOR_M + 0.007  # below the fingertips


def test_where_the_fingers_would_stand_on_something_there_is_no_grasp():
    cube = part()
    ways = ((1, 0), (-1, 0), (0, 1), (0, -1))
    for count in range(5):
        ring = [
            part(x=0.04 * dx, y=0.04 * dy, size="small", colour="blue") for dx, dy in ways[:count]
        ]
        frame = picture([cube, *ring])
        u, v = pixel(frame, np.array([[0.0, 0.0, 0.028]]))[0]
        grasp = grasp_at(frame, u, v, JAW_M)
        if count < 3:  # neighbours on one axis: the jaw closes along the other
            assert grasp.obstacle_m < grasp.tip_m < grasp.top_m - 0.004
        else:
            assert grasp is None


def test_a_part_wider_than_the_jaw_is_left_alone():
    frame = picture([part("bar", "large")])
    assert grasp_at(frame, 320, 240, 0.025) is None
    assert grasp_at(frame, 320, 240, 0.040).width_m == pytest.approx(0.032, abs=1.5e-3)


def test_the_jaw_prefers_what_is_easy_among_equals():
    frame = picture([part(yaw=0.0)])
    for prefer in (0.0, np.pi / 2):
        grasp = grasp_at(frame, 320, 240, JAW_M, prefer_rad=prefer)
        assert turned(grasp.yaw_rad, prefer, np.pi) < 0.05


def test_two_parts_of_one_colour_side_by_side_are_two():
    found = find_parts(picture([part(x=-0.02), part(x=0.02)]), TRAY)
    assert [seen.outline.x_m for seen in found] == pytest.approx([-0.02, 0.02], abs=1.5e-3)


def test_what_stands_beside_the_tray_is_not_on_it():
    assert find_parts(picture([part(x=0.30)]), TRAY) == ()


@pytest.mark.parametrize(("u", "v"), [(-1, 240), (320, -1), (640, 240), (320, 480), (1e9, 1e9)])
def test_pixels_outside_the_picture_hold_nothing(u, v):
    assert grasp_at(picture([]), u, v, JAW_M) is None


def test_parts_seen_at_the_low_resolution_of_the_stream_are_still_found():
    frame = picture([part(size="large", yaw=0.4)], lens=intrinsics(224, 224, FIELD))
    (seen,) = find_parts(frame, TRAY)
    assert np.hypot(seen.outline.x_m, seen.outline.y_m) < 3e-3


# --- between pixels and the world -----------------------------------------------------------------

EYES = st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.4, 2.0))


@given(
    EYES,
    st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.just(0.0)),
    st.lists(
        st.tuples(st.floats(0, 639.99), st.floats(0, 479.99), st.floats(0.3, 3.0)),
        min_size=1,
        max_size=5,
    ),
)
@settings(max_examples=100, deadline=None)
def test_deprojection_and_projection_undo_each_other(eye, at, seen):
    lens = intrinsics(640, 480, 0.9)
    depth = np.ones((480, 640), np.float32)
    for u, v, z in seen:
        depth[int(v), int(u)] = z
    frame = Frame("c", np.zeros((480, 640, 3), np.uint8), depth, 0, 0, lens, look_at(eye, at))
    for u, v, _ in seen:
        back = pixel(frame, point(frame, u, v)[None])[0]
        assert back == pytest.approx([int(u) + 0.5, int(v) + 0.5], abs=2e-3)
        seen_from = point(frame, u, v) - np.array(eye)
        along = seen_from @ frame.camera_in_world[:3, 2]
        assert along == pytest.approx(float(depth[int(v), int(u)]), rel=1e-5)


def test_the_middle_of_the_picture_is_where_the_camera_looks():
    frame = picture([])
    assert pixel(frame, np.zeros((1, 3)))[0] == pytest.approx([320, 240])
    assert point(frame, 320, 240) == pytest.approx([0, 0, FLOOR_M], abs=1e-3)


def test_a_camera_from_above_has_the_worlds_y_at_the_top_of_its_picture():
    frame = picture([])
    (u0, v0), (u1, v1), (u2, v2) = pixel(frame, np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]]))
    assert u1 > u0 and v1 == pytest.approx(v0)  # noqa: PT018 - one direction is one thing
    assert v2 < v0 and u2 == pytest.approx(u0)  # noqa: PT018


def test_a_window_of_points_is_a_cut_of_all_points():
    frame = picture([part("bar", "large", yaw=0.4)])
    whole = cloud(frame, (0, 0, 640, 480))
    assert np.array_equal(cloud(frame, (280, 200, 380, 280)), whole[200:280, 280:380])


def test_the_surface_is_as_high_as_what_lies_there():
    frame = picture([part(size="large", x=0.05, y=0.02)])
    places = np.array([[0.05, 0.02], [-0.1, 0.0], [3.0, 0.0]])
    level = surface(frame, places, 0.003, 0.008)
    assert level[:2] == pytest.approx([0.043, 0.003], abs=1e-3)
    assert np.isnan(level[2])


def test_without_depth_there_is_nothing_to_deproject():
    frame = picture([])
    flat = Frame("overview", frame.pixels, None, 0, 0, frame.intrinsics, ABOVE)
    with pytest.raises(SpecMismatch, match="no depth"):
        point(flat, 3, 3)


# --- outlines -------------------------------------------------------------------------------------


@given(
    st.floats(0.015, 0.05),
    st.floats(1.0, 3.0),
    st.floats(-np.pi, np.pi),
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
)
@settings(max_examples=100, deadline=None)
def test_the_outline_of_a_rectangle_of_points_is_that_rectangle(width, ratio, yaw, x, y):
    pitch, length = 0.0005, width * ratio
    a, b = np.meshgrid(
        np.arange(-length / 2 + pitch / 2, length / 2, pitch),
        np.arange(-width / 2 + pitch / 2, width / 2, pitch),
    )
    c, s = np.cos(yaw), np.sin(yaw)
    points = np.stack([x + c * a - s * b, y + s * a + c * b], axis=-1).reshape(-1, 2)
    seen = outline(points, pitch)
    assert (seen.x_m, seen.y_m) == pytest.approx((x, y), abs=5e-4)
    assert (seen.width_m, seen.length_m) == pytest.approx((width, length), abs=1.2e-3)
    assert seen.fill == pytest.approx(1.0, abs=0.08)
    if ratio > 1.1:
        assert np.degrees(turned(seen.yaw_rad, yaw + np.pi / 2, np.pi)) < 1.0


def test_the_sizes_that_are_told_apart_are_those_of_the_parts():
    widths = sorted({2 * outline_.half_m[1] for outline_ in FOOTPRINTS.values()})
    assert widths == pytest.approx([0.022, 0.025, 0.032, 0.040])
