"""What passes between a client and the cell: a wish, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from shopfloor.types import Finish, Frame, SkillCall

__all__ = ["Told", "Wish", "quoted", "refusal"]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a client is told of one call.

    Attributes:
        ok: Whether it did what it should.
        data: Plain JSON values.
        views: Fresh native-resolution pictures.
    """

    ok: bool
    data: Mapping[str, Any]
    views: tuple[Frame, ...] = ()


@dataclass(slots=True, eq=False)
class Wish:
    """What a client wants, until it has been told what became of it.

    Attributes:
        kind: What it is about.
        call: The skill call, for ``call``; its id is given when it is begun.
        finish: The claim, for ``finish``.
        future: Where the client waits.
        result: Data of the event with which the call ended, or None.
        ended_tick: Tick of that event.
    """

    kind: Literal["order", "call", "finish"]
    call: SkillCall | None = None
    finish: Finish | None = None
    future: Future[Told] = field(default_factory=Future)
    result: Mapping[str, Any] = field(default_factory=dict)
    ended_tick: int = -1

    @property
    def camera(self) -> str | None:
        """Camera that the call is about, if any."""
        return self.call.arguments.get("camera") if self.call else None

    @property
    def looks(self) -> bool:
        """Whether it asks for a picture and for nothing else."""
        return self.call is not None and self.call.skill == "look"

    def tell(self, told: Told) -> None:
        """Answer, unless the client has withdrawn the call."""
        with suppress(InvalidStateError):
            self.future.set_result(told)


def refusal(code: str, reason: str) -> Told:
    """What a client is told of a call that nothing came of."""
    return Told(False, {"ok": False, "code": code, "reason": reason})


def quoted(document: bytes) -> dict[str, Any]:
    """A document as data that is quoted, whatever it says."""
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    return {"quoted": True, "bytes": len(document), "text": text}
