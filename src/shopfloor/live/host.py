"""A brain in a process of its own, which may hang, crash or be killed without anybody else minding.

It is handed one line, and nothing on it but what a brain may know. What it says is read on the
other side as a stranger's.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from threading import Thread
from time import sleep
from typing import Any

from shopfloor import plugins
from shopfloor.live.link import Link, Lost
from shopfloor.live.message import packed
from shopfloor.live.process import ends, setting
from shopfloor.live.talk import Answer, Ask, Beat, Begin, Fault, FromBrain, Hello, Hire, ToBrain
from shopfloor.types import Brain, BrainContext, Exchange

__all__ = ["HostSetting", "main"]

_BEAT_S = 0.1
_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class HostSetting:
    """What the process is started with.

    Attributes:
        module: Holds the brain, or empty for one of the plugins.
    """

    module: str = ""


def main(argv: list[str]) -> None:
    """Body of the process."""
    asked = setting(HostSetting, argv)
    (end,) = ends(argv)
    link = Link(end)
    Thread(target=_beat, args=(link,), name="beat", daemon=True).start()
    with suppress(Lost):
        _serve(link, asked)
    os._exit(0)


def _beat(link: Link) -> None:
    """Say that the process lives; that its brain thinks, only an answer says."""
    number = 0
    while link.lost is None:
        number += 1
        link.say(FromBrain(Beat(number)))
        sleep(_BEAT_S)


def _serve(link: Link, asked: HostSetting) -> None:
    brain: Brain | None = None
    lame: Exception | None = None  # why the order could not be begun
    while True:
        said = link.hear(ToBrain, _WAIT_S)
        if said is None:
            continue
        body = said.body
        if isinstance(body, Hire):
            brain = _made(asked, body)
            link.say(FromBrain(_hello(brain)))
        elif brain is None:
            continue
        elif isinstance(body, Begin):
            try:
                brain.reset(body.order, seed=body.seed)
                lame = None
            except Exception as error:  # noqa: BLE001 - told when it is asked
                lame = error
        else:
            link.say(FromBrain(_answer(brain, body, lame)))


def _made(asked: HostSetting, hire: Hire) -> Brain:
    make: Any
    if asked.module:
        make = getattr(import_module(asked.module), hire.brain)
    else:
        make = plugins.factory("brains", hire.brain)
    context: BrainContext = hire.context
    brain: Brain = make(context)
    return brain


def _hello(brain: Brain) -> Hello:
    identity = getattr(brain, "identity", None) or type(brain).__qualname__
    facts = getattr(brain, "facts", None) or {}
    unproven = getattr(brain, "unproven", None)
    told = {str(key): str(value) for key, value in facts.items()}
    return Hello(brain.needs, str(identity), told, None if unproven is None else str(unproven))


def _answer(brain: Brain, ask: Ask, lame: Exception | None) -> Answer:
    if lame is not None:
        return Answer(ask.number, None, _fault(lame))
    try:
        reply = brain.act(ask.observation, ask.events, deadline_s=ask.deadline_s)
        packed(Answer(ask.number, reply, None))  # what cannot be sent is the brain's fault, too
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        return Answer(ask.number, None, _fault(error))
    return Answer(ask.number, reply, None)


def _fault(error: Exception) -> Fault:
    said = getattr(error, "exchange", None)
    code = getattr(error, "code", None) or _code(error)
    exchange = said if isinstance(said, Exchange) else None
    return Fault(type(error).__name__, str(error), code and str(code), exchange)


def _code(error: Exception) -> str | None:
    if isinstance(error, TimeoutError):
        return "brain.timeout"
    return "brain.unreachable" if isinstance(error, ConnectionError) else None


if __name__ == "__main__":
    main(sys.argv[1:])
