import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import report_examples
from report_examples import write_videos
from shift_examples import tree
from shopfloor.cli import main
from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.evidence.comparison import compare
from shopfloor.evidence.contestant import contestants
from shopfloor.evidence.page import render
from shopfloor.order import FAILURE_CODES
from shopfloor.record import Follower, RunFolder, recording
from shopfloor.record.film import Film, Stream
from shopfloor.record.index import Index
from shopfloor.record.video import read_video
from shopfloor.report import run_summary, write_report
from shopfloor.report.register import row_of, rows
from shopfloor.report.story import Call, Question, Shown
from shopfloor.view import library, page, picture, server
from shopfloor.view.condition import condition
from shopfloor.view.drawing import draw
from shopfloor.view.event import events
from shopfloor.view.find import find
from shopfloor.view.library import Figures, Library
from shopfloor.view.page import Wanted
from shopfloor.view.server import Http, guarded
from shopfloor.view.wording import LANGUAGES, WORDS, Words, preferred
from story_examples import HOSTILE, lying_run
from view_examples import broken_runs, made_up, served, session

LOCAL = Http("127.0.0.1", 0)
ROWS = [row_of("r", "b", 0.02, entry) for entry in report_examples.shift(20, failing=0.5)]
TOKEN = "correct-horse-battery-staple"
SRC = Path(__file__).parents[1] / "src"


def client(root, http=LOCAL, **more):
    app = guarded(root, http)
    return TestClient(app, base_url="http://127.0.0.1:8123", follow_redirects=False, **more)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Three made-up runs, and one that was worked, by a brain that lies in hostile words."""
    root = tmp_path_factory.mktemp("runs")
    made_up(root / "first", 12, failing=0.4, created="2026-11-20T08:00:00Z")
    made_up(root / "second", 12, failing=0.1, created="2026-11-22T08:00:00Z", brain="other")
    deep = root / "compare-1" / "runs" / "00-a"
    deep.parent.mkdir(parents=True)
    made_up(deep, 3, created="2026-11-21T08:00:00Z", ended="interrupted", orders=5)
    lying_run(root)
    (root / "small.jsonl").unlink(missing_ok=True)
    return root


@pytest.fixture(scope="module")
def pages(root):
    with client(root) as made:
        yield made


@pytest.fixture(scope="module")
def story(root):
    return Library(root).get("lying").story(0)


def ids(text):
    return re.findall(r'<a id="run-([^"]+)"', text)


def words_of(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_the_list_has_every_run_newest_first_with_its_figures(root, pages):
    text = pages.get("/").text
    assert ids(text)[1:] == ["second", "compare-1~runs~00-a", "first"]
    for name in ("first", "second"):
        summary = run_summary(root / name)
        row = words_of(text.partition(f'id="run-{name}"')[2].partition("</tr>")[0])
        assert f"{summary.good.k} of 12" in row
        assert f"{summary.uph:,.0f}" in row


@pytest.mark.parametrize("name", ["first", "second"])
def test_figures_are_those_of_the_report(root, name):
    run, summary = RunFolder.open(root / name), run_summary(root / name)
    figures = Figures.of(run.manifest, run.entries())
    assert figures.uph == pytest.approx(summary.uph)
    assert (figures.good, figures.units) == (summary.good, summary.units.good)
    assert figures.sim_s == pytest.approx(summary.sim_s)
    assert figures.codes == summary.failures


def every_page(root):
    yield from ("/", "/?page=99", "/compare?run=first&run=second", "/nope", "/run/nope")
    for found in find(root).found:
        yield from (f"/run/{found.id}", f"/run/{found.id}/episodes?code=failed&q=the")
        yield from (f"/run/{found.id}/report", f"/run/{found.id}/episode/0")


def test_every_broken_folder_is_listed_with_what_is_wrong_and_nothing_breaks(tmp_path):
    made_up(tmp_path / "whole", 3)
    said = broken_runs(tmp_path)
    with client(tmp_path) as pages:
        text = pages.get("/").text
        assert ids(text) == ["whole"]
        wrong = re.findall(r'<tr class="wrong".*?</tr>', text, re.DOTALL)
        listed = {words_of(row).split()[0]: words_of(row) for row in wrong}
        assert listed.keys() == said.keys()
        for name, words in said.items():
            assert words in listed[name], name
            for path in ("", "/episodes", "/report", "/episode/0"):
                answer = pages.get(f"/run/{name}{path}")
                assert answer.status_code in (404, 409), (name, path)
        assert pages.get("/compare?run=whole&run=torn").status_code == 409


def test_looking_changes_nothing_on_the_disk(root, pages):
    before = tree(root)
    for path in every_page(root):
        assert pages.get(path).status_code < 500, path
    assert tree(root) == before


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_in_a_page_runs_that_is_not_ours(root, pages, lang):
    for path in every_page(root):
        answer = pages.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        alone = path.endswith("/report") and answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        if alone:
            assert policy.startswith("sandbox; default-src 'none'")
            continue
        assert "unsafe" not in policy
        text = answer.text
        assert not re.search(r"<script(?![^>]* src=\"/static/)", text), path
        assert not re.search(r"\s(?:on\w+|style)\s*=\s*[\"']", re.sub(r"<pre>.*?</pre>", "", text))
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', text)
        assert f'<html lang="{lang}">' in text


def test_what_a_model_says_is_shown_as_it_was_and_never_as_markup(pages):
    text = pages.get("/run/lying/episode/0").text
    assert HOSTILE.count("<script>") == 1
    assert "<script>x()" not in text
    assert "&lt;script&gt;x()" in text
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e", "\x00", "\x7f"}


def test_a_video_comes_in_the_pieces_that_are_asked_for(root, pages):
    path = "/run/lying/episode/0/video/overview"
    whole = (root / "lying" / "episodes" / "000000" / "overview.mp4").read_bytes()
    answer = pages.get(path)
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["accept-ranges"] == "bytes"
    for said, part in (
        ("bytes=0-99", whole[:100]),
        ("bytes=1000-", whole[1000:]),
        ("bytes=-50", whole[-50:]),
    ):
        answer = pages.get(path, headers={"range": said})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{len(whole)}")
    assert pages.get(path, headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    head = pages.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole))


def test_the_picture_that_a_brain_was_shown_comes_as_jpeg(pages):
    answer = pages.get("/run/lying/episode/0/shown/overview/0")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8\xff")
    for place in (9999, 10**30):
        assert pages.get(f"/run/lying/episode/0/shown/overview/{place}").status_code == 404


@pytest.mark.parametrize("kept", [64 << 20, 1])
def test_each_picture_of_an_episode_is_decoded_once_while_somebody_looks(
    tmp_path, monkeypatch, kept
):
    made_up(tmp_path / "run", 2)
    frames, many = [], 12
    for lot in range(2):
        folder = tmp_path / "run" / "episodes" / f"{lot:06d}"
        film = Film(folder, "overview.views", Stream(64, 48, Fraction(1, 10)))
        for i in range(many):
            film.add(np.full((48, 64, 3), 20 * i + lot, np.uint8))
        film.finish()
        frames.append(list(read_video(folder / "overview.views.mp4")))
    decoded = []

    def counted(path):
        for frame in read_video(path):
            decoded.append(path)
            yield frame

    monkeypatch.setattr(recording, "read_video", counted)
    monkeypatch.setattr(picture, "_MOST_BYTES", kept)
    stills = picture.Stills()
    for place in (*range(many), 3, 0, many - 1):
        for lot in range(2):
            data = stills.jpeg(
                Bare(tmp_path / "run" / "episodes" / f"{lot:06d}"), "overview", place
            )
            seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
            assert abs(seen.astype(int) - frames[lot][place]).max() <= 4
    assert len(decoded) == 2 * many if kept > 1 else len(decoded) > 2 * many
    with pytest.raises(UsageError, match=f"no picture {many} of 'overview'"):
        stills.jpeg(Bare(tmp_path / "run" / "episodes" / "000000"), "overview", many)
    assert stills.jpeg(Bare(tmp_path / "run" / "episodes" / "000001"), "overview", 5)


class Bare(recording.Recording):
    """A folder with films."""

    def __init__(self, path):
        self.path = path


@pytest.mark.parametrize(
    "path",
    [
        "/run/%2e%2e%2ffirst",
        "/run/first%2f..%2fsecond",
        "/run/compare-1/runs/00-a",
        "/run/first/episode/0/video/..%2f..%2fmanifest",
        "/run/lying/episode/0/video/..%2f000000%2foverview",
        "/run/lying/episode/0/video/overview.mp4",
        "/run/lying/episode/..%2f0/video/overview",
        "/run/lying/episode/-1",
        "/run/lying/episode/99999999999999999999",
        "/run/lying/episode/0/shown/overview/-1",
        "/static/view.css",
        "/static/..%2f..%2fpage.py/x",
    ],
)
def test_no_address_leads_out_of_what_was_found(pages, path):
    assert pages.get(path).status_code == 404


def test_links_and_names_in_a_strangers_folder_lead_nowhere(tmp_path):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    root = tmp_path / "runs"
    root.mkdir()
    cameras = ("overhead", "../../../../secret", str(tmp_path / "secret"))
    made_up(root / "run", 1, camera_names=cameras)
    write_videos(root / "run", 0, frames=2)
    video = root / "run" / "episodes" / "000000" / "overhead.mp4"
    video.unlink()
    video.symlink_to(secret)
    (root / "run" / "report.html").symlink_to(secret)
    (root / "outside").symlink_to(tmp_path, target_is_directory=True)
    with client(root) as pages:
        for camera in cameras:
            quoted = camera.replace("/", "%2f")
            assert pages.get(f"/run/run/episode/0/video/{quoted}").status_code in (404, 409)
        answer = pages.get("/run/run/report")
        assert answer.status_code == 200
        assert "secret" not in answer.text.partition("<details")[0].partition("camera_names")[0]
        assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    "name", ["manifest.json", "index.jsonl", "sessions.jsonl", "lock", "episodes", "flight"]
)
def test_a_run_of_which_a_part_lies_elsewhere_is_not_opened(tmp_path, name):
    (tmp_path / "runs").mkdir()
    made_up(tmp_path / "elsewhere", 2, brain="a-secret")
    made_up(tmp_path / "runs" / "run", 2)
    made_up(tmp_path / "runs" / "other", 2)
    part = tmp_path / "runs" / "run" / name
    with client(tmp_path / "runs") as pages:
        assert pages.get("/run/run").status_code == 200
        part.rename(tmp_path / "moved")
        part.symlink_to(tmp_path / "elsewhere" / name)
        for path in (
            "/run/run",
            "/run/run/episodes",
            "/run/run/report",
            "/compare?run=run&run=other",
        ):
            assert pages.get(path).status_code == 409, path
        listed = pages.get("/")
        assert "leads out of the run" in listed.text
        assert "a-secret" not in listed.text
        # What lies in the run after all is not elsewhere.
        part.unlink()
        (tmp_path / "moved").rename(tmp_path / "runs" / "run" / "beside")
        part.symlink_to("beside")
        assert pages.get("/run/run/episodes").status_code == 200


@pytest.mark.parametrize("part", ["", "episode.json", "log.bin"])
def test_an_episode_that_lies_elsewhere_is_not_opened(root, tmp_path, part):
    shutil.copytree(root / "lying", tmp_path / "runs" / "run")
    shutil.copytree(root / "second", tmp_path / "runs" / "second")
    place = tmp_path / "runs" / "run" / "episodes" / "000000" / part
    with client(tmp_path / "runs") as pages:
        assert pages.get("/run/run/episode/0").status_code == 200
        place.rename(tmp_path / "moved")
        place.symlink_to(tmp_path / "moved")
    with client(tmp_path / "runs") as pages:
        for path in ("episode/0", "episode/0/video/overview", "episode/0/shown/overview/0"):
            answer = pages.get(f"/run/run/{path}")
            assert (answer.status_code, "leads out of the run" in answer.text) == (409, True), path
        assert "leads out of the run" in pages.get("/compare?run=run&run=second").text
        if part != "log.bin":  # which no list looks into
            assert pages.get("/run/run/episodes").status_code == 409


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8123", 200),
        ("localhost", 200),
        ("[::1]:8123", 200),
        ("127.0.0.1.evil.example", 421),
        ("evil.example:8123", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
def test_only_a_name_of_this_machine_is_answered(pages, host, status):
    assert pages.get("/", headers={"host": host}).status_code == status


def test_a_page_from_elsewhere_may_link_here_and_embed_nothing(pages):
    path = "/run/lying/episode/0/video/overview"
    for site, mode, status in (
        ("cross-site", "no-cors", 403),
        ("cross-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "no-cors", 200),
        ("none", "navigate", 200),
    ):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
        assert pages.get(path, headers=headers).status_code == status


def test_a_page_stays_small_however_much_a_model_says(story):
    talk = "x" * 50_000
    asked = tuple(replace(story.questions[0], request=talk, answer=talk) for _ in range(1000))
    found = events(replace(story, questions=asked), Words("en"))
    said = [event for event in found if event.kind == "asked"]
    assert len(said) == 1000
    assert sum(len(event.request) + len(event.answer) for event in said) < 2_200_000


def test_nothing_can_be_sent_or_changed(pages):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert pages.request(method, "/").status_code == 405
    assert pages.request("GET", "/", content=b"x" * 10).status_code == 413
    assert pages.get("/?q=" + "x" * 3000).status_code == 414
    assert pages.get("/run/first/episodes?q=" + "x" * 300).status_code == 404


def test_who_does_not_say_what_it_wants_is_hung_up_on(root, monkeypatch):
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    with served(root) as url, httpx.Client(base_url=url) as polite:
        assert polite.get("/").status_code == 200
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        for said in (b"", b"GET / HTTP/1.1\r\nHost: loc", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
            with socket.create_connection(address, timeout=10) as slow:
                slow.sendall(said)
                assert slow.recv(100) == b""
        with socket.create_connection(address, timeout=10) as slow:  # after a whole request, too
            slow.sendall(b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert slow.recv(12) == b"HTTP/1.1 404"
            slow.sendall(b"GET / HT")
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
            assert answer.count(b"HTTP/1.1") == 0
        with socket.create_connection(address, timeout=10) as large:
            large.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000)
            assert large.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 431")


@pytest.mark.parametrize("value", [None, -1, "soon", [], {"a": 1}, 1e300])
def test_whatever_a_manifest_says_no_page_breaks(tmp_path, value):
    made_up(tmp_path / "run", 2)
    file = tmp_path / "run" / "manifest.json"
    whole = json.loads(file.read_text())
    with client(tmp_path) as pages:
        for field in whole:
            file.write_text(json.dumps(whole | {field: value}))
            for path in ("/", "/run/run", "/run/run/report"):
                assert pages.get(path).status_code in (200, 404, 409), (field, path)


def test_where_a_brain_pointed_is_drawn_where_it_pointed(root):
    run = Library(root).get("lying")
    entry = run.folder.episode(0)
    assert entry.films() >= {"overview.views"}
    shown = Shown("overview", 0, 0, (1280, 960))
    asked = Question(1, 0, (shown,), "q", "pick", "m", 0.1, None, None, {})
    call = Call("c1", "pick", ("right",), {"camera": "overview", "point": [300, 400]}, 5, 9, "done")
    story = replace(run.story(0), questions=(asked,), calls=(call,))
    found = events(story, Words("en"))
    (one,) = [event for event in found if event.kind == "asked"]
    assert [point.points for point in one.pointed] == [((300.0, 400.0),)]

    def pointed(answer, tick):
        following = replace(asked, number=2, tick=tick, shown=(), answer=answer)
        told = replace(story, questions=(asked, following))
        return next(bool(event.pointed) for event in events(told, Words("en")) if event.request)

    # The call began at tick 5: it is the first answer's unless the second may have made it.
    assert pointed("[]", 5)
    assert not pointed("pick", 5)
    assert not pointed("[]", 4)
    assert pointed("pick", 6)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(-5, 10**6)), max_size=5))
def test_a_timeline_draws_every_event_inside_of_it(story, spans):
    calls = tuple(
        Call(f"c{i}", "pick", ("left",), {}, begun, begun + ticks, "done")
        for i, (begun, ticks) in enumerate(spans)
    )
    told = replace(story, calls=calls)
    found = events(told, Words("zh"))
    picture = draw(told, found, Words("zh"))
    root = ET.fromstring(picture.svg)
    assert {int(e.get("data-event")) for e in root if e.get("data-event")} == {
        event.number for event in found
    }
    for drawn in root:
        for name in ("x", "x1", "cx"):
            x = float((drawn.get(name) or "0").rstrip("%"))
            assert 0 <= x <= 100
            assert x + float((drawn.get("width") or "0").rstrip("%")) <= 100.01


def test_elsewhere_than_on_loopback_a_token_and_tls_are_needed(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path in (cert, key):
        path.write_text("x")
    for lacking in (
        {"token": None, "cert": cert, "key": key},
        {"token": TOKEN, "cert": None, "key": None},
    ):
        with pytest.raises(UsageError, match="look at every run; it needs"):
            Http.parse("0.0.0.0:1", **lacking)
    assert Http.parse("0.0.0.0:1", token=TOKEN, cert=cert, key=key).scheme == "https"
    assert Http.parse("[::1]:1", token=None, cert=None, key=None).host == "::1"


def test_with_a_token_nobody_looks_without_it(root):
    guest = client(root, Http("127.0.0.1", 0, TOKEN))
    assert guest.get("/").status_code == 401
    assert guest.get("/").headers["www-authenticate"].startswith("Basic ")
    assert guest.get("/static/x/view.css").status_code == 401
    assert guest.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guest.get("/", auth=("anybody", TOKEN)).status_code == 200
    for wrong in (TOKEN[:-1], TOKEN + "x", ""):
        assert guest.get("/", auth=("anybody", wrong)).status_code == 401
    assert guest.get("/", headers={"authorization": "Basic \u00fc:".encode()}).status_code == 401
    only_name = base64.b64encode(TOKEN.encode()).decode()
    assert guest.get("/", headers={"authorization": f"Basic {only_name}"}).status_code == 401


def test_ten_thousand_episodes_are_listed_and_searched_at_once(tmp_path):
    entries = made_up(tmp_path / "long", 10_000, failing=0.1)
    code = next(entry.code for entry in entries if entry.code)
    last = max(entry.lot for entry in entries if entry.code == code)
    with client(tmp_path) as pages:
        paths = {
            "/": "10,000",
            "/run/long": "long",
            "/run/long/episodes": "10,000 of 10,000",
            "/run/long/episodes?page=100": ">9999</a>",
            f"/run/long/episodes?code={code}&page=1000": f">{last}</a>",
            "/run/long/episodes?q=9876": "1 of 10,000",
        }
        for path in paths:
            pages.get(path)  # cold: the index is read, once
        for path, said in paths.items():
            walls = []
            for _ in range(3):  # noise of the machine only ever adds
                begun = time.perf_counter()
                answer = pages.get(path)
                walls.append(time.perf_counter() - begun)
            assert said in answer.text, path
            assert min(walls) < 0.3, (path, walls)
            assert answer.text.count("<tr data-row>") <= 100


def test_a_run_is_running_as_long_as_somebody_holds_it_and_no_longer(tmp_path):
    entries = report_examples.shift(3)
    run = RunFolder.create(tmp_path / "run", report_examples.manifest(orders=3))
    reader = RunFolder.open(tmp_path / "run")

    def now():
        return condition(reader, len(reader.entries())).doing

    assert now() == "running"
    run.begin(0)
    assert condition(reader, 0).in_flight == (0,)
    worker = RunFolder.join(tmp_path / "run")
    assert not condition(reader, 0).orphaned
    run.close()  # as if it had died: it has said nothing
    assert now() == "cut off"
    assert condition(reader, 0).orphaned  # its worker lives
    worker.close()
    assert not condition(reader, 0).changing
    again = RunFolder.open_for_resume(tmp_path / "run")
    for entry in entries:
        (tmp_path / "run" / "episodes" / f"{entry.lot:06d}").mkdir()
        again.index(entry)
    assert now() == "running"
    again.add_session(session(3))
    assert now() == "running"
    again.close()
    assert now() == "finished"
    (tmp_path / "run" / "flight" / "000003-1-abcdef").mkdir()
    assert now() == "cut off"  # somebody went on, and died


def test_a_run_whose_process_was_killed_is_not_said_to_go_on(tmp_path):
    code = (
        "import sys, time, report_examples; from shopfloor.record import RunFolder;"
        "run = RunFolder.create(sys.argv[1], report_examples.manifest(orders=3));"
        "run.begin(0); print('begun', flush=True); time.sleep(60)"
    )
    path = os.pathsep.join([str(SRC), str(Path(__file__).parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "run"],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
    )
    with process, client(tmp_path) as pages:
        try:
            assert process.stdout.readline() == b"begun\n"
            text = pages.get("/run/run").text
            assert 'class="doing d-running"' in text
            assert 'data-live="' in text
        finally:
            process.kill()
        process.wait()
        text = pages.get("/run/run").text
    assert 'class="doing d-cut-off"' in text
    assert "data-live" not in text
    assert "shopfloor run --resume" in text


def test_a_follower_reads_what_the_run_reads_however_it_grows(tmp_path):
    entries = report_examples.shift(6)
    run = RunFolder.create(tmp_path / "run", report_examples.manifest(orders=6))
    follower = Follower(RunFolder.open(tmp_path / "run"))
    assert follower.entries() == ()
    for entry in entries[:4]:
        (tmp_path / "run" / "episodes" / f"{entry.lot:06d}").mkdir()
        run.index(entry)
        assert follower.entries() == run.entries()
    with (tmp_path / "run" / "index.jsonl").open("ab") as file:
        file.write(b'{"lot": 4, "torn')
    assert follower.entries() == entries[:4]
    run.close()
    changed = tuple(report_examples.entry(lot) for lot in range(3))
    for lot in range(3, 4):
        (tmp_path / "run" / "episodes" / f"{lot:06d}").rmdir()
    Index(tmp_path / "run" / "index.jsonl", {entry.lot: entry for entry in changed})
    assert follower.entries() == changed
    index = tmp_path / "run" / "index.jsonl"
    index.write_bytes(index.read_bytes().replace(b'"good"', b'"GOOD"'))  # in its place
    with pytest.raises(RunCorrupt, match="line 1, is not what was written"):
        follower.entries()


def test_a_report_is_the_written_one_or_as_new_as_the_run(root, tmp_path):
    made_up(tmp_path / "run", 4)
    with client(tmp_path) as pages:
        fresh = pages.get("/run/run/report").text
        assert not (tmp_path / "run" / "report.html").exists()
        write_report(tmp_path / "run")
        assert pages.get("/run/run/report").text == fresh
        (tmp_path / "run" / "report.html").write_text("<p>mine</p>")
        assert pages.get("/run/run/report").text == "<p>mine</p>"
        os.utime(tmp_path / "run" / "report.html", (0, 0))
        assert pages.get("/run/run/report").text == fresh


def test_runs_are_compared_as_the_evidence_says(root, pages):
    found = compare(contestants([root / "first", root / "second"]))
    (pair,) = found.pairs
    for lang in LANGUAGES:
        words = Words(lang)
        text = words_of(pages.get(f"/compare?run=first&run=second&lang={lang}").text)
        assert words("compare.common", n=12) in text
        assert f"{words('compare.ab', a=pair.a)} {pair.counts.only_a} " in text
        assert f"{words('compare.ab', a=pair.b)} {pair.counts.only_b} " in text
        assert (words("compare.unresolved") in text) == (pair.verdict == "not resolved")
    assert pages.get("/compare/page?run=first&run=second").text == render(found)
    assert pages.get("/compare").status_code == 409
    assert pages.get("/compare?run=first&run=first").status_code == 409
    assert pages.get("/compare?run=first&run=nope").status_code == 404


@given(st.text(max_size=8), st.sampled_from(["", "good", "failed", "grasp.slip", "nothing"]))
def test_a_filter_finds_what_holds_the_words_and_nothing_else(text, code):
    wanted = Wanted(code, text)
    found = [row.lot for row in ROWS if wanted.matches(row)]
    for row in ROWS:
        right = {"": True, "good": row.good, "failed": not row.good}.get(code, row.code == code)
        needle = text.strip().casefold()
        holds = needle in f"{row.instruction}\n{row.order}".casefold() or needle == str(row.lot)
        if "\n" not in needle:
            assert (row.lot in found) == (right and (not needle or holds))


def test_all_words_are_there_in_both_languages():
    used = set()
    for template in files("shopfloor.view").iterdir():
        if template.name.endswith(".j2"):
            used |= set(re.findall(r"\bt\(\"([^\"~]+)\"[,)]", template.read_text("utf-8")))
            used |= set(re.findall(r"\bt\('([^'~]+)'[,)]", template.read_text("utf-8")))
    for source in (SRC / "shopfloor" / "view").glob("*.py"):
        used |= set(re.findall(r"\bwords\(\"([^\"]+)\"", source.read_text("utf-8")))
    assert used
    assert used <= WORDS.keys(), sorted(used - WORDS.keys())
    for key, (english, chinese) in WORDS.items():
        fields = [set(re.findall(r"{(\w+)", text)) for text in (english, chinese)]
        assert fields[0] == fields[1], key
        assert english.strip(), key
        if key not in ("language", "of", "tick"):
            assert re.search(r"[\u4e00-\u9fff]", chinese), key
            assert not re.search(r"[\u4e00-\u9fff]", english), key
    for code in FAILURE_CODES:
        assert Words("en").failure(code)
        assert re.search(r"[\u4e00-\u9fff]", Words("zh").failure(code) or ""), code


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.4,en;q=0.5", "en"),
        ("zh-TW", "zh"),
        ("fr", "en"),
        (";;q=x,zh;q=banana", "en"),
    ],
)
def test_a_browser_gets_the_language_that_it_likes(root, header, lang):
    assert preferred(header) == lang
    with client(root) as pages:
        text = pages.get("/", headers={"accept-language": header}).text
        assert f'<html lang="{lang}">' in text
        pages.get("/?lang=zh")  # remembered
        assert '<html lang="zh">' in pages.get("/", headers={"accept-language": "en"}).text


def test_a_run_that_is_named_itself_is_all_there_is(tmp_path):
    made_up(tmp_path / "运行 1", 2)
    with client(tmp_path / "运行 1") as pages:
        (only,) = ids(pages.get("/").text)
        assert re.fullmatch(r"~[0-9a-f]{16}", only)
        assert pages.get(f"/run/{only}").status_code == 200
    assert [found.id for found in find(tmp_path).found] == [only]


@contextmanager
def nobody():
    """Read as somebody who owns nothing, if we may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_read_hides_no_other(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    for name in ("a", "closed/run", "z"):
        made_up(tmp_path / name, 1)
    (tmp_path / "closed").chmod(0o000)
    (tmp_path / "into").symlink_to(tmp_path / "closed" / "run", target_is_directory=True)
    (tmp_path / "loop").symlink_to("loop")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    try:
        with nobody():
            with pytest.raises(PermissionError):
                (Path("closed") / "manifest.json").exists()
            assert [each.name for each in find(Path()).found] == ["a", "z"]
            with pytest.raises(UsageError, match="closed cannot be read: Permission denied"):
                find(Path("closed"))
    finally:
        (tmp_path / "closed").chmod(0o755)


def test_the_list_opens_only_what_it_shows_and_only_once(tmp_path, monkeypatch):
    for i in range(7):
        made_up(tmp_path / f"r{i}", 1, created=f"2026-11-{20 - i:02d}T08:00:00Z")
    indexes, manifests, searches = [], [], []
    monkeypatch.setattr(page, "_RUNS", 3)
    monkeypatch.setattr(library, "_SEARCH_S", 3600.0)
    monkeypatch.setattr(library, "Shown", told(indexes, library.Shown))
    monkeypatch.setattr(library, "find", told(searches, library.find))
    monkeypatch.setattr(RunFolder, "open", told(manifests, RunFolder.open))
    shelf = library.Library(tmp_path)

    def looked(number=1):
        html = page.runs_page(shelf, Words("en"), here="/?", page=number)
        return list(dict.fromkeys(re.findall(r"/run/(r\d)", html)))

    assert looked() == ["r0", "r1", "r2"]
    assert [found.id for found in indexes] == ["r0", "r1", "r2"]
    assert len(searches) == 1
    manifests.clear()
    assert looked() == ["r0", "r1", "r2"]
    assert (manifests, len(indexes), len(searches)) == ([], 3, 1)
    assert looked(3) == ["r6"]
    # One that was begun meanwhile is there when it is asked for by its name.
    made_up(tmp_path / "new", 1, created="2026-11-30T08:00:00Z")
    assert shelf.get("new").manifest.created == "2026-11-30T08:00:00Z"
    assert shelf.get("never") is None
    # Nothing is remembered of what is gone, and what was made anew is not what was there.
    shutil.rmtree(tmp_path / "r0")
    shutil.rmtree(tmp_path / "r6")
    made_up(tmp_path / "r6", 1, created="2026-12-01T08:00:00Z")
    shelf.search(anew=True)
    assert looked()[0] == "r6"
    for known in (shelf._seen, shelf._created, shelf._listed, shelf._open):
        assert "r0" not in known


def told(calls, function):
    """Return a function that notes what it was called with first."""

    def noted(first, *more, **named):
        calls.append(first)
        return function(first, *more, **named)

    return noted


def test_an_empty_folder_says_how_to_make_a_run(tmp_path):
    with client(tmp_path) as pages:
        assert "shopfloor run --orders 5" in pages.get("/").text
    assert Library(tmp_path).get("x") is None


def test_the_command_serves_until_ctrl_c_and_ends_quietly(tmp_path):
    made_up(tmp_path / "run", 2)
    process = subprocess.Popen(
        [sys.executable, "-m", "shopfloor", "view", tmp_path, "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(SRC)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            line = process.stdout.readline()
            host, port = re.search(r"http://([\d.]+):(\d+)/", line).groups()
            assert host == "127.0.0.1"
            with socket.create_connection((host, int(port)), timeout=10) as asked:
                asked.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert asked.makefile("rb").readline().startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def said(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_:
        main(["view", *map(str, arguments)])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_the_command_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    assert "there is no folder" in said(capsys, tmp_path / "none")
    assert "it needs --token-file" in said(capsys, tmp_path, "--host", "0.0.0.0")
    token = tmp_path / "token"
    token.write_text("short\n")
    assert "at least 16" in said(capsys, tmp_path, "--token-file", token)
    token.write_text("two words that are long enough\n")
    assert "one word" in said(capsys, tmp_path, "--token-file", token)
    assert "holds no token" in said(capsys, tmp_path, "--token-file", tmp_path / "no")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = said(capsys, tmp_path, "--port", port)
    free = re.search(r"`--port (\d+)` is free", error)
    assert int(free[1]) > port
    for name in [name for name in sys.modules if name.startswith("shopfloor.view")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert "pip install 'shopfloor[view]'" in said(capsys, tmp_path)


def test_the_rows_of_a_run_are_those_of_the_register(root):
    shown = Library(root).get("first")
    assert shown.rows() == tuple(rows([root / "first"], lambda _: True))
    assert json.dumps([row.to_json() for row in shown.rows()])
