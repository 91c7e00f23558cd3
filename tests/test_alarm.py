"""Standing still and going on: limbs keep to their way and to each other's time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.monitor.knock import Knocked
from shopfloor.shift.dispatch import Dispatcher
from shopfloor.testing import STAGE_LOT
from shopfloor.types import ActionChunk, Frame


def following(rows):
    """Return a dispatcher whose two limbs follow a straight way, one rad a row."""
    dispatcher = Dispatcher(("left", "right"), lambda _: None, lambda _: None, 0.02)
    way = np.arange(rows, dtype=float)[:, None]
    dispatcher.follow(ActionChunk({"left": way, "right": 2 * way}, {}, 0.02, 0), 0)
    return dispatcher


@given(shares=st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_a_slowed_limb_is_where_it_would_have_been_earlier_and_never_goes_back(shares):
    dispatcher, gone, last = following(200), 0.0, 0.0
    for tick, share in enumerate(shares):
        dispatcher.slow(share)
        gone += share
        left, right = (dispatcher.row(limb, tick)[0][0] for limb in ("left", "right"))
        assert left == pytest.approx(gone, abs=1e-9)
        assert right == pytest.approx(2 * left, abs=1e-9)
        assert left >= last - 1e-9
        last = left


def test_a_way_at_full_speed_is_followed_to_the_last_bit():
    dispatcher = following(5)
    assert [dispatcher.row("left", tick)[0][0] for tick in range(4)] == [1, 2, 3, 4]


def test_a_limb_that_stood_reaches_the_end_of_its_way():
    dispatcher = following(5)
    at = []
    for tick in range(12):
        dispatcher.slow(0.0 if 2 <= tick < 6 else 1.0)
        at.append(dispatcher.row("left", tick)[0][0])
    assert at == [1, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4]


def scene(spec, observation, *, shift_px=0.0, arm_px=None):
    """Draw the rims of all fixtures, shifted, and perhaps an arm across them."""
    camera = spec.cameras["overview"]
    pose, lens = np.linalg.inv(camera.camera_in_world), camera.stream
    picture = np.full((lens.height, lens.width, 3), 90, np.uint8)
    for station in observation.stations.values():
        (x, y, z), (w, d, h) = station.center_m, station.size_m
        corners = np.array(
            [
                [x + a * w / 2, y + b * d / 2, z + h, 1]
                for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ]
        )
        seen = (corners @ pose.T)[:, :3]
        uv = np.stack(
            [
                lens.fx * seen[:, 0] / seen[:, 2] + lens.cx + shift_px,
                lens.fy * seen[:, 1] / seen[:, 2] + lens.cy,
            ],
            axis=1,
        )
        cv2.fillPoly(picture, [np.rint(uv * 16).astype(np.int32)], (200, 200, 200), shift=4)
    if arm_px is not None:
        cv2.line(picture, (arm_px, 0), (lens.width - arm_px, 224), (240, 240, 240), 25)
    return picture


def knocked(dark_cell, pictures):
    """Return after which picture the detector spoke, or None."""
    observation = dark_cell.reset(STAGE_LOT, seed=1).observation
    spec = dark_cell.spec
    detector, camera = Knocked(spec.cameras["overview"]), spec.cameras["overview"]
    for i, drawn in enumerate(pictures):
        pixels = scene(spec, observation, **drawn)
        frame = Frame("overview", pixels, None, i, 5 * i, camera.stream, camera.camera_in_world)
        now = replace(observation, tick=5 * i, frames={"overview": frame})
        if detector.look(now, None):
            return i
    return None


def test_a_camera_that_stands_is_left_in_peace_whatever_an_arm_does(dark_cell):
    assert knocked(dark_cell, [{}] + [{"arm_px": 10 * i} for i in range(20)]) is None


@pytest.mark.parametrize("shift_px", [-4.0, 3.0, 6.0])
def test_a_camera_that_is_knocked_is_noticed_at_the_third_picture(dark_cell, shift_px):
    assert knocked(dark_cell, [{}, {}] + [{"shift_px": shift_px}] * 5) == 4


def test_less_than_a_pixel_is_no_knock(dark_cell):
    assert knocked(dark_cell, [{}] + [{"shift_px": 0.5}] * 10) is None
