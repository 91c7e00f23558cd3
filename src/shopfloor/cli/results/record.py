"""Rows of the recorder: what it costs, what it survives, and how fast it exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shopfloor.cli.results.brain import px

__all__ = ["crash", "export", "record", "recording"]


def recording(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What it costs to record."""
    yield (
        "what is compared",
        f"{result['lots']} orders, recorded and forgotten by turns; both draw all pictures",
    )
    yield (
        "wall time recorded / forgotten, of all orders and median of each",
        f"{result['recorded_over_forgotten']:.3f} / {result['recorded_over_forgotten_median']:.3f}",
    )
    yield (
        f"MB for a simulated minute ({_streams(result.get('streams'))}, views, log, truth)",
        f"{result['mb_per_simulated_minute']:.2f}",
    )
    yield "the same without charged changeovers", f"{result['mb_per_worked_minute']:.2f}"
    if (depth := result["depth_mb_per_worked_minute"]) is not None:
        yield "MB of depth for a minute, without changeovers", f"{depth:.2f}"
    total = sum(result["size_bytes"].values())
    shares = (f"{k} {100 * v / total:.0f} %" for k, v in sorted(result["size_bytes"].items()))
    yield "what the disk holds", ", ".join(shares)


def _streams(streams: dict[str, Any] | None) -> str:
    if streams is None:
        return "streams of all cameras"
    each = (f"{name}{px(s['px'])} at {s['hz']:g} Hz" for name, s in streams.items())
    return ", ".join(each)


def crash(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Kills, and what was lost."""
    yield "processes killed (SIGKILL)", f"{result['kills']} in {result['runs']} runs"
    if "in_lot" in result:
        yield "of those in the middle of a lot", str(result["in_lot"])
    yield "of those together with their encoder", str(result["with_encoder"])
    yield "episodes committed in the end", str(result["committed"])
    for name, what in (
        ("lost", "committed episodes lost or changed"),
        ("twice", "episodes counted twice"),
        ("wrong", "logs that differ from those of a shift in peace"),
        ("unbalanced", "moments at which the ledger did not add up"),
        ("torn", "interrupted lots that are not the beginning of what happened"),
    ):
        yield what, str(len(result[name]))
    yield (
        "interrupted lots read back",
        f"{result['interrupted']} with {result['interrupted_ticks']:,} ticks",
    )


def export(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Speed of the exports for viewers."""
    yield "run", f"{result['orders']} orders, {result['ticks']:,} ticks of 20 ms"
    yield "what is timed", "whole exports: a robot pose a tick, curves, log, pictures, fsync"
    for one in result["formats"]:
        rates = f"{one['images_per_s']:,.0f} / {one['images_per_cpu_s']:,.0f}"
        size = f"{one['images']:,} images, {one['size_bytes'] / 1e6:.1f} MB"
        yield f"`{one['format']}`: images a second of wall / processor time", f"{rates} ({size})"


def record(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Recording beside LeRobot's own."""
    pictures = f"{result['pictures']} pictures of {' x '.join(map(str, result['size']))}"
    cameras = (
        f"{result['cameras']} cameras, rendered, with noise of {result['noise']:g} grey levels"
    )
    yield "what is recorded", f"{result['episodes']} episodes, {pictures} from {cameras}"
    yield "cores, rounds", f"{result['cores']}, median of {result['rounds']}"
    for way, figures in result["ways"].items():
        size, quality = figures["size_bytes"] / 1e6, figures["psnr_db"]
        yield way, f"{figures['pictures_per_s']:.0f} pictures/s, {size:.1f} MB, {quality:.1f} dB"
    for way, ratio in (result["ratios"] or {}).items():
        yield f"ours over LeRobot's, {way}", f"**{ratio:.1f}**"
