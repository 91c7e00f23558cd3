"""Asks the primary sources of a cell's models what has changed since the papers were written.

A hub's API and a repository's list of releases. What a source does not say, or says in a form that
cannot be believed, is ``unknown`` and never ``fine``. Nothing is downloaded but names, hashes and
licence texts, and no token is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from shopfloor.papers.fetch import Answer, Silence, fetch
from shopfloor.papers.found import licence_named
from shopfloor.papers.paper import ModelFacts, Papers
from shopfloor.papers.weight import TEXTS

__all__ = ["GITHUB", "HUB", "Seen", "Sources", "State", "watch"]

State = Literal["fine", "changed", "unknown"]
HUB = "https://huggingface.co"
GITHUB = "https://api.github.com"
_GONE = {404: "it is not there any more", 410: "it is not there any more",
         451: "it was taken down for legal reasons"}  # fmt: skip
_HIDDEN = frozenset({401, 403})
_TEXT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to ask.

    Attributes:
        hub: Address of the model hub.
        github: Address of GitHub's API.
        deadline_s: For each question [s].
    """

    hub: str = HUB
    github: str = GITHUB
    deadline_s: float = 10.0

    def get(self, address: str, **more: int) -> Answer:
        """Ask one; raises :class:`Silence`."""
        return fetch(address, deadline_s=self.deadline_s, **more)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source says of one thing.

    Attributes:
        model: Its package address.
        about: ``id``, ``access``, ``release``, ``revision``, ``licence``, ``licence-text``,
            ``weights``.
        state: Whether it is as the papers have it.
        said: Why, for people.
        source: Who was asked, or None.
    """

    model: str
    about: str
    state: State
    said: str
    source: str | None


def watch(papers: Papers, sources: Sources) -> tuple[Seen, ...]:
    """Ask for every model of some papers."""
    return tuple(seen for model in papers.models for seen in _of_model(model, sources))


def _of_model(model: ModelFacts, sources: Sources) -> Iterator[Seen]:
    kind, _, name = model.address.removeprefix("pkg:").partition("/")
    if model.is_program:
        yield Seen(model.purl, "id", "fine", "a program of this house: nothing to watch", None)
    elif kind == "huggingface" and name.count("/") == 1:
        yield from _Hub(model, name, sources).all()
    elif kind == "github" and name.count("/") == 1:
        yield from _releases(model, name, sources)
    else:
        yield Seen(
            model.purl, "id", "unknown",
            f"pkg:{kind} has no source that is read; watch its publisher's page yourself", None,
        )  # fmt: skip


class _Hub:
    """One model of a hub."""

    def __init__(self, model: ModelFacts, name: str, sources: Sources) -> None:
        self._model, self._name, self._sources = model, name, sources
        self._api = f"{sources.hub}/api/models/{quote(name)}"
        self._revision = model.purl.partition("#")[0].partition("@")[2]

    def all(self) -> Iterator[Seen]:
        try:
            answer = self._sources.get(self._api)
            if (moved := _moved(answer)) is not None:
                yield self._seen("id", "changed", moved)
                return
            if answer.status in _HIDDEN:
                yield self._seen("access", "changed", "the hub shows it to nobody without a token: "
                                 "it was removed, hidden, or closed")  # fmt: skip
                return
            page = _given(answer).mapping()
            name = page.get("id")
        except Silence as silence:
            yield self._seen("id", "unknown", f"{self._api}: {silence}")
            return
        if not isinstance(name, str):
            yield self._seen("id", "unknown", f"{self._api}: its answer names no model")
            return
        if name.lower() != self._name.lower():
            yield self._seen("id", "changed", f"the hub answers with {_short(name)}, another model")
            return
        yield self._seen("id", "fine", "it is there under its name")
        yield self._access(page)
        yield self._release(page)
        yield self._licence(page)
        yield self._text(page)
        yield from self._pinned()

    def _access(self, page: Mapping[str, Any]) -> Seen:
        gated, disabled, private = (page.get(key) for key in ("gated", "disabled", "private"))
        if disabled is True:
            return self._seen("access", "changed", "the hub has disabled it")
        if private is True:
            return self._seen("access", "changed", "it is private now")
        if gated is True or gated in ("auto", "manual"):
            return self._seen("access", "changed", "it is gated: terms have to be agreed to")
        if gated is False:
            return self._seen("access", "fine", "anybody may have it")
        return self._seen("access", "unknown", "the hub does not say whether it is gated")

    def _release(self, page: Mapping[str, Any]) -> Seen:
        newest = page.get("sha")
        if not isinstance(newest, str) or not _is_commit(newest):
            return self._seen("release", "unknown", "the hub names no newest revision")
        if not self._revision:
            return self._seen("release", "unknown", "the papers name no revision; the newest is "
                              f"{newest}")  # fmt: skip
        if newest.startswith(self._revision):
            return self._seen("release", "fine", "the revision of the papers is the newest")
        when = page.get("lastModified")
        dated = f" of {_short(when)}" if isinstance(when, str) else ""
        return self._seen("release", "changed", f"a newer revision{dated}: {newest}")

    def _licence(self, page: Mapping[str, Any]) -> Seen:
        front, declared = page.get("cardData"), self._model.licence.declared
        said = licence_named(front) if isinstance(front, Mapping) else None
        if said is None or declared is None:
            who = "the hub names" if said is None else "the papers name"
            return self._seen("licence", "unknown", f"{who} no licence")
        if said != declared:
            return self._seen("licence", "changed", f"the page says {_short(said)}, the papers "
                              f"{declared}")  # fmt: skip
        return self._seen("licence", "fine", f"the page says {declared}")

    def _text(self, page: Mapping[str, Any]) -> Seen:
        wanted = self._model.licence.text_sha256
        if wanted is None:
            return self._seen("licence-text", "unknown", "the papers hold no hash of the text")
        listed = {each.get("rfilename") for each in _listed(page)}
        name = next((each for each in TEXTS if each in listed), None)
        if name is None:
            return self._seen("licence-text", "unknown", "no licence text lies beside the model")
        address = f"{self._sources.hub}/{quote(self._name)}/raw/main/{name}"
        try:
            answer = _given(self._sources.get(address, limit=_TEXT_BYTES))
        except Silence as silence:
            return self._seen("licence-text", "unknown", f"{address}: {silence}")
        found = hashlib.sha256(answer.body).hexdigest()
        if found != wanted:
            return self._seen("licence-text", "changed", f"{name} has SHA-256 {found}, the papers "
                              f"{wanted}")  # fmt: skip
        return self._seen("licence-text", "fine", f"{name} is the text of the papers")

    def _pinned(self) -> Iterator[Seen]:
        """Whether the revision of the papers still holds the files that they name."""
        if not self._revision:
            return
        address = f"{self._api}/revision/{quote(self._revision)}?blobs=true"
        try:
            answer = self._sources.get(address)
            if answer.status in _GONE:
                yield self._seen("revision", "changed", "the revision of the papers was taken away")
                return
            page = _given(answer).mapping()
            if not str(page.get("sha")).startswith(self._revision):
                raise Silence("it answers with another revision")  # noqa: TRY301 - as the others
        except Silence as silence:
            yield self._seen("revision", "unknown", f"{address}: {silence}")
            return
        yield self._seen("revision", "fine", "the revision of the papers is there")
        yield self._weights(page)

    def _weights(self, page: Mapping[str, Any]) -> Seen:
        if not isinstance(wanted := self._model.weights, dict) or not wanted:
            return self._seen("weights", "unknown", "the papers hold no hashes")
        # Small files are not stored by SHA-256, and the hub names none for them.
        found = {each.get("rfilename"): each["lfs"]["sha256"] for each in _listed(page)
                 if isinstance(each.get("lfs"), Mapping) and "sha256" in each["lfs"]}  # fmt: skip
        there = {each.get("rfilename") for each in _listed(page)}
        other = [name for name, digest in wanted.items() if found.get(name, digest) != digest]
        if other:
            return self._seen("weights", "changed", f"{', '.join(other)} in the same revision is "
                              "another file")  # fmt: skip
        if gone := sorted(set(wanted) - there):
            return self._seen("weights", "changed", f"{', '.join(gone)} is not in the revision")
        if not (both := sorted(set(wanted) & set(found))):
            return self._seen("weights", "unknown", "the hub names no SHA-256 of these files")
        return self._seen("weights", "fine", f"the hub's hashes are those of the papers for "
                          f"{', '.join(both)}")  # fmt: skip

    def _seen(self, about: str, state: State, said: str) -> Seen:
        return Seen(self._model.purl, about, state, said, self._sources.hub)


def _releases(model: ModelFacts, name: str, sources: Sources) -> Iterator[Seen]:
    """The releases of a repository, the newest first."""
    address = f"{sources.github}/repos/{quote(name)}/releases?per_page=20"
    revision = model.purl.partition("#")[0].partition("@")[2]

    def seen(about: str, state: State, said: str) -> Seen:
        return Seen(model.purl, about, state, said, sources.github)

    try:
        answer = sources.get(address)
        if (moved := _moved(answer)) is not None:
            yield seen("id", "changed", moved)
            return
        tags = [each["tag_name"] for each in _given(answer).json() if not each["draft"]]
    except (KeyError, TypeError):
        yield seen("release", "unknown", f"{address}: its answer is no list of releases")
    except Silence as silence:
        yield seen("release", "unknown", f"{address}: {silence}")
    else:
        yield seen("id", "fine", "it is there under its name")
        if not tags or not revision:
            yield seen("release", "unknown", "no release, or no revision in the papers, to compare")
        elif tags[0] == revision:
            yield seen("release", "fine", "the release of the papers is the newest")
        else:
            yield seen("release", "changed", f"the newest release is {_short(tags[0])}, the papers "
                       f"have {revision}")  # fmt: skip


def _moved(answer: Answer) -> str | None:
    if 300 <= answer.status < 400:
        return f"it was moved to {_short(answer.location or 'nobody says where')}"
    return _GONE.get(answer.status)


def _given(answer: Answer) -> Answer:
    if answer.status != 200:
        raise Silence(f"it answered {answer.status}")
    return answer


def _listed(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    files = page.get("siblings")
    return [each for each in files if isinstance(each, Mapping)] if isinstance(files, list) else []


def _is_commit(text: str) -> bool:
    return len(text) == 40 and not set(text) - set("0123456789abcdef")


def _short(value: object) -> str:
    """What a source said, fit for a terminal."""
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return text if len(text) <= 120 else text[:117] + "..."
