"""Figures as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_examples import entry, manifest
from shopfloor.report.measure import MeanTime
from shopfloor.report.summary import summarise
from shopfloor.report.wording import NONE, between, clock, number, opening, percent, speed_up


def plain(text):
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(0, 3))
def test_a_percentage_never_rounds_to_certainty(share, digits):
    assert float(plain(percent(share, digits)).split()[0]) not in (0, 100)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.9999, "99.9 %"),
        (1e-6, "0.1 %"),
        (0.123, "12.3 %"),
        (1.5, "150 %"),
    ],
)
def test_percentages(share, words):
    assert plain(percent(share)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (4.24, "4.2 s"), (59.9, "59.9 s"), (59.97, "1:00 min"), (187, "3:07 min"),
        (3599.7, "1:00 h"), (7500, "2:05 h"), (90000, "25:00 h"),
    ],
)  # fmt: skip
def test_durations(seconds, words):
    assert plain(clock(seconds)) == words


def test_unmeasured_says_so():
    assert {percent(None), number(None), clock(None), between(MeanTime.of(0, 0))} == {NONE}
    nothing = summarise(manifest(), (), wall_s=None, ended=None)
    assert speed_up(nothing) == NONE


def test_without_an_event_only_the_bound_is_claimed():
    assert plain(between(MeanTime.of(24.0, 0))) == "at least 8:01 h"
    assert plain(between(MeanTime.of(24.0, 2))) == "12:00 h"


def test_both_speeds_are_said():
    s = summarise(manifest(orders=1), [entry(0)], wall_s=10.0, ended="complete")
    assert "3.0 × real time, 2.0 × without changeovers" in plain(speed_up(s))


@pytest.mark.parametrize(
    ("ended", "orders", "lots", "says"),
    [
        ("complete", 2, (0, 1), ""),
        ("interrupted", 9, (0, 1), "interrupted: 2 of 9 orders"),
        (None, 9, (0,), "cut off, or still goes on: 1 of 9"),
        ("complete", 9, (0,), "not whole: 1 of 9"),
        ("complete", None, (0, 2), "Lots without a record: 1"),
    ],
)
def test_what_must_be_known_first(ended, orders, lots, says):
    run = manifest(orders=orders, notes=("The world was paused",))
    s = summarise(run, [entry(lot) for lot in lots], wall_s=1, ended=ended)
    first, *more = opening(s)
    assert first == "The world was paused"
    assert says in "; ".join(more)
    assert bool(more) == bool(says)
