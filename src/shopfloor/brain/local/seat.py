"""A model in this process as a seat: ``local:FOLDER[?device=cpu&quant=int8]``."""

from __future__ import annotations

from urllib.parse import parse_qsl

import xxhash

from shopfloor.brain.chat.brain import ChatBrain
from shopfloor.brain.chat.profile import Seat, models, servers
from shopfloor.brain.local.engine import LocalEngine
from shopfloor.brain.local.weights import Weights, family
from shopfloor.errors import UsageError
from shopfloor.types import BrainContext

__all__ = ["engine_of", "make", "seat_of"]

_CHUNK = 1 << 22
_OPTIONS = ("device", "quant")


def make(member: str, context: BrainContext) -> ChatBrain:
    """A model in this process: local:FOLDER or local:HUB_ID, with ?device= and ?quant=."""
    engine = engine_of(member)
    return ChatBrain(seat_of(member, engine), context, engine=engine)


def engine_of(member: str) -> LocalEngine:
    """Load what a name means.

    Raises:
        UsageError: An option that is none, no such checkpoint, or a library is missing.
    """
    name, _, query = member.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise UsageError(f"local:{member} has the option {unknown[0]!r}; known: device, quant")
    return LocalEngine(name, device=options.get("device"), quant=options.get("quant", "none"))


def seat_of(member: str, engine: LocalEngine) -> Seat:
    """Describe a loaded model.

    Its address, and so its proof's, holds the hash of its weights, the device and the numbers that
    it computes in: each of them may move where it points.
    """
    weights = engine.weights
    return Seat(
        name=f"local:{member}",
        model=models()[family(weights.folder)],
        server=servers()["local"],
        base_url=f"local:{_digest(weights)}/{engine.device}/{engine.device.dtype}/"
        f"{engine.device.quant}",
        model_id=weights.name,
    )


def _digest(weights: Weights) -> str:
    """Hash of all that is loaded: config, tokenizer and weights, in the order of their names."""
    digest = xxhash.xxh3_128()
    folders = [weights.folder, *([weights.adapter] if weights.adapter else [])]
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.suffix not in {".safetensors", ".json", ".jinja", ".txt"}:
                continue
            digest.update(file.name.encode())
            with file.open("rb") as stream:
                while part := stream.read(_CHUNK):
                    digest.update(part)
    return digest.hexdigest()
