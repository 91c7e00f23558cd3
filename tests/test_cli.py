"""The command line: one clear line for every mistake, one object with ``--json``, a clean end."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shift_examples import (
    ORDERS,
    call,
    entries,
    finish,
    order_file,
    start,
    story,
    tree,
    wait_for_lots,
    wait_until_gone,
)
from shopfloor.cli import main
from shopfloor.record import FORMAT, RunFolder

SEED = "7"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(here, capsys):
    """Return a function that runs the command line here: (exit code, stdout, stderr)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run of four orders by the command line: its folder, stdout and stderr."""
    folder = tmp_path_factory.mktemp("finished")
    path = order_file(folder)
    options = ["--order-file", path, "--seed", SEED, "--no-video", "--out", "run", "--json"]
    before = datetime.now(UTC).replace(microsecond=0)
    code, out, err = call("run", *options, cwd=folder)
    assert code == 0, err
    return folder / "run", out, err, (before, datetime.now(UTC))


@pytest.fixture
def copy(finished, here):
    """A copy of the finished run, as ``run``."""
    return shutil.copytree(finished[0], here / "run")


def only_line(err):
    """Return the one line that stderr holds, without its beginning."""
    assert err.startswith("shopfloor: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    return err.removeprefix("shopfloor: ").rstrip()


# Every mistake is one line.

UNKNOWN = [
    (["nocell"], "unknown cell 'nocell'; known: sorting."),
    (["sortin"], "Did you mean 'sorting'?"),
    (["--body", "bencj"], "unknown body 'bencj'; known: bench, menagerie:NAME."),
    (["--brain", "clasical"], "unknown brain 'clasical'; known: MODEL@URL"),
    (["--limits", "loose"], "unknown limits 'loose'; known: collaborative, fenced"),
    (["--limits", "none.toml"], "no limits file none.toml; give fenced"),
    (["--oders", "3"], "No such option '--oders'"),
    (["sorting", "twice"], "unexpected extra argument"),
]
IMPOSSIBLE = [
    (["--orders", "0"], "--orders is 0; it must be from 1 to 1000000"),
    (["--orders", "-3"], "--orders is -3"),
    (["--orders", "1000001"], "it must be from 1 to 1000000"),
    (["--orders", "many"], "'many' is not a valid integer"),
    (["--orders", "2.5"], "'2.5' is not a valid integer"),
    (["--orders", ""], "not a valid integer"),
    (["--hours", "0"], "--hours is 0; it must be above 0"),
    (["--hours", "-1"], "--hours is -1"),
    (["--hours", "nan"], "--hours is nan"),
    (["--hours", "inf"], "--hours is inf; it must be above 0 and at most 10000"),
    (["--orders", "1", "--hours", "1"], "give --orders or --hours, not both"),
    (["--seed", "-1"], "--seed is -1; it must be from 0 to 2147483647"),
    (["--seed", "2147483648"], "--seed is 2147483648"),
    (["--seed", "x"], "'x' is not a valid integer"),
    (["--latency", "slow"], "latency 'slow' is not known; give measured, none, or fixed:MS"),
    (["--latency", "fixed"], "such as fixed:40"),
    (["--latency", "fixed:-1"], "MS from 0 to 600000"),
    (["--latency", "fixed:nan"], "MS from 0 to 600000"),
    (["--latency", "fixed:600001"], "MS from 0 to 600000"),
    (["--latency", "measured", "--workers", "2"], "take --workers 1, or --latency fixed:MS"),
    (["--workers", "0"], "--workers is 0; it must be from 1 to 256"),
    (["--workers", "257"], "--workers is 257"),
    (["--record-fps", "0"], "a stream of 0 Hz"),
    (["--record-fps", "7"], "take 1, 2, 5, 10, 25 or 50"),
    (["--record-fps", "-10"], "take 1, 2, 5, 10, 25 or 50"),
    (["--record-fps", "nan"], "take 1, 2, 5, 10, 25 or 50"),
    (["--record-fps", "100"], "take 1, 2, 5, 10, 25 or 50"),
    (["--max-wall", "0"], "--max-wall is 0; it must be above 0 seconds"),
    (["--max-wall", "nan"], "--max-wall is nan"),
    (["--order-file", "missing.jsonl"], "missing.jsonl: cannot be read (No such file"),
    (["--order-file", "."], "cannot be read (Is a directory)"),
    (["--resume", "missing"], "missing has no manifest.json; name the folder"),
]


@pytest.mark.parametrize(("options", "said"), UNKNOWN + IMPOSSIBLE, ids=str)
def test_a_wrong_argument_is_one_line_and_leaves_nothing(cli, here, options, said):
    code, out, err = cli("run", *options)
    assert (code, out) == (2, "")
    assert said in only_line(err)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "No such command 'fly'"),
        (["list"], "Missing argument 'KIND'. Choose from: cells, bodies, brains, skills"),
        (["list", "robots"], "'robots' is not one of 'cells', 'bodies', 'brains', 'skills'"),
        (["report"], "Missing argument 'RUN'"),
        (["report", "missing"], "no run here"),
        (["--colour"], "No such option '--colour'"),
    ],
    ids=str,
)
def test_the_other_commands_say_it_in_one_line_too(cli, here, arguments, said):
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert said in only_line(err)
    assert list(here.iterdir()) == []


def test_wrong_lines_of_an_order_file_are_named_each(cli, here):
    path = order_file(here, [ORDERS[0], ORDERS[1] | {"parts": []}, ORDERS[2] | {"tote": "A"}])
    code, out, err = cli("run", "--order-file", path.name)
    assert (code, out) == (2, "")
    first, second = only_line(err).split(" | ")
    assert first == "small.jsonl:2: parts is 0 entries; a list of 1 to 24 is allowed"
    assert second.startswith("small.jsonl:3: the line has the unknown key 'tote'; allowed: ")
    assert list(here.iterdir()) == [path]


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("a-file/run", "cannot make a-file: File exists; choose another --out"),
        ("a-file", "is a file; name a new or an empty folder"),
        ("no/such/folder", "cannot make no/such: No such file or directory"),
        ("/proc/shopfloor-run", "cannot write /proc/shopfloor-run"),
        ("taken", "holds no run but note.txt; name a new or an empty folder"),
    ],
)
def test_a_folder_that_cannot_take_a_run_is_named(cli, here, out, said):
    (here / "a-file").write_text("mine")
    (here / "taken").mkdir()
    (here / "taken/note.txt").write_text("mine, too")
    before = tree(here)
    code, printed, err = cli("run", "--orders", 1, "--out", out)
    assert (code, printed) == (2, "")
    assert said in only_line(err)
    assert tree(here) == before


def test_a_folder_that_holds_a_run_is_not_written_again(cli, copy):
    before = tree(copy)
    code, out, err = cli("run", "--orders", 1, "--out", "run")
    assert (code, out) == (2, "")
    assert "run holds a run already; continue it with --resume" in only_line(err)
    assert tree(copy) == before


def capped(size):
    """Return what keeps every file of a child below a size [bytes], as a full disk would."""

    def cap():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return cap


QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "MESA_SHADER_CACHE_DISABLE": "true"}


def test_a_disk_that_is_full_from_the_start_leaves_nothing(here):
    code, out, err = call("run", "--orders", 1, cwd=here, env=QUIET, preexec=capped(200))
    assert (code, out) == (2, "")
    line = only_line(err)
    assert "cannot write" in line
    assert "File too large; raise the file size limit" in line
    assert list(here.iterdir()) == []


def test_a_disk_that_fills_up_ends_the_shift_and_it_goes_on_later(finished, here):
    path = order_file(here)
    options = ["--order-file", path, "--seed", SEED, "--no-video", "--out", "run"]
    code, out, err = call("run", *options, cwd=here, env=QUIET, preexec=capped(40_000))
    assert (code, out) == (2, "")
    heading, *rest, last = err.splitlines()
    assert heading.startswith("classical in sorting")
    assert "cannot write" in only_line(last + "\n")
    assert not any("Traceback" in line for line in rest)
    with RunFolder.open("run") as folder:
        assert folder.in_flight() == ()
    code, out, err = call("run", "--resume", "run", "--json", cwd=here)
    assert code == 0, err
    assert json.loads(out)["log_sha256"] == json.loads(finished[1])["log_sha256"]


@pytest.mark.parametrize("command", [["report", "run"], ["run", "--resume", "run"]], ids=str)
def test_a_run_of_another_version_is_left_alone(cli, copy, command):
    manifest = copy / "manifest.json"
    data = json.loads(manifest.read_text()) | {"format": 99}
    manifest.write_text(json.dumps(data | {"versions": {"shopfloor": "9.9"}}))
    before = tree(copy)
    code, out, err = cli(*command)
    assert (code, out) == (2, "")
    line = only_line(err)
    assert f"has format 99, this shopfloor reads {FORMAT}" in line
    assert "9.9" in line
    assert tree(copy) == before


def test_a_damaged_log_stops_a_resume(cli, copy):
    log = copy / "episodes/000001/log.bin"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    before = tree(copy)
    code, out, err = cli("run", "--resume", "run")
    assert (code, out) == (2, "")
    line = only_line(err)
    assert "episode 000001" in line
    assert "log.bin has changed" in line
    assert tree(copy) == before


def test_a_damaged_manifest_is_said_so(cli, copy):
    (copy / "manifest.json").write_text("{")
    code, out, err = cli("report", "run")
    assert (code, out) == (2, "")
    assert "manifest.json is not what was written" in only_line(err)


@pytest.mark.parametrize(
    "option",
    [
        ["--seed", "7"],
        ["--orders", "2"],
        ["--hours", "1"],
        ["--brain", "classical"],
        ["--body", "bench"],
        ["--latency", "none"],
        ["--limits", "fenced"],
        ["--order-file", "x"],
        ["--record-fps", "5"],
        ["--no-video"],
        ["--audit"],
        ["--out", "x"],
    ],
    ids=str,
)
def test_a_resumed_run_takes_no_other_options(cli, copy, option):
    before = tree(copy)
    code, out, err = cli("run", "--resume", "run", *option)
    assert (code, out) == (2, "")
    assert f"{option[0]} cannot be given with --resume" in only_line(err)
    assert tree(copy) == before


def test_a_resumed_run_is_in_its_own_cell(cli, copy):
    code, out, err = cli("run", "sorting", "--resume", "run")
    assert (code, out) == (2, "")
    assert "cell" in only_line(err)


NO_GL = """
import ctypes
real = ctypes.CDLL.__init__
def refuse(self, name, *args, **kwargs):
    if name and any(part in str(name) for part in ("EGL", "OSMesa")):
        raise OSError(f"{name}: cannot open shared object file")
    real(self, name, *args, **kwargs)
ctypes.CDLL.__init__ = refuse
from shopfloor.cli import main
main(["run", "--orders", "1"])
"""


@pytest.mark.parametrize("asked", ["", "egl", "osmesa"])
def test_a_missing_gl_library_is_named_with_its_packages(here, asked):
    free = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-c", NO_GL],
        env=free | ({"MUJOCO_GL": asked} if asked else {}),
        cwd=here,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    line = only_line(done.stderr)
    assert line.startswith("no GL library can draw on this machine")
    assert ("libegl1" in line) == (asked != "osmesa")
    assert ("libosmesa6" in line) == (asked != "egl")
    assert list(here.iterdir()) == []


# What it prints.

KEYS = {
    "run", "cell", "body", "brain", "seed", "latency", "orders", "good", "ever", "units", "uph",
    "cycle_s", "sim_s", "wall_s", "rtf", "failures", "states", "assists", "guard", "log_sha256",
}  # fmt: skip


def test_json_is_one_object_with_everything_in_it(finished):
    run, out, err, (before, after) = finished
    result = json.loads(out)
    assert json.loads((run / "result.json").read_text()) == result
    assert set(result) >= KEYS
    assert (result["cell"], result["body"], result["brain"]) == ("sorting", "bench", "classical")
    assert (result["seed"], result["latency"], result["orders"]) == (7, "fixed:40", 4)
    assert set(result["good"]) == {"k", "n", "rate", "lo", "hi"}
    assert result["good"]["n"] == result["ever"]["n"] == 4
    assert result["good"]["k"] <= result["ever"]["k"]
    units = result["units"]
    assert set(units) == {"in", "good", "scrap", "wip", "quarantine"}
    assert units["in"] == 4 == sum(units.values()) - units["in"]
    assert result["cycle_s"]["p50"] <= result["cycle_s"]["p90"] <= result["cycle_s"]["p99"]
    assert set(result["states"]) == {"PRD", "SBY", "ENG", "SDT", "UDT", "NST"}
    assert sum(result["states"].values()) == pytest.approx(1)
    assert {"limited", "stopped"} <= set(result["guard"])
    assert result["uph"] == pytest.approx(units["good"] / result["sim_s"] * 3600)
    assert result["rtf"] == pytest.approx(result["sim_s"] / result["wall_s"])
    assert sum(result["failures"].values()) == 4 - result["good"]["k"]
    assert len(bytes.fromhex(result["log_sha256"])) == 32
    # ``run`` is when the run began, as its manifest says.
    with RunFolder.open(run) as folder:
        assert result["run"] == folder.manifest.created
    began = datetime.fromisoformat(result["run"])
    assert began.utcoffset() == timedelta(0)
    assert before <= began <= after
    assert "(simulation; Ctrl-C ends with a report)" in err


def test_the_report_is_written_again_as_it_was(cli, copy, finished):
    page = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    (copy / "result.json").unlink()
    code, out, err = cli("report", "run", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(finished[1])
    assert (copy / "report.html").read_bytes() == page
    code, out, err = cli("report", "run")
    assert (code, err) == (0, "")
    assert "simulation result" in out
    assert out.rstrip().endswith(f"report  {copy / 'report.html'}")


def test_a_finished_run_is_not_worked_again(cli, copy):
    before = tree(copy)
    code, out, _ = cli("run", "--resume", "run", "--json")
    assert code == 0
    assert json.loads(out) == json.loads((copy / "result.json").read_text())
    assert tree(copy) == before


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("cells", ["sorting"]),
        ("bodies", ["bench", "menagerie:"]),
        ("brains", ["classical"]),
        ("skills", ["handover", "look", "pick", "place", "wait"]),
    ],
)
def test_list_says_what_there_is(cli, kind, names):
    code, out, err = cli("list", kind)
    assert (code, err) == (0, "")
    heading, *rows = out.splitlines()
    assert heading.split() == ["name", "package", "what", "it", "is"]
    listed = [row.split() for row in rows if not row.startswith(" ")]
    assert set(names) <= {row[0] for row in listed}
    assert all(len(row) > 3 for row in listed), "each has a package and a description"


@pytest.mark.parametrize("arguments", [[], ["bench"]], ids=str)
def test_nothing_said_is_answered_with_help(cli, arguments):
    code, out, err = cli(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: shopfloor")
    assert "Commands:" in out


@pytest.mark.parametrize(
    "arguments",
    [[], ["run"], ["report"], ["list"], ["bench"], ["bench", "sim"]],
    ids=lambda arguments: " ".join(arguments) or "shopfloor",
)
def test_help_is_there_at_once(here, arguments):
    best = 9.0
    for _ in range(3):  # the machine may be busy with something else
        began = time.perf_counter()
        code, out, err = call(*arguments, "--help", cwd=here)
        best = min(best, time.perf_counter() - began)
        assert (code, err) == (0, "")
        assert out.startswith(f"Usage: {' '.join(['shopfloor', *arguments])} ")
        if best < 1:
            break
    assert best < 1, f"took {best:.2f} s"


def test_without_out_a_run_lies_under_runs(here, monkeypatch, cli):
    path = order_file(here, ORDERS[:1])
    code, out, _ = cli("run", "--order-file", path, "--no-video", "--json")
    assert code == 0
    (run,) = (here / "runs").iterdir()
    datetime.strptime(run.name, "%Y%m%d-%H%M%S").astimezone()
    assert json.loads(out) == json.loads((run / "result.json").read_text())


# Ctrl-C.


@pytest.mark.parametrize(("workers", "as_json"), [(1, True), (2, False)])
def test_ctrl_c_ends_with_a_report_and_how_to_go_on(finished, here, workers, as_json):
    path = order_file(here)
    run = here / "my run"
    options = ["--order-file", path, "--seed", SEED, "--no-video", "--workers", workers]
    process = start("run", *options, "--out", "my run", *(["--json"] if as_json else []), cwd=here)
    wait_for_lots(run, 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    code, out, err = finish(process)
    assert code == 130
    assert "Traceback" not in err
    wait_until_gone(process.pid)
    hint = "go on   shopfloor run --resume 'my run'"
    result = json.loads((run / "result.json").read_text())
    if as_json:
        assert json.loads(out) == result
        assert hint in err
    else:
        assert out.rstrip().endswith(hint)
    assert (result["ended"], result["partial"]) == ("interrupted", True)
    assert 1 <= result["orders"] == len(entries(run)) < len(ORDERS)
    assert result["wall_s"] > 0
    assert "interrupted" in (run / "report.html").read_text()
    with RunFolder.open(run) as folder:
        assert folder.in_flight() == ()
    code, out, err = call("run", "--resume", "my run", "--json", cwd=here)
    assert code == 0, err
    assert story(run) == story(finished[0])
    assert json.loads(out)["log_sha256"] == json.loads(finished[1])["log_sha256"]


def test_ctrl_c_while_workers_start_ends_cleanly(here):
    path = order_file(here)
    process = start("run", "--order-file", path, "--workers", 2, "--out", "run", cwd=here)
    end = time.monotonic() + 30
    while not Path(here, "run/manifest.json").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(0.15)  # the workers are importing now
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert "Traceback" not in err
    wait_until_gone(process.pid)


def test_ctrl_c_before_anything_has_begun_leaves_nothing(cli, here, monkeypatch):
    def interrupted(_plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("shopfloor.shift.shift.Staff", interrupted)
    code, out, err = cli("run", "--orders", 1)
    assert (code, out) == (130, "")
    assert only_line(err.lstrip("\n")) == "interrupted"
    assert list(here.iterdir()) == []
