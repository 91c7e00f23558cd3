"""``shopfloor probe``: what a live model can do, and whether it points where it should."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from shopfloor import plugins
from shopfloor.errors import UsageError

__all__ = ["command"]


@click.command(
    "probe",
    short_help="Find out whether a model can point, call and see.",
    epilog="""\b
Examples:
  shopfloor probe qwen2.5-vl-7b@http://localhost:8000/v1
  shopfloor probe qwen2.5-vl-7b@vllm+http://localhost:8000/v1 --html probe.html
  shopfloor probe dashscope:qwen-vl-max        with the key in DASHSCOPE_API_KEY
  shopfloor probe local:FOLDER                 weights in this process (extra: local)
  shopfloor probe pair:deepseek-v3@URL+qwen2.5-vl-7b@URL""",
)
@click.argument("brain")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
@click.option(
    "--html", type=click.Path(path_type=Path), help="Write a page with the pictures to FILE."
)
def command(brain: str, *, as_json: bool, html: Path | None) -> None:
    """Ask BRAIN what it can do, and let it point at parts in pictures whose answers are known.

    Only a model that passes for exactly this address, id and profile may move a robot. The proof
    is kept in the user's data folder (or in SHOPFLOOR_PROOFS). Exit code 1: it did not pass.
    A pair is probed one by one, and then as a whole.
    """
    from rich.console import Console

    family, colon, member = brain.partition(":")
    if brain in plugins.names("brains"):
        raise UsageError(
            f"{brain!r} is built in and points in pixels; it needs no probe: shopfloor run --brain "
            f"{brain}"
        )
    with Console(stderr=True).status("asking") as status:

        def say(text: str) -> None:
            status.update(text)

        try:
            made = _pair(member, say) if family == "pair" and colon else _one(brain, say)
        except (TimeoutError, ConnectionError, ValueError) as error:
            raise UsageError(
                f"{brain} cannot be probed: {error}; see that the server is up and serves the model"
            ) from error
        except OSError as error:
            raise UsageError(
                f"the proof cannot be kept: {error}; name a folder for it in SHOPFLOOR_PROOFS"
            ) from error
    if html is not None:
        from shopfloor.report.probe import page

        try:
            html.write_text(page(made), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the page cannot be written: {error}; the proof was kept") from error
    if as_json:
        click.echo(json.dumps(made.to_json(), ensure_ascii=False))
    else:
        from shopfloor.brain.chat.proof import folder

        Console().print(_together(made) if hasattr(made, "aims") else _table(made))
        click.echo(f"\nkept    in {folder()}")
        if html is not None:
            click.echo(f"page    {html}")
    sys.exit(0 if made.passed else 1)


def _one(brain: str, say: Callable[[str], None]) -> Any:
    from shopfloor.brain.chat.probe import probe
    from shopfloor.brain.chat.proof import keep
    from shopfloor.brain.chat.vendor import seated

    who, engine = seated(brain)
    made = probe(who, say=lambda text: say(f"{who.name}: {text}"), engine=engine)
    keep(made.proof(who), {"probe": made.to_json()})
    return made


def _pair(member: str, say: Callable[[str], None]) -> Any:
    from shopfloor.brain.chat.pair import split
    from shopfloor.brain.chat.together import together
    from shopfloor.brain.chat.vendor import seated

    planner, perceiver = split(member)
    return together(
        seated(planner)[0],
        seated(perceiver)[0],
        say=say,
        engines=(lambda: seated(planner)[1], lambda: seated(perceiver)[1]),
    )


def _together(made: Any) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from shopfloor.report.printable import printable  # a model may say what drives a terminal

    table = Table(box=None, show_header=False, pad_edge=False)
    for aim in made.aims:
        mark = Text("met", style="green") if aim.hit else Text("missed", style="yellow")
        table.add_row(aim.picture, aim.label, mark, Text(printable(aim.said)))
    verdict = "passed: the pair may move a robot" if made.passed else "not passed"
    reasons = [Text(f"  {printable(reason)}", style="red") for reason in made.reasons]
    return Group(
        _table(made.planner), Text(""), _table(made.perceiver), Text(""),
        Text("both together"), table, Text(""), Text(verdict, style="bold"), *reasons,
    )  # fmt: skip


def _table(made: Any) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from shopfloor.report.printable import printable  # a model may say what drives a terminal

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in made.checks:
        mark = {True: "yes", False: "no", None: "?"}[check.ok]
        # As text: what a model said is no markup.
        style = "green" if check.ok else "yellow"
        table.add_row(check.name, Text(mark, style=style), Text(printable(check.shown)))
    k, n = made.hits
    if n:
        error = "" if made.error_px is None else f"median {made.error_px:.1f} px from the middle"
        table.add_row("points on their part", f"{k}/{n}", error)
    if made.iou is not None:
        table.add_row("overlap of boxes", f"{made.iou:.2f}", "median")
    fits = "as declared" if made.inferred == made.declared else f"declared: {made.declared}"
    table.add_row("convention that fits", made.inferred or "none", fits)
    if made.latency_s is not None:
        table.add_row("latency", f"{made.latency_s[0]:.2f} s", f"p95 {made.latency_s[1]:.2f} s")
    if made.tokens is not None:
        table.add_row("tokens", f"{made.tokens[0]:,} in", f"{made.tokens[1]:,} out")
    verdict = Text("passed: it may move a robot" if made.passed else "not passed", style="bold")
    reasons = [Text(f"  {printable(reason)}", style="red") for reason in made.reasons]
    head = Text(f"{made.seat} ({made.model}), {made.date}")
    return Group(head, Text(""), table, Text(""), verdict, *reasons)
