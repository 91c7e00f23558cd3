"""Who has not proved that it can point moves nothing, unless that is asked for and said first."""

import json
import re
import socket

import pytest

from shift_examples import ORDERS, entries, make_plan, order_file
from shopfloor import plugins
from shopfloor.brain.chat import client as client_module
from shopfloor.brain.chat.brain import ChatBrain
from shopfloor.brain.chat.profile import providers, seat
from shopfloor.brain.chat.proof import Proof, keep, key_of
from shopfloor.cell.sorting import SortingCell
from shopfloor.cli import main
from shopfloor.errors import UnknownName, UsageError
from shopfloor.record import RunFolder
from shopfloor.shift.hire import Staff
from shopfloor.testing.misbehave import Misbehaving
from shopfloor.types import BrainContext

MODEL = "qwen2.5-vl-7b"
KEY = "sk-recognisable-0123456789"
UNPROVEN = "The brain has not proved that it can point"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to run in, without proofs, and without the night's rest between tries."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOPFLOOR_PROOFS", str(tmp_path / "proofs"))
    monkeypatch.setattr(client_module, "_PAUSE_S", 0.01)
    return tmp_path


@pytest.fixture
def cli(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


@pytest.fixture
def server():
    """A server whose model gives every order up at once."""
    with Misbehaving("busy", times=0, model_id=MODEL) as server:
        yield server


@pytest.fixture
def name(server):
    return f"{MODEL}@{server.base_url}"


def short(folder, count=1):
    return ["--order-file", order_file(folder, ORDERS[:count]), "--no-video", "--out", "run"]


def prove(name, *, passed=True):
    who = seat(name)
    keep(Proof(key_of(who), passed, MODEL, ("tools",), "2026-11-22T00:00:00+00:00"), {})


def manifest(run):
    with RunFolder.open(run) as folder:
        return folder.manifest


@pytest.mark.parametrize("failed", [False, True])
def test_who_has_not_passed_is_refused(cli, name, server, here, failed):
    if failed:
        prove(name, passed=False)
    code, out, err = cli("run", "--brain", name, *short(here))
    assert (code, out) == (2, "")
    (line,) = err.strip().splitlines()
    why = "did not pass its probe" if failed else "has not been probed"
    assert line.startswith(f"shopfloor: {name} {why} here; ")
    assert f"run `shopfloor probe {name}`" in line
    assert "--allow-unproven" in line
    assert server.asked == 0  # nobody was asked anything,
    assert not (here / "run").exists()  # and nothing was begun


def test_a_proof_of_another_address_does_not_open_the_gate(cli, name, here):
    prove(name.replace("127.0.0.1", "localhost"))
    code, _, err = cli("run", "--brain", name, *short(here))
    assert code == 2
    assert "has not been probed here" in err


def test_who_has_passed_works_without_a_word(cli, name, server, here):
    prove(name)
    code, out, _ = cli("run", "--brain", name, *short(here), "--json")
    assert code == 0
    assert json.loads(out)
    assert server.asked == 1
    assert not any(UNPROVEN in note for note in manifest("run").notes)
    assert manifest("run").brain_identity["proof"].startswith("passed ")
    assert manifest("run").allow_unproven is False
    assert manifest("run").latency == "measured"  # a model's thinking takes as long as it takes


def test_who_is_let_in_all_the_same_is_announced_first(cli, name, here):
    code, out, _ = cli("run", "--brain", name, "--allow-unproven", *short(here))
    assert code == 0
    assert " ".join(out.split()).startswith(UNPROVEN)
    text = " ".join((here / "run" / "report.html").read_text(encoding="utf-8").split())
    body = text[text.index("<body") :]
    before = re.sub(r"<[^>]*>", " ", body[: body.index(UNPROVEN)])
    assert not re.search(r"\d+ ?%|\bof\b", before)  # no result stands above it
    assert manifest("run").notes[0].startswith(UNPROVEN)
    assert manifest("run").brain_identity["proof"] == "none"
    # `report` says it again.
    code, out, _ = cli("report", "run")
    assert " ".join(out.split()).startswith(UNPROVEN)


def test_a_resumed_run_stays_as_it_was_begun(cli, name, here):
    begun = cli("run", "--brain", name, "--allow-unproven", *short(here, 2), "--max-wall", "0.001")
    assert begun[0] == 0
    assert len(entries("run")) < 2
    code, _, err = cli("run", "--resume", "run", "--allow-unproven")
    assert code == 2
    assert "cannot be given with --resume" in err
    code, out, _ = cli("run", "--resume", "run")
    assert code == 0
    assert len(entries("run")) == 2
    assert " ".join(out.split()).startswith(UNPROVEN)
    assert manifest("run").allow_unproven is True


def test_a_run_that_was_begun_with_a_proof_needs_one_to_go_on(cli, name, here):
    prove(name)
    assert cli("run", "--brain", name, *short(here, 2), "--max-wall", "0.001")[0] == 0
    for file in (here / "proofs").iterdir():
        file.unlink()
    code, _, err = cli("run", "--resume", "run")
    assert code == 2
    assert "has not been probed here" in err


def test_other_brains_need_no_proof(cli, here):
    code, out, _ = cli("run", "--allow-unproven", *short(here), "--json")
    assert code == 0
    assert json.loads(out)
    assert manifest("run").notes == ()
    assert manifest("run").latency == "fixed:40"


def test_a_dead_server_costs_orders_not_the_shift(cli, here):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    name = f"{MODEL}@http://127.0.0.1:{port}/v1"
    code, _, _ = cli("run", "--brain", name, "--allow-unproven", *short(here, 2))
    assert code == 0
    assert [entry.code for entry in entries("run")] == ["brain.unreachable"] * 2


@pytest.mark.parametrize(
    ("brain", "told"),
    [
        ("gpt-5@http://127.0.0.1:9/v1", "unknown model"),
        (f"{MODEL}@what+http://127.0.0.1:9/v1", "unknown server"),
        (f"{MODEL}@localhost:8000", "has no address after the @"),
        ("deepseek-v3@http://127.0.0.1:9/v1", "takes no pictures"),
    ],
)
def test_a_brain_that_cannot_be_is_one_line(cli, here, brain, told):
    code, out, err = cli("run", "--brain", brain, "--allow-unproven", *short(here))
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert told in err


def test_a_key_that_cannot_be_sent_is_one_line_without_the_key(cli, name, here, monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_API_KEY", f"{KEY}é")
    code, _, err = cli("run", "--brain", name, "--allow-unproven", *short(here))
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "SHOPFLOOR_API_KEY" in err
    assert KEY[:12] not in err


# Names of brains.


def test_every_provider_has_its_plugin():
    known = set(plugins.names("brains"))
    assert {"@", *(f"{provider}:" for provider in providers())} <= known


def test_a_brain_is_named_by_its_address_or_by_its_provider(cell, fenced, monkeypatch):
    skills = {name: plugins.factory("skills", name).schema for name in plugins.names("skills")}
    context = BrainContext(cell.spec, fenced, skills)
    for name, address in (
        (f"{MODEL}@vllm+http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
        ("dashscope:qwen-vl-max", providers()["dashscope"].base_url.rstrip("/")),
        ("dashscope-intl:qwen-vl-max", providers()["dashscope-intl"].base_url.rstrip("/")),
    ):
        brain = plugins.factory("brains", name)(context)
        assert isinstance(brain, ChatBrain)
        assert (brain.seat.name, brain.seat.base_url) == (name, address)
        assert brain.unproven
        brain.close()


@pytest.mark.parametrize("kind", ["cells", "bodies", "skills"])
def test_an_at_is_nothing_special_elsewhere(kind):
    with pytest.raises(UnknownName):
        plugins.factory(kind, f"{MODEL}@http://127.0.0.1:9/v1")


def test_a_refused_brain_gives_its_cell_back(name, here, monkeypatch):
    closed = []
    close = SortingCell.close
    monkeypatch.setattr(SortingCell, "close", lambda self: (closed.append(self), close(self)))
    with pytest.raises(UsageError, match="has not been probed"):
        Staff(make_plan(brain=name, orders=1))
    assert len(closed) == 1
