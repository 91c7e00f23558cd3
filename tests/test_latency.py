"""What thinking costs on the virtual clock."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.errors import UsageError
from shopfloor.shift.latency import Latency

DT = 0.02


@pytest.mark.parametrize(
    ("text", "wall_s", "ticks"),
    [
        ("fixed:40", 9.0, 2),
        ("fixed:41", 0.0, 3),
        ("fixed:0", 9.0, 0),
        ("fixed:0.001", 9.0, 1),
        ("fixed:600000", 0.0, 30_000),
        ("none", 9.0, 0),
        ("measured", 0.0, 0),
        ("measured", 1e-6, 1),
        ("measured", 0.02, 1),
        ("measured", 0.0200001, 2),
        ("measured", 1.0, 50),
    ],
)
def test_thinking_is_charged_in_whole_ticks(text, wall_s, ticks):
    assert Latency.parse(text).ticks(wall_s, DT) == ticks


@given(st.integers(0, 600_000), st.sampled_from([1, 2, 4, 5, 10, 20, 50]))
def test_a_constant_is_rounded_up_exactly(ms, dt_ms):
    charged = Latency.parse(f"fixed:{ms}").ticks(0.0, dt_ms / 1000)
    assert charged == -(-ms // dt_ms)


@given(st.floats(0, 3600))
def test_what_is_measured_is_never_charged_short(wall_s):
    charged = Latency("measured").ticks(wall_s, DT)
    exact = Fraction(wall_s) / Fraction(2, 100)
    assert exact - Fraction(1, 10**6) <= charged < exact + 1


@given(st.floats(0, 600_000))
def test_a_latency_reads_back_as_it_is_written(ms):
    once = Latency.parse(str(Latency("fixed", ms)))
    assert once == Latency.parse(str(once))
    assert once.fixed_ms == pytest.approx(ms, rel=1e-5)


@pytest.mark.parametrize("text", ["measured", "none"])
def test_a_mode_reads_back_as_it_is_written(text):
    assert str(Latency.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "fixed", "fixed:", "fixed:-1", "fixed:nan", "fixed:inf", "fixed:600001", "fixed:4o",
     "quick", "none:1", "measured:2", "Fixed:40", "fixed:40:2"],
)  # fmt: skip
def test_what_is_no_latency_is_refused_with_what_is(text):
    with pytest.raises(UsageError, match=r"measured, none, or fixed:MS .* such as fixed:40"):
        Latency.parse(text)


def test_only_a_paused_world_must_be_owned_up_to():
    assert "paused" in Latency.parse("none").note
    assert Latency.parse("fixed:40").note is None
    assert Latency.parse("measured").note is None
