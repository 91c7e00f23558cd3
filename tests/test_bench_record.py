"""The measurement of recording: every way ends in whole datasets of the same episodes."""

import sys
from pathlib import Path

import pytest

from shift_examples import make_plan
from shopfloor.body.bench import Bench
from shopfloor.cell.sorting import SortingCell
from shopfloor.cli.results import page
from shopfloor.errors import UsageError
from shopfloor.testing.recording import compare


@pytest.fixture(scope="module")
def spec():
    return SortingCell(Bench(), render=False).spec


def test_what_was_timed_is_all_there(spec, tmp_path):
    result = compare(
        make_plan(orders=1, seed=3, video=True), spec, beside=None, rounds=2, say=lambda _: None
    )
    assert result["pictures"] == 2 * result["rows"]
    assert result["ticks"] > 4 * result["rows"]
    assert set(result["ways"]) == {"shopfloor h264", "shopfloor av1"}
    for figures in result["ways"].values():
        assert len(figures["all_seconds"]) == 2
        parts = figures["parts"]
        assert figures["pictures_per_s"] == result["pictures"] / figures["seconds"]
        assert parts["record_s"] + parts["export_s"] == pytest.approx(figures["seconds"], rel=0.5)
        assert figures["psnr_db"] > 30
    assert (result["ratios"], result["lerobot_version"]) == (None, None)


def test_a_python_without_lerobot_is_said(spec):
    with pytest.raises(UsageError, match=r"cannot record with LeRobot: .*results-record"):
        compare(
            make_plan(orders=1, seed=3, video=True),
            spec,
            beside=Path(sys.executable),
            rounds=1,
            say=lambda _: None,
        )


def test_the_page_says_what_was_not_measured(tmp_path):
    assert "Not measured: the file is not there." in page(tmp_path)
