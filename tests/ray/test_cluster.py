"""Lots spread over a real Ray cluster of several nodes, of which some are killed."""

import subprocess
import sys
import time

import pytest

from shift_examples import entries, make_plan, silent, story, work
from shopfloor.errors import RunError, UsageError
from shopfloor.record import RunFolder
from shopfloor.shift import plan_of, run_shift
from shopfloor.shift.workforce import Cluster

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")

# Ray leaves sockets and pipes to the garbage collector, and asks for things that are going away.
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),
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


def test_a_node_that_is_killed_in_mid_shift_costs_time_and_nothing_else(
    cluster, reference, tmp_path
):
    run, seen = tmp_path / "run", []

    def kill_one(progress):
        seen.append(len(progress.entries))
        if len(progress.entries) == 1:
            cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)

    assert run_shift(spread(cluster), run, resume=False, progress=kill_one) == "complete"
    assert seen == list(range(ORDERS + 1))
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

    with pytest.raises(RunError, match=r"no machine .* for 3 s .* go on with --resume"):
        run_shift(spread(cluster, patience_s=3.0), run, resume=False, progress=kill_all)
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
