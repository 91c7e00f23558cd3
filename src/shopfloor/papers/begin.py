"""Writes papers that are begun: what was found and said, and null for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.document import parse
from shopfloor.papers.found import Found
from shopfloor.papers.paper import papers_of

__all__ = ["begun", "write"]

_HEAD = """\
# Papers of one cell; every field is explained in docs/papers.md. What is null, undisclosed or [] is
# not known or not there, and lets nothing pass that needs it. Next: shopfloor papers check THIS
"""


def begun(
    cell: Mapping[str, Any],
    *,
    purl: str,
    publisher: str | None,
    found: Found | None,
    hardware: list[dict[str, Any]],
) -> dict[str, Any]:
    """Put together what is known; the values of ``cell`` are as papers have them, or None."""
    return {
        "cell": dict(cell),
        "models": [
            {
                "purl": purl,
                "publisher": publisher,
                "weights": dict(found.weights) if found else "undisclosed",
                "signature": None,
                "licence": {
                    "declared": found.declared if found else None,
                    "concluded": found.concluded if found else None,
                    "text_sha256": found.text_sha256 if found else None,
                },
                "base": _list(found.base if found else None),
                "datasets": _list(found.datasets if found else None),
                "remote_code": False if found else None,
            }
        ],
        "hardware": hardware or None,
        "evidence": [],
        "waivers": [],
    }


def write(values: Mapping[str, Any], out: Path) -> None:
    """Write papers to a new file, after having read them back.

    Raises:
        PapersError: A value is not of the form of papers, or the file is there or can't be written.
    """
    text = _HEAD + "\n".join(_lines(values, "")) + "\n"
    papers_of(parse(text.encode(), str(out)))
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise PapersError(f"{out} is there already; give another --out, or edit it") from error
    except OSError as error:
        raise PapersError(f"{out} cannot be written: {error.strerror}") from error


def _list(value: tuple[str, ...] | None) -> list[str] | str:
    return "undisclosed" if value is None else list(value)


def _lines(value: Any, indent: str) -> list[str]:
    """Write plain values as YAML: blocks for what is nested, JSON for the rest."""
    lines: list[str] = []
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            lines += [f"{indent}{key}:", *_lines(each, indent + "  ")]
        elif isinstance(each, list) and each and isinstance(each[0], Mapping):
            lines.append(f"{indent}{key}:")
            for item in each:
                inner = _lines(item, indent + "    ")
                lines += [f"{indent}  - {inner[0].strip()}", *inner[1:]]
        else:
            lines.append(f"{indent}{key}: {json.dumps(each, ensure_ascii=False)}")
    return lines
