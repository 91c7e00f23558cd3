"""A brain that decides nothing itself: it carries out what a client outside calls.

Two threads meet here. The shift asks the brain as it asks any other, and waits in ``act`` until
the client has called something or its patience is over. The client's side hands calls in and
gets a future for each. Nothing that a client says goes past the shift: its calls are skill
calls like anybody's, checked by the dispatcher and ruled on by the guard.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Condition
from typing import Any, ClassVar

from shopfloor.serve.told import Told, Wish, quoted, refusal
from shopfloor.types import (
    BrainContext,
    Event,
    Exchange,
    Finish,
    Frame,
    Needs,
    Observation,
    Order,
    Reply,
    SkillCall,
)

__all__ = ["Visitor"]

_GATHER_S = 0.03
"""Calls that a client sends at once arrive one by one: so long the first waits for the others."""
_REPLY_S = 0.5
"""So much of the deadline is left for the answer to travel [s]."""
_MOST_WAITING = 16
"""More calls than limbs and cameras make sense at once are no plan but a flood."""
_SAID = ("id", "skill", "limbs", "arguments", "ok")


class Visitor:
    """Carries out what a client calls, one order after another.

    An order begins when the client first asks for something, so that nobody's clock runs while
    nobody is there. It ends when the client finishes it, goes away, or is silent for longer than
    ``patience_s``; then the brain gives up and the limbs hold.
    """

    identity: ClassVar[str] = "mcp/1"
    unproven: ClassVar[str] = "nobody knows who calls, or whether they can point"
    """The run's notes say so: a probe can be put to a model, not to whoever calls a tool."""

    def __init__(
        self,
        context: BrainContext,
        *,
        patience_s: float = 60.0,
        orders: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take up the cell.

        Args:
            context: Where the client is to work.
            patience_s: A client that is silent for so long within an order has gone [s].
            orders: How many orders there will be, if known.
            now: The clock by which patience is measured [s].
        """
        cameras = tuple(context.cell.cameras)
        self.camera = "overview" if "overview" in cameras else next(iter(cameras), "")
        self.needs = Needs(
            cameras=(self.camera,) if self.camera else (),
            refresh="order",
            skills=("look",) if self.camera else (),
        )
        self.client = "unknown client"
        self._context, self._patience_s, self._of, self._now = context, patience_s, orders, now
        self._news = Condition()  # guards everything below; a re-entrant lock
        self._queue: list[Wish] = []
        self._under_way: dict[str, Wish] = {}
        self._ended: list[Wish] = []  # waiting for a fresh view to go with their result
        self._closing: Wish | None = None
        self._order: Order | None = None
        self._number = self._calls = 0
        self._gone: str | None = None
        self._lapsed: str | None = None
        self._shut: str | None = None

    @property
    def is_shut(self) -> bool:
        """Whether no call is taken any more."""
        return self._shut is not None

    # The shift's side.

    def wait_for_client(self, timeout_s: float) -> bool:
        """Wait until somebody wants something; False if nobody did or the visit is over."""
        with self._news:
            self._news.wait_for(lambda: self._queue or self._shut, timeout_s)
            return bool(self._queue) and self._shut is None

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin an order; ``seed`` is not needed, nothing here is random."""
        with self._news:
            self._order, self._number, self._calls = order, self._number + 1, 0
            self._shown: set[str] = set()
            self._looking: set[str] = set()
            self._rulings: list[dict[str, Any]] = []
            self._briefed = False
            self._gone, self._heard_at = None, self._now()

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Tell the client what has become of its calls, and wait for the next ones.

        Raises:
            TimeoutError: The client has been silent for longer than the patience.
        """
        began = time.perf_counter()
        with self._news:
            self._hear(events)
            decision = self._decide(observation, self._now() + deadline_s - _REPLY_S)
        answer: Any = (
            {"claim": decision.claim, "note": decision.note}
            if isinstance(decision, Finish)
            else [[c.id, c.skill, list(c.limbs), dict(c.arguments)] for c in decision]
        )
        request = json.dumps([[e.tick, e.kind, e.data.get("id")] for e in events])
        latency_s = time.perf_counter() - began
        said = json.dumps(answer, ensure_ascii=False)
        return Reply(decision, Exchange(request, said, self.client, latency_s))

    def over(self) -> None:
        """The order is over: whoever still waits is told so."""
        with self._news:
            order, closing = self._order, self._closing
            gone, self._gone = self._gone, None
            self._order = self._closing = None
            name = order.id if order else "none"
            if closing is not None:
                closing.tell(self._farewell(name, closing.finish))
            else:
                why = gone or "its time was up, or the cell stopped it"
                self._lapsed = f"order {name!r} ended before you finished it: {why}"
            waiting = (*self._under_way.values(), *self._ended, *self._queue)
            self._under_way, self._ended, self._queue = {}, [], []
            told = self._lapse() if self._lapsed else refusal("order.over", "the order was closed")
            for wish in waiting:
                wish.tell(told)
            if not all(wish.future.cancelled() for wish in waiting):
                self._lapsed = None  # somebody knows

    def close(self) -> None:
        """No order follows."""
        self.shut("all orders are worked")

    def shut(self, reason: str) -> None:
        """Take no calls any more; an order under way is given up."""
        with self._news:
            if self._shut is not None:
                return
            self._shut = reason
            if self._order is not None:
                self._gone = self._gone or reason
            else:
                self._refuse_all()
            self._news.notify_all()

    # The client's side. Nothing here waits.

    def order(self) -> Future[Told]:
        """Ask what the order is; begins the next one if none is under way."""
        return self._want(Wish("order"))

    def call(
        self, skill: str, limbs: tuple[str, ...], arguments: Mapping[str, Any]
    ) -> Future[Told]:
        """Call a skill; begins the next order if none is under way."""
        return self._want(Wish("call", call=SkillCall("", skill, limbs, arguments)))

    def finish(self, finish: Finish) -> Future[Told]:
        """Say that the order under way is through."""
        return self._want(Wish("finish", finish=finish))

    def leave(self, reason: str) -> None:
        """The client is gone: an order under way is given up, and the limbs hold."""
        with self._news:
            self._queue = [wish for wish in self._queue if not wish.future.done()]
            if self._order is not None and self._closing is None:
                self._gone = reason
                self._news.notify_all()

    def _want(self, wish: Wish) -> Future[Told]:
        with self._news:
            if self._shut is not None:
                wish.tell(refusal("shift.over", f"{self._shut}; nothing was done"))
            elif self._lapsed is not None:
                # Whoever calls this believes to be in an order that is over: what it points at
                # lay on another tray.
                wish.tell(self._lapse())
                self._lapsed = None
            elif self._closing is not None or self._gone is not None:
                wish.tell(refusal("order.over", "the order is being closed; nothing was done"))
            elif wish.kind == "finish" and self._order is None:
                reason = "no order is under way; look first: that begins the next"
                wish.tell(refusal("plan.wrong_step", reason))
            elif len(self._queue) + len(self._under_way) + len(self._ended) >= _MOST_WAITING:
                reason = f"{_MOST_WAITING} calls are waiting already; await their answers"
                wish.tell(refusal("plan.invalid", reason))
            else:
                self._queue.append(wish)
                self._heard_at = self._now()
                wish.future.add_done_callback(self._withdrawn)
                self._news.notify_all()
        return wish.future

    def _withdrawn(self, future: Future[Told]) -> None:
        if future.cancelled():
            self.leave("the client withdrew a call")

    # What the two sides meet over; the lock is held.

    def _decide(self, observation: Observation, until: float) -> tuple[SkillCall, ...] | Finish:
        while True:
            if self._gone is not None:
                return Finish("gave_up", self._gone)
            if looks := self._deliver(observation):
                return looks
            if self._queue and not self._under_way:
                self._news.wait(_GATHER_S)
            calls = self._take(observation)
            if isinstance(calls, Finish):
                return calls
            if calls or self._under_way or self._ended:
                return calls
            now = self._now()
            silent_s = now - self._heard_at
            if silent_s >= self._patience_s:
                self._gone = f"nothing was heard of the client for {silent_s:.0f} s"
                raise TimeoutError(self._gone)
            if now >= until:
                return ()  # the shift asks again
            self._news.wait(min(self._patience_s - silent_s, until - now))

    def _take(self, observation: Observation) -> tuple[SkillCall, ...] | Finish:
        """Begin what is wanted."""
        wishes, self._queue = self._queue, []
        calls: list[SkillCall] = []
        for i, wish in enumerate(wishes):
            if wish.finish is not None:
                if wish.finish.claim == "done" and self._under_way:
                    self._queue.append(wish)  # what was called before it is carried out
                    continue
                self._closing = wish
                self._queue += wishes[i + 1 :]
                return wish.finish
            if wish.call is None:
                self._briefed = True
                wish.tell(Told(True, self.brief(observation)))
            elif not wish.future.cancelled():
                calls += self._begin(wish, wish.call, observation)
        return tuple(calls)

    def _begin(self, wish: Wish, call: SkillCall, observation: Observation) -> list[SkillCall]:
        """Make a skill call of a wish, unless it points into a picture that nobody has seen."""
        if not wish.looks and wish.camera is not None and wish.camera not in self._shown:
            reason = (
                f"you have not been shown a picture of camera {wish.camera!r} in this order; look "
                "first: nothing was done"
            )
            self._answer(wish, observation, {"code": "plan.invalid", "reason": reason})
            return []
        self._calls += 1
        wish.call = replace(call, id=f"c{self._calls}")
        self._under_way[wish.call.id] = wish
        return [wish.call]

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind == "ruling":
                self._rulings.append({key: event.data.get(key) for key in ("verdict", "rule")})
            if event.kind not in ("skill.finished", "skill.refused", "skill.dropped"):
                continue
            name = event.data.get("id", "")
            self._looking.discard(name)
            wish = self._under_way.pop(name, None)
            if wish is None:
                continue
            wish.result, wish.ended_tick = event.data, event.tick
            if event.kind == "skill.dropped":
                reason = "a call before it on the same limb failed"
                wish.result = {**event.data, "code": "dropped", "reason": reason}
            self._ended.append(wish)

    def _deliver(self, observation: Observation) -> tuple[SkillCall, ...]:
        """Answer what has ended, each with a picture from afterwards; return the looks that needs.

        A look that the house makes for itself moves nothing and takes no time but the question.
        """
        lacking: set[str] = set()
        ended, self._ended = self._ended, []
        for wish in ended:
            camera = wish.camera if wish.looks else self.camera
            view = observation.views.get(camera or "")
            moved = "ok" in wish.result and (wish.result["ok"] or not wish.looks)
            if moved and camera and (view is None or view.captured_tick < wish.ended_tick):
                lacking.add(camera)
                self._ended.append(wish)
                continue
            data = {key: value for key, value in wish.result.items() if key not in _SAID}
            self._answer(wish, observation, data, (view,) if moved and view else ())
        if not lacking or self._looking:
            return ()
        self._calls += 1
        looks = tuple(
            SkillCall(f"view{self._calls}.{camera}", "look", (), {"camera": camera})
            for camera in sorted(lacking)
        )
        self._looking = {look.id for look in looks}
        return looks

    def _answer(
        self,
        wish: Wish,
        observation: Observation,
        data: Mapping[str, Any],
        views: tuple[Frame, ...] = (),
    ) -> None:
        order, call = self._order, wish.call
        ok = bool(wish.result.get("ok", False))
        told: dict[str, Any] = {
            "order": order.id if order else None,
            "skill": call.skill if call else None,
            "limbs": list(call.limbs) if call else [],
            "ok": ok,
            "code": None,
            **data,
            "clock_s": self._clock_s(observation),
            "jaw_mm": {n: round(s.jaw_m * 1000, 1) for n, s in observation.limbs.items()},
        }
        if self._rulings:
            told["guard"], self._rulings = self._rulings, []
        if not self._briefed:
            self._briefed = True
            told["begins"] = self.brief(observation)
        self._shown.update(view.camera for view in views)
        self._heard_at = self._now()  # it is the client's turn from now on
        wish.tell(Told(ok, told, views))

    def brief(self, observation: Observation) -> dict[str, Any]:
        """What a client may know of the order: everything but its goal."""
        order = self._order
        if order is None:
            return {}
        cell = self._context.cell
        return {
            "order": order.id,
            "number": self._number,
            "of": self._of,
            "instruction": order.instruction,
            "language": order.language,
            "time_limit_s": order.time_limit_s,
            "clock_s": self._clock_s(observation),
            "totes": [name for name in observation.stations if name != "tray"],
            "limbs": list(cell.body.limbs),
            "cameras": list(cell.cameras),
            "documents": [quoted(document) for document in observation.documents],
        }

    def _clock_s(self, observation: Observation) -> float:
        return round(observation.tick * self._context.cell.control_dt, 2)

    def _farewell(self, name: str, finish: Finish | None) -> Told:
        left = None if self._of is None else self._of - self._number
        then = "That was the last." if left == 0 else "The next tool call begins the next order."
        claim = finish.claim if finish else None
        return Told(True, {"order": name, "claim": claim, "left": left, "note": then})

    def _lapse(self) -> Told:
        if self._of is not None and self._number >= self._of:
            then = "that was the last"
        else:
            then = "the next tool call begins the next order: look first"
        return refusal("order.over", f"{self._lapsed}; nothing was done; {then}")

    def _refuse_all(self) -> None:
        queue, self._queue = self._queue, []
        for wish in queue:
            wish.tell(refusal("shift.over", f"{self._shut}; nothing was done"))
