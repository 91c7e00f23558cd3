"""The drill's grid: counts, bounds, what is red, and that the page in docs is the measured one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shopfloor.cell.fault import parse
from shopfloor.drill import ROUTINES, grid, routine, write_grid
from shopfloor.drill.markdown import BEGIN, END, fill, table
from shopfloor.drill.page import result
from shopfloor.drill.score import Trial
from shopfloor.errors import UnknownName, UsageError

GOOD = Trial(
    seed=0,
    lot=0,
    took=50,
    detected=8,
    stood=18,
    in_time=True,
    safe=True,
    recovered=True,
    intact=True,
    good=True,
    code=None,
)
DOCS = Path(__file__).parents[1] / "docs"


def said_of(*rows):
    """Return what a drill of rows says."""
    return result(rows, n=3, seed=0, noise=0, control_dt=0.02)


def test_what_held_is_green_with_the_least_rate_that_it_supports():
    row = grid(ROUTINES["camera.freeze"], [GOOD] * 299)
    assert row.green
    # 299 of 299 supports 1 - 0.05 ** (1 / 299), which is 0.99003.
    assert row.safe.at_least == pytest.approx(0.05 ** (1 / 299), abs=1e-6)
    assert (row.detect_ticks.p50, row.detect_ticks.most, row.failing) == (8, 8, ())


@pytest.mark.parametrize("letter", ["in_time", "safe", "recovered", "intact"])
def test_one_miss_makes_a_row_red_and_is_named(letter):
    missed = replace(GOOD, lot=7, **{letter: False})
    row = grid(ROUTINES["camera.freeze"], [GOOD, missed])
    assert not row.green
    assert row.failing == ((0, 7),)
    assert row.unsafe == (letter == "safe")


def test_what_took_no_effect_counts_for_nothing():
    idle = replace(GOOD, took=None, safe=False)
    row = grid(ROUTINES["camera.freeze"], [GOOD, idle])
    assert (row.n, row.idle, row.unsafe, row.green) == (1, 1, 0, True)
    nothing = grid(ROUTINES["camera.freeze"], [idle])
    assert (nothing.n, nothing.green, nothing.safe) == (0, False, None)


def test_what_is_not_owed_is_a_dash():
    row = grid(ROUTINES["camera.drop"], [replace(GOOD, in_time=None)])
    assert row.detected is None
    assert row.green
    assert "| – | 1/1" in table(json.loads(json.dumps(said_of(row))))


def test_the_page_shows_red_cells_and_how_to_see_them_again(tmp_path):
    row = grid(ROUTINES["camera.freeze"], [GOOD, replace(GOOD, lot=7, safe=False)])
    page = write_grid(tmp_path, [row], said_of(row)).read_text(encoding="utf-8")
    assert '<td class="c missed">1/2' in page
    assert "shopfloor drill --only camera.freeze --n 3 --seed 0" in page
    assert "not built" in page
    assert json.loads((tmp_path / "drill.json").read_text())["rows"][0]["unsafe"] == 1


def test_the_grid_goes_between_its_marks_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    row = grid(ROUTINES["camera.freeze"], [GOOD])
    fill(page, json.loads(json.dumps(said_of(row))))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "`camera.freeze`" in text


def test_a_page_without_marks_is_refused_and_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(UsageError, match="no place for the grid"):
        fill(page, {})
    assert page.read_text() == "nothing\n"


def test_the_grid_in_docs_is_the_one_that_was_measured():
    said = json.loads((DOCS / "results" / "drill.json").read_text(encoding="utf-8"))
    text = (DOCS / "robustness.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table(said).strip()


def test_every_routine_is_a_fault_that_can_be_put_in():
    for one in ROUTINES.values():
        assert parse(one.written).kind is one.kind
    with pytest.raises(UnknownName, match=r"camera\.freeze"):
        routine("camera.freez")
