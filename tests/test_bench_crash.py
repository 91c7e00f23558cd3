"""The measurement of kills must itself be able to fail: each kind of damage is found and named."""

import json
from dataclasses import replace

import pytest

from shift_examples import make_plan, order_file, silent
from shopfloor.record import RunFolder
from shopfloor.record.place import INDEX
from shopfloor.shift import crash as crash_module
from shopfloor.shift import run_shift
from shopfloor.shift.crash import Crashes, crash


def test_a_shift_that_is_killed_again_and_again_loses_nothing():
    found = crash(make_plan(orders=3, video=True), kills=3, seed=2, say=silent)
    assert found.clean
    assert (found.kills, found.committed) == (3, 3 * found.runs)
    assert found.to_json()["clean"] is True


@pytest.fixture
def watched(tmp_path):
    """A run of two lots that was looked at once, and the run without a kill."""
    plan = make_plan(order_file=order_file(tmp_path), orders=2)
    for name in ("whole", "killed"):
        run_shift(plan, tmp_path / name, resume=False, progress=silent)
    found = Crashes()
    run = crash_module._Run(
        tmp_path / "killed", plan, crash_module._Truth(tmp_path / "whole"), found
    )
    run.look()
    assert found.clean
    assert len(run.known) == 2
    return run, found


def _lines(run):
    return (run.path / INDEX).read_text(encoding="utf-8").splitlines()


def test_a_lot_that_is_listed_twice_is_found(watched):
    run, found = watched
    (run.path / INDEX).write_text("\n".join([*_lines(run), _lines(run)[0]]) + "\n")
    run.look()
    assert len(found.twice) == 1
    assert not found.clean


def test_a_committed_lot_that_is_gone_is_found(watched):
    run, found = watched
    folder = next((run.path / "episodes").iterdir())
    folder.rename(run.path / "elsewhere")
    (run.path / INDEX).write_text(
        "".join(f"{line}\n" for line in _lines(run) if json.loads(line)["lot"] != 0)
        if folder.name == "000000"
        else "".join(f"{line}\n" for line in _lines(run) if json.loads(line)["lot"] != 1)
    )
    run.look()
    assert found.lost


def test_another_log_and_another_ledger_are_found(watched):
    run, found = watched
    truth = run.truth.entries[0]
    run.truth.entries[0] = replace(truth, log_sha256="0" * 64, units=truth.units[1:])
    run.look()
    assert found.wrong
    assert found.unbalanced


def test_a_run_that_ends_short_is_found(watched):
    run, found = watched
    with RunFolder.open(run.path) as folder:
        run.known = {0: folder.entries()[0]}
    run.close()
    assert found.lost == ["killed ended with 1 lots"]
