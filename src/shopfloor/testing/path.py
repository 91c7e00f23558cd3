"""What lies between a model's decision and the cell: how long it takes, and whether it changes it.

A stand-in server decides from the HTTP request alone and answers in a profile's convention; the
same decisions are made in process, in exact pixels, on the same seeds. Where the two shifts end
differently, the path made the difference. It proves the path, not any model.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from shopfloor.brain.chat.answer import calls_in
from shopfloor.brain.chat.convention import convention
from shopfloor.brain.chat.engine import ChatAnswer, ToolCall
from shopfloor.brain.chat.picture import picture_of
from shopfloor.brain.chat.probe import probe
from shopfloor.brain.chat.profile import models, seat
from shopfloor.brain.chat.proof import keep
from shopfloor.brain.chat.tool import Tools
from shopfloor.errors import SpecMismatch
from shopfloor.record import RunFolder
from shopfloor.shift import Plan, run_shift
from shopfloor.testing.standin import Mode, StandIn

__all__ = ["Pairing", "overhead_ms", "pair"]

_MODES: tuple[Mode, ...] = ("tools", "json_schema", "tags")


@dataclass(frozen=True, slots=True)
class Pairing:
    """One profile against the same decisions in process.

    Attributes:
        model: Profile.
        convention: In which the stand-in pointed.
        mode: How it called skills.
        orders: Pairs of orders.
        both, here, there, neither: Orders good in both, only in process, only over HTTP, in none.
        hits: (k, n) points of the probe that hit; the shift began only after it was passed.
    """

    model: str
    convention: str
    mode: str
    orders: int
    both: int
    here: int
    there: int
    neither: int
    hits: tuple[int, int]

    @property
    def discordance(self) -> float:
        """Share of the orders that ended differently."""
        return (self.here + self.there) / self.orders

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "model": self.model, "convention": self.convention, "mode": self.mode,
            "orders": self.orders, "both": self.both, "only_in_process": self.here,
            "only_over_http": self.there, "neither": self.neither,
            "discordance": self.discordance, "probe_hits": list(self.hits),
        }  # fmt: skip


def pair(plan: Plan, say: Callable[[str], None]) -> Iterator[Pairing]:
    """Work a plan's orders once in process and once over HTTP for each profile that points.

    Args:
        plan: Which orders; its brain is not used.
        say: Told what is being done.

    Raises:
        SpecMismatch: The stand-in does not pass the probe, so it may move nothing.
    """
    with tempfile.TemporaryDirectory() as temporary, _proofs(Path(temporary) / "proofs"):
        folder = Path(temporary)
        say("in process")
        run_shift(replace(plan, brain="stand-in"), folder / "here", resume=False, progress=_silent)
        here = _good(folder / "here")
        chosen = [model for model in models().values() if model.convention and model.images]
        for index, model in enumerate(chosen):
            name, mode = str(model.convention), _MODES[index % len(_MODES)]
            with StandIn(convention(name), mode, model_id=model.name) as server:
                address = f"{model.name}@{server.base_url}"
                say(f"{model.name}: probe")
                who = seat(address)
                probed = probe(who, say=lambda _: None)
                if not probed.passed:
                    raise SpecMismatch(f"{address} fails the probe: {'; '.join(probed.reasons)}")
                keep(probed.proof(who), {})
                say(f"{model.name}: {mode}")
                run = folder / f"http-{index}"
                run_shift(
                    replace(plan, brain=address),
                    run,
                    resume=False,
                    progress=_silent,
                )
            there = _good(run)
            both = sum(here[lot] and there[lot] for lot in here)
            only_here = sum(here[lot] and not there[lot] for lot in here)
            only_there = sum(there[lot] and not here[lot] for lot in here)
            yield Pairing(
                model.name, name, mode, len(here), both, only_here, only_there,
                len(here) - both - only_here - only_there, probed.hits,
            )  # fmt: skip


def overhead_ms(rounds: int = 200) -> dict[str, float | int | tuple[int, int]]:
    """Time the adapter alone, on two pictures of a stream's size, for the main model [ms].

    Resizing, JPEG and base64 of both, the request's JSON, parsing an answer with a pick and a
    place, and turning its numbers into pixels of the original. No server, no network.

    Returns:
        Median and 95th percentile, how many pictures, and their (width, height) [px].
    """
    model = models()["qwen2.5-vl"]
    how = convention("qwen2.5-vl")
    rng = np.random.default_rng(0)
    # Noise on soft shades: neither empty nor as hard for JPEG as pure noise.
    px = 224
    shade = np.linspace(60, 190, px)[:, None, None] + np.linspace(-40, 40, px)[None, :, None]
    frames = [
        np.clip(shade + rng.normal(0, 6, (px, px, 3)), 0, 255).astype(np.uint8) for _ in range(2)
    ]
    skills: Mapping[str, Mapping[str, Any]] = {
        "pick": {"type": "object", "properties": {"camera": {}, "point": {}}, "required": []},
        "place": {"type": "object", "properties": {"tote": {}}, "required": []},
    }
    tools = Tools(skills, ("left", "right"), ("overview", "front"), how)
    walls = []
    for _ in range(rounds):
        began = perf_counter()
        shown = [
            picture_of(pixels, name, model)
            for pixels, name in zip(frames, ("overview", "front"), strict=True)
        ]
        content: list[dict[str, Any]] = [{"type": "text", "text": "free limbs: left, right"}]
        content += [{"type": "image_url", "image_url": {"url": one.uri}} for one in shown]
        body = {
            "model": model.name,
            "messages": [{"role": "user", "content": content}],
            "tools": list(tools.definitions),
        }
        json.dumps(body).encode()
        target = how.encode_point((100.0, 120.0), shown[0].seen)
        given = {"limb": "left", "camera": "overview", "point": list(target)}
        answer = ChatAnswer(
            "",
            (
                ToolCall("a", "pick", json.dumps(given)),
                ToolCall("b", "place", '{"limb": "left", "tote": "A"}'),
            ),
            model.name,
            0.0,
        )
        tools.read(calls_in(answer, "tools"), {one.camera: one.seen for one in shown}, 1)
        walls.append(1000 * (perf_counter() - began))
    return {
        "median_ms": median(walls),
        "p95_ms": float(np.quantile(walls, 0.95)),
        "pictures": len(frames),
        "picture_px": (px, px),
    }


def _good(path: Path) -> dict[int, bool]:
    with RunFolder.open(path) as folder:
        return {entry.lot: entry.good for entry in folder.entries()}


def _silent(_: object) -> None:
    """Progress is not shown."""


@contextmanager
def _proofs(folder: Path) -> Iterator[None]:
    """Keep proofs of stand-ins apart from those of real servers."""
    before = os.environ.get("SHOPFLOOR_PROOFS")
    os.environ["SHOPFLOOR_PROOFS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SHOPFLOOR_PROOFS"]
        else:
            os.environ["SHOPFLOOR_PROOFS"] = before
