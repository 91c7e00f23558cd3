"""The grid as one self-contained HTML page, beside the same figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shopfloor.drill.grid import Count, Row
from shopfloor.drill.routine import UNBUILT
from shopfloor.record.disk import write_atomic

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["result", "write_grid"]


def result(
    rows: Sequence[Row],
    missing: Sequence[str] = (),
    *,
    n: int,
    seed: int,
    noise: int,
    control_dt: float,
) -> dict[str, Any]:
    """Return everything that the page says as plain JSON values."""
    return {
        "n": n,
        "seed": seed,
        "noise": noise,
        "control_dt": control_dt,
        "injections": sum(row.n for row in rows),
        "green": sum(row.green for row in rows),
        "unsafe": sum(row.unsafe for row in rows),
        "rows": [row.to_json() | {"green": row.green} for row in rows],
        "not_drilled": list(missing),
        "not_built": UNBUILT,
    }


def write_grid(folder: Path, rows: Sequence[Row], said: dict[str, Any]) -> Path:
    """Write ``drill.html`` and ``drill.json`` into a folder.

    Returns:
        Path of the page.

    Raises:
        RunUnwritable: The folder cannot be written.
    """
    text = json.dumps(said, ensure_ascii=False, allow_nan=False, indent=2)
    write_atomic(folder / "drill.json", f"{text}\n".encode())
    page = _template().render(rows=rows, said=said, unbuilt=UNBUILT)
    write_atomic(folder / "drill.html", f"{page}\n".encode())
    return folder / "drill.html"


def _share(count: Count | None) -> str:
    return "–" if count is None else f"{count.k}/{count.n}"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["share"] = _share
    source = files("shopfloor.drill").joinpath("drill.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source)
