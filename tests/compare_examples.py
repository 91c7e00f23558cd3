"""Contestants that never raced, and a reader of pages, for tests of comparisons."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

from report_examples import entry, manifest
from shopfloor.evidence.contestant import Contestant


def outcomes(pattern, label="x"):
    """Entries with these outcomes: ``1`` good, ``0`` failed, ``.`` not there."""
    return tuple(
        entry(
            lot,
            good=sign == "1",
            ever=sign == "1",
            code=None if sign == "1" else "grasp.miss",
            code_tick=None if sign == "1" else 300,
            log_sha256=hashlib.sha256(f"{label} {lot}".encode()).hexdigest(),
        )
        for lot, sign in enumerate(pattern)
        if sign != "."
    )


def contestant(label, pattern, *, ended="complete", **changes):
    """A run that never happened, with these outcomes."""
    entries = outcomes(pattern, label) if isinstance(pattern, str) else pattern
    changes = {"brain": label, "orders": len(pattern)} | changes
    return Contestant(label, Path("runs") / label, manifest(**changes), entries, ended)


class Text(HTMLParser):
    """Collects a page's text and what it loads; a tag that is not closed is an error."""

    VOID = frozenset({"meta", "br", "wbr", "line", "rect", "circle", "path"})

    def __init__(self):
        super().__init__()
        self.words, self.open, self.loads = [], [], []

    def handle_starttag(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(html):
    """Return a page's text, on one line."""
    parser = Text()
    parser.feed(html)
    assert not parser.open
    assert not parser.loads
    body = "".join(parser.words)
    return re.sub(r"\s+", " ", body[body.index("shopfloor comparison", 200) :])
