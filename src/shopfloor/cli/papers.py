"""``shopfloor papers``: what the brain is, where it came from, and whether it may run here."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shopfloor.errors import UsageError

if TYPE_CHECKING:
    from shopfloor.papers.document import Document
    from shopfloor.papers.paper import Papers

__all__ = ["command", "read_papers"]

_FILE = click.argument("file", required=False, type=click.Path(path_type=Path))
_REGIME = click.option(
    "--regime", default="eu,us,cn", show_default=True, help="Rule sets besides that of licences."
)
_CARDS = click.option(
    "--cards", type=click.Path(path_type=Path), help="Folder with more licence cards (TOML)."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


@click.group(
    "papers",
    short_help="Know what the brain is, and whether it may run here.",
    epilog="""\b
Examples:
  shopfloor papers check                          the example of the sorting cell
  shopfloor papers init --weights FOLDER --out papers.yaml
  shopfloor papers check papers.yaml --regime eu --weights FOLDER
  shopfloor papers choose papers.yaml --regime eu,us,cn""",
)
def command() -> None:
    """Join licence, origin, region, use and hardware of a brain, and answer: may it run here?

    The answers say what was checked under which dated rules. They are not legal advice.
    """


@command.command("check", short_help="Ask every rule, and say why.")
@_FILE
@_REGIME
@click.option(
    "--weights",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of the model's files, to be hashed; twice for an adapter.",
)
@click.option(
    "--waiver-key", type=click.Path(path_type=Path), help="Public key of who may waive (PEM)."
)
@_CARDS
@_JSON
def _check(
    file: Path | None,
    regime: str,
    weights: tuple[Path, ...],
    waiver_key: Path | None,
    cards: Path | None,
    *,
    as_json: bool,
) -> None:
    """Ask every rule of the papers in FILE [default: the example of the sorting cell].

    Exit code 1: something does not pass. Unknown does not pass either.
    """
    papers, _ = _load(file)
    from shopfloor.papers.card import catalogue
    from shopfloor.papers.change import with_changes
    from shopfloor.papers.check import check
    from shopfloor.papers.gate import today
    from shopfloor.papers.rule import chosen
    from shopfloor.papers.table import check_json, check_table
    from shopfloor.papers.waiver import waived
    from shopfloor.papers.weight import hash_folders

    known = catalogue(cards)
    hashed = hash_folders(weights) if weights else None
    said = check(papers, chosen(regime), today=today(), cards=known, hashed=hashed)
    said = waived(with_changes(said, papers, cards=known), papers, waiver_key)
    if as_json:
        click.echo(json.dumps(check_json(said), ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        Console().print(check_table(said))
        click.echo(said.said)
    if said.verdict != "pass":
        sys.exit(1)


@command.command("choose", short_help="Which of all known models may work in this cell.")
@_FILE
@_REGIME
@_CARDS
@_JSON
def _choose(file: Path | None, regime: str, cards: Path | None, *, as_json: bool) -> None:
    """Ask for every known model what can be asked without its files.

    The cell, the hardware and the evidence are those of FILE; its models are put aside.
    """
    papers, _ = _load(file)
    from shopfloor.papers.card import catalogue
    from shopfloor.papers.choose import choose
    from shopfloor.papers.gate import today
    from shopfloor.papers.rule import chosen
    from shopfloor.papers.table import choice_json, choice_table

    found = choose(papers, chosen(regime), today=today(), cards=catalogue(cards))
    if as_json:
        click.echo(json.dumps(choice_json(found), ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        Console().print(choice_table(found))


@command.command("waive", short_help="Sign that somebody answers for a rule.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rule", required=True, help="Id of the rule.")
@click.option("--counsel", required=True, help="Who answers for it.")
@click.option("--reason", required=True, help="Why.")
@click.option("--expires", required=True, help="First day on which it counts no more (ISO).")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Private key (PEM).")
def _waive(file: Path, rule: str, counsel: str, reason: str, expires: str, key: Path) -> None:
    """Print a signed waiver, to be put under ``waivers`` of FILE."""
    papers, _ = _load(file)
    from shopfloor.papers.rule import rule_sets
    from shopfloor.papers.waiver import sign

    rules = {each.id: each for found in rule_sets().values() for each in found.rules}
    if rule not in rules:
        raise UsageError(f"no rule {rule!r}; `shopfloor papers check` lists them")
    if not rules[rule].waivable:
        raise UsageError(f"rule {rule} cannot be waived: what it asks for is in your own hands")
    try:
        day = date.fromisoformat(expires)
    except ValueError as error:
        raise UsageError(f"--expires is {expires!r}; give a day such as 2027-01-31") from error
    made = sign(key, papers, rule=rule, counsel=counsel, reason=reason, expires=day)
    for at, (name, value) in enumerate(made.model_dump(mode="json").items()):
        click.echo(f"  {'-' if at == 0 else ' '} {name}: {json.dumps(value, ensure_ascii=False)}")


def read_papers(file: Path | None) -> Papers:
    """Read some papers; those of the example without a file."""
    return _load(file)[0]


def _load(file: Path | None) -> tuple[Papers, Document]:
    from shopfloor.papers.extra import need

    need("pydantic")
    from shopfloor.papers.draft import example
    from shopfloor.papers.paper import load

    return example() if file is None else load(file)
