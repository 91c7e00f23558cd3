"""Charts show the numbers they are given; what is drawn is read back from the SVG."""

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_examples import manifest, shift
from shopfloor.report import chart
from shopfloor.report.timeline import timeline
from shopfloor.report.trend import success_trend


def area(path):
    """Add up the rectangles of a path ``M x y h w v t h -w z`` as width times height."""
    pattern = r"M[\d.]+ [\d.]+h([\d.]+)v(-?[\d.]+)h-[\d.]+z"
    return sum(float(w) * abs(float(t)) for w, t in re.findall(pattern, path))


@pytest.mark.parametrize("lots", [3, 300])
def test_the_strip_gives_each_state_its_share_of_the_area(lots):
    entries = shift(lots, failing=0.3)
    spans = timeline(manifest(), entries)
    total = sum(span.ticks for span in spans)
    assert (chart.column_s(spans, 0.02) is None) == (lots == 3)
    svg = ET.fromstring(chart.state_strip(spans, total, 0.02, [total // 2, total]))
    paths = {
        p.get("class")[2:]: area(p.get("d")) for p in svg.iter("path") if "s-" in p.get("class")
    }
    whole = sum(paths.values())
    for state, drawn in paths.items():
        share = sum(span.ticks for span in spans if span.state == state) / total
        assert drawn / whole == pytest.approx(share, abs=0.003), state
    marks = next(p for p in svg.iter("path") if p.get("class") == "mark")
    assert marks.get("d").count("M") == 2


def test_the_strip_of_a_month_stays_small():
    spans = timeline(manifest(), shift(3000))
    total = sum(span.ticks for span in spans)
    assert len(chart.state_strip(spans, total, 0.02, [])) < 40_000


@given(st.lists(st.floats(0, 500), min_size=1, max_size=200))
def test_the_tallest_bar_fills_the_histogram(values):
    svg = ET.fromstring(chart.histogram(values, [("p50", values[0])], unit="s"))
    tall = [float(r.get("height")) for r in svg.iter("rect")]
    assert max(tall) == 150
    assert all(0 < t <= 150 for t in tall)


@given(st.floats(1e-6, 1e6), st.integers(2, 8))
def test_axis_values_are_round_and_reach_the_top(top, count):
    ticks = chart.nice_ticks(top, count)
    assert ticks[0] == 0
    assert ticks[-1] >= top * (1 - 1e-9)
    assert len(ticks) <= count + 2
    lead = ticks[1] / 10 ** math.floor(math.log10(ticks[1]) + 1e-9)
    assert min(abs(lead - nice) for nice in (1, 2, 2.5, 5, 10)) < 1e-6


def test_an_axis_without_data_is_still_an_axis():
    assert chart.nice_ticks(0) == (0.0, 1.0)


def test_a_stack_is_as_wide_as_its_counts():
    svg = ET.fromstring(chart.stack([("u-good", 3), ("u-scrap", 0), ("u-wip", 1)]))
    assert [(r.get("class"), r.get("width")) for r in svg.iter("rect")] == [
        ("u-good", "75.000%"),
        ("u-wip", "25.000%"),
    ]


def test_a_whisker_spans_its_interval():
    svg = ET.fromstring(chart.whisker(0.5, 0.25, 0.75))
    rect = next(svg.iter("rect"))
    assert (rect.get("x"), rect.get("width")) == ("25.00%", "50.00%")
    assert "50.0 percent" in svg.get("aria-label")
    assert not list(ET.fromstring(chart.whisker(None, None, None)).iter("circle"))


def test_a_range_is_drawn_to_its_upper_end():
    first, second = ET.fromstring(chart.bar(0.3, "r-human", until=0.45)).iter("rect")
    assert (first.get("width"), second.get("width")) == ("45.00%", "30.00%")
    assert len(list(ET.fromstring(chart.bar(0.3)).iter("rect"))) == 1


def test_a_course_ends_at_its_last_value():
    run, entries = manifest(), shift(50, failing=0.2)
    data = success_trend(run, entries)
    svg = ET.fromstring(chart.trend(data, data.time_s[-1], percent=True, label="a < b"))
    assert svg.get("aria-label") == "a < b"
    line = next(p for p in svg.iter("path") if p.get("class") == "line")
    x, y = map(float, line.get("d").rsplit("L", 1)[1].split())
    assert x == 10000
    assert y == pytest.approx(150 * (1 - data.whole[-1]), abs=0.01)
