"""``shopfloor picture``: what a body looks like."""

from __future__ import annotations

from pathlib import Path

import click

from shopfloor.errors import UsageError

__all__ = ["command", "picture"]

_SMOOTH = 2
"""Drawn so many times larger and averaged: edges come out smooth."""


def picture(
    body: str,
    *,
    azimuth_deg: float = 115.0,
    elevation_deg: float = -28.0,
    width: int = 640,
    height: int = 480,
) -> bytes:
    """Draw a body by its name.

    Args:
        body: ``bench``, ``menagerie:NAME`` or an installed plugin.
        azimuth_deg, elevation_deg: Where the camera looks; see ``body.portrait``.
        width, height: Size [px].

    Returns:
        The picture as a PNG file.

    Raises:
        UnknownName: No such body.
        UsageError: Its model is not on this machine.
        RenderError: No picture can be drawn on this machine.
    """
    from shopfloor import plugins

    made = plugins.factory("bodies", body)()

    from shopfloor.body.portrait import CAMERA, png, stage
    from shopfloor.cell.camera import Rig

    size = width * _SMOOTH, height * _SMOOTH
    model, data = stage(
        made, azimuth_deg=azimuth_deg, elevation_deg=elevation_deg, width=size[0], height=size[1]
    )
    rig = Rig(*size)
    try:
        rig.load(model)
        pixels, _ = rig.draw(data, model.camera(CAMERA).id, *size)
    finally:
        rig.close()
    return png(pixels, _SMOOTH)


@click.command(
    "picture",
    short_help="Draw a body to a PNG file.",
    epilog="""\b
Examples:
  shopfloor picture bench --out bench.png
  shopfloor picture menagerie:aloha --out aloha.png --azimuth 90""",
)
@click.argument("body")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The PNG file.")
@click.option(
    "--azimuth", type=float, default=115.0, show_default=True, help="The camera looks there [deg]."
)
@click.option(
    "--elevation",
    type=click.FloatRange(-89, 30),
    default=-28.0,
    show_default=True,
    help="Below 0 it looks down [deg].",
)
@click.option(
    "--size",
    type=(click.IntRange(64, 4096), click.IntRange(64, 4096)),
    default=(640, 480),
    show_default=True,
    help="Width and height [px].",
)
def command(body: str, out: Path, azimuth: float, elevation: float, size: tuple[int, int]) -> None:
    """Draw BODY, such as bench or menagerie:aloha, on an empty floor."""
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out is {str(out)!r}; pictures are PNG files: give a name with .png")
    data = picture(
        body, azimuth_deg=azimuth, elevation_deg=elevation, width=size[0], height=size[1]
    )
    try:
        out.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; give another --out") from error
    click.echo(f"{out}  {size[0]} x {size[1]}, {len(data) / 1000:.0f} kB")
