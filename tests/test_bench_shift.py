"""The measurement of a whole shift: run and page are both timed, and both are there."""

import json

import pytest
from click.testing import CliRunner

from shopfloor.cli.benches import command
from shopfloor.cli.results import page
from shopfloor.record import RunFolder


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shift")
    result = CliRunner().invoke(
        command,
        ["shift", "--hours", "0.005", "--workers", "1", "--run", str(folder / "run"),
         "--out", str(folder / "shift.json")],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0
    return folder, json.loads((folder / "shift.json").read_text())


def test_the_time_is_that_of_the_shift_and_of_its_page(measured):
    folder, result = measured
    with RunFolder.open(folder / "run") as run:
        walls = sum(session.wall_s for session in run.sessions())
        frames = sum(sum(entry.frames.values()) for entry in run.entries())
    assert result["minutes"] * 60 == pytest.approx(walls + result["report_s"])
    assert 0 < result["report_s"] < result["minutes"] * 60
    assert result["frames"] == frames > 0
    assert (folder / "run" / "report.html").stat().st_size == result["report_bytes"]
    assert result["shift"]["sim_s"] >= 0.005 * 3600


def test_the_page_shows_it(measured):
    folder, result = measured
    text = page(folder)
    assert f"**{result['minutes']:.1f} min**" in text
    assert "wall time of 0.005 h with two cameras at 10 Hz on 1 worker" in text
