"""``ChatBrain``: a vision-language model in charge, through any engine that answers chats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, ClassVar

from shopfloor.brain.chat.answer import Mode, calls_in, worded
from shopfloor.brain.chat.client import Client
from shopfloor.brain.chat.convention import Convention, convention
from shopfloor.brain.chat.document import Unreadable, documents
from shopfloor.brain.chat.engine import ChatAnswer, ChatRequest, Engine
from shopfloor.brain.chat.picture import Picture, picture
from shopfloor.brain.chat.profile import Seat
from shopfloor.brain.chat.prompt import news, ordered, situation, system
from shopfloor.brain.chat.proof import Proof, best_mode, doubt, proof_of, require_same
from shopfloor.brain.chat.tool import Misread, Tools, choice
from shopfloor.errors import SpecMismatch
from shopfloor.types import (
    BrainContext,
    Event,
    Exchange,
    Finish,
    Needs,
    Observation,
    Order,
    Reply,
    SkillCall,
)

__all__ = ["Caps", "ChatBrain", "bill"]

_CAMERAS = ("overview",)
_CORRECTIONS = 2
"""How often a model is told that its answer cannot be read before the order is given up."""
_ENDLESS = 6
"""The same calls so often in a row, and nothing else, are a loop."""
_GONE = "(an older picture stood here)"
_UNTOLD = "(not told)"
"""Who answered, where the server does not say; to name whom we asked would be a guess."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What one order may cost.

    Attributes:
        questions: Most questions, corrections included.
        tokens: Most tokens, in and out together, where the server counts them.
        answer_tokens: Most tokens of one answer.
    """

    questions: int = 150
    tokens: int = 2_000_000
    answer_tokens: int = 1024


class ChatBrain:
    """A vision-language model in charge: MODEL@[SERVER+]URL or PROVIDER:MODEL."""

    identity: ClassVar[str] = "chat/1"

    def __init__(
        self,
        seat: Seat,
        context: BrainContext,
        *,
        engine: Engine | None = None,
        mode: Mode | None = None,
        caps: Caps | None = None,
        temperature: float = 0.0,
    ) -> None:
        """Take up the cell; nobody is asked anything yet.

        Args:
            seat: Who answers.
            context: Where it is to work.
            engine: Answers instead of an HTTP client.
            mode: How it is made to call skills; by default the best way that the probe saw work,
                or that its profile promises.
            caps: What one order may cost.
            temperature: Of the sampling.

        Raises:
            SpecMismatch: The model sees no pictures; a pair with a perceiver is needed.
        """
        self.seat, self._context = seat, context
        self._convention = self._pointing(seat)
        self.proof: Proof | None = proof_of(seat)
        self.mode: Mode = mode or best_mode(seat, self.proof)
        self._engine: Engine = engine or Client(seat)
        self._caps, self._temperature = caps or Caps(), temperature
        self._limbs = tuple(context.cell.body.limbs)
        self._cameras = context.cameras or _CAMERAS
        self._check_cameras()
        self._tools = Tools(context.skills, self._limbs, self._cameras, self._convention)
        self.needs = Needs(
            cameras=self._cameras, refresh="decision", skills=tuple(sorted(context.skills))
        )

    @property
    def facts(self) -> Mapping[str, str]:
        """What the manifest of a run says of this brain; no key is in it."""
        return {
            "id": f"{self.identity} {self.seat.model_id}",
            "model": self.seat.model.name,
            "server": self.seat.server.name,
            "address": self.seat.base_url,
            "convention": self._convention.name if self._convention else "none",
            "cameras": ",".join(self._cameras),
            "mode": self.mode,
            "temperature": f"{self._temperature:g}",
            "proof": self.proof.id if self.proof else "none",
            **getattr(self._engine, "stamp", {}),
        }

    @property
    def unproven(self) -> str | None:
        """Why this brain may not move a robot yet, or None."""
        return doubt(self.seat, self.proof)

    def reachable(self, *, deadline_s: float) -> bool | None:
        """Whether anybody answers at its address now; None where no address is asked."""
        probe = getattr(self._engine, "reachable", None)
        return None if probe is None else bool(probe(deadline_s=deadline_s))

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin an order with a fresh conversation."""
        self._order, self._seed = order, seed
        role = "system" if self.seat.server.system_role else "user"
        self._messages: list[dict[str, Any]] = [{"role": role, "content": self._prompt()}]
        self._pictures: dict[str, Picture] = {}
        self._kept: list[Mapping[str, Any]] = []  # parts that stay: documents do not get old
        self._busy: dict[str, tuple[str, ...]] = {}
        self._asked = self._spent = self._made = self._same = 0
        self._last: object = None

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Ask the model what the free limbs do next.

        Raises:
            TimeoutError, ConnectionError: It did not answer, or nobody is there.
            Misread: Its answers could not be read, though it was told why.

        What was asked and answered until then goes with the error, as its ``exchange``.
        """
        self._until = monotonic() + deadline_s
        for event in events:
            if event.kind in {"skill.finished", "skill.dropped", "skill.refused"}:
                self._busy.pop(str(event.data.get("id")), None)
        told, answers = ordered(self._order), list[ChatAnswer]()
        try:
            told = self._ask_with(observation, events)
            return self._decide(told, answers)
        except Unreadable as error:  # half an order may not be carried out as if it were whole
            return Reply(Finish("refused", str(error)), self._exchange(told, answers))
        except Exception as error:
            error.exchange = self._exchange(told, answers)  # type: ignore[attr-defined]
            raise

    def _decide(self, told: str, answers: list[ChatAnswer]) -> Reply:
        """Ask until an answer can be read; ``answers`` takes up each of them."""
        for again in range(_CORRECTIONS + 1):
            spent = self._over()
            if spent:
                return Reply(Finish("gave_up", spent), self._exchange(told, answers))
            answer = self._answer(self._until - monotonic())
            answers.append(answer)
            require_same(answer, self.proof)
            try:
                decision = self._read(answer)
            except Misread as error:
                self._correct(answer, str(error))
                if again == _CORRECTIONS:
                    raise
                continue
            self._note(answer, decision)
            return Reply(decision, self._exchange(told, answers))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give the engine back."""
        self._engine.close()

    def _ask_with(self, observation: Observation, events: Sequence[Event]) -> str:
        """Add the newest picture and what has happened to the conversation; returns its text."""
        self._forget_pictures()
        self._pictures = {
            name: picture(observation.views[name], self.seat.model) for name in self._cameras
        }
        text = self._news(observation, events, self._pictures[self._cameras[0]], self._convention)
        parts, references = self._enclosed()
        content: list[Mapping[str, Any]] = [{"type": "text", "text": text}]
        told = [text]
        for name, shown in self._pictures.items():
            size = f"camera {name} {shown.seen.sent_width}x{shown.seen.sent_height}"
            content.append({"type": "text", "text": size})
            content.append({"type": "image_url", "image_url": {"url": shown.uri}})
            told.append(f"{size} {shown.reference}")
        self._say({"role": "user", "content": [*content, *parts]})
        return "\n".join([*told, *references])

    def _enclosed(self) -> tuple[list[Mapping[str, Any]], list[str]]:
        """Content parts of the order's documents, and what stands for them in the log.

        They are sent once, with the order.

        Raises:
            Unreadable: One of them cannot be sent.
        """
        if len(self._messages) > 1:
            return [], []
        found = documents(self._order.documents, self.seat)
        self._check_count(sum(document.kind == "image" for document in found))
        self._kept = [part for document in found for part in document.parts]
        return self._kept, [document.reference for document in found]

    def _check_count(self, images: int) -> None:
        """See that the pictures of documents fit into a question beside those of the cameras.

        Raises:
            Unreadable: They do not, or the model would count them and point in another one.
        """
        total, most = images + len(self._cameras), self.seat.model.images
        if self._convention is not None and self._convention.numbers_pictures:
            most = 1  # its numbers for several pictures were not read
        if images and total > most:
            raise Unreadable(
                f"{self.seat.model.title} can be shown {most} pictures in one question here, and "
                f"with the order's documents there are {total}; give the order as text, or to "
                "another brain"
            )

    def _check_cameras(self) -> None:
        """See that all pictures fit into one question, and that it is plain which one is meant."""
        how, most = self._convention, self.seat.model.images
        if how is not None and how.numbers_pictures:
            most = 1  # its numbers for several pictures were not read
        if how is not None and len(self._cameras) > most:
            raise SpecMismatch(
                f"{self.seat.model.title} can be shown {most} pictures in one question here, and "
                f"{len(self._cameras)} cameras are to be shown; name fewer with --cameras"
            )

    def _pointing(self, seat: Seat) -> Convention | None:
        """In which numbers the model points; None would mean that it does not."""
        if seat.model.images < 1 or seat.model.convention is None:
            raise SpecMismatch(
                f"{seat.model.title} takes no pictures; give it somebody who does: "
                f"--brain pair:{seat.name}+MODEL@URL"
            )
        return convention(seat.model.convention)

    def _prompt(self) -> str:
        return system(self._tools, self._limbs, self._convention, self.mode)

    def _news(
        self,
        observation: Observation,
        events: Sequence[Event],
        shown: Picture,
        how: Convention | None,
    ) -> str:
        """What has happened; before anything else was said, the order and the cell too."""
        busy = {limb for limbs in self._busy.values() for limb in limbs}
        text = news(events, tuple(limb for limb in self._limbs if limb not in busy))
        if len(self._messages) > 1:
            return text
        around = situation(self._context, observation, shown, how)
        return f"{ordered(self._order)}\n{around}\n{text}"

    def _answer(self, left_s: float) -> ChatAnswer:
        self._asked += 1
        tools = self.mode == "tools"
        answer = self._engine.answer(
            ChatRequest(
                messages=tuple(self._messages),
                tools=self._tools.definitions if tools else (),
                tool_choice=choice(self.seat.server) if tools else None,
                schema=self._tools.schema if self.mode == "schema" else None,
                max_tokens=self._caps.answer_tokens,
                temperature=self._temperature,
                seed=self._seed,
            ),
            deadline_s=max(left_s, 0.0),
        )
        if answer.tokens:
            self._spent += sum(answer.tokens)
        return answer

    def _read(self, answer: ChatAnswer) -> tuple[SkillCall, ...] | Finish:
        seen = {name: shown.seen for name, shown in self._pictures.items()}
        decision = self._tools.read(calls_in(answer, self.mode), seen, self._made + 1)
        if isinstance(decision, Finish) or not decision:
            self._same = 0
            return decision
        said = [(call.skill, call.limbs, dict(call.arguments)) for call in decision]
        self._same = self._same + 1 if said == self._last else 0
        self._last = said
        if self._same >= _ENDLESS:
            return Finish("gave_up", f"the model made the same calls {_ENDLESS + 1} times in a row")
        return decision

    def _note(self, answer: ChatAnswer, decision: tuple[SkillCall, ...] | Finish) -> None:
        """Keep the model's own words, and who is busy with what."""
        self._say(self._words(answer))
        calls = () if isinstance(decision, Finish) else decision
        self._made += len(calls)
        for call in calls:
            self._busy[call.id] = call.limbs
        for own, call in zip(answer.calls, calls, strict=False):
            self._say({"role": "tool", "tool_call_id": own.id, "content": f"{call.id} begins"})

    def _correct(self, answer: ChatAnswer, problem: str) -> None:
        """Tell the model why its answer could not be used."""
        self._say(self._words(answer))
        for own in answer.calls:
            self._say({"role": "tool", "tool_call_id": own.id, "content": f"not done: {problem}"})
        text = f"Your answer was not carried out: {problem}. Answer again."
        self._say({"role": "user", "content": text})

    def _words(self, answer: ChatAnswer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": _object(call.arguments)},
                }
                for call in answer.calls
            ]
        if self.seat.server.return_reasoning and answer.reasoning is not None:
            message["reasoning_content"] = answer.reasoning
        return message

    def _say(self, message: dict[str, Any]) -> None:
        self._messages.append(message)

    def _forget_pictures(self) -> None:
        """Only the newest picture is sent: old ones cost tokens and show what is no more."""
        for message in self._messages:
            if isinstance(message["content"], list):
                message["content"] = [
                    {"type": "text", "text": _GONE}
                    if part["type"] == "image_url" and not any(part is kept for kept in self._kept)
                    else part
                    for part in message["content"]
                ]

    def _over(self) -> str | None:
        caps = self._caps
        if self._asked >= caps.questions:
            return f"the order has cost {self._asked} questions, which is the cap"
        if self._spent >= caps.tokens:
            return f"the order has cost {self._spent:,} tokens; the cap is {caps.tokens:,}"
        return None

    def _exchange(self, told: str, answers: Sequence[ChatAnswer]) -> Exchange:
        """What was asked and answered, pictures by reference."""
        return Exchange(
            told,
            "\n".join(map(worded, answers)),
            (answers[-1].model_id or _UNTOLD) if answers else self.seat.model_id,
            sum(answer.latency_s for answer in answers),
            *bill([(self.seat, answer) for answer in answers]),
            dict(answers[-1].gauges) if answers else {},
        )


def bill(answers: Sequence[tuple[Seat, ChatAnswer]]) -> tuple[tuple[int, int] | None, float | None]:
    """Add up (in, out) tokens and cost [USD]; None where one of the answers does not tell."""
    tokens, cost, priced = (0, 0), 0.0, True
    for seat, answer in answers:
        if answer.tokens is None:
            return None, None
        tokens = tokens[0] + answer.tokens[0], tokens[1] + answer.tokens[1]
        price = seat.model.price_usd
        if price is None:
            priced = False
        else:
            cost += (answer.tokens[0] * price[0] + answer.tokens[1] * price[1]) / 1e6
    return (tokens, cost if priced else None) if answers else (None, None)


def _object(arguments: str) -> str:
    """Arguments as they may be sent back: some servers answer 500 to what is no JSON object."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
