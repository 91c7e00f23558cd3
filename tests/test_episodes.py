"""``shopfloor episodes RUN``: what became of each order, of one run or many, however long."""

import json
import tracemalloc
from dataclasses import replace

import pytest

from record_examples import manifest
from report_examples import entry, shift
from shopfloor.cli import main
from shopfloor.record import RunFolder, Session
from shopfloor.record.lines import _line, append_line
from shopfloor.report.browse import browse
from shopfloor.report.register import SORTS, register, rows
from story_examples import HOSTILE


def indexed(path, entries, **changes):
    """Make a run that has an index, and empty folders for its episodes."""
    entries = list(entries)
    RunFolder.create(path, manifest(orders=len(entries), **changes)).close()
    (path / "index.jsonl").write_bytes(b"".join(_line(each.to_json()) for each in entries))
    for each in entries:
        (path / f"episodes/{each.lot:06d}").mkdir()
    return path


@pytest.fixture
def run(tmp_path):
    """A run of 30 orders, about a third failed."""
    return indexed(tmp_path / "first", shift(30, seed=3, failing=0.3))


@pytest.fixture
def cli(capsys):
    """Return a function that runs the command line: (exit code, stdout, stderr)."""

    def call(*arguments):
        with pytest.raises(SystemExit) as done:
            main(["episodes", *map(str, arguments)])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


@pytest.fixture
def listed(cli):
    """Return a function that asks for JSON and reads it."""

    def call(*arguments):
        code, out, err = cli(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return call


def test_every_order_has_a_line(run, cli):
    code, out, err = cli(run)
    assert (code, err) == (0, "")
    entries = RunFolder.open(run).entries()
    for each in entries:
        (line,) = [line for line in out.splitlines() if line.lstrip().startswith(f"{each.lot} ")]
        words = line.split()
        assert words[1] == ("good" if each.good else "failed")
        assert each.good or words[2] == each.code
        assert each.instruction[:12] in line
        good = sum(unit.state == "good" for unit in each.units)
        assert f" {good}/{sum(unit.state != 'bystander' for unit in each.units)} " in line
        assert f" {each.picks[1]}/{each.picks[0]} " in line
        assert f" {each.guard[0]}/{each.guard[1]} " in line
    failed = sum(not each.good for each in entries)
    assert f"30 episodes: {30 - failed} good, {failed} failed." in out
    worst = next(each.lot for each in entries if not each.good)
    assert f"shopfloor episodes {run} --why {worst}" in out


def test_in_a_pipe_no_line_is_cut(run, cli):
    out = cli(run)[1]
    assert max(map(len, out.splitlines())) > 100
    for each in RunFolder.open(run).entries():
        short = len(each.instruction) <= 60
        assert (f"  {each.instruction}" in out) == short
        assert f"  {each.instruction[:59].rstrip()}" in out


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_on_a_terminal_every_line_fits(run, width):
    from io import StringIO

    from rich.console import Console

    found = register([run], lambda _: True)
    out = StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(
        browse(found, asked="all", width=width)
    )
    lines = [line for line in out.getvalue().splitlines() if " failed " in line or " good " in line]
    assert len(lines) >= 30
    for line in lines[:30]:
        assert line.split()[1] in ("good", "failed")  # one line each, never folded


def test_the_totals_are_those_of_the_entries(run, listed):
    entries = RunFolder.open(run).entries()
    total = listed(run)["total"]
    units = [unit.state for each in entries for unit in each.units if unit.state != "bystander"]
    assert total == {
        "episodes": 30,
        "good": sum(each.good for each in entries),
        "seconds": pytest.approx(sum(each.ticks for each in entries) * 0.02),
        "units": {"good": units.count("good"), "total": len(units)},
        "picks": {
            "held": sum(each.picks[1] for each in entries),
            "attempted": sum(each.picks[0] for each in entries),
        },
        "guard": {
            "limited": sum(each.guard[0] for each in entries),
            "stopped": sum(each.guard[1] for each in entries),
        },
        "decisions": sum(each.decisions for each in entries),
        "codes": total["codes"],
    }
    assert sum(total["codes"].values()) == sum(not each.good for each in entries)


@pytest.mark.parametrize(
    ("only", "meant"),
    [
        ("good", lambda each: each.good),
        ("failed", lambda each: not each.good),
        ("code=grasp.slip", lambda each: each.code == "grasp.slip"),
        ("code=grasp.*", lambda each: (each.code or "").startswith("grasp.")),
    ],
)
def test_only_some(run, listed, only, meant):
    found = listed(run, "--only", only)
    wanted = [each.lot for each in RunFolder.open(run).entries() if meant(each)]
    assert [each["lot"] for each in found["episodes"]] == wanted != []
    assert found["total"]["episodes"] == len(wanted)
    assert found["runs"][0]["committed"] == 30


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_limit_shows_the_first_of_all(run, listed, sort, limit):
    whole = listed(run, "--sort", sort)["episodes"]
    few = listed(run, "--sort", sort, "--limit", limit)
    assert few["episodes"] == whole[:limit]
    assert few["total"]["episodes"] == 30
    keys = {
        "lot": [each["lot"] for each in whole],
        "seconds": [-each["seconds"] for each in whole],
        "decisions": [-each["decisions"] for each in whole],
        "picks": [each["picks"]["held"] - each["picks"]["attempted"] for each in whole],
        "guard": [(-each["guard"]["stopped"], -each["guard"]["limited"]) for each in whole],
        "code": [(each["code"] is None, each["code"] or "") for each in whole],
    }[sort]
    assert keys == sorted(keys)


def test_of_a_long_run_a_screen_is_shown_and_the_rest_is_counted(tmp_path, cli):
    path = indexed(tmp_path / "run", map(entry, range(60)))
    code, out, _ = cli(path)
    assert code == 0
    assert "60 episodes, 50 shown (--limit 0 shows all" in out
    assert "60 shown" not in cli(path, "--limit", 0)[1]
    assert "\n 59  good" in cli(path, "--limit", 0)[1]
    assert "\n 59  good" not in out


def test_several_runs_have_a_column_and_totals(run, tmp_path, cli, listed):
    other = indexed(tmp_path / "second", shift(5, seed=9), brain="another")
    code, out, _ = cli(run, other, "--limit", 0)
    assert code == 0
    assert "first    29" in out
    assert "second    4" in out
    assert out.splitlines()[0].startswith("first  none in made-up")
    found = listed(run, other)
    assert [(each["run"], each["lot"]) for each in found["episodes"]] == [
        *(("first", lot) for lot in range(30)),
        *(("second", lot) for lot in range(5)),
    ]
    assert {each["brain"] for each in found["episodes"]} == {"none", "another"}
    assert found["total"]["episodes"] == 35


def test_runs_of_the_same_name_are_told_apart(tmp_path, listed):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    paths = [indexed(tmp_path / one / "run", [entry(0)]) for one in "ab"]
    assert [each["run"] for each in listed(*paths)["episodes"]] == [str(path) for path in paths]


def test_what_others_wrote_does_not_drive_the_terminal(tmp_path, cli, listed):
    words = f"[bold red]x[/]{HOSTILE}".replace("\ud800", "")
    odd = replace(entry(0), instruction=words, good=False, code="\x1b[1m")
    path = indexed(tmp_path / "run", [odd], brain="\x1b[31mred")
    out = cli(path)[1]
    assert "\x1b" not in out
    assert r"[bold red]x[/]\x1b[2J" in out
    assert listed(path)["episodes"][0]["instruction"] == odd.instruction
    assert "\x1b" not in cli(path, "--json")[1]
    assert "\x9b" not in cli(path, "--json")[1]


# Runs that are not whole.


def test_a_run_that_is_under_way_says_so(tmp_path, cli, listed):
    path = indexed(tmp_path / "run", map(entry, range(3)), allow_unproven=False)
    text = (path / "manifest.json").read_text().replace('"orders": 3', '"orders": 8')
    (path / "manifest.json").write_text(text)
    (path / "flight/000003-4711-abcdef").mkdir()
    (path / "flight/000004-4712-abcdef").mkdir()
    (path / "flight/000004-4712-abcdef/log.bin").write_bytes(b"begun")
    code, out, _ = cli(path)
    assert code == 0
    said = " ".join(out.split())
    assert "the run is not whole: 3 of 8 orders have an episode" in said
    assert "begun and not committed: lots 3, 4 (still worked, or cut off, last written 0" in said
    assert f"`shopfloor run --resume {path}` goes on" in said
    state = listed(path)["runs"][0]
    assert (state["asked"], state["committed"], state["in_flight"]) == (8, 3, [3, 4])
    assert state["written_s"] < 60


def test_an_interrupted_run_says_so(tmp_path, cli):
    path = indexed(tmp_path / "run", map(entry, range(3)))
    text = (path / "manifest.json").read_text().replace('"orders": 3', '"orders": 8')
    (path / "manifest.json").write_text(text)
    session = {"started": "x", "wall_s": 1.0, "workers": 1, "lots": 3, "ended": "interrupted"}
    assert Session(**session).ended == "interrupted"
    append_line(path / "sessions.jsonl", session)
    assert "3 of 8 orders have an episode; its last session was interrupted" in " ".join(
        cli(path)[1].split()
    )


def test_what_was_cut_off_is_told_of_and_counts_for_nothing(run, cli, listed):
    (run / "interrupted/000004-77-abcdef").mkdir(parents=True)
    said = " ".join(cli(run)[1].split())
    assert "what had happened in cut-off lot 4 is kept in interrupted/" in said
    assert listed(run)["runs"][0]["interrupted"] == [4]
    assert len(listed(run)["episodes"]) == 30
    assert "not whole" not in said


def test_a_whole_run_has_no_notes(run, cli):
    assert "not whole" not in cli(run)[1]


def test_a_run_without_any_episode(tmp_path, cli, listed):
    RunFolder.create(tmp_path / "run", manifest()).close()
    code, out, err = cli(tmp_path / "run")
    assert (code, err) == (0, "")
    assert "No episode is committed yet." in out
    assert listed(tmp_path / "run")["episodes"] == []


def test_nothing_that_matches_is_no_mistake(run, cli, listed):
    code, out, _ = cli(run, "--only", "code=insert.jam")
    assert code == 0
    assert "None of the 30 episodes is 'code=insert.jam'." in out
    assert listed(run, "--only", "code=insert.jam")["episodes"] == []


def test_a_copy_without_its_empty_folders_can_be_read(run, cli):
    (run / "flight").rmdir()
    assert cli(run)[0] == 0


# Mistakes.


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_every_mistake_is_one_line_and_nothing_on_stdout(run, tmp_path, cli, flags):
    def refused(*arguments):
        code, out, err = cli(*arguments, *flags)
        assert (code, out) == (2, "")
        assert err.startswith("shopfloor: ")
        assert err.count("\n") == 1
        return err

    assert "no run here" in refused(tmp_path / "nowhere")
    assert "is named twice" in refused(run, run)
    assert "'bad' chooses no episodes; give all, good" in refused(run, "--only", "bad")
    assert "--sort" in refused(run, "--sort", "colour")
    assert "--limit" in refused(run, "--limit", "-1")
    assert "--why tells of one run, and 2 are named" in refused(run, tmp_path, "--why", 0)
    assert "belong to --why" in refused(run, "--full")
    index = run / "index.jsonl"
    whole = index.read_bytes()
    index.write_bytes(whole.replace(b'"lot":29', b'"lot":28'))
    assert "index.jsonl, line 30, is not what was written" in refused(run)
    index.write_bytes(whole)
    (run / "episodes/000007").rmdir()
    assert "names episode 000007, but its folder is gone" in refused(run)


def test_the_help_teaches(cli):
    code, out, _ = cli("-h")
    assert code == 0
    for words in ("Examples:", "--only 'code=grasp.*'", "--why 7", "Columns:"):
        assert words in out


# Long runs.


def test_memory_is_bounded_by_what_is_shown(tmp_path, cli):
    lots = 1_200
    path = indexed(tmp_path / "run", (replace(entry(lot), decisions=lot) for lot in range(lots)))
    size = (path / "index.jsonl").stat().st_size
    cli(path, "--limit", 1)  # what is imported once is not counted
    for arguments in (["--limit", 20], ["--limit", 20, "--sort", "decisions"], ["--json"]):
        tracemalloc.start()
        code, out, _ = cli(path, *arguments)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert code == 0
        shown = len(out) if arguments == ["--json"] else 0  # what the test itself keeps
        assert peak - 6 * shown < size / 2, (arguments, peak, size, shown)


def test_rows_can_be_had_one_by_one(run):
    assert tuple(rows([run], lambda _: True)) == register([run], lambda _: True).rows
