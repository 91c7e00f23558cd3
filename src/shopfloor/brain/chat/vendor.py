"""Plugin entries of chat models: by address, and one for each provider."""

from __future__ import annotations

from collections.abc import Callable

from shopfloor.brain.chat.brain import ChatBrain
from shopfloor.brain.chat.profile import providers, seat
from shopfloor.types import BrainContext

__all__ = ["at_address"]


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
