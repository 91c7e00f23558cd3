"""``shopfloor papers init``: begin the papers of a cell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from shopfloor.cli.papers import command
from shopfloor.errors import UsageError

__all__ = ["command"]

_ASKED = {
    "inference_region": "Country where the model computes (two capitals, such as DE)",
    "actuation_region": "Country where the arm moves",
    "operator": "Who runs the cell",
    "end_user": "For whom (civil, government, us-dod, us-dod-contractor, other-military)",
    "use": "Uses, with commas between (parts-sorting,research)",
    "safety_function": "Does anybody's safety depend on a decision of the model (true, false)",
    "commercial": "Is it used for gain (true, false)",
    "monthly_active_users": "Monthly active users of all products of the operator",
    "online_learning": "Is the model changed while it works (true, false)",
    "log_reuse": "What the logs are for (none, analysis, train-same, train-other)",
}
_TRUE = {"true": True, "false": False}


@command.command("init", short_help="Begin the papers of a cell.")
@click.option("--out", type=click.Path(path_type=Path), default="papers.yaml", show_default=True)
@click.option("--weights", type=click.Path(path_type=Path), help="Folder of the model's files.")
@click.option("--purl", help="Package address, such as pkg:huggingface/ORG/NAME@REVISION.")
@click.option("--publisher", help="Who published the model.")
@click.option("--inference-region", help=_ASKED["inference_region"])
@click.option("--actuation-region", help=_ASKED["actuation_region"])
@click.option("--operator", help=_ASKED["operator"])
@click.option("--end-user", help=_ASKED["end_user"])
@click.option("--use", help=_ASKED["use"])
@click.option("--safety-function", help=_ASKED["safety_function"])
@click.option("--commercial", help=_ASKED["commercial"])
@click.option("--monthly-active-users", help=_ASKED["monthly_active_users"])
@click.option("--online-learning", help=_ASKED["online_learning"])
@click.option("--log-reuse", help=_ASKED["log_reuse"])
def _init(
    out: Path, weights: Path | None, purl: str | None, publisher: str | None, **cell: str | None
) -> None:
    """Write what can be found of a model and this machine, and what you say; null for the rest.

    Found: SHA-256 of each file, the licence, base and data that the model's page names, the hash of
    the licence text beside it, accelerators. On a terminal it asks for what no flag says.
    """
    from shopfloor.papers.extra import need

    need("pydantic")
    from shopfloor.papers.begin import begun, write
    from shopfloor.papers.card import catalogue
    from shopfloor.papers.found import accelerators, find

    cards = catalogue()
    found = find(weights, cards) if weights else None
    if sys.stdin.isatty():
        for name, question in _ASKED.items():
            if cell[name] is None:
                cell[name] = click.prompt(question, default="", show_default=False) or None
    purl = purl or (found.purl if found else None)
    if purl is None:
        raise UsageError(
            "nothing says which model this is; give --purl pkg:huggingface/ORG/NAME@REVISION"
        )
    card = cards.of_package(purl.partition("@")[0])
    values = begun(
        {name: _value(name, text) for name, text in cell.items()},
        purl=purl,
        publisher=publisher or (card.publisher if card else None),
        found=found,
        hardware=list(accelerators()),
    )
    write(values, out)
    click.echo(f"papers  {out}")
    click.echo(f"next    shopfloor papers check {out}{f' --weights {weights}' if weights else ''}")


def _value(name: str, text: str | None) -> Any:
    if text is None:
        return None
    if name == "use":
        return [each.strip() for each in text.split(",") if each.strip()]
    if name == "monthly_active_users":
        if not text.isdecimal():
            raise UsageError(f"--monthly-active-users is {text!r}; give a whole number")
        return int(text)
    if name in ("safety_function", "commercial", "online_learning"):
        if text not in _TRUE:
            raise UsageError(f"--{name.replace('_', '-')} is {text!r}; give true or false")
        return _TRUE[text]
    return text
