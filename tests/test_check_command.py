"""``shopfloor check``: exit codes, one JSON object, and a page that lists every code."""

import json
import re
import shutil
from pathlib import Path

import pytest

from lerobot_defects import DEFECTS, FIRST, no_moov
from lerobot_examples import Built, build
from shopfloor.check.catalogue import CODES, markdown
from shopfloor.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "check.md"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return build(tmp_path_factory.mktemp("clean") / "dataset")


@pytest.fixture
def dataset(clean, tmp_path):
    return Built(shutil.copytree(clean.root, tmp_path / "dataset"))


@pytest.fixture
def cli(capsys, monkeypatch):
    """Return a function that runs the command line: (exit code, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main(["check", *map(str, arguments)])
        return done.value.code, *capsys.readouterr()

    return run


def test_a_clean_dataset_ends_with_0(cli, dataset):
    code, out, err = cli(dataset.root)
    assert code == 0, err
    assert "a LeRobot dataset, 3 episodes, 15 rows, 2 videos, 15 frames" in out
    assert out.endswith("clean\n")


def test_an_error_ends_with_1_and_says_what_to_do(cli, dataset):
    DEFECTS["tasks_index"]["a column"](dataset)
    code, out, _ = cli(dataset.root)
    assert code == 1
    assert re.search(r"error +lerobot\.tasks_index +meta/tasks\.parquet", out)
    assert "lerobot.tasks_index: write it with pandas" in out
    assert "--repair mends 1 of these" in out
    assert out.endswith("1 error, 0 warnings\n")


def test_warnings_alone_end_with_0(cli, dataset):
    DEFECTS["row_groups"]["one"](dataset)
    code, out, _ = cli(dataset.root)
    assert code == 0
    assert out.endswith("0 errors, 1 warning\n")


def test_several_folders_give_one_object(cli, clean, dataset):
    DEFECTS["timestamp"]["one frame"](dataset)
    code, out, _ = cli(clean.root, dataset.root, "--json")
    assert code == 1
    told = json.loads(out)
    assert told["checked"] == {"episodes": 6, "rows": 30, "videos": 4, "frames": 30}
    (finding,) = told["findings"]
    assert finding["folder"] == str(dataset.root)
    assert (finding["code"], finding["file"]) == ("lerobot.timestamp", FIRST)
    assert (finding["row"], finding["episode"], finding["count"]) == (3, 0, 1)
    assert [folder["kind"] for folder in told["folders"]] == ["lerobot", "lerobot"]
    assert not told["ok"]


def test_a_repair_says_what_it_did_and_what_remains(cli, dataset):
    DEFECTS["totals"]["total_frames"](dataset)
    DEFECTS["task_index"]["beyond"](dataset)
    code, out, _ = cli(dataset.root, "--repair")
    assert code == 1
    assert "repaired meta/info.json: total_frames = 15" in out
    assert "the originals are in" in out
    assert "lerobot.task_index" in out
    assert "lerobot.totals" not in out
    told = json.loads(cli(dataset.root, "--repair", "--json")[1])
    assert told["repaired"] == [{"path": str(dataset.root), "changes": [], "backup": None}]


def test_quick_opens_no_video(cli, dataset):
    no_moov(dataset)
    assert cli(dataset.root, "--quick")[0] == 0
    assert cli(dataset.root)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["."], "is neither a run (no manifest.json) nor a LeRobot dataset (no meta/info.json)"),
        ([], "Missing argument"),
        (["dataset", "--quick", "--deep"], "contradict each other"),
    ],
)
def test_what_cannot_be_checked_ends_with_2(cli, dataset, monkeypatch, arguments, said):
    monkeypatch.chdir(dataset.root.parent)
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_wrong_name_is_told_before_the_others_are_checked(cli, dataset):
    code, out, _ = cli(dataset.root, dataset.root / "data")
    assert (code, out) == (2, "")


def test_what_a_dataset_says_cannot_paint_the_terminal(cli, dataset):
    """Its own text is no markup, and brings no control characters."""
    dataset.info(splits={"[red]x": "\x1b[2J", "\x1b[2Jy": "\ud800", "\ud800z": 1})
    code, out, _ = cli(dataset.root)
    assert code == 1
    assert "splits.[red]x" in out
    assert r"splits.\x1b[2Jy" in out
    assert "\x1b" not in out
    assert json.loads(cli(dataset.root, "--json")[1])["findings"][1]["what"] == "splits.\x1b[2Jy"


def test_every_code_has_a_name_of_its_own_and_full_sentences():
    names = [code.name for code in CODES]
    assert len(set(names)) == len(names)
    for code in CODES:
        assert re.fullmatch(r"(run|lerobot)\.[a-z_]+", code.name)
        assert not code.means.endswith(".")


@pytest.mark.parametrize("family", ["run", "lerobot"])
def test_the_page_lists_what_the_code_knows(family):
    text = PAGE.read_text("utf-8")
    assert markdown(f"{family}.") in text, (
        "docs/check.md is not up to date; put this there:\n" + markdown(f"{family}.")
    )
