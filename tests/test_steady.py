"""Perception under noise: how noisy depth is, where a camera really is, what parts are."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.cell.noise import NoisyCell, noise_level
from shopfloor.cell.noise.depth import stereo_sigma
from shopfloor.cell.sorting import SortingCell
from shopfloor.order.part import footprint
from shopfloor.perception import find_parts, grasp_at, outline, registered, surface
from shopfloor.perception.outline import is_round, lean, without_sides
from shopfloor.perception.relief import depth_noise, relief
from shopfloor.types import Frame, Intrinsics

LENS = Intrinsics(640, 480, 600.0, 600.0, 320.0, 240.0)
DOWN = np.diag([1.0, -1.0, -1.0, 1.0])
DOWN[2, 3] = 1.35


def picture(depth, pixels=None):
    """A frame that looks straight down from 1.35 m."""
    if pixels is None:
        pixels = np.full((480, 640, 3), 128, np.uint8)
    return Frame("overview", pixels, depth.astype(np.float32), 0, 0, LENS, DOWN)


def table(sigma, seed=0):
    rng = np.random.default_rng(seed)
    return 1.35 + sigma * rng.standard_normal((480, 640))


@pytest.fixture(scope="module")
def world(bench):
    cell = SortingCell(bench)
    yield cell
    cell.close()


@pytest.fixture(scope="module")
def lots(world):
    return list(world.orders(seed=21, count=3).lots())


@pytest.mark.parametrize("sigma", [0.002, 0.007, 0.03])
def test_noise_of_depth_is_found_and_no_edge_is_taken_for_it(sigma):
    depth = table(sigma)
    depth[100:200, 100:300] -= 0.2
    depth[300:320] = 0.0  # holes
    assert depth_noise(picture(depth)) == pytest.approx(sigma, rel=0.1)


def test_a_tilted_plane_without_noise_has_none():
    u, v = np.meshgrid(np.arange(640), np.arange(480))
    assert depth_noise(picture(1.2 + 0.0002 * u + 0.0004 * v)) == 0


def test_clean_depth_is_taken_as_it_is():
    depth = table(0.0)
    depth[200:240, 300:340] -= 0.03
    seen = relief(picture(depth), (290, 190, 350, 250))
    assert not seen.noisy
    assert seen.points[15, 15, 2] == pytest.approx(0.03, abs=1e-6)
    assert seen.points[2, 2, 2] == pytest.approx(0.0, abs=1e-6)


def test_noisy_depth_keeps_a_part_and_what_it_stands_on_apart():
    depth, pixels = table(0.012, seed=3), np.full((480, 640, 3), 128, np.uint8)
    depth[200:240, 300:340] -= 0.04
    pixels[200:240, 300:340] = (200, 20, 20)
    depth[np.random.default_rng(4).random(depth.shape) < 0.05] = 0.0
    seen = relief(picture(depth, pixels), (280, 180, 360, 260))
    z = seen.points[..., 2]
    assert np.median(z[24:56, 24:56]) == pytest.approx(0.04, abs=0.004)
    assert z[24:56, 24:56].std() < 0.006
    outside = np.ones_like(z, bool)
    outside[18:62, 18:62] = False
    assert abs(np.median(z[outside])) < 0.002
    assert np.quantile(np.abs(z[outside]), 0.95) < 0.008  # 12 mm and holes before


@given(
    st.floats(-0.18, 0.18), st.floats(-0.15, 0.15), st.floats(-1.5, 1.5),
    st.sampled_from([(0.025, 0.025, 0.025), (0.04, 0.04, 0.04), (0.07, 0.032, 0.032)]),
)  # fmt: skip
def test_sides_come_off_a_box_that_is_seen_from_above(x, y, yaw, size):
    # All eight corners through a pinhole, put on the plane of the top: what a silhouette is.
    length, width, height = size
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    flat = np.array([[a, b] for a in (-0.5, 0.5) for b in (-0.5, 0.5)]) * (length, width)
    corners = flat @ turn.T + (x, y)
    foot = corners * (1.35 - height) / 1.35  # the camera stands over the origin
    hull = cv2.convexHull(np.concatenate([corners, foot]).astype(np.float32))[:, 0]
    frame = picture(table(0.0))
    whole = outline(hull.astype(float), 0.0)
    whole = replace(whole, fill=float(cv2.contourArea(hull)) / (whole.width_m * whole.length_m))
    face = without_sides(whole, lean(frame, whole, height, 0.0))
    # A hexagon's smallest rectangle may lie along its slanted side: a few degrees, a millimetre.
    assert face.width_m == pytest.approx(width, abs=0.0025)
    assert face.length_m == pytest.approx(length, abs=0.0025)
    assert np.hypot(face.x_m - x, face.y_m - y) < 0.0015
    assert face.fill > 0.9


@given(st.floats(0.3, 3.0), st.floats(0, 3), st.floats(10, 40), st.integers(30, 60), st.booleans())
def test_a_disc_is_round_and_a_square_is_not_whatever_way_they_are_stretched(
    stretch, yaw, size, pixels, disc
):
    across = np.linspace(-1, 1, pixels)
    points = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    if disc:
        points = points[np.hypot(*points.T) <= 1]
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    assert is_round(size * points * (1, stretch) @ turn.T) == disc


def noisy(world, bench, lot, number):
    cell = NoisyCell(world, bench, noise_level(number))
    timestep = cell.reset(lot, seed=lot.seed)
    return cell, timestep


def off_mm(frame, true, tray):
    """How far the frame's pose puts what is at the tray's corners from where it is [mm]."""
    (cx, cy, cz), (sx, sy, _) = tray.center_m, tray.size_m
    corners = np.array(
        [[cx + a * sx / 2, cy + b * sy / 2, cz, 1] for a in (-1, 1) for b in (-1, 1)]
    )
    moved = corners @ (frame.camera_in_world @ np.linalg.inv(true)).T
    return 1000 * np.abs(moved - corners).max()


@pytest.mark.parametrize(("number", "before_mm"), [(2, 0.8), (3, 2.0), (4, 4.0)])
def test_a_camera_finds_its_place_by_the_tray(number, before_mm, world, bench, lots):
    true = world.spec.cameras["overview"].camera_in_world
    wrong, right = [], []
    for lot in lots:
        cell, timestep = noisy(world, bench, lot, number)
        stations, view = timestep.observation.stations, cell.view("overview")
        wrong.append(off_mm(view, true, stations["tray"]))
        right.append(off_mm(registered(view, stations), true, stations["tray"]))
    assert max(wrong) > before_mm
    assert max(right) < 3.0
    assert np.mean(right) < np.mean(wrong)


def test_a_camera_that_is_where_it_should_be_is_left_there(world, bench, lots):
    for lot in lots:
        timestep = world.reset(lot, seed=lot.seed)
        stations = timestep.observation.stations
        for frame in (world.view("overview"), timestep.observation.frames["overview"]):
            assert registered(frame, stations) is frame


def test_no_tray_in_sight_corrects_nothing():
    frame = picture(table(0.01))
    assert registered(frame, {}) is frame


def test_parts_are_told_and_can_be_grasped_in_a_decent_factory(world, bench, lots):
    told = parts = 0
    for lot in lots:
        cell, timestep = noisy(world, bench, lot, 3)
        stations = timestep.observation.stations
        view = registered(cell.view("overview"), stations)
        seen = find_parts(view, stations["tray"])
        assert len(seen) == len(lot.parts)
        for part in lot.parts:
            near = min(
                seen, key=lambda s: np.hypot(s.outline.x_m - part.x_m, s.outline.y_m - part.y_m)
            )
            parts += 1
            told += (near.colour, near.shape, near.size) == (part.colour, part.shape, part.size)
            grasp = grasp_at(view, near.u, near.v, 0.083)
            assert np.hypot(grasp.x_m - part.x_m, grasp.y_m - part.y_m) < 0.004
            top = 0.003 + footprint(part).height_m
            assert 0.003 < grasp.tip_m < top - 0.004  # neither into the tray nor over the part
    assert told >= 0.95 * parts


def test_an_empty_spot_stays_empty_in_noise(world, bench, lots):
    _, timestep = noisy(world, bench, lots[0], 3)
    frame = timestep.observation.frames["overview"]
    assert depth_noise(frame) == pytest.approx(float(stereo_sigma(1.35, 2.0)), rel=0.25)
    tote = timestep.observation.stations[lots[0].totes[0]]
    height = surface(frame, np.array([tote.center_m[:2]]), tote.center_m[2], 0.022)[0]
    assert abs(height - tote.center_m[2]) < 0.012
