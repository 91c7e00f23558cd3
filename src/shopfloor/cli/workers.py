"""The option ``--workers`` of the commands that work shifts."""

from __future__ import annotations

import click

__all__ = ["workers_option"]


def _workforce(_ctx: click.Context, _param: click.Parameter, value: str) -> object:
    from shopfloor.shift.workforce import workforce  # --help must not load a shift

    return workforce(value)


workers_option = click.option(
    "--workers",
    callback=_workforce,
    default="1",
    show_default=True,
    metavar="N|ray[:ADDRESS]",
    help="Processes side by side, or a Ray cluster (docs/scale.md).",
)
