"""Generated lots: feasible, free of overlap, and the same everywhere."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations, islice
from math import hypot

import pytest

from shopfloor.errors import OrderError
from shopfloor.order import (
    GeneratedOrders,
    assign,
    follow,
    footprint,
    lot_seed,
    needed,
    rng,
    satisfied,
    validate,
)
from shopfloor.order.part import overlap
from shopfloor.order.placement import GAP_M, TRAY_HALF_M, inside, scatter
from shopfloor.types import COLOURS, SHAPES, SIZES, Lot, Part

LOTS = list(GeneratedOrders(20, 300).lots())


def test_lots_are_what_was_promised() -> None:
    for i, lot in enumerate(LOTS):
        assert lot.index == i
        assert 4 <= len(lot.parts) <= 10
        assert 2 <= len(lot.totes) <= 4
        assert sorted(lot.totes) == list("ABCD"[: len(lot.totes)])
        assert len({part.id for part in lot.parts}) == len(lot.parts)
        for part in lot.parts:
            assert part.colour in COLOURS
            assert part.shape in SHAPES
            assert part.size in SIZES
        (order,) = lot.orders
        assert order.id == f"sorting-20-{i:04d}"
        assert order.time_limit_s == 20 + 12 * needed(order.goal, lot.parts)
    assert any(lot.totes != tuple(sorted(lot.totes)) for lot in LOTS)


def test_every_goal_can_be_met() -> None:
    for lot in LOTS:
        goal = lot.orders[0].goal
        validate(goal, lot.parts, lot.totes)
        places = [tote or "tray" for tote in assign(goal, lot.parts).values()]
        assert satisfied(goal, lot.parts, places)
        assert not satisfied(goal, lot.parts, ["tray"] * len(lot.parts))
        for rule in goal.rules:
            assert any(rule.select.matches(part) for part in lot.parts)


def test_shifts_are_mostly_whole_trays() -> None:
    parts = sum(len(lot.parts) for lot in LOTS)
    named = sum(needed(lot.orders[0].goal, lot.parts) for lot in LOTS)
    assert 6.3 <= parts / len(LOTS) <= 7.7
    assert 0.85 <= named / parts < 1.0
    whole = sum(needed(lot.orders[0].goal, lot.parts) == len(lot.parts) for lot in LOTS)
    assert 0.6 < whole / len(LOTS) < 0.97
    rules = [rule for lot in LOTS for rule in lot.orders[0].goal.rules]
    assert any(rule.count is not None for rule in rules)
    assert any(rule.tote is None for rule in rules)
    languages = [lot.orders[0].language for lot in LOTS]
    assert 0.4 < languages.count("zh") / len(languages) < 0.6
    assert any(follow(lot.orders[0].goal, part) is None for lot in LOTS for part in lot.parts)


def check_placement(parts: tuple[Part, ...]) -> None:
    for part in parts:
        radius = footprint(part).radius_m
        assert abs(part.x_m) <= TRAY_HALF_M[0] - radius + 1e-12
        assert abs(part.y_m) <= TRAY_HALF_M[1] - radius + 1e-12
        assert inside(part)
    for a, b in combinations(parts, 2):
        gap = hypot(a.x_m - b.x_m, a.y_m - b.y_m) - footprint(a).radius_m - footprint(b).radius_m
        assert gap >= GAP_M - 1e-12
        assert not overlap(a, b)


def test_parts_lie_apart_on_the_tray() -> None:
    for lot in LOTS:
        check_placement(lot.parts)


def test_a_crowded_tray_is_not_endless() -> None:
    large = [Part(f"p{i}", "red", "bar", "large", 0, 0, 0) for i in range(40)]
    assert scatter(large, rng(1, 0, "parts")) is None
    placed = scatter(large[:6], rng(1, 0, "parts"))
    assert placed is not None
    check_placement(placed)


@pytest.mark.parametrize(
    ("shape", "size", "half", "radius", "height"),
    [
        ("cube", "small", (0.0125, 0.0125, 0.0125), 0.0125 * 2**0.5, 0.025),
        ("cube", "large", (0.02, 0.02, 0.02), 0.02 * 2**0.5, 0.04),
        ("cylinder", "small", (0.0125, 0.0125, 0.0125), 0.0125, 0.025),
        ("cylinder", "large", (0.02, 0.02, 0.02), 0.02, 0.04),
        ("bar", "small", (0.025, 0.011, 0.011), hypot(0.025, 0.011), 0.022),
        ("bar", "large", (0.035, 0.016, 0.016), hypot(0.035, 0.016), 0.032),
    ],
)
def test_footprints(shape: str, size: str, half: tuple, radius: float, height: float) -> None:
    found = footprint(Part("p", "red", shape, size, 0, 0, 0))
    assert found.half_m == pytest.approx(half)
    assert found.radius_m == pytest.approx(radius)
    assert found.height_m == pytest.approx(height)


def bar(x: float, y: float, yaw: float = 0.0) -> Part:
    return Part("b", "red", "bar", "small", x, y, yaw)


def disc(x: float, y: float) -> Part:
    return Part("d", "red", "cylinder", "small", x, y, 0.3)


def test_overlap_is_exact() -> None:
    quarter = 1.5707963267948966
    assert overlap(bar(0, 0), bar(0.049, 0))
    assert not overlap(bar(0, 0), bar(0.051, 0))
    assert not overlap(bar(0, 0), bar(0, 0.023))
    assert overlap(bar(0, 0), bar(0, 0.023, quarter))
    assert not overlap(bar(0, 0), bar(0.037, 0, quarter))
    assert overlap(disc(0, 0), disc(0.0249, 0))
    assert not overlap(disc(0, 0), disc(0.0251, 0))
    # A disc off the corner (0.025, 0.011), along the diagonal.
    reach = 0.0125 / 2**0.5
    assert overlap(bar(0, 0), disc(0.025 + reach - 1e-4, 0.011 + reach - 1e-4))
    assert not overlap(bar(0, 0), disc(0.025 + reach + 1e-4, 0.011 + reach + 1e-4))
    assert overlap(disc(0, 0), disc(0, 0))


def test_a_lot_depends_on_seed_and_index_alone() -> None:
    source = GeneratedOrders(20)
    assert [source.lot(i) for i in (5, 2, 299)] == [LOTS[i] for i in (5, 2, 299)]
    assert list(islice(source.lots(), 3)) == LOTS[:3]


def test_other_seeds_give_other_shifts() -> None:
    def content(lot: Lot) -> object:
        return lot.parts, lot.totes, lot.orders[0].goal

    other = list(GeneratedOrders(21, 30).lots())
    assert all(content(a) != content(b) for a, b in zip(LOTS, other, strict=False))
    assert len({lot.seed for lot in LOTS} | {lot.seed for lot in other}) == 330


def test_the_same_in_every_process() -> None:
    code = "from shopfloor.order import GeneratedOrders; print(repr(GeneratedOrders(20).lot(7)))"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONHASHSEED": "77", "PYTHONUTF8": "1"},
    ).stdout
    assert shown.strip() == repr(LOTS[7])


def test_purposes_do_not_share_a_stream() -> None:
    first = rng(1, 2, "parts").random(4).tolist()
    assert rng(1, 2, "parts").random(4).tolist() == first
    others = [rng(1, 2, "goal"), rng(2, 1, "parts"), rng(1, 3, "parts")]
    assert all(other.random(4).tolist() != first for other in others)
    assert 0 <= lot_seed(1, 2) < 2**53
    assert lot_seed(1, 2) != lot_seed(2, 1)


def test_sha256_names_version_and_seed() -> None:
    assert GeneratedOrders(1).sha256 == GeneratedOrders(1, 5).sha256
    assert GeneratedOrders(1).sha256 != GeneratedOrders(2).sha256
    assert len(GeneratedOrders(1).sha256) == 64


def test_what_cannot_be_generated_is_refused() -> None:
    with pytest.raises(OrderError, match="0 or greater"):
        GeneratedOrders(-1)
    with pytest.raises(OrderError, match="lots 0 to 4"):
        GeneratedOrders(1, 5).lot(5)
    with pytest.raises(OrderError, match="0 or greater"):
        rng(1, -1, "parts")
