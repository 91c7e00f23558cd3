"""The report as a page: well-formed, self-contained, safe, bounded, and true to the figures."""

import json
import re
import time
from html.parser import HTMLParser

import pytest

from report_examples import entry, manifest, shift, write_videos
from shopfloor.errors import RunCorrupt, RunUnwritable, UsageError
from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record.entry import Session
from shopfloor.record.folder import RunFolder
from shopfloor.report.page import LIMIT_BYTES, render, write_files, write_report
from shopfloor.report.summary import summarise

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr", "source"}
BAD = {"good": False, "ever": True, "code": "grasp.slip", "code_tick": 5}


class Page(HTMLParser):
    """Reads a page; refuses a tag that isn't closed in its place."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes {self.open[-1]}"
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def page(entries, *, wall_s=60.0, ended="complete", **changes):
    run = manifest(**({"orders": len(entries)} | changes))
    return Page(render(run, entries, summarise(run, entries, wall_s=wall_s, ended=ended)))


RUNS = {
    "good": page(shift(60)),
    "failing": page(shift(300, failing=0.3)),
    "one": page(shift(1), wall_s=None),
    "interrupted": page(shift(7, failing=0.5), ended="interrupted", orders=40),
    "empty": page((), ended=None, orders=300),
    "all failed": page([entry(i, **BAD, repair_ticks=9, cycles_s=()) for i in range(3)]),
}


@pytest.fixture(params=RUNS)
def shown(request):
    return RUNS[request.param]


def test_nothing_is_loaded_from_anywhere(shown):
    for tag, attrs in shown.tags:
        for name, value in attrs.items():
            if name in {"src", "href", "poster", "action", "data", "srcset", "xlink:href"}:
                assert value.startswith(("data:", "#")), (tag, name, value)
            assert not name.startswith("on"), f"a script in <{tag} {name}>"
            assert "url(" not in (value or "")
    assert not {"script", "iframe", "object", "embed", "link", "base"} & {t for t, _ in shown.tags}
    policy = next(meta for meta in shown.all("meta") if "http-equiv" in meta)
    assert policy["content"].startswith("default-src 'none'")


def test_the_style_loads_nothing_either():
    run = manifest()
    html = render(run, (), summarise(run, (), wall_s=None, ended=None))
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "://" not in html


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(theme):
    run = manifest()
    html = render(run, (), summarise(run, (), wall_s=None, ended=None))
    block = html[
        html.index({"light": ":root {", "dark": "(prefers-color-scheme: dark) {"}[theme]) :
    ]
    colours = dict(re.findall(r"--([\w-]+): #(\w{6});", block[: block.index("}")]))

    def luminance(name):
        parts = [int(colours[name][i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for text, ground in (
        ("ink", "paper"), ("muted", "paper"), ("ours", "paper"), ("good", "paper"),
        ("bad", "paper"), ("ink", "notice"), ("muted", "panel"),
    ):  # fmt: skip
        low, high = sorted((luminance(text), luminance(ground)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_every_page_says_that_it_is_simulation(shown):
    assert "This is a simulation result: no real robot moved." in shown.text
    assert "different task; ours is simulation" in shown.text


def test_pictures_have_words_and_ids_are_unique(shown):
    for tag, attrs in shown.tags:
        if tag == "svg" and attrs.get("role") == "img":
            assert attrs["aria-label"]
    ids = [attrs["id"] for _, attrs in shown.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in shown.all("section"):
        assert attrs["aria-labelledby"] in ids


def test_what_was_not_measured_is_not_a_number(shown):
    assert not re.search(r"\b(nan|None|inf|undefined)\b", shown.text)


def test_an_empty_run_says_so():
    text = RUNS["empty"].text
    assert "No order was worked" in text
    assert "0 of 300 orders were worked" in text
    assert "No lot was worked, so there is no time to divide." in text
    assert "not measured" in text


def test_an_interrupted_run_says_so_before_the_headline():
    text = RUNS["interrupted"].text
    assert text.index("The shift was interrupted: 7 of 40") < text.index("orders good at the end")
    assert "holds however it was stopped" in text


def test_notes_come_before_the_headline():
    text = page([entry(0)], notes=("The world was paused",)).text
    assert text.index("The world was paused.") < text.index("orders good at the end")


def test_a_shift_without_failure_claims_no_more_than_it_can():
    assert "No order failed in 60. That alone supports a success rate of at least 95.1" in (
        RUNS["good"].text
    )


def test_the_page_shows_the_figures_of_the_summary():
    run, entries = manifest(), shift(300, failing=0.3)
    s = summarise(run, entries, wall_s=60.0, ended="complete")
    text = RUNS["failing"].text
    assert f"{s.good.k} of 300 orders good at the end" in text
    assert f"{s.uph:,.0f}" in text
    assert s.log_sha256 in text
    for code, count in s.failures.items():
        meaning = re.escape(FAILURE_MEANINGS[code])
        assert re.search(rf"{code.replace('.', r'[.] ?')} {meaning} {count} ", text), code
    for value in (*run.sha256.values(), *run.versions.values(), run.renderer, run.cpu):
        assert value in text
    assert all(e.order in text for e in entries)


def test_reference_figures_carry_their_source():
    for words in ("1,331", "330", "64–65", "400–600", "2605.29710", "8481720", "2505.04572"):
        assert words in RUNS["good"].text


def test_an_instruction_is_text_and_never_markup():
    evil = '<script>alert(1)</script><img src=x onerror="x"> & "quotes"'
    shown = page([entry(0, instruction=evil, order=evil, language='"><b>'), entry(1, **BAD)])
    assert evil in shown.text
    assert not shown.all("script")
    assert not shown.all("img")
    assert '"><b>' in {attrs.get("lang") for attrs in shown.all("span")}


@pytest.mark.parametrize("field", ["brain", "cell", "latency", "limits", "renderer", "cpu"])
def test_a_manifest_is_text_and_never_markup(field):
    shown = page([entry(0)], **{field: "<script>1</script>"})
    assert "<script>1</script>" in shown.text
    assert not shown.all("script")


def test_a_failure_code_is_text_and_never_markup():
    shown = page([entry(0, **(BAD | {"code": "<i>.x"}))])
    assert "<i>" in shown.text
    assert len(shown.all("i")) == 4  # the signs of the ledger's equation


def test_chinese_is_marked_as_chinese():
    shown = page([entry(0, language="zh", instruction="把红色方块放进 A 箱。")])
    assert any(attrs.get("lang") == "zh" for attrs in shown.all("span"))
    assert "把红色方块放进 A 箱。" in shown.text


def test_a_long_shift_keeps_its_failures_in_the_table():
    entries = [entry(i, **(BAD if i == 2600 else {})) for i in range(2700)]
    shown = page(entries)
    assert "sorting-1000-2600" in shown.text
    assert "700 good orders are left out" in shown.text


def test_three_hundred_lots_take_less_than_two_seconds(tmp_path):
    entries = shift(300, failing=0.2)
    start = time.perf_counter()
    path = write_files(tmp_path, manifest(), entries, wall_s=60.0, ended="complete")
    assert time.perf_counter() - start < 2
    assert path.stat().st_size < 500_000


def test_videos_are_inside_the_page(tmp_path):
    entries = [entry(0), entry(1, **BAD)]
    for lot in (0, 1):
        write_videos(tmp_path, lot, frames=5)
    html = write_files(tmp_path, manifest(), entries, wall_s=1, ended="complete").read_text("utf-8")
    videos = Page(html).all("video")
    assert len(videos) == 4
    assert all(video["src"].startswith("data:video/mp4;base64,") for video in videos)
    assert all(video["aria-label"] for video in videos)


def test_the_page_stays_under_its_bound(tmp_path):
    entries = [entry(0), entry(1, **BAD)]
    for lot, size in ((0, 5_000_000), (1, 4_500_000)):
        folder = tmp_path / f"episodes/{lot:06d}"
        folder.mkdir(parents=True)
        for camera in ("overhead", "front"):
            (folder / f"{camera}.mp4").write_bytes(bytes(size))
    path = write_files(tmp_path, manifest(), entries, wall_s=1, ended="complete")
    assert 6_000_000 < path.stat().st_size <= LIMIT_BYTES
    assert "left out to keep this page small (4.5 MB)" in Page(path.read_text("utf-8")).text


def test_result_json_is_the_summary_and_nothing_else_is_left(tmp_path):
    entries = shift(5, failing=0.4)
    write_files(tmp_path, manifest(), entries, wall_s=9.0, ended="complete")
    s = summarise(manifest(), entries, wall_s=9.0, ended="complete")
    assert json.loads((tmp_path / "result.json").read_text("utf-8")) == s.to_json()
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "result.json"}


def test_the_same_run_gives_the_same_page(tmp_path):
    told = {"wall_s": 9.0, "ended": "complete"}
    first = write_files(tmp_path, manifest(), shift(5), **told).read_bytes()
    assert write_files(tmp_path, manifest(), shift(5)[::-1], **told).read_bytes() == first


def test_a_contradiction_leaves_the_old_page_alone(tmp_path):
    path = write_files(tmp_path, manifest(), [entry(0)], wall_s=1, ended="complete")
    before = path.read_bytes()
    with pytest.raises(RunCorrupt):
        write_files(tmp_path, manifest(), [entry(0, ticks=1)], wall_s=1, ended="complete")
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path):
    with pytest.raises(RunUnwritable):
        write_files(tmp_path / "none", manifest(), [entry(0)], wall_s=1, ended="complete")


def test_a_run_folder_is_reported_as_it_stands(tmp_path):
    with RunFolder.create(tmp_path / "run", manifest(orders=1)) as run:
        assert write_report(run.path) == run.path / "report.html"
        result = json.loads((run.path / "result.json").read_text("utf-8"))
        assert (result["orders"], result["ended"], result["wall_s"]) == (0, None, None)
        run.add_session(Session("2026-11-20T08:00:00Z", 12.5, 1, 0, "interrupted"))
        run.add_session(Session("2026-11-20T09:00:00Z", 7.5, 1, 0, "complete"))
    write_report(run.path)
    result = json.loads((run.path / "result.json").read_text("utf-8"))
    assert (result["ended"], result["wall_s"], result["partial"]) == ("complete", 20.0, True)


def test_wall_time_is_unknown_where_a_process_was_killed(tmp_path, monkeypatch):
    with RunFolder.create(tmp_path / "run", manifest(orders=3)) as run:
        run.add_session(Session("2026-11-20T08:00:00Z", 7.5, 1, 1, "complete"))
    monkeypatch.setattr(RunFolder, "entries", lambda _: shift(3))
    write_report(run.path)
    result = json.loads((run.path / "result.json").read_text("utf-8"))
    assert (result["wall_s"], result["rtf"], result["ended"]) == (None, None, "complete")


def test_no_run_is_named_as_such(tmp_path):
    with pytest.raises(UsageError, match="no run here"):
        write_report(tmp_path)
