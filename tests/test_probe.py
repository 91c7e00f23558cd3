"""The probe: golden pictures, honest verdicts, proofs that are good for one seat, and the command.

Stand-ins answer here; that they pass says that the probe can be passed, and nothing of any model.
"""

import json
import re
import socket
import time
from dataclasses import replace
from html import unescape
from io import StringIO
from types import SimpleNamespace

import cv2
import httpx
import numpy as np
import pytest
from rich.console import Console

from shopfloor.brain.chat import client as client_module
from shopfloor.brain.chat import probe as probe_module
from shopfloor.brain.chat import question as question_module
from shopfloor.brain.chat.client import Client
from shopfloor.brain.chat.convention import CONVENTIONS, convention
from shopfloor.brain.chat.golden import golden
from shopfloor.brain.chat.probe import probe
from shopfloor.brain.chat.profile import models, seat, servers
from shopfloor.brain.chat.proof import Proof, keep, key_of, proof_of
from shopfloor.brain.chat.question import lies_on
from shopfloor.brain.chat.seen import Seen
from shopfloor.cli import main
from shopfloor.cli.probe import _table as table_of
from shopfloor.report.probe import page
from shopfloor.testing.misbehave import Misbehaving
from shopfloor.testing.standin import StandIn, completion

MODEL = "qwen2.5-vl-7b"
WHO = seat(f"{MODEL}@vllm+http://127.0.0.1:9/v1")
KEY = "sk-recognisable-0123456789"
MODES = {"tools": "tools", "json_schema": "schema", "tags": "tags"}


TWO = (golden()[0], golden()[4])


@pytest.fixture(autouse=True)
def proofs(tmp_path, monkeypatch):
    folder = tmp_path / "proofs"
    monkeypatch.setenv("SHOPFLOOR_PROOFS", str(folder))
    monkeypatch.setattr(client_module, "_PAUSE_S", 0.01)
    return folder


@pytest.fixture
def one_picture(monkeypatch):
    """One of them, where every seat is asked."""
    monkeypatch.setattr(probe_module, "golden", lambda: TWO[1:])


@pytest.fixture
def two_pictures(monkeypatch):
    """Two of the golden pictures are enough where something else is looked at."""
    monkeypatch.setattr(probe_module, "golden", lambda: TWO)


def silent(_text):
    """Say nothing."""


def asked(answer, who=WHO):
    """Probe a seat whose server is a function from a request body to a body or a response."""

    def handle(request):
        if request.method == "GET":
            return httpx.Response(404)
        made = answer(json.loads(request.content))
        if isinstance(made, httpx.Response):
            return made
        return httpx.Response(200, content=json.dumps(made).encode())

    engine = Client(who, transport=httpx.MockTransport(handle), tries=1)
    return probe(who, say=silent, engine=engine)


def who_points(name):
    """A seat of a model that points in a convention."""
    model = next(model for model in models().values() if model.convention == name)
    return replace(WHO, model=model, model_id=MODEL)


# The golden pictures.


def test_the_golden_pictures_are_of_many_shapes():
    sizes = {picture.pixels.shape[:2] for picture in golden()}
    assert len(sizes) >= 5
    assert any(height > width for height, width in sizes)
    assert sum(height != width for height, width in sizes) >= 4
    assert sum(len(picture.targets) for picture in golden()) >= 20


def test_every_target_lies_in_its_picture_and_is_the_only_one_of_its_kind():
    for picture in golden():
        height, width = picture.pixels.shape[:2]
        assert picture.pixels.dtype == np.uint8
        names = [target.en for target in picture.targets]
        assert len(names) == len(set(names))
        for target in picture.targets:
            left, top, right, bottom = target.box
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            assert re.search(r"[\u4e00-\u9fff]", target.zh)


HUES = {"red": (170, 190), "orange": (5, 20), "yellow": (20, 35), "green": (45, 80),
        "blue": (100, 125), "purple": (125, 155)}  # fmt: skip


def test_what_lies_in_a_box_has_the_colour_of_its_label():
    for picture in golden():
        hsv = cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2HSV)
        for target in picture.targets:
            left, top, right, bottom = target.box
            u, v = int((left + right) / 2), int((top + bottom) / 2)
            hue = float(np.median(hsv[v - 2 : v + 3, u - 2 : u + 3, 0]))
            low, high = HUES[target.en.split()[0]]
            assert low <= hue + (180 if hue < 5 else 0) <= high, (picture.name, target, hue)


# What is seen.


def test_a_stand_in_that_answers_as_declared_passes():
    with StandIn(convention("qwen2.5-vl"), "tools", MODEL) as server:
        made = asked(server.answer)
    assert made.passed, made.reasons
    assert (made.declared, made.inferred) == ("qwen2.5-vl", "qwen2.5-vl")
    assert made.hits[1] == 29
    assert made.hits[0] >= 27
    assert made.iou > 0.6
    assert made.error_px < 10
    assert {one.language for one in made.pointings} == {"en", "zh"}
    assert made.modes[0] == "tools"
    assert made.model_id == MODEL
    assert made.tokens[0] > 0
    assert 0 <= made.latency_s[0] <= made.latency_s[1]


@pytest.mark.parametrize("name", sorted(set(CONVENTIONS) - {"qwen2.5-vl"}))
def test_every_convention_can_pass(name, one_picture):
    who = who_points(name)
    with StandIn(convention(name), "tools", MODEL) as server:
        made = asked(server.answer, who)
    assert made.passed, made.reasons
    assert made.inferred == name
    assert made.hits[0] == made.hits[1] > 0
    assert (made.iou is not None) is convention(name).boxes


@pytest.mark.parametrize(
    ("declared", "answered"),
    [
        ("qwen2.5-vl", "qwen3-vl"),
        ("qwen3-vl", "qwen2.5-vl"),
        ("qwen3-vl", "gemini-er"),
        ("gemini-er", "molmo"),
        ("unit-float", "molmo"),
    ],
)
def test_another_convention_fails_and_is_named(declared, answered, one_picture):
    who = who_points(declared)
    with StandIn(convention(answered), "tools", MODEL) as server:
        made = asked(server.answer, who)
    assert not made.passed
    assert made.inferred == answered
    reason = f"its numbers fit the convention {answered!r}, and its profile says {declared!r}"
    assert reason in made.reasons
    assert any(re.match(r"\d+ of \d+ points hit their part; 90% are needed", r)
               for r in made.reasons)  # fmt: skip
    assert not made.proof(who).passed


@pytest.mark.parametrize("mode", sorted(MODES))
def test_ways_to_call_are_tried_not_believed(mode, one_picture):
    with StandIn(convention("qwen2.5-vl"), mode, MODEL) as server:
        made = asked(server.answer)
    assert made.modes[0] == MODES[mode]
    assert made.modes == made.proof(WHO).modes
    assert made.passed, made.reasons


def test_what_a_model_says_does_not_drive_the_terminal(one_picture):
    made = asked(lambda body: completion(body, MODEL, text="\x1b]0;pwned\x07\x1b[2J"))
    console = Console(file=(out := StringIO()), width=100)
    console.print(table_of(made))
    assert "\x1b" not in out.getvalue()
    assert "pwned" in out.getvalue()


def test_a_model_that_calls_nothing_does_not_pass(one_picture):
    with StandIn(convention("qwen2.5-vl"), "tools", MODEL) as server:

        def answer(body):
            if "Point to" in str(body) or "bounding" in str(body) or "图中" in str(body):
                return server.answer(body)
            return completion(body, MODEL, text="Certainly!")

        made = asked(answer)
    assert made.modes == ()
    assert made.reasons == ("no way to call skills worked",)
    assert (made.proof(WHO).passed, made.proof(WHO).points) == (False, True)


def test_a_text_only_model_fails_for_what_it_is():
    who = seat("deepseek-v3@vllm+http://127.0.0.1:9/v1")

    def answer(body):
        assert "image_url" not in json.dumps(body)
        call = {"calls": [{"skill": "report", "limb": "left", "number": 3}]}
        text = f"seven 蓝 <calls>{json.dumps(call)}</calls>"
        return completion(body, "deepseek-v3", text=text)

    made = asked(answer, who)
    assert not made.passed
    assert made.reasons == (
        "it is not asked for coordinates: it can plan in a pair, and not point",
    )
    assert (made.declared, made.inferred, made.pointings) == (None, None, ())
    assert {check.name: check.ok for check in made.checks}["Chinese"] is True


def test_a_server_that_takes_no_pictures_fails_for_its_answers():
    with StandIn(convention("qwen2.5-vl"), "tools", MODEL) as server:

        def answer(body):
            if "image_url" in json.dumps(body):
                text = "no images at 127.0.0.1, 500 of 400 403: [520, 540] is no image input"
                return httpx.Response(400, text=text)
            return server.answer(body)

        made = asked(answer)
    assert not made.passed
    assert made.hits == (0, 29)
    assert made.inferred is None  # the numbers of an error are no answer
    assert all(one.got is None and one.numbers == () for one in made.pointings)
    assert all(one.said.startswith("Refused: ") for one in made.pointings)
    assert {check.name: check.ok for check in made.checks}["a picture"] is False


def boast(body):
    """Say something that holds for every picture, which is what to expect of random weights."""
    return completion(body, MODEL, text='```json\n[{"point_2d": [574, 420], "label": "it"}]\n```')


def test_a_model_that_guesses_does_not_pass():
    made = asked(boast)
    assert not made.passed
    assert made.hits[0] < 0.3 * made.hits[1]
    assert all(one.hit is lies_on(one.got, one.truth) for one in made.pointings
               if one.kind == "point")  # fmt: skip


def test_two_answers_to_one_question_are_none(one_picture):
    with StandIn(convention("qwen2.5-vl"), "tools", MODEL) as server:

        def answer(body):
            made = server.answer(body)
            text = made["choices"][0]["message"]["content"] or ""
            found = re.search(r"\{[^{}]*point_2d[^{}]*\}", text)
            if found:
                # The right one and a wrong one: to choose would be to help.
                wrong = '{"point_2d": [5, 5], "label": "other"}'
                return completion(body, MODEL, text=f"[{found[0]}, {wrong}]")
            return made

        made = asked(answer)
    assert not made.passed
    assert made.hits[0] == 0


def test_another_model_that_answers_is_seen(one_picture):
    made = asked(lambda body: completion(body, "a-much-smaller-model", text="ready"))
    check = made.checks[0]
    assert (check.name, check.ok) == ("model id", False)
    assert "'a-much-smaller-model' answered" in check.shown
    assert made.proof(WHO).model_id == "a-much-smaller-model"


GARBAGE = [
    "", "[", "[" * 5_000, "[/red] [bold]", "\x1b[2J\x1b[31m", "9" * 400 + " " + "9" * 400,
    '{"calls": [7]}', '<calls>{"calls": [{"skill": "report", "number": []}]}</calls>',
    '{"point_2d": [NaN, 1]}', "<script>alert(1)</script>", "\ud83d",
]  # fmt: skip


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_no_answer_breaks_a_probe_its_page_or_its_json(text, monkeypatch):
    monkeypatch.setattr(probe_module, "golden", lambda: golden()[:1])
    made = asked(lambda body: completion(body, text[:40], text=text))
    assert not made.passed
    assert "<script>alert" not in page(made)
    json.loads(json.dumps(made.to_json(), ensure_ascii=False), parse_constant=pytest.fail)
    keep(made.proof(WHO), {"probe": made.to_json()})
    assert proof_of(WHO).passed is False


@pytest.mark.parametrize(
    "arguments", ["[" * 50_000, "{", "[]", '{"number": "3"}', '{"number": true}']
)
def test_no_call_breaks_a_probe(arguments, monkeypatch):
    monkeypatch.setattr(probe_module, "golden", lambda: golden()[:1])
    made = asked(lambda body: completion(body, MODEL, calls=[("report", arguments)]))
    assert made.modes == ()


@pytest.mark.parametrize(
    ("at", "hit"), [((50, 50), True), ((22, 78), True), ((21, 50), False), ((50, 79), False)]
)
def test_a_point_lies_on_a_part_or_beside_it_by_little(at, hit):
    assert lies_on(at, (28.0, 28.0, 72.0, 72.0)) is hit


def test_overlap_is_intersection_over_union():
    truth = (0.0, 0.0, 10.0, 10.0)
    overlap = question_module._overlap
    assert overlap(truth, truth) == 1.0
    assert overlap((5.0, 0.0, 15.0, 10.0), truth) == pytest.approx(50 / 150)
    assert overlap((2.0, 2.0, 4.0, 4.0), truth) == pytest.approx(4 / 100)
    assert overlap((20.0, 20.0, 30.0, 30.0), truth) == 0.0
    assert overlap(None, truth) == 0.0


# Nobody there.


def names(made):
    return {check.name: check.ok for check in made.checks}


def obedient(body):
    """Answer as a server that obeys tool_choice, keeps to JSON, and sees how a video ends."""
    asked_for = json.dumps(body, ensure_ascii=False)
    forced = body.get("tool_choice")
    if "video_url" in asked_for:
        return completion(body, MODEL, text="Blue.")
    if body.get("response_format") == {"type": "json_object"} and "json" in asked_for:
        return completion(body, MODEL, text='{"number": 3}')
    if body.get("tools") and (forced != "auto" or "Call report" in asked_for):
        return completion(body, MODEL, calls=[("report", '{"limb": "left", "number": 3}')])
    return completion(body, MODEL, text="Hello.")


def test_what_a_server_obeys_is_found_out(one_picture):
    found = names(asked(obedient))
    for name in ("tool_choice auto", "tool_choice required", "tool_choice named",
                 "JSON object without a schema", "a video"):  # fmt: skip
        assert found[name] is True, name


def test_what_a_server_passes_over_is_found_out_too(one_picture):
    found = names(asked(lambda body: completion(body, MODEL, text="Red, then blue: 3.")))
    for name in ("tool_choice auto", "tool_choice required", "tool_choice named",
                 "JSON object without a schema", "a video"):  # fmt: skip
        assert found[name] is False, name


def test_no_video_is_sent_to_a_server_that_takes_none(one_picture):
    who = seat(f"{MODEL}@ollama+http://127.0.0.1:9/v1")

    def answer(body):
        assert "video_url" not in json.dumps(body)
        return completion(body, MODEL, text="yes")

    assert "a video" not in names(asked(answer, who))


def test_a_name_that_nobody_resolves_is_known_within_ten_seconds(monkeypatch):
    """As where a resolver is dead, or a host has many addresses of which none answers."""
    monkeypatch.setattr(question_module, "FIRST_S", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3.0))
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="did not answer in time"):
        probe(seat(f"{MODEL}@http://shopfloor.invalid/v1"), say=silent)
    assert time.monotonic() - began < 2


def test_nobody_there_is_known_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        probe(seat(f"{MODEL}@http://127.0.0.1:{port}/v1"), say=silent)
    assert time.monotonic() - began < 5


def test_a_server_that_never_answers_is_known_within_ten_seconds(monkeypatch):
    assert question_module.FIRST_S <= 9.5
    monkeypatch.setattr(question_module, "FIRST_S", 0.3)
    with Misbehaving("hang", model_id=MODEL) as server:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            probe(seat(f"{MODEL}@{server.base_url}"), say=silent)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", ["unauthorised", "not_found", "broken", "closed",
                                  "malformed_json"])  # fmt: skip
def test_who_cannot_be_understood_is_not_probed(kind):
    with Misbehaving(kind, model_id=MODEL) as server:
        with pytest.raises((ConnectionError, ValueError)):
            probe(seat(f"{MODEL}@{server.base_url}"), say=silent)
        assert server.asked <= 2


# Proofs.


def proof(who=WHO, **changes):
    return replace(Proof(key_of(who), True, MODEL, ("tools",), "2026-11-22"), **changes)


def test_a_proof_is_found_again(proofs):
    assert proof_of(WHO) is None
    path = keep(proof(), {"probe": {"hits": 1}})
    assert path.parent == proofs
    assert proof_of(WHO) == proof()
    assert json.loads(path.read_text())["probe"] == {"hits": 1}
    keep(proof(passed=False), {})
    assert proof_of(WHO) == proof(passed=False)
    assert [file.name for file in proofs.iterdir()] == [path.name]  # nothing half-written


OTHERS = [
    replace(WHO, base_url="http://127.0.0.1:10/v1"),
    replace(WHO, base_url="https://127.0.0.1:9/v1"),
    replace(WHO, model_id="qwen2.5-vl-72b"),
    replace(WHO, server=servers()["sglang"]),
    replace(WHO, server=replace(WHO.server, schema=None)),
    replace(WHO, model=models()["qwen3-vl"]),
    replace(WHO, model=replace(WHO.model, convention="qwen3-vl")),
    replace(WHO, model=replace(WHO.model, multiple_px=32)),
    replace(WHO, model=replace(WHO.model, max_pixels=WHO.model.max_pixels * 2)),
]


@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_a_proof_is_good_for_one_address_model_and_profile(other):
    keep(proof(), {})
    assert proof_of(other) is None
    # Under another's name it is still nobody's proof.
    path = keep(proof(other, key=key_of(WHO)), {})
    path.rename(path.with_name(f"{key_of(other)}.json"))
    assert proof_of(other) is None


def test_a_proof_does_not_hang_on_how_the_seat_was_called_or_on_the_key():
    keep(proof(), {})
    assert proof_of(replace(WHO, name="other", key_env="OTHER_KEY", region="CN")) == proof()


GOOD = {"key": key_of(WHO), "passed": True, "model_id": MODEL, "modes": ["tools"], "date": "today"}


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"\xff\xfe", b"null", b"[]", b"7", b'{"proof": null}', b'{"proof": {}}',
     b"[" * 100_000,
     *(json.dumps({"proof": {**GOOD, **wrong}}).encode() for wrong in (
         {"passed": "yes"}, {"passed": 1}, {"passed": None}, {"key": "0" * 64}, {"key": None},
         {"modes": ["magic"]}, {"modes": [["tools"]]}, {"modes": [{}]}, {"modes": "tools"},
         {"modes": None}, {"model_id": 7}, {"model_id": None}, {"date": None}, {"more": 1},
     ))],
)  # fmt: skip
def test_a_damaged_proof_is_none(damaged, proofs):
    proofs.mkdir()
    path = proofs / f"{key_of(WHO)}.json"
    path.write_text(json.dumps({"proof": GOOD}))
    assert proof_of(WHO) is not None
    path.write_bytes(damaged)
    assert proof_of(WHO) is None


def test_a_folder_in_place_of_a_proof_is_none(proofs):
    (proofs / f"{key_of(WHO)}.json").mkdir(parents=True)
    assert proof_of(WHO) is None


def test_proofs_lie_with_the_users_data(monkeypatch, tmp_path):
    monkeypatch.delenv("SHOPFLOOR_PROOFS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert keep(proof(), {}).parent == tmp_path / "data" / "shopfloor" / "proofs"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keep(proof(), {}).parent == tmp_path / ".local" / "share" / "shopfloor" / "proofs"


# The page and the command.


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


@pytest.fixture
def live(two_pictures):
    with StandIn(convention("qwen2.5-vl"), "tools", MODEL) as server:
        yield SimpleNamespace(name=f"{MODEL}@vllm+{server.base_url}", server=server)


def test_the_command_shows_and_keeps_what_it_saw(cli, live, tmp_path, proofs, monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_API_KEY", KEY)
    code, out, _ = cli("probe", live.name, "--html", "probe.html")
    assert code == 0
    assert "points on their part" in out
    assert "8/8" in out
    assert "passed: it may move a robot" in out
    assert "page    probe.html" in out
    assert proof_of(seat(live.name)).passed
    written = [*proofs.iterdir(), tmp_path / "probe.html"]
    assert not any(KEY in file.read_text() for file in written)
    assert KEY not in out
    html = (tmp_path / "probe.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)  # nothing is fetched
    assert not re.findall(r"@import|url\(|<script|<link", html)
    assert html.count("data:image/jpeg;base64,") == 2
    shown = unescape(html)
    for picture, zh in zip(TWO, (False, True), strict=True):  # the languages take turns
        assert all((t.zh if zh else t.en) in shown for t in picture.targets)


def test_with_json_there_is_one_object(cli, live):
    code, out, _ = cli("probe", live.name, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["passed"] is True
    assert told["hits"] == {"k": 8, "n": 8}
    assert (told["declared"], told["inferred"]) == ("qwen2.5-vl", "qwen2.5-vl")
    assert {check["name"] for check in told["checks"]} >= {"model id", "system role", "Chinese"}


def test_who_does_not_pass_ends_with_one_and_is_kept_as_failed(cli, one_picture):
    with StandIn(convention("qwen3-vl"), "tools", MODEL) as server:
        name = f"{MODEL}@vllm+{server.base_url}"
        code, out, _ = cli("probe", name)
    assert code == 1
    flat = " ".join(out.split())
    assert "not passed" in flat
    assert "its numbers fit the convention 'qwen3-vl', and its profile says 'qwen2.5-vl'" in flat
    assert proof_of(seat(name)).passed is False


class Rude(StandIn):
    """Answers in what a terminal might obey."""

    def answer(self, body):
        if "capital of France" in json.dumps(body):
            return completion(body, self.model_id, text="[/red] [bold]\x1b[2J seven")
        if "metals" in json.dumps(body):
            raise ValueError("[/blue] \x1b[2J no such thing")
        return super().answer(body)


def test_what_a_model_says_is_no_markup(cli, one_picture):
    with Rude(convention("qwen2.5-vl"), "tools", MODEL) as server:
        code, out, err = cli("probe", f"{MODEL}@vllm+{server.base_url}")
    assert code == 0
    assert "[/red]" in out
    assert "\x1b[2J" not in out + err


def test_nobody_there_is_one_line_and_exit_code_2(cli, proofs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    name = f"{MODEL}@http://127.0.0.1:{port}/v1"
    began = time.monotonic()
    code, out, err = cli("probe", name)
    assert time.monotonic() - began < 10
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert err.startswith(f"shopfloor: {name} cannot be probed: ")
    assert "see that the server is up" in err
    assert not proofs.exists()


def test_a_refused_key_is_one_line_that_names_its_variable(cli, monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_API_KEY", KEY)
    with Misbehaving("unauthorised", model_id=MODEL) as server:
        code, out, err = cli("probe", f"{MODEL}@{server.base_url}")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert "environment variable SHOPFLOOR_API_KEY" in err
    assert KEY not in err


@pytest.mark.parametrize("name", ["qwen2.5-vl-7b", "gpt-5@http://127.0.0.1:9/v1", "nobody:x",
                                  "qwen2.5-vl-7b@ftp://h/v1", "qwen2.5-vl-7b@what+http://h/v1",
                                  "qwen2.5-vl-7b@http://[::1"])  # fmt: skip
def test_a_name_that_is_none_is_one_line(cli, name):
    code, out, err = cli("probe", name)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert err.startswith("shopfloor: ")


def test_a_proof_that_cannot_be_kept_is_one_line(cli, live, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SHOPFLOOR_PROOFS", str(tmp_path / "file" / "proofs"))
    code, _, err = cli("probe", live.name)
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "SHOPFLOOR_PROOFS" in err


def test_a_page_that_cannot_be_written_is_one_line(cli, live):
    code, _, err = cli("probe", live.name, "--html", "no/such/folder/probe.html")
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "probe.html" in err


def test_seen_sizes_do_not_change_a_picture_that_fits():
    # The golden pictures are not all multiples of 28: the way back is exact all the same.
    for picture in golden():
        height, width = picture.pixels.shape[:2]
        shown = question_module.picture_of(picture.pixels, "golden", WHO.model).seen
        assert isinstance(shown, Seen)
        assert shown.sent_width % 28 == shown.sent_height % 28 == 0
        assert shown.to_original(*shown.to_sent(width / 3, height / 7)) == pytest.approx(
            (width / 3, height / 7)
        )
