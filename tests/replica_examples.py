"""Runs to repeat, what a repetition says of them, and a forger who recomputes every sum."""

import json
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest

from shift_examples import ORDERS, make_plan, order_file, silent, work
from shopfloor import plugins
from shopfloor.brain.chat.convention import convention
from shopfloor.evidence.repetition import Repetition
from shopfloor.record import Episode, LogWriter, RunFolder, read_log
from shopfloor.record.digest import LogDigest
from shopfloor.record.episode import FileSum, episode_bytes
from shopfloor.record.layout import RowLayout
from shopfloor.record.lines import rewrite_lines
from shopfloor.record.squeeze import squeeze, unsqueeze
from shopfloor.report import write_report
from shopfloor.shift import Latency
from shopfloor.testing.loopback import error_of, reply
from shopfloor.testing.standin import StandIn
from shopfloor.types import Exchange, Finish, Needs, Reply

LIMITS = resources.files("shopfloor.guard") / "data" / "sorting.bench.fenced.toml"
MODEL = "qwen2.5-vl-7b"


def repeated(run, out=None, *, halfway=False, **options):
    """Repeat a run and return the replica; with ``halfway`` the work is broken off and taken up."""
    with ExitStack() as stack:
        if out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "replica"
        repetition = Repetition.of(run, out, **options)
        if halfway:
            begun = replace(repetition, plan=replace(repetition.plan, max_wall_s=1e-6))
            assert begun.work(silent) == "max-wall"
            repetition = Repetition.of(run, out, **options)
        assert repetition.work(silent) == "complete"
        return repetition.replica()


def assert_identical(run, **options):
    """Repeat a run; every lot must have the same log. For any run of the test suite."""
    replica = repeated(run, **options)
    assert replica.verdict == "identical", replica.to_json()
    assert not replica.differences
    assert not replica.unlike
    assert replica.divergence is None
    assert replica.log_sha256[0] == replica.log_sha256[1] is not None
    return replica


def supplied_run(folder, name="original", **changed):
    """Work three orders of a file, within limits of a file.

    The third brings a document, which the classical brain refuses.
    """
    folder.mkdir(exist_ok=True)
    (folder / "limits.toml").write_bytes(LIMITS.read_bytes())
    (folder / "sheet.txt").write_text("The red cube goes into tote A.", "utf-8")
    goal = [{"select": {"colour": "red", "shape": "cube"}, "tote": "A"}]
    orders = [ORDERS[0], ORDERS[2], ORDERS[0] | {"documents": ["sheet.txt"], "goal": goal}]
    plan = make_plan(
        order_file=order_file(folder, orders), limits=str(folder / "limits.toml"), **changed
    )
    work(plan, folder / name)
    write_report(folder / name)
    return folder / name


def chat_run(folder, *, orders=1, latency="measured", server=None):
    """Work orders with a model behind HTTP; unless one is handed over, its server is gone then."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPFLOOR_PROOFS", str(folder / "proofs"))
        if server is None:
            server = stack.enter_context(StandIn(convention("qwen2.5-vl"), model_id=MODEL))
        plan = make_plan(
            brain=f"{MODEL}@{server.base_url}",
            order_file=order_file(folder, ORDERS[:orders]),
            latency=Latency.parse(latency),
            allow_unproven=True,
        )
        work(plan, folder / "chat")
    return folder / "chat"


class Moody(StandIn):
    """A model that gives up for good as soon as it is told to."""

    def __init__(self):
        super().__init__(convention("qwen2.5-vl"), model_id=MODEL)
        self.sulks = False

    def chat(self, handler, body):
        if self.sulks:
            reply(handler, 400, error_of("not today"))
        else:
            super().chat(handler, body)


def run_of(brain, folder, **changed):
    """Work one order with a brain that is a class and no plugin; nobody can hire it again."""
    known = plugins.factory
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            plugins, "factory", lambda kind, name: brain if kind == "brains" else known(kind, name)
        )
        plan = make_plan(order_file=order_file(folder, ORDERS[:1]), brain="gone", **changed)
        work(plan, folder / "run")
    return folder / "run"


class Faulty:
    """Goes on without a word for a while, and then fails in a way of its own."""

    needs = Needs(cameras=("front", "overview"), refresh="order")

    class OutOfWords(Exception):
        code = "brain.malformed"

    def __init__(self, context):
        self.asked = 0

    def reset(self, order, *, seed):
        pass

    def act(self, observation, events, *, deadline_s):
        self.asked += 1
        said = Exchange(f"question {self.asked}", "…", "faulty", 0.25, None, None, {"joules": 2.0})
        if self.asked < 4:
            return Reply((), said)
        error = self.OutOfWords("nothing: more to say \ud800")
        error.exchange = said
        raise error

    def close(self):
        pass


class Unready(Faulty):
    """Cannot even begin."""

    def reset(self, order, *, seed):
        raise ConnectionError("nobody there")


class Claimant(Faulty):
    """Gives up in the words of an error, and there was none."""

    def act(self, observation, events, *, deadline_s):
        return Reply(Finish("gave_up", "ValueError: not really"), Exchange("", "", "", 0.0))


def forge(
    run,
    to,
    *,
    lot=1,
    manifest=None,
    note=None,
    rows=None,
    truth=None,
    entry=None,
    file=None,
    drop=None,
    sums=True,
    hashes=True,
):
    """Copy a run with something changed, as somebody would who knows how it is protected.

    Args:
        run, to: The run and the copy.
        lot: The lot that is changed.
        manifest: Given the manifest as JSON, to change.
        note: Given kind and body of each record; returns what takes its place, as a list of pairs.
        rows, truth: Given the table of ticks or of the truth, to change.
        entry: Given the entry; returns another.
        file: Given the copy's folder, to change any file of it at last.
        drop: A lot to leave out.
        sums: Whether sums of files are computed anew.
        hashes: Whether the hash of the log is, too.
    """
    shutil.copytree(run, to)
    path = to / "manifest.json"
    if manifest is not None:
        value = json.loads(path.read_bytes())
        manifest(value)
        path.write_text(json.dumps(value), "utf-8")
    digest = sha256(path.read_bytes()).hexdigest()
    entries = []
    for place in sorted((to / "episodes").iterdir()):
        episode = Episode.open(place, brain="none")
        now = episode.entry
        if now.lot == drop:
            shutil.rmtree(place)
            continue
        if now.lot == lot and (note or rows or truth):
            hashed = _rewrite(place, note, rows, truth, None if hashes else now.log_sha256)
            now = replace(now, log_sha256=hashed)
        if now.lot == lot and entry:
            now = entry(now)
        if sums:
            files = {name: FileSum.of(place / name) for name in episode.files}
            (place / "episode.json").write_bytes(episode_bytes(now, files, digest))
        entries.append(now)
    rewrite_lines(to / "index.jsonl", (each.to_json() for each in entries))
    if (to / "result.json").exists() and entries:
        write_report(to)
    if file is not None:
        file(to)
    return to


def _rewrite(place, note, rows, truth, told_hash):
    """Write the logs of a lot anew; returns the hash of what they hold now, or the one told."""
    digest = LogDigest()
    records = list(read_log(place / "log.bin"))
    log = _fresh(place / "log.bin")
    table = _table(records, rows)
    end = {}
    done = False
    for record in records:
        if record.kind == "end":
            end = record.body
        elif record.kind != "rows":
            for kind, body in (
                note(record.kind, record.body) if note else [(record.kind, record.body)]
            ):
                digest.note(kind, body, log.append(kind, body))
        elif not done:  # all rows in one block: how they are cut is not part of the hash
            done = True
            log.append("rows", squeeze(table))
            digest.rows(table.tobytes())
    if (place / "truth.bin").exists():
        records = list(read_log(place / "truth.bin"))
        table = _table(records, truth)
        other = _fresh(place / "truth.bin")
        other.append("begin", records[0].body)
        other.append("rows", squeeze(table))
        other.append("end", records[-1].body)
        other.flush()
        other.close()
        digest.truth(table.tobytes())
    hashed = told_hash or digest.hexdigest()
    log.append("end", end | {"log_sha256": hashed})
    log.flush()
    log.close()
    return hashed


def _fresh(path):
    path.unlink()
    return LogWriter(path)


def _table(records, change):
    layout = RowLayout.stored(records[0].body["columns"], "a log")
    data = b"".join(unsqueeze(r.body, "a log") for r in records if r.kind == "rows")
    table = layout.table(data, "a log").copy()
    if change is not None:
        change(table)
    return table.view("<f8").reshape(len(table), -1)


def opened(run, lot):
    """Open a lot of a run."""
    with RunFolder.open(run) as folder:
        return folder.episode(lot)
