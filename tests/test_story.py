"""The story of one episode: told from real runs, checked against what was counted on the way."""

import json
import shutil
from collections import Counter
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from record_examples import cell_spec, make_lot, manifest, work
from shopfloor.cli import main
from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record import LogRecorder, RunFolder, VideoEncoder
from shopfloor.report import lettering, told
from shopfloor.report.moment import moments
from shopfloor.report.tell import stretches, tell
from story_examples import HOSTILE, MODEL, chat_run, late_run, lying_run, opened
from test_printable import hidden


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stories")


@pytest.fixture(scope="module")
def late(folder):
    return late_run(folder)


@pytest.fixture(scope="module")
def lying(folder):
    return lying_run(folder)


@pytest.fixture(scope="module")
def chat(folder):
    return chat_run(folder)


@pytest.fixture(scope="module")
def stories(late, lying, chat):
    """Every story of all three runs, and the episode that it is about."""
    runs = [opened(path) for path in (late, lying, chat)]
    return [
        (tell(run, entry.lot), run.episode(entry.lot)) for run in runs for entry in run.entries()
    ]


@pytest.fixture
def cli(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as done:
            main(["episodes", *map(str, arguments)])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


# What holds for every story.

RULINGS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["limit", "stop"]), st.sampled_from("ab")),
    unique_by=lambda ruling: ruling[0],
)


@given(RULINGS)
def test_stretches_cover_exactly_the_ticks_that_were_ruled(rulings):
    rulings = sorted(rulings)
    bodies = [{"tick": t, "verdict": v, "rule": r, "detail": {"at": t}} for t, v, r in rulings]
    found = stretches(bodies)
    covered = [(t, s.verdict, s.rule) for s in found for t in range(s.first, s.last + 1)]
    assert covered == rulings
    assert sum(s.ticks for s in found) == len(rulings)
    for one, next_one in pairwise(found):  # as few as can be
        assert (one.verdict, one.rule, one.last + 1) != (
            next_one.verdict,
            next_one.rule,
            next_one.first,
        )
    assert all(s.detail == {"at": s.first} for s in found)


def test_what_is_told_agrees_with_what_was_counted_while_it_was_worked(stories):
    assert len(stories) == 5
    for story, _ in stories:
        entry = story.entry
        ruled = Counter()
        for stretch in story.stretches:
            ruled[stretch.verdict] += stretch.ticks
        assert (ruled["limit"], ruled["stop"]) == entry.guard
        assert len(story.questions) == entry.decisions
        begun = [call for call in story.calls if call.begun is not None]
        picks = [call for call in begun if call.skill in ("pick", "handover")]
        held = [call for call in picks if call.ending == "done"]
        assert (len(picks), len(held)) == entry.picks
        bystanders = {unit.part for unit in entry.units if unit.state == "bystander"}
        assert {f.part for f in story.fates if f.state == "bystander"} == bystanders


def test_the_calls_of_a_limb_follow_each_other_and_add_up(stories):
    for story, episode in stories:
        started, busy = {}, Counter()
        for event in episode.notes("event"):
            data = event["data"]
            if event["kind"] == "skill.started":
                started[data["id"]] = event
            elif event["kind"] in ("skill.finished", "skill.dropped") and data["id"] in started:
                begun = started.pop(data["id"])["tick"]
                busy.update(dict.fromkeys(data["limbs"], event["tick"] - begun))
        for event in started.values():  # cut off
            spent = story.last_tick - event["tick"]
            busy.update(dict.fromkeys(event["data"]["limbs"], spent))
        for limb in story.limbs:
            assert story.busy_ticks(limb) == busy[limb] <= story.last_tick
            own = [c for c in story.calls if limb in c.limbs and c.begun is not None]
            for one, after in pairwise(own):
                assert one.ended <= after.begun


def test_every_beat_is_printable_and_within_the_episode(stories):
    for story, _ in stories:
        beats = told.beats(story)
        assert [beat.tick for beat in beats] == sorted(beat.tick for beat in beats)
        assert all(0 <= beat.tick <= story.last_tick for beat in beats)
        words = [*(b.text + b.who for b in beats), *told.led_to(story), told.headline(story)]
        words += [told.fate_words(story, fate) for fate in story.fates]
        words += [text for pair in told.summed_up(story) for text in pair]
        assert not hidden("".join(words))


def test_peaks_are_the_largest_of_the_log(stories):
    for story, episode in stories:
        ticks = episode.ticks()
        for peak in story.peaks:
            if peak.where == "collision":
                assert peak.force_n == episode.truth()["collision_n"].max()
                continue
            x, y, z = np.moveaxis(ticks[f"{peak.where}.wrench"][:, :3], 1, 0)
            force = np.sqrt(x * x + y * y + z * z)
            assert peak.force_n == pytest.approx(force.max())
            assert force[ticks["tick"] == peak.tick] == pytest.approx(force.max())


def test_pictures_that_were_shown_are_those_of_the_log(stories):
    for story, episode in stories:
        shown = [one for question in story.questions for one in question.shown]
        views = episode.notes("view")
        assert [(one.camera, one.captured_tick) for one in shown] == [
            (view["camera"], view["captured_tick"]) for view in views
        ]


# What single ones tell.


def test_an_order_that_ran_out_of_time(late, cli):
    story = tell(opened(late), 0)
    assert story.failing.code == "order.timeout"
    assert story.failing.tick == 65
    assert story.failing.units == ("p0",)
    held = next(call for call in story.calls if call.ending == "cut off")
    assert held.skill == "place"
    assert held.id in story.failing.calls
    assert story.goal == ("red cubes -> A",)
    code, out, err = cli(late, "--why", 0)
    said = " ".join(out.split())
    assert (code, err) == (0, "")
    assert said.startswith("failed: order.timeout from 1.30 s (tick 65); 0 of 1 units good")
    assert FAILURE_MEANINGS["order.timeout"] in said
    assert "the order had 1.3 s, and nobody said that it was done" in said
    assert f"{held.limbs[0]}: place → A retreat, since" in said
    assert "p0, small red cube: wanted in tote A, lies on the tray" in said
    assert "The question before it #1 at 0.00 s: classical/1, saw overview" in said
    assert "simulation result" in said


def test_a_good_one_tells_how_it_went(late, cli):
    said = " ".join(cli(late, "--why", 2)[1].split())
    assert said.startswith("good: 1 of 1 units in ")
    assert " Why " not in said
    assert "✓ p0, small blue cylinder: wanted in tote B, lies in tote B" in said
    assert "the brain claims: done" in said


def test_a_lie_is_told_with_what_the_brain_had_been_told(lying, cli):
    story = tell(opened(lying), 0)
    assert story.failing.code == "brain.false_claim"
    (refused,) = story.calls
    assert (refused.ending, refused.code, refused.begun) == ("refused", "plan.invalid", None)
    assert {stretch.verdict for stretch in story.stretches} == {"limit"}
    said = " ".join(cli(lying, "--why", 0)[1].split())
    assert told.stirring(story) == {1, 2, 3}
    assert "the last call that had not worked:" in said
    assert "the brain claims: done:" in said
    assert "the guard limited" in said
    assert "3,600 + 102 tokens, $0.0063" in said


def test_a_model_cannot_drive_the_terminal(lying, cli):
    for flags in ([], ["--full"], ["--json"]):
        code, out, _ = cli(lying, "--why", 0, *flags)
        assert code == 0
        assert hidden(out) <= {"\n"}
        assert "[bold red]markup[/] :skull:" in " ".join(out.split())
    value = json.loads(out)
    assert value["questions"][0]["answer"] == HOSTILE * 40
    assert value["questions"][0]["gauges"] == {"energy_j": "nan"}


def test_long_answers_are_folded_and_full_unfolds_them(lying, cli):
    few, many = (" ".join(cli(lying, "--why", 0, *flags)[1].split()) for flags in ([], ["--full"]))
    assert "more characters)" in few
    assert "more characters)" not in many
    assert many.count("answered:") == 3
    assert few.count("answered:") == 1


def test_what_a_model_was_asked_and_what_it_cost(chat, cli):
    story = tell(opened(chat), 0)
    assert {question.model_id for question in story.questions} == {MODEL}
    assert all(question.tokens and question.latency_s > 0 for question in story.questions)
    said = " ".join(cli(chat, "--why", 0)[1].split())
    assert "has not proved that it can point" in said
    assert f"#1 at 0.00 s: {MODEL}, saw overview, " in said
    assert "asked: order (en): Put the red cube into tote A." in said
    assert '"pick"' in said
    spent = [sum(question.tokens[i] for question in story.questions) for i in (0, 1)]
    assert f"{spent[0]:,} + {spent[1]:,} tokens" in said


def test_a_run_without_video_is_told_without_pictures(chat, tmp_path, cli):
    code, out, _ = cli(chat, "--why", 0)
    assert (code, list(chat.glob("*.png"))) == (0, [])
    assert "no sheet: the run was recorded without video (--no-video)" in out
    code, out, err = cli(chat, "--why", 0, "--sheet", tmp_path / "x.png")
    assert (code, out) == (2, "")
    assert "was recorded without video (--no-video), so there is nothing to draw" in err


def test_json_tells_everything(late, cli):
    code, out, err = cli(late, "--why", 1, "--json")
    assert (code, err) == (0, "")
    value = json.loads(out)
    story = tell(opened(late), 1)
    assert value["entry"]["instruction"] == "把蓝色零件放进乙箱"
    assert "把蓝色零件" in out
    for name in ("questions", "calls", "stretches", "remarks", "peaks", "fates"):
        assert len(value[name]) == len(getattr(story, name)), name
    assert value["failing"] == {
        "code": "order.timeout",
        "meaning": FAILURE_MEANINGS["order.timeout"],
        "tick": 150,
        "units": list(story.failing.units),
        "calls": list(story.failing.calls),
        "question": story.failing.question,
    }
    assert not (late / "why-000001.png").exists()  # nobody asked for it


# The sheet.


def test_the_sheet_lies_in_the_run_and_marks_where_it_failed(late, cli):
    code, out, _ = cli(late, "--why", 0)
    path = late / "why-000000.png"
    assert code == 0
    assert f"sheet  {path}" in out
    pixels = cv2.imread(str(path))[..., ::-1]
    story = tell(opened(late), 0)
    chosen, left_out = moments(story)
    assert left_out == 0
    assert chosen[0].tick == 0
    assert chosen[-1].tick == story.failing.tick
    # A red frame four pixels thick stands around the last tile and nowhere else.
    red = (pixels == (169, 44, 33)).all(axis=2)
    rows = np.flatnonzero(red.sum(axis=1) == 460)
    assert len(rows) == 8
    tall, wide = pixels.shape[:2]
    assert wide == 1988
    column = np.flatnonzero(red[rows[0]])
    place = (column[0] - 44) / (452 + 28)
    assert place == pytest.approx((len(chosen) - 1) % 4, abs=0.01)
    assert (pixels[:20] == 255).all()
    assert (pixels[-10:] == 255).all()
    assert tall < 900


def test_a_sheet_can_go_elsewhere(late, tmp_path, cli):
    code, out, _ = cli(late, "--why", 2, "--sheet", tmp_path / "two.png")
    assert code == 0
    assert f"sheet  {tmp_path / 'two.png'}" in out
    assert cv2.imread(str(tmp_path / "two.png")) is not None
    again = (tmp_path / "two.png").read_bytes()
    cli(late, "--why", 2, "--sheet", tmp_path / "two.png")
    assert (tmp_path / "two.png").read_bytes() == again  # nothing in it is chance


def test_a_folder_that_cannot_be_written(late, tmp_path, cli):
    copy = shutil.copytree(late, tmp_path / "copy", ignore=shutil.ignore_patterns("*.png"))
    (copy / "why-000000.png").mkdir()
    code, out, err = cli(copy, "--why", 0)
    assert (code, err) == (0, "")  # the story was told
    assert f"no sheet: cannot write {copy / 'why-000000.png'}: Is a directory; name another" in out
    code, out, err = cli(copy, "--why", 0, "--sheet", tmp_path / "no/such/x.png")
    assert (code, out) == (2, "")
    assert "No such file or directory; name another with --sheet FILE.png" in err
    code, _, err = cli(copy, "--why", 0, "--sheet", "x.jpg")
    assert code == 2
    assert "a PNG file" in err
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_page_holds_everything_and_runs_nothing(lying, chat, tmp_path, cli):
    code, out, _ = cli(lying, "--why", 0, "--html", tmp_path / "a.html")
    assert code == 0
    assert f"page   {tmp_path / 'a.html'}" in out
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert hidden(page) <= {"\n"}
    assert page.count("data:video/mp4;base64,") == 2
    assert page.count("data:image/png;base64,") == 1
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<summary>") == 3
    assert "brain.false_claim" in page
    assert cli(chat, "--why", 0, "--html", tmp_path / "b.html")[0] == 0
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "data:" not in page.replace("media-src data:", "").replace("img-src data:", "")
    assert "order (en): Put the red cube into tote A." in page


def test_moments_are_few_and_the_weightiest_stay(stories):
    for story, _ in stories:
        if not story.frames:
            continue
        whole, none = moments(story, most=1000)
        assert none == 0
        few, left = moments(story, most=3)
        assert len(few) + left == len(whole)
        assert {m.tick for m in few} <= {m.tick for m in whole}
        words = [caption.text for moment in few for caption in moment.captions]
        assert "start" in words
        if story.failing is not None:
            assert f"{story.failing.code} begins" in words
        for moment in whole:
            for camera, place in moment.places.items():
                ticks = story.frames[camera]
                assert ticks[place] <= max(c.tick for c in moment.captions)


# Refusals.


def test_a_lot_that_is_not_there(late):
    with pytest.raises(UsageError, match=r"lot 7 of .* has no episode; it has lots 0 to 2$"):
        tell(opened(late), 7)


def test_a_lot_that_was_interrupted(late, tmp_path):
    copy = shutil.copytree(late, tmp_path / "copy")
    (copy / "flight/000003-4711-abcdef").mkdir()
    with pytest.raises(UsageError, match=r"it was begun and is not committed.*--resume"):
        tell(opened(copy), 3)


@pytest.mark.parametrize("name", ["log.bin", "truth.bin", "overview.mp4", "episode.json"])
def test_a_damaged_episode_is_named_with_what_to_do(late, tmp_path, cli, name):
    copy = shutil.copytree(late, tmp_path / "copy")
    path = copy / "episodes/000001" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunCorrupt, match=f"episode 000001 of .*{name}.*restore .* from a copy"):
        tell(opened(copy), 1)
    code, out, err = cli(copy, "--why", 1)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_where_there_is_no_run(tmp_path, cli):
    code, out, err = cli(tmp_path, "--why", 0)
    assert (code, out) == (2, "")
    assert "no run here" in err


# Other cells, other libraries.


@pytest.mark.parametrize("ticks", [1, 9])
def test_any_cell_can_be_told_and_drawn(tmp_path, ticks, cli):
    with RunFolder.create(tmp_path / "run", manifest()) as folder:
        encoder = VideoEncoder()
        recorder = LogRecorder(folder, cell_spec(cameras=("wrist",)), encoder=encoder)
        folder.index(work(folder, recorder, make_lot(0, parts=1), ticks=ticks))
        encoder.close()
    code, out, _ = cli(tmp_path / "run", "--why", 0)
    assert code == 0
    assert out.startswith("good: 1 of 1 units")
    assert "nothing is to be moved" in out
    assert cv2.imread(str(tmp_path / "run/why-000000.png")) is not None


@pytest.mark.parametrize("font", [True, False])
def test_letters_fit_with_any_version_of_the_library(monkeypatch, font):
    if not font:
        monkeypatch.setattr(lettering, "_font", lambda: None)
    lettering._width.cache_clear()
    letters = lettering.Letters(12)
    text = "left: pick (507, 581) 把红色方块放进 A 箱"
    canvas = np.full((60, 900, 3), 255, np.uint8)
    end = letters.draw(canvas, text, 10, 40, (0, 0, 0))
    dark = np.flatnonzero((canvas < 128).any(axis=(0, 2)))
    assert 10 <= dark[0] <= 14
    assert end - 8 <= dark[-1] <= end
    for width in (0, 5, 60, 200, 899):
        assert letters.width(letters.fitted(text, width)) <= max(width, letters.width(".."))
    rim = canvas.copy()
    letters.draw(rim, text, -50, 5, (0, 0, 0))  # cut off at the edges, not wrapped around
    letters.draw(rim, text, 880, 59, (0, 0, 0))
    lettering._width.cache_clear()
