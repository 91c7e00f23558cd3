"""Lots spread over a real Ray cluster of several nodes, of which some are killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib import resources

import pytest

from shift_examples import (
    call,
    entries,
    finish,
    install,
    make_plan,
    silent,
    start,
    story,
    wait_for_lots,
    wait_until_gone,
    work,
)
from shopfloor.errors import RunError, UsageError
from shopfloor.record import RunFolder
from shopfloor.report import log_sha256
from shopfloor.shift import cluster as ours
from shopfloor.shift import plan_of, run_shift
from shopfloor.shift.overhead import overhead
from shopfloor.shift.workforce import Cluster

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(300),
]
ORDERS = 6


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The shift as one worker works it."""
    run = tmp_path_factory.mktemp("reference") / "run"
    _, summary = work(make_plan(orders=ORDERS, seed=3), run)
    return run, summary


@pytest.fixture
def cluster():
    """A head that lends no CPU, and two nodes that lend one each."""
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    cluster.nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def spread(cluster, **changed):
    return make_plan(orders=ORDERS, seed=3, workers=Cluster(cluster.address, **changed))


def each_once(run):
    """Every lot is committed once, and indexed once."""
    lots = sorted(int(path.name) for path in (run / "episodes").iterdir())
    indexed = (run / "index.jsonl").read_text().splitlines()
    return lots == list(range(ORDERS)) and len(indexed) == ORDERS


def checked(run):
    command = [sys.executable, "-c", "from shopfloor.cli import main; main()", "check", str(run)]
    return subprocess.run(command, capture_output=True, text=True, check=False).returncode


def test_two_nodes_come_to_the_same_as_one_worker(cluster, reference, tmp_path):
    run = tmp_path / "run"
    ended, summary = work(spread(cluster), run)
    assert (ended, summary.log_sha256) == ("complete", reference[1].log_sha256)
    assert story(run) == story(reference[0])
    assert each_once(run)
    assert checked(run) == 0
    assert not ray.is_initialized()  # left as it was found
    (session,) = RunFolder.open(run).sessions()
    assert (session.workers, session.lots, session.others) == (2, ORDERS, ())


def test_a_node_that_is_killed_in_mid_lot_costs_time_and_nothing_else(
    cluster, reference, tmp_path, monkeypatch
):
    run, seen, given = tmp_path / "run", [], []
    hand_out = ours._RayHand.work
    monkeypatch.setattr(
        ours._RayHand, "work", lambda hand, lot: given.append(lot.index) or hand_out(hand, lot)
    )
    kill = threading.Timer(
        0.7, lambda: cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)
    )

    def when_one_is_done(progress):
        seen.append(len(progress.entries))
        if len(progress.entries) == 1:
            kill.start()  # both nodes are in the middle of a lot by then

    assert run_shift(spread(cluster), run, resume=False, progress=when_one_is_done) == "complete"
    kill.join()
    assert seen == list(range(ORDERS + 1))
    assert len(given) > len(set(given)) == ORDERS  # a lot was worked again, and counts once
    assert story(run) == story(reference[0])
    assert each_once(run)
    assert checked(run) == 0


def test_a_node_that_comes_later_takes_the_place_of_those_that_went(cluster, reference, tmp_path):
    run = tmp_path / "run"

    def change(progress):
        if len(progress.entries) == 2:
            while cluster.nodes:
                cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)
            cluster.add_node(num_cpus=2)

    assert run_shift(spread(cluster), run, resume=False, progress=change) == "complete"
    assert story(run) == story(reference[0])
    assert each_once(run)


def test_without_any_node_the_shift_stops_and_can_be_gone_on_with(cluster, reference, tmp_path):
    run = tmp_path / "run"

    def kill_all(progress):
        if len(progress.entries) == 2:
            while cluster.nodes:
                cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)

    # The patience is that of the start, too, which takes a while on a busy machine.
    with pytest.raises(RunError, match=r"no machine .* for 30 s .* go on with --resume"):
        run_shift(spread(cluster, patience_s=30.0), run, resume=False, progress=kill_all)
    done = len(entries(run))
    assert 2 <= done < ORDERS
    ended, summary = work(plan_of(run, workers=1, max_wall_s=None), run, resume=True)
    assert (ended, summary.log_sha256) == ("complete", reference[1].log_sha256)
    assert [session.lots for session in RunFolder.open(run).sessions()] == [done, ORDERS - done]


def test_a_ray_of_its_own_ends_with_the_shift(reference, tmp_path):
    run = tmp_path / "run"
    plan = make_plan(orders=ORDERS, seed=3, workers=Cluster(None, 2))
    ended, summary = work(plan, run)
    assert (ended, summary.log_sha256) == ("complete", reference[1].log_sha256)
    assert not ray.is_initialized()


def test_where_no_ray_answers_it_is_said_within_seconds_and_nothing_is_written(tmp_path):
    for address, said in (("127.0.0.1:9", "nobody answers there"), ("auto", "cannot be joined")):
        began = time.monotonic()
        plan = make_plan(orders=1, workers=Cluster(address))
        with pytest.raises(UsageError, match=said):
            run_shift(plan, tmp_path / "run", resume=False, progress=silent)
        assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


def test_what_it_costs_is_measured_on_shifts_that_come_to_the_same(reference):
    said = []
    found = overhead(
        make_plan(orders=ORDERS, seed=3), slots=2, rounds=1, digest=_digest, say=said.append
    ).to_json()
    assert found["same_log"]
    assert found["log_sha256"] == [reference[1].log_sha256]
    assert 0 < found["cluster"]["working_s"]["median"] < found["cluster"]["whole_s"]["median"]
    assert said[-1] == f"round 1 of 1, --workers ray*2: {ORDERS} of {ORDERS} orders"


def _digest(folder):
    return log_sha256(folder.entries())


def test_ctrl_c_ends_with_a_report_leaves_nobody_and_can_be_gone_on_with(reference, tmp_path):
    run = tmp_path / "run"
    options = ["--orders", ORDERS, "--seed", 3, "--no-video", "--workers", "ray*2", "--out", run]
    process = start("run", *options, "--json", cwd=tmp_path)
    wait_for_lots(run, 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    code, out, err = finish(process)
    assert code == 130
    assert "Traceback" not in err
    wait_until_gone(process.pid)
    assert json.loads(out)["ended"] == "interrupted"
    with RunFolder.open(run) as folder:
        assert folder.in_flight() == ()
        done, left = {entry.lot for entry in folder.entries()}, folder.interrupted()
    assert {each.lot for each in left}.isdisjoint(done)
    code, out, err = call("run", "--resume", run, "--workers", "ray*2", "--json", cwd=tmp_path)
    assert code == 0, err
    assert json.loads(out)["log_sha256"] == reference[1].log_sha256


BREAKS = """
import os, signal
from shopfloor.cell.sorting import SortingCell
from shopfloor.errors import SpecMismatch

class Breaks(SortingCell):
    def reset(self, lot, *, seed):
        if os.environ["HOW"] == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        raise {"ours": SpecMismatch, "other": MemoryError}[os.environ["HOW"]]("by nothing")
"""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("ours", "shopfloor: by nothing"),
        ("other", "shopfloor: a worker failed: MemoryError on "),
        ("dies", "shopfloor: lot 0 has lost 3 workers ("),
    ],
)
def test_what_goes_wrong_in_a_lot_comes_back_in_one_line(tmp_path, how, said):
    site = tmp_path / "site"
    site.mkdir()
    env = install(site, "breaking-cell", BREAKS, {"cells": {"breaks": "breaking_cell:Breaks"}})
    limits = resources.files("shopfloor.guard") / "data" / "sorting.bench.fenced.toml"
    code, out, err = call(
        "run", "breaks", "--orders", 2, "--limits", limits, "--no-video",
        "--workers", "ray*1", "--out", tmp_path / "run", cwd=tmp_path, env=env | {"HOW": how},
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(said)
    assert "Traceback" not in err
    assert entries(tmp_path / "run") == ()
