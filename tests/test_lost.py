"""A brain that is lost costs its order, not the shift: who works on, and what is told of it."""

import json
import threading

import pytest

from replica_examples import repeated
from shift_examples import ORDERS, entries, make_plan, order_file, story, work
from shopfloor import plugins
from shopfloor.brain.classical import ClassicalBrain
from shopfloor.cli import main
from shopfloor.errors import BrainLost, SpecMismatch, UnknownName, UsageError
from shopfloor.evidence import series
from shopfloor.evidence.comparison import compare
from shopfloor.evidence.contestant import contestants
from shopfloor.evidence.slope import slope
from shopfloor.evidence.verdict import notes
from shopfloor.record import RunFolder
from shopfloor.report import write_report
from shopfloor.report.wording import opening
from shopfloor.shift import Latency, plan_of, run_shift
from shopfloor.shift.hire import Staff
from suite_examples import TINY, suite_file

DEADLINE_S = 0.2
ASKED, DUE = 0, 10  # the first question, and when its deadline is over [ticks]
MEASURED, FIXED, PAUSED = map(Latency.parse, ("measured", "fixed:40", "none"))


class Model(ClassicalBrain):
    """Decides as the classical brain does, where it is not lost."""

    waits = True
    fate = {}  # noqa: RUF012 - set by each test: how it is lost, by the number of the order
    over = threading.Event()  # lets go of those that hang
    made = 0

    def __init__(self, context):
        super().__init__(context)
        Model.made += 1

    def reset(self, order, *, seed):
        super().reset(order, seed=seed)
        self._fate = self.fate.get(int(order.id.rpartition("-")[2]))

    def act(self, observation, events, *, deadline_s):
        if self._fate == "hang":
            self.over.wait()
        elif self._fate == "gone":
            raise ConnectionRefusedError("nobody listens")
        elif self._fate == "dawdle":
            raise TimeoutError("the server did not answer in time")
        return super().act(observation, events, deadline_s=deadline_s)


class Probed(Model):
    """Can tell whether anybody is there."""

    found = True

    def reachable(self, *, deadline_s):
        return self.found


@pytest.fixture
def hired(monkeypatch, tmp_path):
    """Return a function that makes a plan with a model of such fates."""
    Model.over, Model.made = threading.Event(), 0
    known = plugins.factory

    def plan(fate, *, brain=Model, orders=6, **changed):
        Model.fate = fate
        monkeypatch.setattr(
            plugins,
            "factory",
            lambda kind, name: brain if (kind, name) == ("brains", "model") else known(kind, name),
        )
        monkeypatch.setattr("shopfloor.shift.chair._PAUSE_S", 0.0)
        small = [ORDERS[0] | {"id": f"o-{i}"} for i in range(orders)]
        changed = {"brain_deadline_s": DEADLINE_S, "latency": FIXED} | changed
        return make_plan(brain="model", order_file=order_file(tmp_path, small), **changed)

    yield plan
    Model.over.set()


def by(run):
    """Say who worked each lot, and whether the brain was lost in it."""
    return [
        ("m" if e.worked_by == "model" else "f") + ("!" if e.lost else "") for e in entries(run)
    ]


@pytest.mark.parametrize(
    ("latency", "fate", "code", "tick"),
    [
        (MEASURED, "hang", "brain.timeout", DUE),
        (FIXED, "hang", "brain.timeout", DUE),  # a wait in vain costs the whole wait
        (PAUSED, "hang", "brain.timeout", ASKED),
        (FIXED, "dawdle", "brain.timeout", 2),  # it said so by itself, and at once
        (FIXED, "gone", "brain.unreachable", 2),
    ],
)
def test_a_lost_brain_fails_its_order_at_the_right_tick(hired, tmp_path, latency, fate, code, tick):
    ended, _ = work(hired({0: fate}, orders=1, latency=latency), tmp_path / "run")
    assert ended == "complete"
    (entry,) = entries(tmp_path / "run")
    assert (entry.good, entry.code, entry.code_tick, entry.lost) == (False, code, tick, code)
    with RunFolder.open(tmp_path / "run") as folder:
        episode = folder.episode(0)
        (fault,) = [e for e in episode.notes("event") if e["kind"] == "fault"]
        (finish,) = [e for e in episode.notes("event") if e["kind"] == "brain.finish"]
        (asked,) = episode.notes("exchange")
        q = episode.ticks()["left.q"]
    assert (fault["tick"], finish["tick"], asked["due"]) == (tick, tick, tick)
    assert fault["data"]["code"] == code
    assert abs(q - q[0]).max() < 1e-3  # the limbs held


def test_a_wait_that_outlasts_the_order_is_told_before_its_time_is_over(hired, tmp_path):
    plan = hired({0: "hang"}, orders=1, brain_deadline_s=1.5)
    small = [ORDERS[0] | {"id": "o-0", "time_limit_s": 1}]
    plan.order_file.write_text(json.dumps(small[0]), encoding="utf-8")
    work(plan, tmp_path / "run")
    (entry,) = entries(tmp_path / "run")
    assert (entry.code, entry.code_tick) == ("brain.timeout", 1 * 50 - 1)


def test_who_hung_is_made_anew_and_works_on(hired, tmp_path):
    ended, _ = work(hired({0: "hang", 2: "hang"}, orders=4), tmp_path / "run")
    assert ended == "complete"
    assert by(tmp_path / "run") == ["m!", "m", "m!", "m"]
    assert [e.good for e in entries(tmp_path / "run")] == [False, True, False, True]
    assert Model.made == 3
    again = hired({0: "hang", 2: "hang"}, orders=4)
    work(again, tmp_path / "again")
    assert story(tmp_path / "again") == story(tmp_path / "run")  # charged, not measured


def test_after_three_losses_the_shift_ends_and_can_be_gone_on_with(hired, tmp_path, capsys):
    run = tmp_path / "run"
    ended, summary = work(hired(dict.fromkeys(range(4), "gone")), run)
    assert ended == "lost"
    assert by(run) == ["m!"] * 3
    assert (summary.partial, summary.lost) == (True, {"brain.unreachable": 3})
    assert any("ended because its brain was lost: 3 orders" in line for line in opening(summary))
    with pytest.raises(SystemExit) as done:
        main(["run", "--resume", str(run), "--max-wall", "0.001"])
    assert done.value.code == 0
    capsys.readouterr()
    # The fourth is lost, too; that is one in a row for this session, and then it is back.
    with pytest.raises(SystemExit) as done:
        main(["run", "--resume", str(run)])
    assert done.value.code == 0
    assert by(run) == ["m!"] * 4 + ["m"] * 2


def test_the_command_says_why_it_ended_and_how_to_go_on(hired, tmp_path, capsys):
    plan = hired(dict.fromkeys(range(6), "gone"))
    options = ["--order-file", str(plan.order_file), "--latency", "fixed:40", "--no-video"]
    with pytest.raises(SystemExit) as done:
        main(["run", "--brain", "model", *options, "--out", str(tmp_path / "run")])
    assert done.value.code == 2
    out, err = capsys.readouterr()
    assert "model was lost in 3 orders in a row" in err
    assert f"--resume {tmp_path / 'run'}" in out
    with pytest.raises(SystemExit) as done:
        main(["run", "--resume", str(tmp_path / "run"), "--keep-going"])
    assert done.value.code == 0
    assert by(tmp_path / "run") == ["m!"] * 6


def test_the_fallback_works_on_and_everybody_is_told(hired, tmp_path):
    run = tmp_path / "run"
    plan = hired(dict.fromkeys((0, 1, 2), "gone"), orders=6, fallback="classical")
    ended, summary = work(plan, run)
    assert ended == "complete"
    assert by(run) == ["m!", "m!", "m!", "f", "f", "m"]
    assert {name: (rate.k, rate.n) for name, rate in summary.by_brain.items()} == {
        "model": (1, 4),
        "classical": (2, 2),
    }
    first = opening(summary)[0]
    assert "model was lost, and classical worked 2 of 6 orders in its place" in first
    assert "model 1 of 4; classical 2 of 2" in first
    page = write_report(run).read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    assert 0 < body.index("classical worked 2 of 6") < body.index("3 of 6")
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    assert result["by_brain"]["classical"]["n"] == 2

    # Recorded answers repeat who did what, whoever is there now.
    Model.fate = {}
    replica = repeated(run)
    assert (replica.way, replica.verdict) == ("replayed", "identical"), replica.to_json()

    # Begun, broken off in the middle of the fallback's lots, and gone on with.
    Model.fate = dict.fromkeys((0, 1, 2), "gone")
    resumed = tmp_path / "resumed"
    paused = run_shift(plan, resumed, resume=False, progress=lambda _: None, pause_at=4)
    assert paused == "paused"
    back = plan_of(resumed, workers=1, max_wall_s=None)
    assert back.fallback == "classical"
    work(back, resumed, resume=True)
    assert story(resumed) == story(run)

    # A comparison calls it by both names and says whose figures they are.
    found = compare(contestants([run, resumed]))
    assert all("model and classical" in each.label for each in found.matched.contestants)
    assert any("classical decided in 2 of 6 orders" in note for note in notes(found))


def test_a_model_that_is_proved_gone_is_replaced_at_once(hired, tmp_path):
    Probed.found = False
    plan = hired({0: "gone"}, orders=3, brain=Probed, fallback="classical")
    work(plan, tmp_path / "run")
    assert by(tmp_path / "run") == ["m!", "f", "f"]
    Probed.found = True
    plan = hired({0: "gone"}, orders=3, brain=Probed, fallback="classical")
    work(plan, tmp_path / "there")
    assert by(tmp_path / "there") == ["m!", "m", "m"]


def test_a_run_remembers_its_deadline_and_its_fallback(hired, tmp_path):
    run = tmp_path / "run"
    work(hired({}, orders=2, fallback="classical", max_wall_s=0.001), run)
    back = plan_of(run, workers=1, max_wall_s=None)
    assert (back.brain_deadline_s, back.fallback) == (DEADLINE_S, "classical")
    changed = hired({}, orders=2, fallback="classical", brain_deadline_s=9.0)
    with pytest.raises(UsageError, match=r"brain_deadline_s 0\.2, and is now 9\.0"):
        work(changed, run, resume=True)
    with pytest.raises(UsageError, match="fallback 'classical', and is now None"):
        work(hired({}, orders=2), run, resume=True)


def test_the_fallback_is_charged_what_is_usual_for_it(hired):
    assert hired({}, fallback="classical", latency=MEASURED).fallback_latency == FIXED
    assert hired({}, fallback="classical", latency=PAUSED).fallback_latency == PAUSED


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"brain_deadline_s": 0.0}, "--brain-deadline is 0; it must be from 0.05 to 3600"),
        ({"brain_deadline_s": float("nan")}, "--brain-deadline is nan"),
        ({"brain_deadline_s": 3601.0}, "3601"),
        ({"fallback": "model"}, "name another brain, such as classical"),
        ({"fallback": "classical", "keep_going": True}, "give one of them"),
    ],
)
def test_what_cannot_be_is_refused(hired, changed, said):
    with pytest.raises(UsageError, match=said):
        hired({}, **changed)


def test_an_unknown_or_unfit_fallback_is_refused_before_the_first_tick(hired, tmp_path):
    with pytest.raises(UnknownName, match="clasical"):
        Staff(hired({}, fallback="clasical"))

    class Unfit(Model):
        def __init__(self, context):
            super().__init__(context)
            self.needs = self.needs.__class__(cameras=("ceiling",))

    plan = hired({}, brain=Unfit)
    with pytest.raises(SpecMismatch, match="ceiling"):
        Staff(make_plan(fallback="model", order_file=plan.order_file))
    assert not run_exists(tmp_path)


def run_exists(folder):
    return any((child / "manifest.json").exists() for child in folder.iterdir())


def told(capsys, *arguments):
    """Give a command; return its exit code, and what it says on stdout and stderr."""
    with pytest.raises(SystemExit) as done:
        main(list(map(str, arguments)))
    return done.value.code, *capsys.readouterr()


def test_a_comparison_that_loses_a_brain_names_it_and_is_not_told_as_ctrl_c(
    hired, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plan = hired(dict.fromkeys(range(4), "gone"), orders=4)
    asked = ["compare", "--brain", "model", "--brain", "classical", "--latency", "fixed:40"]
    asked += ["--order-file", plan.order_file, "--workers", "1", "--out", "out"]
    code, out, err = told(capsys, *asked)
    assert (code, out) == (2, "")
    (run,) = (tmp_path / "out" / "runs").iterdir()
    last = err.strip().splitlines()[-1]
    assert last.startswith("shopfloor: model was lost in 3 orders in a row in ")
    assert f"shopfloor episodes {run.relative_to(tmp_path)} --why LOT" in last
    assert "give the same command" in last
    # The step that is named is one: it goes on where it was when somebody answers again.
    Model.fate = {}
    back = plan_of(run, workers=1, max_wall_s=None)
    assert series.work(back, run, 4, lambda _: None) == "complete"
    assert by(run) == ["m!"] * 3 + ["m"]


def test_a_benchmark_that_loses_its_brain_names_it(hired, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hired({})
    Model.fate = dict.fromkeys(range(4), "gone")
    # Its orders are generated, whose numbers stand at the end of their names, too.
    suite = suite_file(tmp_path, TINY.replace("orders = 2", "orders = 4"))
    code, out, err = told(
        capsys, "bench", suite, "--brain", "model", "--workers", 1, "--out", "out"
    )
    assert (code, out) == (2, "")
    assert "shopfloor: model was lost in 3 orders in a row in out/runs/01-base" in err
    assert "give the same command" in err
    assert by(tmp_path / "out/runs/01-base") == ["m!"] * 3


def test_a_slope_over_noise_that_loses_its_brain_names_it(hired, tmp_path):
    plan = hired(dict.fromkeys(range(4), "gone"), orders=4)
    with pytest.raises(BrainLost, match=r"model was lost in 3 orders in a row in .*level-0"):
        list(slope(plan, [1], tmp_path, lambda _: None))
