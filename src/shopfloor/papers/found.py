"""Finds what can be found of a model and of this machine, for papers that are begun."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.card import COMMON, Catalogue
from shopfloor.papers.document import LIMIT_BYTES, parse
from shopfloor.papers.weight import hash_folders

__all__ = ["Found", "accelerators", "find", "licence_named"]

_FRONT = re.compile(rb"\A---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)
_SNAPSHOT = re.compile(r"models--(?P<org>[^/]+)--(?P<name>[^/]+)/snapshots/(?P<rev>[0-9a-f]+)$")
_GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True)
class Found:
    """What the folder of a checkpoint says of itself; None where it says nothing.

    Attributes:
        weights: SHA-256 of each file that is loaded.
        purl: Package address, where the folder is of a hub's cache.
        declared: Licence of the model's page.
        concluded: Licence of the text beside it, where that text is known by its hash.
        text_sha256: Of that text.
        base: Package addresses of what the page names as base.
        datasets: What the page names as data.
    """

    weights: Mapping[str, str]
    purl: str | None
    declared: str | None
    concluded: str | None
    text_sha256: str | None
    base: tuple[str, ...] | None
    datasets: tuple[str, ...] | None


def find(folder: Path, cards: Catalogue) -> Found:
    """Look into the folder of a checkpoint.

    Raises:
        PapersError: A file cannot be read or is refused, or the page's front matter is damaged.
    """
    front, hashed = _front_matter(folder), hash_folders([folder])
    text = next(iter(hashed.texts.values()), None)
    known = {card.text_sha256: card.concluded for card in cards if card.text_sha256}
    base = _listed(front.get("base_model"))
    place = _SNAPSHOT.search(folder.absolute().as_posix())
    return Found(
        weights=hashed.sha256,
        purl=f"pkg:huggingface/{place['org']}/{place['name']}@{place['rev']}" if place else None,
        declared=licence_named(front),
        concluded=known.get(text),
        text_sha256=text,
        base=None if base is None else tuple(f"pkg:huggingface/{name}" for name in base),
        datasets=_listed(front.get("datasets")),
    )


def accelerators() -> Iterator[dict[str, Any]]:
    """Name the accelerators that this machine's driver knows."""
    for file in sorted(_GPUS.glob("*/information")):
        with suppress(OSError):
            found = re.search(r"Model:\s*(.+)", file.read_text(encoding="utf-8", errors="replace"))
            if found:
                yield {
                    "kind": "accelerator", "vendor": "NVIDIA", "part": found[1].strip(),
                    "origin": None, "firmware": None, "price": None,
                }  # fmt: skip


def _front_matter(folder: Path) -> dict[str, Any]:
    file = folder / "README.md"
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        found = _FRONT.match(stream.read(LIMIT_BYTES))
    if found is None:
        return {}
    value = parse(found[1], f"the front matter of {file}").value
    if not isinstance(value, dict):
        raise PapersError(f"the front matter of {file} is no mapping; mend it, or remove the file")
    return value


def licence_named(front: Mapping[str, Any]) -> str | None:
    """The licence that the front matter of a model's page names, as papers write it."""
    said = front.get("license")
    if not isinstance(said, str):
        return None
    if said == "other":
        name = front.get("license_name")
        said = name if isinstance(name, str) else "other"
        return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", said)
    spelt = {name.lower(): name for name in COMMON}
    return spelt.get(said.lower(), "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", said))


def _listed(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None
