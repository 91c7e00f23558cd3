"""In which station a part is: in a tote, on its rim, beside it, under it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from shopfloor.errors import SpecMismatch
from shopfloor.order.layout import Layout
from shopfloor.order.part import footprint
from shopfloor.order.reach import reach
from shopfloor.types import SHAPES, SIZES, Part, Station

STATIONS = {
    "A": Station("A", (0.0, 0.295, 0.003), (0.20, 0.22, 0.07)),
    "tray": Station("tray", (0.0, 0.0, 0.003), (0.38, 0.32, 0.006)),
}
HALF = np.array([0.035, 0.016, 0.016])
"""Half sizes of a large bar along the world's axes [m]."""
RIM_Z = 0.003 + 0.07


def where(*at: float, half: np.ndarray = HALF) -> str | None:
    return Layout(STATIONS).locate(np.array([at]), half[None])[0]


@pytest.mark.parametrize(
    ("at", "station"),
    [
        ((0.0, 0.295, 0.019), "A"),
        ((0.0999, 0.295, 0.019), "A"),
        ((0.1001, 0.295, 0.019), None),  # beside it, leaning on the wall
        ((-0.1001, 0.295, 0.019), None),
        ((0.0, 0.4049, 0.019), "A"),
        ((0.0, 0.4051, 0.019), None),
        ((0.0, 0.295, -0.0069), "A"),
        ((0.0, 0.295, -0.0071), None),  # under it
        ((0.0, 0.295, 0.1029), "A"),  # on top of a heap
        ((0.0, 0.295, 0.1031), None),
        ((0.0, 0.0, 0.1029), "tray"),
        ((0.0, 0.0, 0.1031), None),
        ((0.189, 0.0, 0.019), "tray"),
        ((0.189, 0.0, 0.09), "tray"),  # on another part at the edge
        ((0.3, 0.3, 0.01), None),
    ],
)
def test_a_part_is_where_its_centre_is(at: tuple[float, ...], station: str | None) -> None:
    assert where(*at) == station


@pytest.mark.parametrize(
    ("x", "y", "sunk", "station"),
    [
        (-0.080, 0.20, 0.000, None),  # across a wall
        (+0.080, 0.20, 0.000, None),
        (0.0, 0.20, 0.000, None),
        (0.0, 0.39, 0.000, None),
        (-0.080, 0.20, 0.0029, None),
        (-0.080, 0.20, 0.0031, "A"),  # one end has sunk in
        (-0.0649, 0.295, 0.000, "A"),  # on a heap, over no wall
        (+0.0649, 0.295, 0.000, "A"),
        (-0.0651, 0.295, 0.000, None),
        (+0.0651, 0.295, 0.000, None),
        (0.0, 0.185 + 0.0161, 0.0, "A"),
        (0.0, 0.185 + 0.0159, 0.0, None),
        (0.0, 0.405 - 0.0161, 0.0, "A"),
        (0.0, 0.405 - 0.0159, 0.0, None),
    ],
)
def test_on_the_rim_is_not_in_the_tote(
    x: float, y: float, sunk: float, station: str | None
) -> None:
    assert where(x, y, RIM_Z + HALF[2] - sunk) == station


@pytest.mark.parametrize(("over_m", "station"), [(0.0299, "tall"), (0.0301, None)])
def test_a_heap_in_a_tall_tote_may_be_three_centimetres_over_its_wall(
    over_m: float, station: str | None
) -> None:
    tall = Station("tall", (0.0, 0.295, 0.003), (0.20, 0.22, 0.12))
    layout = Layout({"tall": tall, "tray": STATIONS["tray"]})
    at = np.array([[0.0, 0.295, 0.003 + 0.12 + over_m]])
    assert layout.locate(at, HALF[None]) == [station]


def test_edges_belong_to_the_station() -> None:
    """In halves and quarters of a metre, which floats hold exactly."""
    tote = Station("A", (0.0, 0.0, 0.0), (0.5, 0.5, 0.25))
    layout = Layout({"A": tote, "tray": Station("tray", (4.0, 0.0, 0.0), (0.5, 0.5, 0.25))})
    half = np.array([[0.125, 0.125, 0.03125]])

    def at(x: float, y: float, z: float) -> str | None:
        return layout.locate(np.array([[x, y, z]]), half)[0]

    assert at(0.25, -0.25, 0.0) == at(-0.25, 0.25, 0.0) == "A"
    assert at(0.0, 0.0, -0.01) == "A"
    lying = 0.25 - 0.003 + 0.03125  # as deep as what lies on the rim may be
    assert at(-0.125, -0.125, lying) == at(0.125, 0.125, lying) == "A"  # it reaches to the walls
    for x, y in ((-0.126, 0.0), (0.126, 0.0), (0.0, -0.126), (0.0, 0.126)):
        assert at(x, y, lying) is None  # and over one
        assert at(x, y, lying - 1e-6) == "A"
    corners = [np.array([x, y, 9.0]) for x in (-0.25, 0.25) for y in (-0.25, 0.25)]
    assert all(layout.over(corner, "A") for corner in corners)


def test_what_is_over_a_station() -> None:
    layout = Layout(STATIONS)
    assert layout.totes == ("A",)
    assert layout.over(np.array([0.09, 0.3, 5.0]), "A")
    assert not layout.over(np.array([0.11, 0.3, 0.01]), "A")
    assert not layout.over(np.array([0.0, 0.3, 0.01]), "B")
    assert not layout.over(np.array([0.0, 0.3, 0.01]), None)
    assert not layout.outside(np.array([0.0, 0.3, -9.0]))
    assert not layout.outside(np.array([0.0, 0.0, 0.5]))
    assert layout.outside(np.array([0.3, 0.3, 0.01]))


def test_no_tray_is_refused() -> None:
    with pytest.raises(SpecMismatch, match="stations A; judging"):
        Layout({"A": STATIONS["A"]})
    with pytest.raises(SpecMismatch, match="stations none; judging"):
        Layout({})


@given(
    st.sampled_from(SHAPES),
    st.sampled_from(SIZES),
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1),
)
def test_reach_is_that_of_the_surface(shape: str, size: str, quat: list[float]) -> None:
    """Against points on the part's surface, turned by SciPy."""
    part = Part("p0", "red", shape, size, 0.0, 0.0, 0.0)
    unit = np.array(quat) / np.linalg.norm(quat)
    hx, hy, hz = footprint(part).half_m
    if shape == "cylinder":
        turn = np.linspace(0, 2 * np.pi, 3601)
        ring = np.stack([hx * np.cos(turn), hx * np.sin(turn), np.full_like(turn, hz)], axis=1)
        points = np.concatenate([ring, ring * (1, 1, -1)])
    else:
        points = np.array(np.meshgrid((-hx, hx), (-hy, hy), (-hz, hz))).reshape(3, -1).T
    turned = Rotation.from_quat(unit, scalar_first=True).apply(points)
    assert reach((part,), unit[None])[0] == pytest.approx(turned.max(axis=0), abs=1e-7)
