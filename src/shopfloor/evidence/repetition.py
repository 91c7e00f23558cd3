"""Repeats a run from its manifest and holds the two against each other, lot by lot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor.check.report import Tell, nobody
from shopfloor.errors import RunExists, UsageError
from shopfloor.evidence.agreement import agreement
from shopfloor.evidence.answers import Answers, recorded_answers
from shopfloor.evidence.divergence import divergence
from shopfloor.evidence.original import Original
from shopfloor.evidence.replica import Difference, Replica, Way, judged
from shopfloor.record import Entry, Manifest, RunFolder, Session
from shopfloor.report import log_sha256
from shopfloor.shift import Plan, Progress, plan_of, run_shift

__all__ = ["Repetition"]

_NOTE = "A replica of the run with manifest"
_ENVIRONMENT = ("versions", "renderer", "cpu", "git_commit")
_OF_ITS_OWN = frozenset({"format", "created", "notes", "orders", "hours", "papers", *_ENVIRONMENT})
_OF_THE_CLOCK = frozenset({"wall_s", "log_sha256"})
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Repetition:
    """A run, and how it is to be repeated.

    Attributes:
        original: The run.
        out: Folder of the replica.
        way: How the brain is repeated.
        lots: How many lots are repeated.
        sample: Whether these are fewer than the original was to have.
        plan: The shift; None where the original was changed, and nothing is to be repeated.
    """

    original: Original
    out: Path
    way: Way
    lots: int
    sample: bool
    plan: Plan | None

    @classmethod
    def of(
        cls,
        run: Path,
        out: Path,
        *,
        lots: int | None = None,
        ask_again: bool = False,
        workers: int = 1,
        tell: Tell = nobody,
    ) -> Repetition:
        """Look at a run and plan its repetition.

        Args:
            run: The original's folder; it is only read.
            out: Where the replica goes: a new folder, or a replica of this run that was begun.
            lots: Repeat the first so many lots only.
            ask_again: Ask a model anew instead of replaying its answers.
            workers: Processes side by side.
            tell: Told how far the look has come [MB].

        Raises:
            UsageError: There is no run, it holds no lot, or its answers were not kept.
            RunExists: ``out`` holds another run.
            RunError: The run cannot be read.
        """
        if lots is not None and lots < 1:
            raise UsageError(f"--lots is {lots}; it must be 1 or more")
        original = Original.read(run, tell)
        way = original.way(ask_again=ask_again)
        if original.tampered:
            return cls(original, out, way, 0, sample=False, plan=None)
        count = original.unbroken if lots is None else min(lots, original.unbroken)
        held = len(original.entries)
        whole = original.complete and not original.missing and count == held
        note = f"{_NOTE} {_digest(run)}: its brain was {way}"
        _require_ours(out, run, note)
        if not count:
            return cls(original, out, way, 0, sample=False, plan=None)
        if way == "replayed":
            _require_answers(run, count)
        begun = plan_of(run, workers=1, max_wall_s=None)
        plan = replace(
            begun,
            workers=workers,
            replay=Answers(run.absolute()) if way == "replayed" else None,
            notes=(note,),
            # A shift by hours ends by itself where the original did, if it is the same.
            orders=begun.orders if whole else count,
            hours=begun.hours if whole else None,
            simulated_only=True,  # the record may come from anybody
        )
        return cls(original, out, way, count, sample=not whole, plan=plan)

    def work(self, progress: Callable[[Progress], None]) -> str:
        """Repeat the run, or go on with a replica that was begun; returns how it ended.

        Raises:
            ShopfloorError: Something is wrong; what was committed is safe.
        """
        if self.plan is None:
            return "complete"
        resume = (self.out / "manifest.json").exists()
        return run_shift(self.plan, self.out, resume=resume, progress=progress)

    def replica(self, *, name: str | None = None) -> Replica:
        """Hold the replica against the original.

        Args:
            name: What the original is called, if not by its folder: a bundle's is gone soon.

        Raises:
            RunError, UsageError: One of them cannot be read.
        """
        before = self.original
        name = name or str(before.path)
        if self.plan is None:
            found = (*before.tampered, *before.missing)
            verdict, reasons = judged(self.way, found, (), None)
            return Replica(
                original=name,
                replica=None,
                way=self.way,
                lots=0,
                held=len(before.entries),
                sample=False,
                verdict=verdict,
                reasons=reasons,
                differences=found,
            )
        with RunFolder.open(before.path) as old, RunFolder.open(self.out) as new:
            beyond = self.lots if self.sample else 1 << 62
            theirs = {entry.lot: entry for entry in new.entries() if entry.lot < beyond}
            mine = {entry.lot: entry for entry in before.entries if entry.lot < self.lots}
            both = [(mine[lot], theirs[lot]) for lot in sorted(mine.keys() & theirs.keys())]
            unlike = tuple(a.lot for a, b in both if a.log_sha256 != b.log_sha256)
            first = unlike[0] if unlike else None
            spot = None if first is None else divergence(old.episode(first), new.episode(first))
            found = (
                *before.missing,
                *_unmatched(mine, theirs),
                *_manifests(old.manifest, new.manifest, self.way),
                *_machines(old.sessions(), new.sessions()),
                *_figures(both),
                *(Difference("log", f"lot {a.lot}", a.log_sha256, b.log_sha256) for a, b in both
                  if a.log_sha256 != b.log_sha256),
            )  # fmt: skip
        sides = [a for a, _ in both], [b for _, b in both]
        figures = agreement(before.manifest, *sides) if both else None
        verdict, reasons = judged(self.way, found, unlike, figures)
        return Replica(
            original=name,
            replica=str(self.out),
            way=self.way,
            lots=len(both),
            held=len(before.entries),
            sample=self.sample,
            verdict=verdict,
            reasons=reasons,
            differences=found,
            unlike=unlike,
            divergence=spot,
            agreement=figures,
            log_sha256=(log_sha256(sides[0]), log_sha256(sides[1])),
        )


def _digest(run: Path) -> str:
    return sha256((run / "manifest.json").read_bytes()).hexdigest()


def _require_ours(out: Path, run: Path, note: str) -> None:
    """Refuse a folder that holds another run than a replica of this one that was begun."""
    if out.absolute().is_relative_to(run.absolute()):
        raise UsageError(f"the replica may not go into the run itself; {out} does: choose --out")
    if not (out / "manifest.json").exists():
        return
    with RunFolder.open(out) as there:
        if note not in there.manifest.notes:
            raise RunExists(
                f"{out} holds a run already, and it is no replica of {run} that was begun this "
                "way; choose another --out"
            )


def _require_answers(run: Path, count: int) -> None:
    """See that all answers can be replayed before anything moves."""
    with RunFolder.open(run) as folder:
        for lot in range(count):
            recorded_answers(folder.episode(lot))


def _unmatched(mine: Mapping[int, Entry], theirs: Mapping[int, Entry]) -> Iterator[Difference]:
    for lot in sorted(mine.keys() ^ theirs.keys()):
        sides = ["there" if lot in side else "not there" for side in (mine, theirs)]
        yield Difference("length", f"lot {lot}", *sides)


def _manifests(was: Manifest, now: Manifest, way: Way) -> Iterator[Difference]:
    """What two runs depend on and do not share."""
    for name in _ENVIRONMENT:
        before, after = getattr(was, name), getattr(now, name)
        if name == "versions":
            for part in sorted({*before, *after}):
                yield from _unlike("environment", f"version {part}", before, after, part)
        elif before != after:
            yield Difference("environment", name.replace("_", " "), str(before), str(after))
    for field in fields(Manifest):
        name = field.name
        before, after = getattr(was, name), getattr(now, name)
        if name in _OF_ITS_OWN or (name == "brain_identity" and way == "replayed"):
            continue
        if name in ("sha256", "brain_identity"):
            kind, prefix = ("setting", "") if name == "sha256" else ("brain", "brain ")
            for part in sorted({*before, *after}):
                yield from _unlike(kind, f"{prefix}{part}", before, after, part)
        elif before != after:
            yield Difference("setting", name.replace("_", " "), str(before), str(after))


def _machines(was: Sequence[Session], now: Sequence[Session]) -> Iterator[Difference]:
    """Lots may have been worked on other kinds of machine than a manifest names."""
    before, after = ("; ".join(sorted({o for s in side for o in s.others})) for side in (was, now))
    if before or after:
        yield Difference("environment", "other machines", before or "none", after or "none")


def _unlike(
    kind: Any, what: str, was: Mapping[str, str], now: Mapping[str, str], key: str
) -> Iterator[Difference]:
    if was.get(key) != now.get(key):
        yield Difference(kind, what, str(was.get(key, "none")), str(now.get(key, "none")))


def _figures(both: Sequence[tuple[Entry, Entry]]) -> Iterator[Difference]:
    """Entries that say different things of the same log: somebody counted otherwise."""
    for was, now in both:
        if was.log_sha256 != now.log_sha256:
            continue
        for field in fields(Entry):
            before, after = getattr(was, field.name), getattr(now, field.name)
            if field.name not in _OF_THE_CLOCK and before != after:
                what = f"lot {was.lot}, {field.name}"
                yield Difference("figures", what, str(before)[:_SHOWN], str(after)[:_SHOWN])
