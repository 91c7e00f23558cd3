"""``shopfloor serve``: the cell for programs outside of shopfloor."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shopfloor.errors import UsageError

if TYPE_CHECKING:
    from shopfloor.shift import Plan

__all__ = ["command"]

_DEFAULT_ORDERS = 30
_SMALLEST, _LARGEST = 64, 4096


@click.group("serve", short_help="Let programs outside drive a cell.")
def command() -> None:
    """Let programs outside drive a cell, with the guard always in between."""


@command.command(
    "mcp",
    short_help="Serve skills, cameras and orders over the Model Context Protocol.",
    epilog="""\b
Examples:
  shopfloor serve mcp                               over stdin and stdout, for a client to start
  shopfloor serve mcp --http 8765                   at http://127.0.0.1:8765/mcp
  shopfloor serve mcp --order-file my.jsonl --latency none""",
)
@click.argument("cell", default="sorting")
@click.option("--body", default="bench", show_default=True, help="The robot in the cell.")
@click.option("--orders", type=int, help="How many orders [default: 30, or the whole file].")
@click.option(
    "--order-file",
    type=click.Path(path_type=Path),
    help="Carry out the orders of a JSONL file (docs/orders.md).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything.")
@click.option(
    "--latency",
    default="measured",
    show_default=True,
    help="What the client's thinking costs on the clock: measured, fixed:MS, or none.",
)
@click.option(
    "--limits",
    default="fenced",
    show_default=True,
    help="Envelope: fenced (1 m/s), collaborative (250 mm/s), or a FILE.toml.",
)
@click.option(
    "--record-fps", type=float, default=10.0, show_default=True, help="Rate of the streams [Hz]."
)
@click.option("--no-video", is_flag=True, help="Log the frames' hashes but encode no video.")
@click.option(
    "--patience",
    type=float,
    default=60.0,
    show_default=True,
    help="An order whose client is silent for so many seconds is given up.",
)
@click.option(
    "--picture", help="Send pictures as WIDTHxHEIGHT, such as 1288x952 [default: the camera's]."
)
@click.option("--http", "address", help="Serve HTTP at PORT or HOST:PORT instead of stdio.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="PEM file of a certificate.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of its key.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder [default: runs/mcp-DATE-TIME]."
)
def _mcp(**options: Any) -> None:
    """Serve CELL over MCP: skills as tools, cameras and the order as resources.

    The client takes the place of the brain. Every call goes through the ordinary shift, with
    guard, judge and recorder, into an ordinary run folder. HTTP is served on loopback only,
    unless a token (in the environment variable SHOPFLOOR_MCP_TOKEN) and a TLS certificate are
    given. Needs the extra shopfloor[mcp].
    """
    picture = _size(options["picture"])
    plan = _plan(options)
    try:
        from shopfloor.serve import door, mcp
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "shopfloor":
            raise
        raise UsageError(
            f"serving MCP needs a package that is not installed here ({error.name}); install the "
            "extra: pip install 'shopfloor[mcp]'"
        ) from error
    except ImportError as error:
        raise UsageError(
            f"the installed package mcp is none of the series 2 ({error}); install the extra: "
            "pip install 'shopfloor[mcp]'"
        ) from error
    address, cert, key = options["address"], options["tls_cert"], options["tls_key"]
    token = os.environ.get(door.TOKEN) or None
    if address is None and (cert is not None or key is not None):
        raise UsageError("--tls-cert and --tls-key need --http")
    http = None if address is None else door.Http.parse(address, token=token, cert=cert, key=key)
    if http is None:
        door.check_stdin()

    from shopfloor.report import write_report
    from shopfloor.serve.floor import Floor

    out = options["out"] or _fresh()
    floor = Floor(plan, out, patience_s=options["patience"])
    floor.open()
    # A client that has closed the pipe says so with SIGTERM soon after: what is under way is to be
    # written down all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ended, at_once = "the client hung up", False
    try:
        server = mcp.make_server(floor.visitor, floor.spec, floor.skills, mcp.Eyes(picture))
        if http is None:
            door.over_stdio(server)
        else:
            door.over_http(server, http, listening=_say, working=lambda: floor.working)
    except KeyboardInterrupt:
        ended, at_once = "the server was stopped", True
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        floor.shut(ended, at_once=at_once)
        # Not on stdout, which may be the client's.
        click.echo(f"report  {write_report(out)}", err=True)


def _say(url: str) -> None:
    click.echo(f"serving {url}", err=True)


def _plan(options: dict[str, Any]) -> Plan:
    from shopfloor.shift import Latency, Plan

    orders, order_file = options["orders"], options["order_file"]
    if orders is None and order_file is None:
        orders = _DEFAULT_ORDERS
    return Plan(
        cell=options["cell"],
        body=options["body"],
        brain="mcp",
        seed=options["seed"],
        orders=orders,
        hours=None,
        order_file=order_file,
        latency=Latency.parse(options["latency"]),
        limits=options["limits"],
        record_fps=options["record_fps"],
        video=not options["no_video"],
        audit=False,
        workers=1,
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()) or not all(
        _SMALLEST <= int(side) <= _LARGEST for side in (width, height)
    ):
        raise UsageError(
            f"--picture is {text!r}; give WIDTHxHEIGHT from {_SMALLEST} to {_LARGEST} pixels, such "
            "as 1288x952"
        )
    return int(width), int(height)


def _fresh() -> Path:
    """A run folder that is not there yet."""
    runs = Path("runs")
    name = datetime.now().strftime("mcp-%Y%m%d-%H%M%S")  # noqa: DTZ005 - a name for a person here
    path, again = runs / name, 1
    while path.exists():
        again += 1
        path = runs / f"{name}-{again}"
    return path
