"""Sources that are watched: all answers are constructed here and come from a server of the test.

They have the form of a model hub's API (``/api/models/ID``) and of a list of releases; no source
outside is asked.
"""

import hashlib
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from papers_examples import TEXT, changed, facts, read, weights_in
from shopfloor.cli.papers_all import command
from shopfloor.errors import UsageError
from shopfloor.papers.fetch import source
from shopfloor.papers.watch import Sources, watch

REVISION = "0123abc" + "0" * 33
NEWER = "f" * 40
API = "/api/models/made-up/made-up-7b"
PINNED = f"{API}/revision/0123abc?blobs=true"
RAW = "/made-up/made-up-7b/raw/main/LICENSE"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        status, headers, body = self.server.answers.get(self.path, (404, {}, b"nothing"))
        if callable(body):
            body(self)
            return
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@contextmanager
def serving(answers):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.asked, server.daemon_threads = answers, [], True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return facts(weights_in(tmp_path_factory.mktemp("watch") / "weights"))


def ok(value):
    return 200, {}, value if isinstance(value, bytes) else json.dumps(value).encode()


def page(good, **more):
    weights = good["models"][0]["weights"]
    return {
        "id": "made-up/made-up-7b", "sha": REVISION, "gated": False, "private": False,
        "disabled": False, "lastModified": "2026-11-30T00:00:00.000Z",
        "cardData": {"license": "apache-2.0"},
        "siblings": [
            {"rfilename": "LICENSE"}, {"rfilename": "config.json"},
            {"rfilename": "model.safetensors", "lfs": {"sha256": weights["model.safetensors"]}},
        ],
    } | more  # fmt: skip


def hub(good, **more):
    """Answers of a hub where nothing has changed."""
    return {API: ok(page(good, **more)), PINNED: ok(page(good)), RAW: ok(TEXT)}


def states(good, answers, deadline_s=5.0):
    with serving(answers) as (address, _):
        seen = watch(read(good), Sources(address, address, deadline_s))
    return {each.about: each.state for each in seen}, {each.about: each.said for each in seen}


def test_a_model_of_which_nothing_has_changed_is_fine(good):
    found, _ = states(good, hub(good))
    assert found == dict.fromkeys(
        ("id", "access", "release", "licence", "licence-text", "revision", "weights"), "fine"
    )


@pytest.mark.parametrize(
    ("change", "about", "words"),
    [
        ({"sha": NEWER}, "release", NEWER),
        ({"gated": "manual"}, "access", "gated"),
        ({"gated": True}, "access", "gated"),
        ({"disabled": True}, "access", "disabled"),
        ({"private": True}, "access", "private"),
        ({"cardData": {"license": "other", "license_name": "made-up-research"}}, "licence",
         "LicenseRef-made-up-research"),
    ],
)  # fmt: skip
def test_what_has_changed_is_told_and_the_rest_is_fine(good, change, about, words):
    found, said = states(good, hub(good, **change))
    assert found.pop(about) == "changed"
    assert words in said[about]
    assert set(found.values()) == {"fine"}


def test_a_licence_text_that_was_changed_in_place_is_told(good):
    found, said = states(good, hub(good) | {RAW: ok(TEXT + b"and more\n")})
    assert found["licence-text"] == "changed"
    assert hashlib.sha256(TEXT + b"and more\n").hexdigest() in said["licence-text"]


def test_weights_that_were_changed_in_the_same_revision_are_told(good):
    other = page(good)
    other["siblings"][2]["lfs"]["sha256"] = "0" * 64
    found, said = states(good, hub(good) | {PINNED: ok(other)})
    assert (found["weights"], found["revision"]) == ("changed", "fine")
    assert "model.safetensors" in said["weights"]


def test_a_file_that_was_taken_out_of_the_revision_is_told(good):
    other = page(good)
    del other["siblings"][1]
    found, said = states(good, hub(good) | {PINNED: ok(other)})
    assert found["weights"] == "changed"
    assert "config.json is not in the revision" in said["weights"]


@pytest.mark.parametrize(
    ("answer", "about", "words"),
    [
        ((404, {}, b""), "id", "not there any more"),
        ((410, {}, b""), "id", "not there any more"),
        ((451, {}, b""), "id", "legal reasons"),
        ((401, {}, b""), "access", "to nobody without a token"),
        ((307, {"Location": "/api/models/other/made-up-7b"}, b""), "id", "other/made-up-7b"),
        (ok({"id": "made-up/another"}), "id", "made-up/another"),
    ],
)
def test_an_id_that_is_gone_hidden_or_rerouted_is_told(good, answer, about, words):
    found, said = states(good, hub(good) | {API: answer})
    assert found == {about: "changed"}
    assert words in said[about]


def test_nobody_goes_where_a_source_sends_on_to(good):
    answers = hub(good) | {API: (302, {"Location": "/elsewhere"}, b"")}
    with serving(answers) as (address, asked):
        watch(read(good), Sources(address, address))
    assert [path for path, _ in asked] == [API]


def test_no_token_is_sent(good, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving(hub(good)) as (address, asked):
        watch(read(good), Sources(address, address))
    assert asked
    assert not any("authorization" in map(str.lower, headers) for _, headers in asked)


def drip(handler):
    """A header now, and then a byte a time, for as long as somebody listens."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(40):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b""),
        (429, {}, b""),
        ok(b""),
        ok(b"<html>please log in</html>"),
        ok(b"[" * 200_000),
        ok([]),
        ok({}),
        ok({"id": 7}),
        ok(b"\xff\xfe"),
        (200, {"Content-Length": "5000"}, b'{"id": "made-up/made-up-7b"}'),
        (200, {"Content-Encoding": "gzip"}, b"{}"),
        ok(b" " * (9 << 20)),
        (200, {}, drip),
    ],
    ids=["fault", "too-often", "empty", "portal", "deep", "list", "nothing", "number", "bytes",
         "cut-off", "squeezed", "long", "drip"],
)  # fmt: skip
def test_a_dead_or_lying_source_is_unknown_and_not_fine(good, answer):
    found, _ = states(good, hub(good) | {API: answer}, deadline_s=0.5)
    assert found == {"id": "unknown"}


def test_a_source_that_nobody_can_reach_is_unknown(good):
    with serving({}) as (address, _):
        pass
    seen = watch(read(good), Sources(address, address, 2.0))
    assert [each.state for each in seen] == ["unknown"]
    assert "cannot be reached" in seen[0].said


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"gated": None}, "access"),
        ({"gated": "perhaps"}, "access"),
        ({"sha": "newest"}, "release"),
        ({"sha": None}, "release"),
        ({"cardData": None}, "licence"),
        ({"cardData": {"license": ["mit"]}}, "licence"),
        ({"siblings": None}, "licence-text"),
        ({"siblings": [7, {"rfilename": None}]}, "licence-text"),
    ],
)
def test_what_a_source_does_not_say_is_unknown(good, change, about):
    found, _ = states(good, hub(good, **change))
    assert found[about] == "unknown"


@pytest.mark.parametrize(
    ("places", "about"),
    [
        ([("models/0/purl", "pkg:huggingface/made-up/made-up-7b")], "release"),
        ([("models/0/licence/text_sha256", None)], "licence-text"),
        ([("models/0/licence/declared", None)], "licence"),
        ([("models/0/weights", "undisclosed")], "weights"),
    ],
)
def test_what_the_papers_do_not_say_is_unknown(good, places, about):
    found, _ = states(changed(good, *places), hub(good))
    assert found[about] == "unknown"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((404, {}, b""), "changed"),
        ((500, {}, b""), "unknown"),
        (ok(page({"models": [{"weights": {"model.safetensors": ""}}]}, sha=NEWER)), "unknown"),
    ],
)
def test_a_revision_that_was_taken_away_is_told(good, answer, state):
    found, _ = states(good, hub(good) | {PINNED: answer})
    assert found["revision"] == state
    assert "weights" not in found


RELEASES = "/repos/made-up/robot/releases?per_page=20"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ok([{"tag_name": "v1.2", "draft": False}]), {"id": "fine", "release": "fine"}),
        (ok([{"tag_name": "v2", "draft": True}, {"tag_name": "v1.2", "draft": False}]),
         {"id": "fine", "release": "fine"}),
        (ok([{"tag_name": "v1.3", "draft": False}]), {"id": "fine", "release": "changed"}),
        (ok([]), {"id": "fine", "release": "unknown"}),
        (ok({"message": "limit"}), {"release": "unknown"}),
        (ok([{"name": "x"}]), {"release": "unknown"}),
        ((403, {}, b"{}"), {"release": "unknown"}),
        ((301, {"Location": "/repos/other/robot"}, b""), {"id": "changed"}),
        ((404, {}, b""), {"id": "changed"}),
    ],
)  # fmt: skip
def test_releases_of_a_repository_are_watched(good, answer, expected):
    papers = changed(good, ("models/0/purl", "pkg:github/made-up/robot@v1.2"))
    found, _ = states(papers, {RELEASES: answer})
    assert found == expected


def test_a_closed_service_has_no_source_and_is_unknown(good):
    found, _ = states(changed(good, ("models/0/purl", "pkg:generic/made-up/service")), {})
    assert found == {"id": "unknown"}


def test_what_a_source_says_cannot_move_the_terminal(good):
    _, said = states(good, hub(good) | {API: ok({"id": "\x1b[2Jmade up" + "x" * 500})})
    assert "\x1b" not in said["id"]
    assert len(said["id"]) < 200


@pytest.mark.parametrize(
    "address",
    ["", "huggingface.co", "http://huggingface.co", "ftp://localhost", "https://", "https://[",
     "https://user@huggingface.co", "https://huggingface.co/?x"],
)  # fmt: skip
def test_addresses_that_are_none_or_in_the_clear_are_refused(address):
    with pytest.raises(UsageError, match="--hub"):
        source(address, "--hub")


def test_the_command_ends_with_one_unless_all_is_fine(good, tmp_path):
    file = tmp_path / "papers.yaml"
    file.write_text(json.dumps(good), encoding="utf-8")
    for more, code in (({}, 0), ({"sha": NEWER}, 1), ({"sha": None}, 1)):
        with serving(hub(good, **more)) as (address, _):
            done = CliRunner().invoke(command, ["watch", str(file), "--hub", address, "--json"])
        assert done.exit_code == code, done.output
        assert len(json.loads(done.output)["seen"]) == 7


def test_the_example_has_nothing_to_watch():
    done = CliRunner().invoke(command, ["watch"])
    assert done.exit_code == 0
    assert "nothing to watch" in done.output
