"""Rows at frames, words in two languages, statistics that add up: what the exports are made of."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from export_examples import make_run
from shopfloor.errors import RunCorrupt
from shopfloor.export import choose
from shopfloor.export.align import align, vectors
from shopfloor.export.lerobot.place import Place, Sizes
from shopfloor.export.lerobot.statistic import QUANTILES, Bins, Moments
from shopfloor.export.reading import Reading
from shopfloor.export.setup import Setup
from shopfloor.export.wording import both_languages, goal_of
from shopfloor.order import GeneratedOrders, parse
from shopfloor.types import Order


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("align") / "run", ticks=(20,), video=False)
    return Reading.of(choose([run])[0])


@pytest.fixture
def setup(reading):
    return Setup.of(reading.chosen, reading.begin)


def changed(reading, frames):
    return replace(reading, notes={**reading.notes, "frame": frames})


def test_a_row_is_the_tick_at_which_its_frame_was_taken(reading, setup):
    rows = align(reading, setup)
    assert list(rows.ticks) == list(range(0, 20, 2))
    assert np.array_equal(rows.state[3, :6], reading.ticks["left.q"][6].astype(np.float32))
    assert rows.action[3, 13] == np.float32(reading.ticks["right.applied_jaw_m"][6])
    for what, names in vectors(setup).items():
        assert getattr(rows, what).shape == (10, len(names))
        assert getattr(rows, what).dtype == np.float32


def test_frames_that_came_late_keep_the_tick_they_were_taken_at(reading, setup):
    late = [{**note, "tick": note["tick"] + 1} for note in reading.notes["frame"]]
    assert np.array_equal(align(changed(reading, late), setup).state, align(reading, setup).state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda notes: notes[:-1], "10 and 9 frames at other ticks"),
        (lambda notes: notes[2:], "after frame -1 of camera 'front' comes 1"),
        (lambda notes: notes[:-2], "has 9 frames of camera 'front', its entry says 10"),
        (
            lambda notes: [
                {**note, "captured_tick": 5 if note["seq"] == 2 else note["captured_tick"]}
                for note in notes
            ],
            "frames 1 and 2 were captured at ticks 2 and 5; one is due every 2",
        ),
        (
            lambda notes: [{**note, "captured_tick": note["captured_tick"] + 4} for note in notes],
            "no row of tick 20",
        ),
    ],
)
def test_what_cannot_be_is_named(reading, setup, change, message):
    with pytest.raises(RunCorrupt, match=message):
        align(changed(reading, change(list(reading.notes["frame"]))), setup)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.integers(1, 9).flatmap(
                lambda n: arrays(
                    np.float64, (n, width), elements=st.floats(-1e3, 1e3, allow_subnormal=False)
                )
            ),
            min_size=1,
            max_size=5,
        )
    )
)
def test_statistics_of_parts_add_up_to_those_of_the_whole(parts):
    whole = np.concatenate(parts)
    moments = Moments.of(parts[0])
    for part in parts[1:]:
        moments += Moments.of(part)
    bins = Bins(moments)
    for part in parts:
        bins.add(part)
    found = bins.statistics()
    assert found["count"] == [len(whole)]
    assert np.array_equal(found["min"], whole.min(0))
    assert np.array_equal(found["max"], whole.max(0))
    assert np.allclose(found["mean"], whole.mean(0), atol=1e-9)
    assert np.allclose(found["std"], whole.std(0), atol=1e-6)
    width = np.ptp(whole, axis=0) / 4095
    for name, share in QUANTILES.items():
        assert (np.abs(found[name] - np.quantile(whole, share, axis=0)) <= width + 1e-9).all()


def test_places_follow_each_other():
    sizes = Sizes(chunks_size=3)
    place, seen = Place(), []
    for _ in range(7):
        seen.append((place.chunk, place.file))
        place = place.after(sizes)
    assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]


def test_orders_are_said_in_both_languages_with_one_meaning():
    lots = GeneratedOrders(seed=5, count=60).lots()
    said = 0
    for lot in lots:
        order = lot.orders[0]
        words = both_languages(asdict(order), lot.index)
        assert words[order.language] == order.instruction
        other = "zh" if order.language == "en" else "en"
        assert goal_of(asdict(order)) == order.goal
        if words[other] is not None:
            said += 1
            assert parse(words[other], other) == order.goal
            assert any("\u4e00" <= letter <= "\u9fff" for letter in words[other]) == (other == "zh")
    assert said == 60


def test_what_the_house_has_no_words_for_stays_in_one_language():
    order = Order("x", "Do as you like.", "en", goal_of({"goal": {"rules": []}}), 60.0)
    assert both_languages(asdict(order), 0) == {"en": "Do as you like.", "zh": None}
