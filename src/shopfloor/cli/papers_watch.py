"""``shopfloor papers watch``: what has changed at the source since the papers were written."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from shopfloor.cli.papers import command, read_papers

__all__ = ["command"]


@command.command("watch", short_help="Ask the sources of the models what has changed.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--hub", default="https://huggingface.co", show_default=True, help="Model hub.")
@click.option(
    "--github", default="https://api.github.com", show_default=True, help="API of releases."
)
@click.option(
    "--deadline",
    type=click.FloatRange(0.1, 120),
    default=10.0,
    show_default=True,
    help="For each question [s].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def _watch(file: Path | None, hub: str, github: str, deadline: float, *, as_json: bool) -> None:
    """Report new releases, changed licences and hashes, and models that moved, of FILE.

    Exit code 1: something is not as the papers have it, or could not be told.
    """
    papers = read_papers(file)
    from shopfloor.papers.fetch import source
    from shopfloor.papers.watch import Sources, watch

    sources = Sources(source(hub, "--hub"), source(github, "--github"), deadline)
    seen = watch(papers, sources)
    if as_json:
        click.echo(json.dumps({"seen": [asdict(each) for each in seen]}, ensure_ascii=False))
    else:
        for each in seen:
            click.echo(f"{each.state:8} {each.about:13} {each.model}: {each.said}")
    if any(each.state != "fine" for each in seen):
        sys.exit(1)
