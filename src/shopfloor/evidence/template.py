"""The pages' templates: one environment, one style sheet."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from shopfloor.evidence.verdict import p_words
from shopfloor.report import wording
from shopfloor.report.printable import printable

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["template"]


@cache
def template(name: str) -> Template:
    """Return the template of a page; it has the style sheet as ``style``.

    Args:
        name: Of a file beside this module: ``compare.html.j2``.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": wording.percent,
        "number": wording.number,
        "usd": wording.usd,
        "clock": wording.clock,
        "bounds": wording.interval,
        "rate_interval": wording.rate_interval,
        "between": wording.between,
        "printable": printable,
        "p_words": p_words,
    }
    environment.globals["style"] = _text("page.css")
    return environment.from_string(_text(name))


def _text(name: str) -> str:
    return files("shopfloor.evidence").joinpath(name).read_text(encoding="utf-8")
