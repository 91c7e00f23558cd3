"""What may follow --workers, and what a plan makes of it."""

import copy
import os
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record_examples import manifest
from shift_examples import call, make_plan
from shopfloor.errors import UnknownName, UsageError
from shopfloor.record import Manifest
from shopfloor.shift import Latency
from shopfloor.shift.likeness import refuse_other_house, refuse_unlike
from shopfloor.shift.workforce import Cluster, workforce
from shopfloor.types import NOT_CHECKED


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1", 1),
        ("256", 256),
        ("ray", Cluster()),
        ("ray*8", Cluster(None, 8)),
        ("ray:auto", Cluster("auto")),
        ("ray:auto*3", Cluster("auto", 3)),
        ("ray:node-1.lan:6379", Cluster("node-1.lan:6379")),
        ("ray:10.0.0.7:6379*256", Cluster("10.0.0.7:6379", 256)),
        ("ray:[fe80::1]:6379", Cluster("[fe80::1]:6379")),
    ],
)
def test_a_workforce_is_read_and_written(text, meant):
    assert workforce(text) == meant
    assert workforce(str(meant)) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "--workers is ''; give a number from 1 to 256, or ray"),
        ("two", "'two'; give a number"),
        ("2.0", "'2.0'; give a number"),
        ("Ray", "'Ray'; give a number"),
        ("rays", "'rays'; give a number"),
        ("ray*", "'ray*'; give a number"),
        ("ray*two", "such as ray*8"),
        ("ray*-1", "such as ray*8"),
        ("ray*2*2", "such as ray*8"),
        ("ray:", "'' no HOST:PORT"),
        ("ray:head", "'head' no HOST:PORT"),
        ("ray:head:0", "'head:0' no HOST:PORT"),
        ("ray:head:65536", "no HOST:PORT"),
        ("ray:head:6379:1", "no HOST:PORT"),
        ("ray:http://head:6379", "no HOST:PORT"),
        ("ray://head:10001", "an address of Ray's client; start shopfloor on a machine"),
        ("0", "--workers is 0; it must be from 1 to 256"),
        ("-1", "--workers is -1; it must"),
        ("257", "--workers is 257; it must"),
        ("ray*0", "--workers is ray*0; it must be from 1 to 256"),
        ("ray:auto*257", "--workers is ray:auto*257; it must"),
    ],
)
def test_what_is_no_workforce_is_said(text, said):
    with pytest.raises(UsageError) as error:
        workforce(text)
    assert said in str(error.value)


@settings(deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"ray[:*]?.{0,12}", fullmatch=True))
def test_any_text_is_a_workforce_or_refused(text):
    try:
        found = workforce(text)
    except UsageError:
        return
    assert workforce(str(found)) == found


def test_thinking_is_not_measured_where_others_load_the_machine():
    for workers in (2, Cluster(), Cluster(None, 1)):
        with pytest.raises(UsageError, match="take --workers 1, or --latency fixed:MS"):
            make_plan(latency=Latency("measured"), workers=workers)


def test_recorded_answers_are_not_asked_for_on_a_cluster():
    with pytest.raises(UsageError, match="read on this machine only; give a number"):
        make_plan(workers=Cluster(), replay=lambda _: None)


def test_a_plan_refuses_workers_that_cannot_be():
    for workers in (0, 257, Cluster(None, 0)):
        with pytest.raises(UsageError, match="it must be from 1 to 256"):
            make_plan(workers=workers)


def test_without_ray_it_is_said_what_to_install(tmp_path):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("raise ImportError('not here')")
    code, out, err = call(
        "run", "--orders", 1, "--workers", "ray", cwd=tmp_path, env=_path(tmp_path)
    )
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("shopfloor: --workers ray needs Ray (not here); pip install")
    assert not (tmp_path / "runs").exists()


def _path(folder):
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}


HOUSE = {
    "versions": {"shopfloor": "0.2.0"},
    "git_commit": "abc",
    "sha256": {"cell": "x"},
    "brain_identity": {"id": "another"},
}


@pytest.mark.parametrize("name", HOUSE)
def test_a_machine_with_another_house_is_refused_by_name(name):
    with pytest.raises(UsageError, match=rf"begun with {name} .* on node-7 it is .* install"):
        refuse_other_house(manifest(), replace(manifest(), **{name: HOUSE[name]}), "node-7")
    with pytest.raises(UsageError, match=rf"begun with {name} .* must be the same"):
        refuse_unlike(manifest(), replace(manifest(), **{name: HOUSE[name]}))


@pytest.mark.parametrize(
    "name", sorted({each.name for each in fields(Manifest)} - {"created", "cpu", "notes", "papers"})
)
def test_every_field_of_the_manifest_but_a_named_few_must_be_the_same_to_go_on(name):
    with pytest.raises(UsageError, match=f"begun with {name} .* must be the same"):
        refuse_unlike(manifest(), replace(manifest(), **{name: "another"}))


def test_what_the_rules_say_today_does_not_keep_a_run_from_going_on():
    failed = replace(NOT_CHECKED, verdict="fail")
    refuse_unlike(manifest(), replace(manifest(), papers=failed, created="later", cpu="another"))


def test_a_machine_with_another_processor_or_renderer_is_let_in_but_does_not_resume():
    other = replace(manifest(), cpu="another", renderer="another", created="later")
    refuse_other_house(manifest(), other, "node-7")
    with pytest.raises(UsageError, match="begun with renderer"):
        refuse_unlike(manifest(), other)


def test_an_unknown_name_comes_whole_from_another_process():
    error = UnknownName("brain", "clasical", ["classical"])
    again = copy.copy(error)  # by the same road as between processes
    assert (type(again), str(again)) == (UnknownName, str(error))
