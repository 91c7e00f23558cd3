"""The press that every page is printed with: one Jinja environment, one set of filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from shopfloor.report import wording
from shopfloor.report.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment, Template

__all__ = ["press", "template"]

_FILTERS: Mapping[str, Callable[..., str]] = {
    "percent": wording.percent,
    "number": wording.number,
    "clock": wording.clock,
    "bounds": wording.interval,
    "rate_interval": wording.rate_interval,
    "between": wording.between,
    "usd": wording.usd,
    "printable": printable,
    "plain": printable,
}


def press(package: str, **filters: Callable[..., Any]) -> Environment:
    """Return an environment that escapes everything, and refuses a name that is not there.

    Args:
        package: Package that the templates lie in.
        filters: More filters, by name.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def load(name: str) -> str:
        return files(package).joinpath(name).read_text(encoding="utf-8")

    environment = Environment(
        loader=FunctionLoader(load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {**_FILTERS, **filters}
    return environment


def template(package: str, name: str, **filters: Callable[..., Any]) -> Template:
    """Return one template of a package; the other arguments are those of :func:`press`."""
    return press(package, **filters).get_template(name)
