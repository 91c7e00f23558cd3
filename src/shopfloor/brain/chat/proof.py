"""What a probe has shown of a seat, kept where the next shift finds it.

A proof belongs to exactly one address, model id and profile: any of them changed, there is none.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor.brain.chat.answer import MODES, Mode
from shopfloor.brain.chat.convention import CONVENTIONS
from shopfloor.brain.chat.engine import ChatAnswer
from shopfloor.brain.chat.profile import Seat

__all__ = [
    "Proof",
    "best_mode",
    "doubt",
    "folder",
    "keep",
    "kept",
    "key_of",
    "pair_key",
    "proof_of",
    "require_same",
]

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome of a probe.

    Attributes:
        key: Hash of address, model id and profile that it is good for.
        passed: Whether the model may move a robot: it pointed where it should, in the convention of
            its profile, and a way to call skills worked.
        points: Whether it pointed where it should: enough for one who sees for a planner.
        model_id: Id that answered.
        modes: Ways to call skills that worked, best first.
        date: When it was probed (ISO, UTC).
    """

    key: str
    passed: bool
    model_id: str
    modes: tuple[Mode, ...]
    date: str
    points: bool = False

    @property
    def id(self) -> str:
        """Short name for a manifest; to probe again changes nothing in it."""
        return f"{'passed' if self.passed else 'failed'} {self.key[:12]}"


def folder() -> Path:
    """Where proofs lie: ``SHOPFLOOR_PROOFS``, or the user's data folder."""
    given = os.environ.get("SHOPFLOOR_PROOFS")
    if given:
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME")
    base = Path(data) if data else Path.home() / ".local" / "share"
    return base / "shopfloor" / "proofs"


def key_of(seat: Seat) -> str:
    """Hash of all that a proof is good for; the name of a key's variable is no part of it."""
    model, server = seat.model, seat.server
    how = CONVENTIONS.get(model.convention or "")
    facts = [
        _FORMAT, seat.base_url, seat.model_id, model.name, model.convention, model.multiple_px,
        model.min_pixels, model.max_pixels, server.name, server.schema, server.tools,
        None if how is None else [how.axes, how.full, how.decimals, how.form],
    ]  # fmt: skip
    return sha256(json.dumps(facts).encode()).hexdigest()


def pair_key(planner: Seat, perceiver: Seat) -> str:
    """Hash of all that the proof of a pair is good for: both seats, each in its part."""
    return sha256(f"pair {key_of(planner)} {key_of(perceiver)}".encode()).hexdigest()


def proof_of(seat: Seat) -> Proof | None:
    """Find the proof of a seat; one that cannot be read is none."""
    return kept(key_of(seat))


def kept(key: str) -> Proof | None:
    """Find a proof by its key; one that cannot be read is none."""
    try:
        data: Any = json.loads((folder() / f"{key}.json").read_text(encoding="utf-8"))
        fields: dict[str, Any] = {**data["proof"], "modes": tuple(data["proof"]["modes"])}
        proof = Proof(**fields)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    # What is on disk may have been edited: a flag that is no flag proves nothing.
    whole = (
        proof.key == key
        and type(fields["passed"]) is bool
        and type(fields.get("points", False)) is bool
        and all(isinstance(fields[name], str) for name in ("model_id", "date"))
        and all(mode in MODES for mode in proof.modes)
    )
    return proof if whole else None


def keep(proof: Proof, details: dict[str, Any]) -> Path:
    """Write a proof down, with all that the probe saw; it replaces an older one as a whole."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{proof.key}.json"
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(
        json.dumps({"proof": asdict(proof), **details}, ensure_ascii=False, indent=1) + "\n",
        encoding="utf-8",
    )
    beside.replace(path)
    return path


def best_mode(seat: Seat, proof: Proof | None) -> Mode:
    """How a model is made to call skills: as the probe saw it work, else as its profile says."""
    if proof is not None and proof.modes:
        return next(mode for mode in MODES if mode in proof.modes)
    if seat.model.tools and seat.server.tools:
        return "tools"
    return "schema" if seat.server.schema == "json_schema" else "tags"


def doubt(seat: Seat, proof: Proof | None) -> str | None:
    """Say why nothing may be moved by where a seat points, or None."""
    if proof is not None and proof.passed:
        return None
    why = "has not been probed" if proof is None else "did not pass its probe"
    return (
        f"{seat.name} {why} here; run `shopfloor probe {seat.name}`, or in simulation give "
        "--allow-unproven"
    )


def require_same(answer: ChatAnswer, proof: Proof | None) -> None:
    """See that whoever answered is whoever was probed.

    Raises:
        ValueError: It is another model.
    """
    expected = proof.model_id if proof else None
    if expected and answer.model_id and answer.model_id != expected:
        raise ValueError(
            f"{answer.model_id!r} answered, and the probe had passed {expected!r}; probe again"
        )
