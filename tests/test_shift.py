"""A shift repeats itself, survives what happens to it, and outlives any brain."""

import json
import os
import shutil
import signal
import textwrap
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from shift_examples import (
    ORDERS,
    call,
    entries,
    install,
    make_plan,
    order_file,
    start,
    story,
    tree,
    wait_for_lots,
    wait_until_gone,
    work,
)
from shopfloor import plugins
from shopfloor.brain.classical import ClassicalBrain
from shopfloor.cli import main
from shopfloor.errors import (
    OrderError,
    PluginError,
    RunExists,
    RunUnwritable,
    SpecMismatch,
    UsageError,
)
from shopfloor.record import RunFolder
from shopfloor.report import run_summary, write_report
from shopfloor.shift import Latency, plan_of, run_shift
from shopfloor.shift.dispatch import Dispatcher
from shopfloor.types import (
    ActionChunk,
    Exchange,
    Finish,
    Needs,
    Observation,
    People,
    Reply,
    SkillCall,
    SkillResult,
)

SEED = 7
HOURS = 0.04


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """An order file of four small orders."""
    return order_file(tmp_path_factory.mktemp("orders"))


@pytest.fixture(scope="session")
def reference(small, tmp_path_factory):
    """The shift that all others are held against: one worker, no video."""
    run = tmp_path_factory.mktemp("reference") / "run"
    ended, _ = work(make_plan(order_file=small), run)
    assert ended == "complete"
    return run


@pytest.fixture
def copy(reference, tmp_path):
    """A copy of the reference run."""
    return shutil.copytree(reference, tmp_path / "copy")


def same(run, reference):
    """Hold a run against the reference: every lot once, in order, and as it was there."""
    assert story(run) == story(reference)
    assert run_summary(run).log_sha256 == run_summary(reference).log_sha256
    lines = [json.loads(line) for line in (run / "index.jsonl").read_text().splitlines()]
    assert [line["lot"] for line in lines] == list(range(len(ORDERS)))
    with RunFolder.open(run) as folder:
        assert folder.in_flight() == ()
        for entry in folder.entries():
            folder.episode(entry.lot).check_files()
            assert folder.episode(entry.lot).log_sha256() == entry.log_sha256


# The same shift, whoever works it.


def test_every_unit_is_in_one_place_of_the_ledger(reference):
    summary, lots = run_summary(reference), entries(reference)
    assert [len(entry.units) for entry in lots] == [len(order["parts"]) for order in ORDERS]
    named = sum(unit.state != "bystander" for entry in lots for unit in entry.units)
    units = summary.units
    assert units.entered == named == 4
    assert summary.bystanders == 1  # the red cube of the second order
    assert units.entered == units.good + units.scrap + units.wip + units.quarantine
    for entry in lots:
        good = sum(unit.state == "good" for unit in entry.units)
        assert good == len(entry.delivered)
        assert sum(ticks for _, ticks in entry.segments) == entry.ticks
    assert (summary.good.k, summary.good.n) == (sum(entry.good for entry in lots), len(ORDERS))
    assert summary.good.k >= 3


def test_the_time_of_a_shift_is_its_lots_and_changeovers(reference):
    summary, lots = run_summary(reference), entries(reference)
    worked = sum(entry.ticks + entry.repair_ticks for entry in lots) * 0.02
    assert summary.sim_s == pytest.approx(worked + 10.0 * len(lots))


def test_wall_time_runs_over_all_of_the_work(small, tmp_path):
    began = time.perf_counter()
    _, summary = work(make_plan(order_file=small, orders=2), tmp_path / "run")
    outside = time.perf_counter() - began
    inside = sum(entry.wall_s for entry in entries(tmp_path / "run"))
    assert inside < summary.wall_s <= outside
    assert summary.rtf == pytest.approx(summary.sim_s / summary.wall_s)


def test_video_changes_nothing_that_is_hashed(small, reference, tmp_path):
    """The same seed again, this time with the streams encoded."""
    run = tmp_path / "run"
    work(make_plan(order_file=small, video=True), run)
    same(run, reference)
    with RunFolder.open(run) as folder:
        for entry in folder.entries():
            for camera, count in entry.frames.items():
                assert count > 0
                assert sum(1 for _ in folder.episode(entry.lot).video(camera)) == count


def test_another_seed_is_another_shift(small, reference, tmp_path):
    run = tmp_path / "run"
    work(make_plan(order_file=small, seed=SEED + 1, orders=1), run)
    assert entries(run)[0].seed != entries(reference)[0].seed
    assert entries(run)[0].log_sha256 != entries(reference)[0].log_sha256


def test_two_workers_come_to_the_same(small, reference, tmp_path):
    run = tmp_path / "run"
    ended, summary = work(make_plan(order_file=small, workers=2), run)
    assert ended == summary.ended == "complete"
    same(run, reference)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment_and_resumed_it_comes_to_the_same(small, reference, tmp_path, workers):
    rng = np.random.default_rng(time.time_ns())
    for attempt in range(8):  # on a fast machine the shift may be over before the blow falls
        run = tmp_path / f"run{attempt}"
        options = ["--order-file", small, "--seed", SEED, "--out", run, "--workers", workers]
        process = start("run", *options, *(["--no-video"] * (workers == 2)), cwd=tmp_path)
        wait_for_lots(run, 1, process)
        delay = rng.uniform(0, 0.5 / (attempt + 1))
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        if not (run / "sessions.jsonl").exists():
            break
    else:
        pytest.fail("it had ended every time")
    assert process.returncode == -signal.SIGKILL
    before = story(run)
    assert 1 <= len(before) <= len(ORDERS)
    resumed = plan_of(run, workers=workers, max_wall_s=None)
    ended, summary = work(resumed, run, resume=True)
    assert ended == summary.ended == "complete"
    same(run, reference)
    assert all(entry in story(run) for entry in before), f"a lot was lost, killed after {delay} s"
    assert summary.wall_s is None, "nobody knows how long the killed one took"


def test_workers_of_a_killed_parent_end_by_themselves(small, tmp_path):
    run = tmp_path / "run"
    process = start(
        "run", "--order-file", small, "--out", run, "--workers", 2, "--no-video", cwd=tmp_path
    )
    wait_for_lots(run, 1, process)
    process.kill()
    _, err = process.communicate(timeout=30)
    wait_until_gone(process.pid)
    assert "Traceback" not in err


# How long a shift is.


def test_a_shift_by_hours_ends_with_the_same_lots_on_any_number_of_workers(tmp_path):
    env = install(tmp_path, "shopfloor-idler", IDLER, {"brains": {"idler": "shopfloor_idler:make"}})
    # With limits this short the first lots may be worked side by side, the last may not.
    orders = [ORDERS[0] | {"time_limit_s": 5}] * 30
    path = order_file(tmp_path, orders)
    shifts = {}
    for workers in (1, 2):
        run = tmp_path / f"run{workers}"
        options = ["--hours", HOURS, "--workers", workers, "--no-video", "--brain", "idler"]
        code, out, err = call(
            "run", *options, "--order-file", path, "--out", run, "--json", cwd=tmp_path, env=env
        )
        assert code == 0, err
        shifts[workers] = json.loads(out)
        lots = entries(run)
        clock = [(entry.ticks + entry.repair_ticks) * 0.02 + 10.0 for entry in lots]
        # The lot during which the time was up is the last.
        assert sum(clock[:-1]) < HOURS * 3600 <= sum(clock)
    assert story(tmp_path / "run1") == story(tmp_path / "run2")
    assert shifts[1]["log_sha256"] == shifts[2]["log_sha256"]
    assert shifts[1]["orders"] > 4
    assert not shifts[2]["partial"]
    assert (shifts[1]["brain"], shifts[1]["failures"]) == (
        "idler",
        {"plan.gave_up": shifts[1]["orders"]},
    )


def test_the_wall_time_ends_a_shift_between_two_lots(small, reference, tmp_path):
    run = tmp_path / "run"
    ended, summary = work(make_plan(order_file=small, max_wall_s=0.001), run)
    assert ended == "max-wall"
    assert (summary.orders, summary.ended, summary.partial) == (1, "max-wall", True)
    ended, summary = work(plan_of(run, workers=1, max_wall_s=None), run, resume=True)
    assert (ended, summary.partial) == ("complete", False)
    same(run, reference)


def test_a_shift_that_is_done_when_the_wall_time_is_up_is_complete(small, tmp_path):
    plan = make_plan(order_file=small, orders=1, max_wall_s=0.001)
    ended, summary = work(plan, tmp_path / "run")
    assert (ended, summary.ended) == ("complete", "complete")


def test_more_orders_than_the_file_has_are_refused(small, tmp_path):
    with pytest.raises(UsageError, match=r"--orders is 9, but small\.jsonl has 4 orders"):
        work(make_plan(order_file=small, orders=9), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_the_documents_of_its_orders_and_goes_on_without_the_file(tmp_path):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "17.txt").write_bytes(b"all to A")
    said = {"goal": [{"select": {}, "tote": "A"}], "documents": ["sheets/17.txt"]}
    orders = order_file(tmp_path, [ORDERS[0] | said, ORDERS[3]])
    run = tmp_path / "run"
    ended, summary = work(make_plan(order_file=orders, max_wall_s=0.001), run)
    assert ended == "max-wall"
    # A brain that cannot read them does not do half of an order.
    assert [entry.code for entry in entries(run)] == ["brain.refused"]
    (tmp_path / "sheets" / "17.txt").unlink()
    orders.unlink()
    ended, summary = work(plan_of(run, workers=1, max_wall_s=None), run, resume=True)
    assert (ended, summary.orders, summary.good.k) == ("complete", 2, 1)
    assert (run / "inputs" / "orders" / "sheets" / "17.txt").read_bytes() == b"all to A"


# Going on.


def test_resuming_a_finished_run_changes_nothing(copy):
    write_report(copy)
    before = tree(copy)
    ended, _ = work(plan_of(copy, workers=1, max_wall_s=None), copy, resume=True)
    write_report(copy)
    assert ended == "complete"
    assert tree(copy) == before


def test_a_run_is_not_begun_twice(copy, small):
    before = tree(copy)
    with pytest.raises(RunExists, match="--resume"):
        work(make_plan(order_file=small), copy)
    assert tree(copy) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 8},
        {"orders": 2},
        {"latency": Latency.parse("none")},
        {"limits": "collaborative"},
        {"record_fps": 5.0},
        {"video": True},
        {"audit": True},
        {"allow_unproven": True},
        {"order_file": None, "orders": 4},
        {"order_file": None, "hours": 1.0},
    ],
    ids="-".join,
)
def test_a_run_is_not_resumed_as_another(copy, changed):
    before = tree(copy)
    plan = replace(plan_of(copy, workers=1, max_wall_s=None), **changed)
    with pytest.raises(UsageError, match="must be the same"):
        work(plan, copy, resume=True)
    assert tree(copy) == before


def test_a_run_carries_its_order_file_with_it(small, tmp_path):
    orders = shutil.copy(small, tmp_path / "mine.jsonl")
    run = tmp_path / "run"
    work(make_plan(order_file=orders, max_wall_s=0.001), run)
    orders.unlink()
    moved = run.rename(tmp_path / "moved")
    ended, _ = work(plan_of(moved, workers=1, max_wall_s=None), moved, resume=True)
    assert ended == "complete"
    # The default ids come from the file's name, which must not be lost on the way.
    assert [entry.order for entry in entries(moved)] == [
        "mine-0000", "mine-0001", "the-third", "mine-0003",
    ]  # fmt: skip


# What thinking costs.


def test_thinking_longer_makes_the_same_orders_longer(small, reference, tmp_path):
    run = tmp_path / "run"
    work(make_plan(order_file=small, orders=3, latency=Latency.parse("fixed:400")), run)
    pairs = list(zip(entries(reference), entries(run), strict=False))
    assert len(pairs) == 3
    for quick, slow in pairs:
        # Somebody asked at least twice (what to do; what now), 0.36 s longer each time.
        assert slow.ticks - quick.ticks >= 2 * 0.3 / 0.02
        assert slow.think_ticks > quick.think_ticks


def test_a_paused_world_is_what_every_report_says_first(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--order-file", str(small), "--orders", "1", "--latency", "none", "--no-video"]
    with pytest.raises(SystemExit) as done:
        main(["run", *options, "--out", "run"])
    assert done.value.code == 0
    note = "The world was paused while the brain was thinking"
    assert capsys.readouterr().out.lstrip().startswith(note)
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert note in result["notes"][0]
    assert result["think_s"] == 0
    page = (tmp_path / "run/report.html").read_text()
    body = page[page.index("<body") :]
    assert 0 < body.index(note) < body.index("1 of 1")


# Any brain at all.

IDLER = '''
"""Gives up at once."""

from shopfloor.types import Exchange, Finish, Needs, Reply


class Idler:
    needs = Needs()

    def reset(self, order, *, seed):
        pass

    def act(self, observation, events, *, deadline_s):
        return Reply(Finish("gave_up"), Exchange("", "", "idler", 0.0))

    def close(self):
        pass


def make(context):
    """An idler."""
    return Idler()
'''

EXCHANGE = Exchange("what now?", "this", "strange", 0.0)


def say(decision):
    return lambda _self, _observation: Reply(decision, EXCHANGE)


def throw(error):
    def answer(_self, _observation):
        raise error

    return answer


def calls(skill="wait", limbs=("left",), **arguments):
    def answer(self, _observation):
        self.number += 1
        return Reply((SkillCall(f"c{self.number}", skill, limbs, arguments),), EXCHANGE)

    return answer


def chunk(fill=0.0, rows=10, **changed):
    def answer(_self, observation):
        q = np.full((rows, 6), fill) + observation.limbs["left"].q
        made = ActionChunk({"left": q}, {}, 0.02, observation.tick)
        return Reply(replace(made, **changed), EXCHANGE)

    return answer


NAN = float("nan")
STRANGE = {
    # name: (what it answers, the code that its order gets)
    "raises": (throw(ValueError("no idea")), "brain.malformed"),
    "raises-in-reset": (throw(AssertionError("never asked")), "brain.malformed"),
    "raises-a-shopfloor-error": (throw(OrderError("cannot read it")), "infra"),
    "times-out": (throw(TimeoutError("60 s")), "brain.timeout"),
    "unreachable": (throw(ConnectionRefusedError("port 8000")), "brain.unreachable"),
    "returns-nothing": (lambda *_: None, "brain.malformed"),
    "returns-a-dict": (lambda *_: {"decision": ()}, "brain.malformed"),
    "decides-nonsense": (say("pick the red one"), "brain.malformed"),
    "decides-none": (say(None), "brain.malformed"),
    "calls-strings": (say(("pick", "place")), "brain.malformed"),
    "no-exchange": (lambda *_: Reply((), None), "brain.malformed"),
    "odd-exchange": (lambda *_: Reply((), replace(EXCHANGE, answer=b"x")), "brain.malformed"),
    "odd-price": (lambda *_: Reply((), replace(EXCHANGE, cost_usd=object())), "brain.malformed"),
    "odd-claim": (say(Finish("perhaps")), "brain.malformed"),
    "odd-limbs": (calls(limbs=(["left"],)), "brain.malformed"),
    "odd-arguments": (say((SkillCall("c", "wait", (), "seconds"),)), "brain.malformed"),
    "objects-in-arguments": (calls(seconds=object()), "brain.malformed"),
    "unknown-skill": (calls("juggle"), "plan.invalid"),
    "unknown-limb": (calls(limbs=("tail",), seconds=1), "plan.invalid"),
    "unknown-argument": (calls(second=1), "plan.invalid"),
    "nan-argument": (calls("pick", camera="overview", point=[NAN, 5]), "plan.invalid"),
    "infinite-wait": (calls(seconds=float("inf")), "plan.invalid"),
    "nan-chunk": (chunk(NAN), "guard.stop"),
    "infinite-chunk": (chunk(float("inf")), "guard.stop"),
    "nan-jaw": (chunk(jaw_m={"left": np.full(10, NAN)}), "guard.stop"),
    "wrong-shape": (chunk(targets={"left": np.zeros((10, 5))}), "brain.malformed"),
    "wrong-limb": (chunk(targets={"tail": np.zeros((10, 6))}), "brain.malformed"),
    "text-chunk": (chunk(targets={"left": np.array([["a"]])}), "brain.malformed"),
    "nan-period": (chunk(period_s=NAN), "brain.malformed"),
    "endless-chunk": (chunk(period_s=10.0, rows=100), "brain.malformed"),
    "future-chunk": (chunk(observed_tick=10_000), "brain.malformed"),
    "empty-chunk": (chunk(rows=0), "brain.malformed"),
    "never-finishes": (say(()), "order.timeout"),
    "refuses": (say(Finish("refused", "too dull")), "brain.refused"),
    "gives-up": (say(Finish("gave_up")), "plan.gave_up"),
    "lies": (say(Finish("done")), "brain.false_claim"),
}


class Strange:
    """Does at each order what the order's id says; knows its trade where that is ``sound``."""

    def __init__(self, context):
        self._sound = ClassicalBrain(context)
        self.needs = self._sound.needs
        self.number = 0

    def reset(self, order, *, seed):
        self.answer = None
        assert order.goal.rules == (), "the goal is the judge's"
        if order.id == "raises-in-reset":
            raise KeyError(order.id)
        if order.id in STRANGE:
            self.answer = STRANGE[order.id][0]
        else:
            self._sound.reset(order, seed=seed)

    def act(self, observation, events, *, deadline_s):
        assert deadline_s > 0
        if self.answer is not None:
            return self.answer(self, observation)
        return self._sound.act(observation, events, deadline_s=deadline_s)

    def close(self):
        self._sound.close()


@pytest.fixture
def hire(monkeypatch):
    """Return a function that has a brain's factory known as ``strange``."""
    real = plugins.factory

    def known(make):
        monkeypatch.setattr(
            plugins,
            "factory",
            lambda kind, name: make if (kind, name) == ("brains", "strange") else real(kind, name),
        )
        return make_plan(brain="strange")

    return known


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """A shift of every strange brain, with an order that is worked properly at its end."""
    folder = tmp_path_factory.mktemp("strange")
    # All but those who never finish get time enough to be seen doing nothing.
    names = [*STRANGE, "sound"]
    patient = {"order.timeout", "plan.invalid", "guard.stop"}
    orders = [
        ORDERS[0]
        | {"id": name}
        | ({"time_limit_s": 2} if STRANGE.get(name, ("", ""))[1] in patient else {})
        for name in names
    ]
    real = plugins.factory
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            plugins,
            "factory",
            lambda kind, name: (
                Strange if (kind, name) == ("brains", "strange") else real(kind, name)
            ),
        )
        plan = make_plan(brain="strange", order_file=order_file(folder, orders))
        ended, _ = work(plan, folder / "run")
    assert ended == "complete"
    with RunFolder.open(folder / "run") as run:
        return {name: run.episode(lot) for lot, name in enumerate(names)}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_brain_fails_its_order_and_moves_nothing(strange, name):
    episode, code = strange[name], STRANGE[name][1]
    assert (episode.entry.good, episode.entry.code) == (False, code)
    (unit,) = episode.entry.units
    assert unit.state in {"wip", "quarantine"}
    assert episode.entry.delivered == ()
    ticks = episode.ticks()
    for limb in ("left", "right"):
        q = ticks[f"{limb}.q"]
        assert np.abs(q - q[0]).max() < 1e-3, f"{limb} moved"
    assert episode.entry.picks == (0, 0)
    stopped = {"nan-chunk", "infinite-chunk", "nan-jaw"}
    assert (episode.entry.guard[1] > 0) == (name in stopped)
    kinds = {event["kind"] for event in episode.notes("event")}
    if code.startswith("brain.") and name not in ("refuses", "lies"):
        assert "fault" in kinds
    if code == "plan.invalid":
        assert "skill.refused" in kinds


@pytest.mark.parametrize("name", ["never-finishes", "unknown-skill", "nan-chunk"])
def test_a_brain_without_end_is_stopped_by_the_time_limit(strange, name):
    assert strange[name].entry.ticks * 0.02 == pytest.approx(2.0, abs=0.1)


def test_the_reason_of_a_fault_is_in_the_log(strange):
    (fault,) = [e for e in strange["raises"].notes("event") if e["kind"] == "fault"]
    assert fault["data"]["reason"] == "ValueError: no idea"
    (fault,) = [e for e in strange["wrong-shape"].notes("event") if e["kind"] == "fault"]
    assert "(10, 5)" in fault["data"]["reason"]


def test_the_shift_goes_on_after_every_strange_order(strange):
    assert strange["sound"].entry.good
    assert strange["sound"].entry.delivered


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda _: 1 / 0, PluginError, "brain 'strange' cannot be made: ZeroDivisionError"),
        (lambda _: object(), SpecMismatch, "object is no brain"),
        (
            lambda _: SimpleNamespace(needs=None, reset=print, act=print, close=print),
            SpecMismatch,
            "is no brain",
        ),
        (
            lambda _: SimpleNamespace(
                needs=Needs(cameras=("wrist",)), reset=print, act=print, close=print
            ),
            SpecMismatch,
            "needs camera wrist; cell 'sorting' has front, overview",
        ),
        (
            lambda _: SimpleNamespace(
                needs=Needs(skills=("juggle",)), reset=print, act=print, close=print
            ),
            SpecMismatch,
            "calls skill juggle; there are handover, look, pick, place, wait",
        ),
    ],
    ids=["raises", "object", "no needs", "camera", "skill"],
)
def test_a_brain_that_does_not_fit_is_refused_before_anything_is_made(
    hire, tmp_path, make, error, said
):
    with pytest.raises(error, match=said):
        work(hire(make), tmp_path / "runs/run")
    assert list(tmp_path.iterdir()) == []


def test_a_brain_that_does_not_let_go_loses_nothing(hire, small, tmp_path):
    class Clinging(Strange):
        def close(self):
            raise RuntimeError("still thinking")

    plan = replace(hire(Clinging), order_file=small, orders=1)
    with pytest.raises(PluginError, match=r"still thinking.*shopfloor report"):
        work(plan, tmp_path / "run")
    summary = run_summary(tmp_path / "run")
    assert (summary.orders, summary.good.k, summary.ended) == (1, 1, "complete")


def test_a_brain_from_a_package_works_an_order_on_two_workers(small, tmp_path):
    source = '''
        from shopfloor.brain.classical import ClassicalBrain

        class Apprentice(ClassicalBrain):
            """Learns by watching."""

            identity = "apprentice-1"
    '''
    points = {"brains": {"apprentice": "shopfloor_apprentice:Apprentice"}}
    env = install(tmp_path, "shopfloor-apprentice", textwrap.dedent(source), points)
    options = ["--brain", "apprentice", "--order-file", small, "--orders", 2, "--no-video"]
    code, out, err = call(
        "run", *options, "--workers", 2, "--seed", SEED, "--out", "run", "--json",
        cwd=tmp_path, env=env,
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    assert (result["brain"], result["good"]["k"], result["units"]["good"]) == ("apprentice", 2, 2)
    with RunFolder.open(tmp_path / "run") as folder:
        assert folder.manifest.brain_identity == {"id": "apprentice-1"}
    code, out, _ = call("list", "brains", cwd=tmp_path, env=env)
    assert code == 0
    assert "apprentice" in out
    assert "Learns by watching." in out


# A skill that breaks.


class Faulty:
    """A skill that fails as it is told."""

    def __init__(self, reset=None, act=None):
        self._reset, self._act = reset, act

    def reset(self, call, observation):
        if self._reset:
            raise self._reset

    def act(self, observation, others):
        if isinstance(self._act, Exception):
            raise self._act
        return self._act


def chunk_of(rows, limb="left", period_s=0.02):
    return ActionChunk({limb: rows}, {}, period_s, 5)


@pytest.mark.parametrize(
    ("skill", "said"),
    [
        (Faulty(reset=KeyError("reset")), "KeyError: 'reset'"),
        (Faulty(act=ValueError("act")), "ValueError: act"),
        (Faulty(act="done"), "act returned a str"),
        (Faulty(act=chunk_of(np.zeros((3, 2)))), "targets of 'left' has shape (3, 2)"),
        (Faulty(act=chunk_of([[0.0] * 6] * 3)), "a chunk holds a list"),
        (Faulty(act=chunk_of(np.zeros((3, 6)), limb="tail")), "a chunk moves 'tail'"),
        (Faulty(act=chunk_of(np.zeros((3, 6)), period_s=float("nan"))), "period_s is nan"),
    ],
)
def test_a_skill_that_breaks_has_failed_and_drops_what_follows(skill, said):
    observation = Observation(5, {"left": SimpleNamespace(q=np.zeros(6))}, {}, {}, {}, People())
    sound = Faulty(act=SkillResult(ok=True))
    skills = iter([skill, sound, sound])
    dispatcher = Dispatcher(("left",), lambda _name: next(skills), lambda _call: None, 0.02)
    asked = [SkillCall(f"c{i}", "pick", ("left",)) for i in range(2)]
    assert dispatcher.submit(asked, observation, 5) == []
    events = dispatcher.advance(observation)
    assert [(e.kind, e.data["id"]) for e in events] == [
        ("skill.started", "c0"), ("skill.finished", "c0"), ("skill.dropped", "c1"),
    ]  # fmt: skip
    data = events[1].data
    assert (data["ok"], data["code"]) == (False, "infra")
    assert said in data["reason"]
    assert dispatcher.idle
    dispatcher.submit([SkillCall("c2", "pick", ("left",))], observation, 6)
    assert dispatcher.advance(observation)[-1].data["ok"]


# Nothing half-written.


def test_a_folder_that_cannot_be_made_leaves_no_parent_behind(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunUnwritable, match=r"No space left on device.*free some space"):
        run_shift(make_plan(orders=1), tmp_path / "runs/new", resume=False, progress=print)
    assert list(tmp_path.iterdir()) == []
