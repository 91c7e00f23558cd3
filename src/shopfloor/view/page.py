"""The pages, from runs to markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from shopfloor.record.entry import E10_STATES, Entry, Manifest
from shopfloor.record.video import VIEWS
from shopfloor.report import chart, told, wording
from shopfloor.report.clip import clips
from shopfloor.report.page import LIMIT_BYTES, render
from shopfloor.report.press import press
from shopfloor.report.printable import printable
from shopfloor.report.register import Row
from shopfloor.report.story import Fate, Story
from shopfloor.report.timeline import lot_times, timeline
from shopfloor.report.trend import success_trend, window_lots
from shopfloor.view.drawing import draw
from shopfloor.view.event import events, meaning
from shopfloor.view.library import Library, Shown, reading
from shopfloor.view.wording import Words

if TYPE_CHECKING:
    from jinja2 import Environment

    from shopfloor.evidence.comparison import Comparison

__all__ = [
    "Wanted",
    "compare_page",
    "episode_page",
    "episodes_page",
    "report_page",
    "run_page",
    "runs_page",
    "static",
    "wrong_page",
]

_RUNS = 100
_ROWS = 100
_LIVE_MS = 1500
"""How often a page of something that goes on asks again [ms]."""
_PACKAGE = "shopfloor.view"
_STATIC: Mapping[str, str] = {
    "view.css": "text/css; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
    "episode.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which episodes somebody wants to see.

    Attributes:
        code: ``good``, ``failed``, a failure code, or empty for all.
        text: What the instruction, the order's name or the lot holds; empty for all.
    """

    code: str = ""
    text: str = ""

    def matches(self, row: Row) -> bool:
        """Whether an episode is wanted."""
        if self.code in ("good", "failed"):
            right = row.good == (self.code == "good")
        else:
            right = not self.code or row.code == self.code
        text = self.text.casefold().strip()
        return right and (
            not text
            or text in row.instruction.casefold()
            or text in row.order.casefold()
            or text == str(row.lot)
        )

    @property
    def query(self) -> dict[str, str]:
        """What stands in an address."""
        return {k: v for k, v in (("code", self.code), ("q", self.text)) if v}


@cache
def static() -> dict[str, tuple[str, bytes]]:
    """Return our own files by ``TAG/NAME``: type and content. The tag changes with the content."""
    read = {name: files(_PACKAGE).joinpath(name).read_bytes() for name in _STATIC}
    tag = sha256(b"".join(read.values())).hexdigest()[:12]
    return {f"{tag}/{name}": (_STATIC[name], data) for name, data in read.items()}


@cache
def _environment() -> Environment:
    environment = press(_PACKAGE)
    tags = {path.partition("/")[2]: f"/static/{path}" for path in static()}
    environment.globals |= {"static": tags, "bar": chart.bar}
    return environment


def _render(name: str, words: Words, **values: Any) -> str:
    page = _environment().get_template(f"{name}.html.j2").render(t=words, words=words, **values)
    return page + "\n"


def runs_page(library: Library, words: Words, *, here: str, page: int) -> str:
    """Return the list of all runs; raises UsageError where the folder cannot be read."""
    search = library.search()
    found, page, pages = _cut(library.newest(search), page, _RUNS)
    shown = library.glances(found)
    live = any(each.condition and each.condition.changing for each in shown)
    return _render(
        "runs",
        words,
        here=here,
        live=_LIVE_MS if live else 0,
        folder=printable(wording.here(str(library.root))),
        many=len(search.found),
        whole=search.whole,
        glances=shown,
        page=page,
        pages=pages,
    )


def run_page(run: Shown, words: Words, *, here: str) -> str:
    """Return what one run is doing and has come to; raises RunError."""
    figures, now = run.figures(), run.condition()
    running = now.doing == "running"
    summary = None if running or not figures.n else run.summary()
    with reading(run.found.path):
        return _render(
            "run",
            words,
            here=here,
            live=_LIVE_MS if now.changing else 0,
            run=run,
            manifest=run.manifest,
            figures=figures,
            now=now,
            summary=summary,
            codes=[(code, meaning(code, words), count) for code, count in figures.codes.items()],
            path=printable(wording.here(str(run.found.path))),
            **run.once("charts", partial(_charts, run.manifest)),
        )


def _charts(manifest: Manifest, entries: Sequence[Entry]) -> dict[str, Any]:
    spans = timeline(manifest, entries)
    ticks = dict.fromkeys(E10_STATES, 0)
    for span in spans:
        ticks[span.state] += span.ticks
    total = sum(ticks.values())
    if not total:
        return {"strip": None, "stack": None, "trend": None, "states": [], "window": 0}
    times = lot_times(manifest, entries)
    failed = [
        time.end - entry.repair_ticks
        for entry, time in zip(entries, times, strict=True)
        if not entry.good
    ]
    trend = None
    if len(entries) > 1 and all(time.ticks for time in times):
        trend = chart.trend(
            success_trend(manifest, entries), total * manifest.control_dt, percent=True, label="%"
        )
    return {
        "strip": chart.state_strip(spans, total, manifest.control_dt, failed),
        "stack": chart.stack([(f"s-{state}", ticks[state]) for state in E10_STATES]),
        "trend": trend,
        "window": window_lots(len(entries)),
        "states": [(state, count / total) for state, count in ticks.items() if count],
    }


def episodes_page(run: Shown, words: Words, *, here: str, wanted: Wanted, page: int) -> str:
    """Return the list of a run's episodes; raises RunError."""
    rows = run.rows()
    with reading(run.found.path):
        found = [row for row in rows if wanted.matches(row)]
        shown, page, pages = _cut(found, page, _ROWS)
        return _render(
            "episodes",
            words,
            here=here,
            run=run,
            rows=shown,
            found=len(found),
            n=len(rows),
            wanted=wanted,
            codes=[(code, meaning(code, words)) for code in run.figures().codes],
            page=page,
            pages=pages,
            meaning=partial(meaning, words=words),
        )


def episode_page(run: Shown, lot: int, words: Words, *, here: str, wanted: Wanted) -> str:
    """Return one episode; raises UsageError where there is none, RunError where it is damaged."""
    story = run.story(lot)
    with reading(run.found.path):
        lots = [row.lot for row in run.rows() if wanted.matches(row)]
        found, films = events(story, words), run.episode(lot).films()
        return _render(
            "episode",
            words,
            here=here,
            run=run,
            wanted=wanted,
            story=story,
            cameras=[name for name in run.manifest.camera_names if name in story.frames],
            viewed={name.removesuffix(VIEWS) for name in films if name.endswith(VIEWS)},
            frames={name: list(ticks) for name, ticks in story.frames.items()},
            previous=max((each for each in lots if each < lot), default=None),
            next=min((each for each in lots if each > lot), default=None),
            events=found,
            picture=draw(story, found, words),
            fates=[(fate, _fate(fate, words)) for fate in story.fates
                   if fate.state != "bystander"],
            why=_why(story, words),
            led_to=tuple(told.led_to(story)),
        )  # fmt: skip


def _why(story: Story, words: Words) -> dict[str, Any] | None:
    if (failing := story.failing) is None:
        return None
    calls = [call for call in story.calls if call.id in failing.calls and call.ticks]
    return {
        "code": failing.code,
        "meaning": meaning(failing.code, words),
        "tick": failing.tick,
        "calls": [f"{'+'.join(call.limbs)}: {told.call_words(call)}" for call in calls],
        "question": failing.question,
    }


def _fate(fate: Fate, words: Words) -> str:
    places = [place for place in fate.wanted if place is not None]
    said = [words("fate.wanted", place=words("fate.or").join(places))]
    if not places:
        said = [words("fate.stay")]
    if fate.known:
        key = {None: "fate.lost", "tray": "fate.tray"}.get(fate.ended_in, "fate.lies")
        said.append(words(key, place=fate.ended_in))
    if fate.code is not None:
        said.append(f"{fate.code} ({words.failure(fate.code) or '?'})")
    return printable(", ".join(said))


def report_page(run: Shown) -> str:
    """Return the report of a run as it stands now; nothing is written. Raises RunError."""
    entries, summary = run.entries(), run.summary()
    with reading(run.found.path):
        bare = len(render(run.manifest, entries, summary).encode())
        shown = clips(run.found.path, run.manifest, entries, budget=LIMIT_BYTES - bare)
        return render(run.manifest, entries, summary, shown)


def compare_page(
    found: Comparison, words: Words, *, here: str, query: Sequence[tuple[str, str]]
) -> str:
    """Return what a comparison says, in few words."""
    from shopfloor.evidence import verdict

    return _render(
        "compare", words, here=here, found=found, notes=verdict.notes(found), query=query
    )


def wrong_page(words: Words, *, here: str, title: str, said: str) -> str:
    """Return a page that says what is wrong."""
    return _render("wrong", words, here=here, title=title, said=printable(said))


def _cut(rows: Sequence[Any], page: int, size: int) -> tuple[Sequence[Any], int, int]:
    """Return the rows of a page, its number and how many there are."""
    pages = max(1, -(-len(rows) // size))
    page = min(max(page, 1), pages)
    return rows[(page - 1) * size : page * size], page, pages
