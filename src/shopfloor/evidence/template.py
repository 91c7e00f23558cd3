"""The pages' templates: those of the house's press, with one style sheet."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from shopfloor.evidence.verdict import p_words
from shopfloor.report.press import press

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["template"]

_HERE = "shopfloor.evidence"


@cache
def template(name: str) -> Template:
    """Return the template of a page; it has the style sheet as ``style``.

    Args:
        name: Of a file beside this module: ``compare.html.j2``.
    """
    environment = press(_HERE, p_words=p_words)
    environment.globals["style"] = files(_HERE).joinpath("page.css").read_text(encoding="utf-8")
    return environment.get_template(name)
