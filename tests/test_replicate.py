"""A run that is repeated: identical where it is, and whatever was changed is named."""

import json
import os
import signal
from dataclasses import replace

import pytest

from replica_examples import (
    Claimant,
    Faulty,
    Moody,
    Unready,
    assert_identical,
    chat_run,
    forge,
    opened,
    repeated,
    run_of,
    supplied_run,
)
from shift_examples import ORDERS, make_plan, order_file, silent, start, wait_for_lots, work
from shopfloor.cli import main
from shopfloor.errors import RunExists, UsageError
from shopfloor.evidence.repetition import Repetition
from shopfloor.record import RunFolder
from shopfloor.record.index import read_index
from shopfloor.record.lines import rewrite_lines
from story_examples import Liar


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return supplied_run(tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="module")
def honest(original, tmp_path_factory):
    """The original's replica, made once: a forger's run is held against it."""
    out = tmp_path_factory.mktemp("honest") / "replica"
    assert repeated(original, out).verdict == "identical"
    return out


# What is identical.


def test_a_classical_run_with_documents_and_limits_is_identical(original, honest):
    replica = Repetition.of(original, honest).replica()
    assert replica.verdict == replica.headline == "identical"
    assert (replica.lots, replica.held, replica.way) == (3, 3, "worked again")
    assert not replica.differences
    with RunFolder.open(honest) as there:
        assert "A replica of the run with manifest" in there.manifest.notes[0]


def test_a_run_by_the_clock_with_videos_is_identical(tmp_path):
    files = order_file(tmp_path, ORDERS[:1])
    work(make_plan(hours=0.001, order_file=files, video=True, brain="stand-in"), tmp_path / "run")
    assert_identical(tmp_path / "run")


def test_two_workers_repeat_what_one_did(original):
    assert assert_identical(original, workers=2).lots == 3


def told(capsys, *arguments):
    """Give a command in this process; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code, *capsys.readouterr()


def test_a_run_that_was_resumed_is_identical_to_a_replica_that_was_killed(tmp_path, capsys):
    """The replica by SIGKILL, which nobody can catch."""
    run, out = tmp_path / "run", tmp_path / "run-replica"
    plan = make_plan(order_file=order_file(tmp_path, ORDERS[:2]))
    assert work(replace(plan, max_wall_s=1e-6), run)[0] == "max-wall"
    assert work(plan, run, resume=True)[0] == "complete"
    process = start("replicate", run, cwd=tmp_path)
    wait_for_lots(out, 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, said, err = told(capsys, "replicate", run, "--json")
    assert code == 0, err
    said = json.loads(said)
    assert (said["verdict"], said["headline"], said["lots"]) == ("identical", "identical", 2)
    assert json.loads((out / "verdict.json").read_text("utf-8")) == said


def test_a_model_is_replayed_when_its_server_is_gone(tmp_path):
    run = chat_run(tmp_path, orders=2)
    with RunFolder.open(run) as folder:
        assert folder.manifest.latency == "measured"
    replica = assert_identical(run, halfway=True)
    assert (replica.way, replica.lots) == ("replayed", 2)
    said = opened(run, 0).notes("exchange")
    # Charged by the clock, which on a fast machine may be the same tick for all.
    assert all(note["due"] > note["tick"] for note in said)
    # A replica is a run, and its answers are replayed like those of any other.
    first, second = tmp_path / "first", tmp_path / "second"
    assert repeated(run, first, lots=1).headline == "identical in the 1 lot that was worked"
    assert repeated(first, second).verdict == "identical"


def test_a_model_that_is_asked_again_is_compared_by_its_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_PROOFS", str(tmp_path / "proofs"))
    with Moody() as server:
        run = chat_run(tmp_path, latency="fixed:40", server=server)
        asked = len(server.requests)
        replica = repeated(run, ask_again=True)
        # The stand-in has no mood of its own: asked the same, it answers the same.
        assert (replica.verdict, replica.way) == ("identical", "asked again")
        assert len(server.requests) == 2 * asked > 0
        server.sulks = True
        replica = repeated(run, ask_again=True)
    assert replica.verdict == "different"
    assert "the model was asked anew" in replica.reasons
    assert next(bound.what for bound in replica.agreement.broken) == "good orders"
    assert (replica.agreement.only_original, replica.agreement.p_value) == (1, 1.0)


@pytest.mark.parametrize("brain", [Liar, Faulty, Unready, Claimant])
@pytest.mark.parametrize("latency", ["fixed:90", "none"])
def test_chunks_errors_and_lies_are_replayed_without_who_made_them(tmp_path, brain, latency):
    from shopfloor.shift import Latency

    run = run_of(brain, tmp_path, latency=Latency.parse(latency))
    replica = assert_identical(run)
    assert replica.way == "replayed"


def test_a_sample_never_says_more_than_was_seen(original, tmp_path):
    replica = repeated(original, tmp_path / "out", lots=1)
    assert (replica.verdict, replica.lots, replica.held) == ("identical", 1, 3)
    assert replica.headline == "identical in the 1 lot that was worked"


def test_of_a_run_that_was_broken_off_what_is_there_is_repeated(tmp_path):
    plan = make_plan(order_file=order_file(tmp_path, ORDERS[:2]), max_wall_s=1e-6)
    assert work(plan, tmp_path / "run")[0] == "max-wall"
    replica = assert_identical(tmp_path / "run")
    assert replica.headline == "identical in the 1 lot that was worked"


# What is different: planted by a forger who recomputes all sums and hashes.


def changed(kind, **values):
    """Change fields of all records of a kind."""
    return lambda name, body: [(name, body | values if name == kind else body)]


def changed_once(kind, change):
    """Change the first record of a kind, by a function of its body."""
    done = []

    def note(name, body):
        if name == kind and not done:
            done.append(change(body))
            return [(name, done[0])]
        return [(name, body)]

    return note


def ruled(name, body):
    """Put a ruling where there was none."""
    said = {"tick": body.get("tick"), "verdict": "limit", "rule": "joint.velocity", "detail": {}}
    return [(name, body), *([("ruling", said)] if name == "event" and body["tick"] < 5 else [])]


def nudge(column, tick, by=1e-9):
    def change(table):
        table[column][tick] += by

    return change


def deeper(body, *path, to):
    """Return a body with one place changed."""
    key, *rest = path
    inner = to if not rest else deeper(body[key], *rest, to=to)
    if isinstance(body, list):
        return [inner if i == key else item for i, item in enumerate(body)]
    return body | {key: inner}


LOGS = {
    "an action": ({"rows": nudge("left.requested", 30)}, 30, "left.requested"),
    "what was done": ({"rows": nudge("right.applied_jaw_m", 31)}, 31, "right.applied_jaw_m"),
    "a sensor": ({"rows": nudge("left.wrench", 0, 1e-3)}, 0, "left.wrench"),
    "a verdict": ({"rows": nudge("verdict", 44, 1)}, 44, "verdict"),
    "the truth": ({"truth": nudge("position", 12)}, 12, "truth.position"),
    "a ruling": ({"note": ruled}, None, "ruling"),
    "an event": (
        {"note": changed_once("event", lambda body: deeper(body, "data", "skill", to="wave"))},
        None,
        "event.data.skill",
    ),
    "a picture": (
        {"note": changed_once("frame", lambda b: b | {"xxh3_128": "0" * 32})},
        0,
        "frame(",
    ),
    "a view": ({"note": changed_once("view", lambda b: b | {"xxh3_128": "0" * 32})}, 0, "view("),
    "an answer": ({"note": changed("exchange", answer="as you wish")}, 0, "exchange.answer"),
    "a decision": (
        {"note": changed("exchange", decision={"finish": {"claim": "done", "note": ""}})},
        0,
        "exchange.decision.",
    ),
    "the seed of a lot": (
        {
            "note": changed_once("begin", lambda body: deeper(body, "lot", "seed", to=5)),
            "entry": lambda entry: replace(entry, seed=5),
        },
        0,
        "begin.lot.seed",
    ),
    "an outcome": (
        {
            "note": changed("outcome", ever=False, good=False, code="grasp.miss", code_tick=9),
            "entry": lambda e: replace(e, ever=False, good=False, code="grasp.miss", code_tick=9),
        },
        None,
        "outcome.",
    ),
}


@pytest.mark.parametrize("what", LOGS)
def test_a_forged_log_is_different_where_it_was_forged(original, honest, tmp_path, what):
    change, tick, column = LOGS[what]
    forged = forge(original, tmp_path / "forged", **change)
    replica = held(forged, honest)
    assert (replica.verdict, replica.unlike) == ("different", (1,))
    spot = replica.divergence
    assert spot.lot == 1
    assert tick is None or spot.tick == tick
    assert any(each.startswith(column) for each in spot.columns), spot
    assert any("nothing explains it" in reason for reason in replica.reasons)


def held(forged, honest):
    """Hold a forged run against the replica of the original, as if it were its own."""
    repetition = Repetition.of(forged, forged.parent / "fresh")
    return replace(repetition, out=honest).replica()


def edit(**values):
    return lambda manifest: manifest.update(values)


def edit_within(name, key, value):
    return lambda manifest: manifest[name].update({key: value})


MANIFESTS = {
    "version mujoco": ("environment", edit_within("versions", "mujoco", "9.9"), "identical"),
    "renderer": ("environment", edit(renderer="Another GL"), "identical"),
    "cpu": ("environment", edit(cpu="Another CPU"), "identical"),
    "git commit": ("environment", edit(git_commit="f" * 40), "identical"),
    "brain id": ("brain", edit_within("brain_identity", "id", "classical/9"), "different"),
    "brain weights": ("brain", edit_within("brain_identity", "weights", "ab" * 32), "different"),
    "limits": ("setting", edit_within("sha256", "limits", "0" * 64), "different"),
    "orders": ("setting", edit_within("sha256", "orders", "0" * 64), "different"),
    "body": ("setting", edit_within("sha256", "body", "0" * 64), "different"),
    "control dt": ("setting", edit(control_dt=0.04), "different"),
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_what_a_manifest_says_otherwise_is_named(original, honest, tmp_path, what):
    kind, change, verdict = MANIFESTS[what]
    replica = held(forge(original, tmp_path / "forged", manifest=change), honest)
    assert [(each.kind, each.what) for each in replica.differences] == [(kind, what)]
    assert replica.verdict == verdict
    assert any(what in reason for reason in replica.reasons)


def test_another_machine_explains_another_log_if_the_figures_agree(original, honest, tmp_path):
    """The same change of the log, with and without another renderer."""
    change = {"rows": nudge("left.q", 30), "manifest": edit(renderer="Another GL")}
    replica = held(forge(original, tmp_path / "near", **change), honest)
    assert replica.verdict == "equivalent"
    assert (replica.divergence.tick, replica.divergence.columns) == (30, ("left.q",))
    assert replica.agreement.held
    assert (replica.agreement.both, replica.agreement.neither) == (2, 1)
    slow = {"entry": lambda e: replace(e, cycles_s=tuple(2 * s for s in e.cycles_s))}
    replica = held(forge(original, tmp_path / "far", lot=0, **change, **slow), honest)
    assert replica.verdict == "different"
    assert [bound.what for bound in replica.agreement.broken] == ["median cycle time [s]"]


def test_latency_that_was_not_charged_is_seen(original, tmp_path):
    forged = forge(original, tmp_path / "forged", manifest=edit(latency="fixed:400"))
    replica = repeated(forged, lots=1)
    assert replica.verdict == "different"
    assert (replica.divergence.tick, replica.divergence.columns) == (0, ("exchange.due",))
    assert (replica.divergence.was, replica.divergence.now) == ("2", "20")


def test_other_orders_and_limits_in_the_inputs_are_named(original, tmp_path):
    def orders(run):
        path = run / "inputs" / "orders" / "small.jsonl"
        path.write_text(path.read_text("utf-8").replace('"small"', '"large"'), "utf-8")

    def limits(run):
        path = run / "inputs" / "limits.toml"
        path.write_text(path.read_text("utf-8") + "\n# looser\n", "utf-8")

    def both(run):
        orders(run)
        limits(run)

    forged = forge(original, tmp_path / "forged", file=both)
    replica = repeated(forged)
    named = {(each.kind, each.what) for each in replica.differences if each.kind == "setting"}
    assert (replica.verdict, named) == ("different", {("setting", "orders"), ("setting", "limits")})
    assert any("begin.lot.parts" in each for each in replica.divergence.columns)


@pytest.mark.parametrize(("lot", "kind"), [(0, "missing"), (1, "missing"), (2, "length")])
def test_a_lot_that_was_taken_out_is_missed(original, honest, tmp_path, lot, kind):
    replica = held_without(forge(original, tmp_path / "forged", drop=lot), honest)
    assert replica.verdict == "different"
    assert [(e.kind, e.what) for e in replica.differences] == [(kind, f"lot {lot}")]


def held_without(forged, honest):
    repetition = Repetition.of(forged, forged.parent / "fresh")
    return (replace(repetition, out=honest) if repetition.plan else repetition).replica()


def test_figures_that_do_not_follow_from_the_log_are_named(original, honest, tmp_path):
    forged = forge(original, tmp_path / "forged", entry=lambda e: replace(e, cycles_s=(0.5,)))
    replica = held(forged, honest)
    assert replica.verdict == "different"
    assert [(e.kind, e.what) for e in replica.differences] == [("figures", "lot 1, cycles_s")]


# What was changed and does not even agree with itself is tampering, and nothing is repeated.


def report_more(run):
    path = run / "result.json"
    path.write_text(path.read_text("utf-8").replace('"uph": ', '"uph": 1'), "utf-8")


def index_more(run):
    path = run / "index.jsonl"
    entries = [replace(entry, relays=7) for entry in read_index(path, brain="none").values()]
    rewrite_lines(path, (entry.to_json() for entry in entries))


def manifest_more(run):
    path = run / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"fixed:40"', '"fixed:41"'), "utf-8")


TAMPERED = {
    "log hash mismatch in episodes/000001/log.bin": {"rows": nudge("left.q", 3), "hashes": False},
    "run.file episodes/000001/log.bin": {"rows": nudge("left.q", 3), "sums": False},
    "run.index_line index.jsonl": {"file": index_more},
    "run.episode episodes/000000/episode.json": {"file": manifest_more},
    "result.json uph": {"file": report_more},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_called_that_and_not_a_divergence(original, tmp_path, what):
    forged = forge(original, tmp_path / "forged", **TAMPERED[what])
    repetition = Repetition.of(forged, tmp_path / "out")
    assert repetition.work(silent) == "complete"
    replica = repetition.replica()
    assert (replica.verdict, replica.divergence, replica.replica) == ("different", None, None)
    assert what in [each.what for each in replica.differences]
    assert {each.kind for each in replica.differences} == {"tampering"}
    assert "changed after it was recorded" in replica.reasons[0]
    assert not (tmp_path / "out").exists()


# Bad input.


def test_nothing_is_written_over_and_nothing_into_the_original(original, honest, tmp_path):
    work(make_plan(order_file=order_file(tmp_path, ORDERS[:1])), tmp_path / "other")
    with pytest.raises(RunExists, match="no replica of"):
        Repetition.of(original, tmp_path / "other")
    for inside in (original, original / "replica"):
        with pytest.raises(UsageError, match="into the run itself"):
            Repetition.of(original, inside)
    with pytest.raises(RunExists, match="no replica of"):
        Repetition.of(tmp_path / "other", honest)
    with pytest.raises(UsageError, match="--lots is 0"):
        Repetition.of(original, tmp_path / "out", lots=0)
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_or_holds_no_lot_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no run here"):
        Repetition.of(tmp_path, tmp_path / "out")


def test_answers_that_were_not_kept_are_asked_for(tmp_path):
    run = run_of(Claimant, tmp_path)

    def older(name, body):
        if name == "exchange":
            body = {key: value for key, value in body.items() if key not in ("due", "decision")}
        return [(name, body)]

    forged = forge(run, tmp_path / "forged", lot=0, note=older)
    with pytest.raises(UsageError, match="--ask-again"):
        Repetition.of(forged, tmp_path / "out")


def test_the_command_says_what_differs_and_where(original, tmp_path, capsys):
    change = {"rows": nudge("left.q", 30), "lot": 0}
    forged = forge(original, tmp_path / "forged", **change)
    code, out, err = told(capsys, "replicate", forged, "--lots", "1")
    assert code == 1, err
    assert out.startswith("different   ")
    assert "lot 0, tick 30, left.q" in " ".join(out.split())
    assert (tmp_path / "forged-replica" / "report.html").exists()
    code, out, err = told(capsys, "replicate", tmp_path / "nothing")
    assert (code, out) == (2, "")
    assert "no run here" in err
    assert not (tmp_path / "nothing-replica").exists()
