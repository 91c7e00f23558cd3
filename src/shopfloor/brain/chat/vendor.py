"""Plugin entries of chat models: by address, and one for each provider."""

from __future__ import annotations

from collections.abc import Callable

from shopfloor.brain.chat.brain import ChatBrain
from shopfloor.brain.chat.engine import Engine
from shopfloor.brain.chat.profile import Seat, providers, seat
from shopfloor.types import BrainContext

__all__ = ["at_address", "seated"]


def seated(name: str) -> tuple[Seat, Engine | None]:
    """Who is meant by a name, and its engine where that runs in this process."""
    family, colon, member = name.partition(":")
    if family == "local" and colon:
        from shopfloor.brain.local.seat import engine_of, seat_of

        engine = engine_of(member)
        return seat_of(member, engine), engine
    return seat(name), None


def at_address(name: str, context: BrainContext) -> ChatBrain:
    """A chat model at an address: MODEL@[SERVER+]http://HOST:PORT/v1."""
    return ChatBrain(seat(name), context)


def __getattr__(name: str) -> Callable[[str, BrainContext], ChatBrain]:
    """Return the entry of a provider; the data files say which there are."""
    known = providers().get(name.replace("_", "-"))
    if known is None:
        raise AttributeError(name)

    def make(model_id: str, context: BrainContext) -> ChatBrain:
        return ChatBrain(seat(f"{known.name}:{model_id}"), context)

    make.__doc__ = f"A chat model of {known.title}; the key is read from {known.key_env}."
    return make
