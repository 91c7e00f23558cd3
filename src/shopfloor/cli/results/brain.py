"""Rows of brains: on the benchmark, with worse sensors, and by way of a chat model's path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from shopfloor.cli.results.shift import rate
from shopfloor.evidence.verdict import p_words

__all__ = ["noise", "path", "px", "suite"]


def noise(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A brain at every level of sensor noise."""
    yield (
        "what is compared",
        f"{result['brain']}, the same {result['orders']} orders at every level, paired with 0",
    )
    for step in result["steps"]:
        words = [rate(step["good"]), f"{step['uph']:.0f} good units an hour"]
        if step["level"]:
            lost, won = step["paired"]["only_a"], step["paired"]["only_b"]
            words.append(f"{lost} lost and {won} won against level 0, {_p_of(step)}")
        if step["failures"]:
            words.append(", ".join(f"{k} {v}" for k, v in step["failures"].items()))
        words.append(f"guard limited {step['limited']}, stopped {step['stopped']}")
        if step["breaches"] is not None:
            words.append(f"{step['breaches']} ticks outside a limit")
        yield f"level {step['level']} ({step['name']})", "; ".join(words)
    sizes = result.get("frame_px", {})
    stream, view = (px(sizes.get(kind)) for kind in ("stream", "view"))
    yield (
        f"processor time of the noise for one{stream} frame of a stream, by level",
        ", ".join(f"{k}: {v['stream']:.1f} ms" for k, v in result["frame_ms"].items()),
    )
    yield (
        f"for one{view} view, by level",
        ", ".join(f"{k}: {v['view']:.0f} ms" for k, v in result["frame_ms"].items()),
    )


def px(size: Sequence[int] | None) -> str:
    """Say a size [px]; files of before do not state it."""
    return "" if size is None else f" {size[0]} x {size[1]}"


def _p_of(step: dict[str, Any]) -> str:
    alone, adjusted = f"p = {step['p']:.3g} alone", step.get("p_adjusted")
    return f"{alone}, {'not corrected' if adjusted is None else f'{adjusted:.3g} after Holm'}"


def suite(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A brain on a benchmark suite."""
    from shopfloor.evidence.suite import load_suite

    suite, resolves = result["suite"], result["resolves"]
    named = f"{suite['name']} of {suite['version']}, `{suite['sha256'][:12]}`"
    if suite["sha256"] != load_suite(suite["name"]).sha256:
        yield "**of another suite**", f"{named}: not comparable with this version's"
    else:
        yield "suite", f"{named}{'' if suite['frozen'] else ', not frozen yet'}"
    if result["extent"] != "full":
        yield "**not the benchmark**", f"a {result['extent']} look"
    found = f"{100 * resolves['lost']:.0f} % of orders with a chance of"
    yield "orders for each condition", f"{result['orders']}, the same ones throughout"
    yield "finds a loss of", f"{found} {100 * resolves['power']:.0f} %"
    for each in result["conditions"]:
        uph = "not measured" if each["uph"] is None else f"{each['uph']:.0f} units/h"
        yield each["name"], f"{rate(each['good'])}, {uph}{_against(each['against_base'])}"
    failures = Counter[str]()
    for each in result["conditions"]:
        failures.update(each["failures"])
    yield "failures in all", ", ".join(f"{k} {v}" for k, v in failures.most_common()) or "none"
    yield (
        "ticks with a limit left",
        str(sum(each["breaches"] or 0 for each in result["conditions"])),
    )
    yield "machine", "; ".join(result["machines"])


def _against(held: dict[str, Any] | None) -> str:
    if held is None:
        return ""
    p = held["p_adjusted"]
    moved = f"lost {held['lost']}, won {held['won']}, {p_words(p)} after Holm"
    decided = held["decision"]
    pace = held["throughput"]
    if pace["decision"] != "not resolved":
        moved += f"; **{pace['decision']}**, {pace['ratio']:.2f} times the units/h"
    return f"; {decided if decided == 'not resolved' else f'**{decided}**'} ({moved})"


def path(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The path to a chat model, held against the same decisions in process."""
    yield "what it proves", "the path, not any model: the stand-in is a program of ours"
    overhead = result["overhead"]
    many, size = overhead.get("pictures", "some"), px(overhead.get("picture_px"))
    yield (
        f"adapter alone on {many}{size} pictures, median / p95",
        f"{overhead['median_ms']:.1f} / {overhead['p95_ms']:.1f} ms",
    )
    for one in result["pairings"]:
        hits, asked = one["probe_hits"]
        counts = (
            f"good in both {one['both']}/{one['orders']}, only in process "
            f"{one['only_in_process']}, only over HTTP {one['only_over_http']}"
        )
        yield (
            f"`{one['model']}` ({one['convention']}, {one['mode']})",
            f"{counts}: {100 * one['discordance']:.1f} % discordant; probe {hits}/{asked}",
        )
