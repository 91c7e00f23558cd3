"""``shopfloor export``: runs in the formats of the field's tools."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command(
    "export",
    short_help="Write runs as LeRobot, Rerun, MCAP or Parquet.",
    epilog="""\b
Examples:
  shopfloor export runs/a --to lerobot --out data/a            for training
  shopfloor export runs/* --to lerobot --only good --out data  several runs, good episodes
  shopfloor export runs/a --to rerun --out look                then: rerun look/*.rrd
  shopfloor export runs/a --to mcap --only 'code=grasp.*' --out fox""",
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to",
    required=True,
    type=click.Choice(["lerobot", "rerun", "mcap", "parquet"]),
    help="Format.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option(
    "--only",
    default="all",
    show_default=True,
    help="all, good, failed, code=CODE or code=PREFIX.*",
)
@click.option(
    "--codec",
    type=click.Choice(["h264", "av1"]),
    help="Encode videos anew [default: keep them as they were recorded].",
)
@click.option("--truth", is_flag=True, help="Add what only the simulator knows, in files apart.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    runs: tuple[Path, ...],
    *,
    to: str,
    out: Path,
    only: str,
    codec: str | None,
    truth: bool,
    as_json: bool,
) -> None:
    """Write the episodes of RUNS in another tool's format; several runs become one export.

    Nothing is uploaded anywhere. The folder appears when it is whole.
    """
    import json
    from dataclasses import asdict

    from shopfloor.cli.counting import counted
    from shopfloor.export import Only, choose, export
    from shopfloor.export.job import Options

    chosen = choose(runs, Only.parse(only))
    with counted("episodes") as tell:
        written = export(to, chosen, out, options=Options(codec, truth), tell=tell)
    if as_json:
        click.echo(json.dumps(asdict(written), default=str))
        return
    click.echo(
        f"{written.episodes} episodes, {written.frames:,} frames, "
        f"{written.size_bytes / 1e6:.1f} MB in {written.path}"
    )
    for note in written.notes:
        click.echo(f"note: {note}")
