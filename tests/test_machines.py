"""A run whose lots were worked on several kinds of machine says so wherever it is read."""

import pytest

from record_examples import cell_spec, make_lot, manifest, work
from shopfloor.errors import RunCorrupt
from shopfloor.evidence.repetition import _machines
from shopfloor.record import LogRecorder, RunFolder, Session
from shopfloor.record.lines import append_line
from shopfloor.report import run_summary

ONE = Session("2026-11-25T08:00:00Z", 1.5, 1, 1, "interrupted")
MIXED = Session("2026-11-25T09:00:00Z", 1.5, 8, 0, "complete", ("Xeon, llvmpipe", "EPYC, A100"))


@pytest.fixture
def run(tmp_path):
    with RunFolder.create(tmp_path / "run", manifest(orders=1, notes=("first",))) as folder:
        folder.index(work(folder, LogRecorder(folder, cell_spec()), make_lot(), ticks=3))
        folder.add_session(ONE)
    return tmp_path / "run"


def test_a_run_on_one_machine_has_nothing_to_say_of_others(run):
    assert run_summary(run).notes == ("first",)


def test_other_machines_stand_in_the_reports_first_lines(run):
    with RunFolder.open_for_resume(run) as folder:
        folder.add_session(MIXED)
        folder.add_session(MIXED)  # said once
        assert folder.sessions() == (ONE, MIXED, MIXED)
    first, said = run_summary(run).notes
    assert first == "first"
    assert "on other machines than the one that the manifest names" in said
    assert "(Xeon, llvmpipe; EPYC, A100)" in said


def test_other_machines_explain_another_log():
    assert list(_machines([ONE], [ONE])) == []
    (found,) = _machines([ONE], [MIXED])
    assert (found.kind, str(found)) == (
        "environment",
        "other machines: none → EPYC, A100; Xeon, llvmpipe",
    )


def test_sessions_of_before_are_read_and_damaged_ones_are_named(run):
    line = {"started": "x", "wall_s": 1.0, "workers": 2, "lots": 3, "ended": "complete"}
    append_line(run / "sessions.jsonl", line)
    assert RunFolder.open(run).sessions()[-1] == Session("x", 1.0, 2, 3, "complete", ())
    append_line(run / "sessions.jsonl", {**line, "others": 3})
    with pytest.raises(RunCorrupt, match=r"sessions\.jsonl is not what was written"):
        RunFolder.open(run).sessions()
