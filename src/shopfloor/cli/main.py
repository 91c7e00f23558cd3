"""Entry point. A command's own module is imported when the command runs: help is instant."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from shopfloor import __version__
from shopfloor.errors import ShopfloorError

__all__ = ["main"]

_COMMANDS = {
    "run": ("shopfloor.cli.run", "Work a shift in a cell and report on it."),
    "report": ("shopfloor.cli.report", "Write and show the report of a run."),
    "compare": ("shopfloor.cli.compare", "Which of several is better, on the same orders."),
    "episodes": ("shopfloor.cli.episodes", "List the episodes of runs, and why they ended so."),
    "export": ("shopfloor.cli.export", "Write runs as LeRobot, Rerun, MCAP or Parquet."),
    "check": ("shopfloor.cli.check", "Find what is wrong with runs and LeRobot datasets."),
    "replicate": ("shopfloor.cli.replicate", "Repeat a run, and say whether it is the same."),
    "view": ("shopfloor.cli.view", "Look through runs in the browser."),
    "list": ("shopfloor.cli.listing", "List cells, bodies, brains or skills."),
    "probe": ("shopfloor.cli.probe", "Find out whether a model can point, call and see."),
    "papers": ("shopfloor.cli.papers_all", "Know what the brain is, and whether it may run here."),
    "serve": ("shopfloor.cli.serve", "Let programs outside drive a cell."),
    "picture": ("shopfloor.cli.picture", "Draw a body to a PNG file."),
    "drill": ("shopfloor.cli.drill", "Put every fault into the cell, and show the grid."),
    "bench": ("shopfloor.cli.benches", "A brain's figures on a suite; speed of shopfloor."),
}


_NO_ARGUMENTS: type[Exception] = getattr(click.exceptions, "NoArgsIsHelpError", click.Abort)
"""What newer versions of click raise instead of showing the help themselves."""


class _Lazy(click.Group):
    """Knows its commands by name and loads only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with:  shopfloor run --orders 5",
)
@click.version_option(__version__, prog_name="shopfloor")
def _shopfloor() -> None:
    """Put any model in charge of a robot cell, guard it, and measure the shift it works."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors are one line on stderr and exit code 2."""
    try:
        code = _shopfloor.main(args=arguments, prog_name="shopfloor", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.Abort:
        click.echo("shopfloor: interrupted", err=True)
        code = 130
    except _NO_ARGUMENTS as nothing:
        click.echo(str(nothing))
        code = 0
    except click.ClickException as error:
        click.echo(f"shopfloor: {' '.join(error.format_message().split())}", err=True)
        code = 2
    except ShopfloorError as error:
        click.echo(f"shopfloor: {_line(str(error))}", err=True)
        code = 2
    except BrokenPipeError:
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _line(message: str) -> str:
    """Put a message on one line; wrong lines of a file stay apart."""
    lines = (" ".join(line.split()) for line in message.splitlines())
    return " | ".join(line for line in lines if line)
