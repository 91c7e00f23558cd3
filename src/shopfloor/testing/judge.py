"""Plays known-bad and known-good orders in a cell and holds a judge to the only right verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shopfloor.order.failure import FAILURE_CODES
from shopfloor.testing.cheat import Cheat
from shopfloor.testing.cheat_library import CHEATS, HONEST
from shopfloor.testing.cheat_tape import Tape, film
from shopfloor.testing.clause import Clause
from shopfloor.types import Judge, Outcome

__all__ = ["check_judge", "check_verdict"]

_STATES = ("good", "scrap", "wip", "quarantine", "bystander")


def check_judge(
    cell: Any,
    make: Callable[[], Judge] | None = None,
    *,
    cheats: Sequence[Cheat] = (*CHEATS, *HONEST),
) -> None:
    """Check that a judge fails every cheat for the right reason, and passes what is good.

    Each cheat is played out once by a script in the cell's own physics, guarded and worked as any
    order is, and taped; the judge sees the tape. About 0.2 s of one core for each.

    ========================  ====================================================================
    ``judge.protocol``        has ``reset`` and ``judge``
    ``judge.decides``         says its word before the tape ends: 3.3 s after "finish" or 0.2 s
                              after the time limit
    ``judge.form``            exactly one code of the house's when the order is not good, else
                              none; a tick within the order; one unit for each part, in the lot's
                              order, in a known state
    ``judge.code``            the order is good, or it failed with exactly the cheat's code
    ``judge.tick``            the failure began within the moment that the cheat names
    ``judge.units``           every part ended in the state that the cheat names
    ``judge.ever``            says rightly whether the goal held at any one settled moment
    ``judge.decided``         asked again it repeats itself
    ``judge.reset``           the same tape gives the same verdict, whatever was judged before
    ========================  ====================================================================

    Args:
        cell: A simulated sorting cell; ``render=False`` is enough.
        make: Makes the judge to be checked; by default the cell's own.
        cheats: What to play; by default all that there are.

    Raises:
        AssertionError: A clause is broken; the message names it and the cheat.
    """
    judge = (make or cell.judge)()
    Clause("judge.protocol").holds(
        isinstance(judge, Judge), f"{type(judge).__name__} lacks reset or judge"
    )
    said: list[tuple[Tape, Outcome]] = []
    for cheat in cheats:
        tape = film(cell, cheat)
        said.append((tape, check_verdict(tape, judge)))
    for tape, outcome in reversed(said):
        Clause("judge.reset").holds(
            tape.verdict(judge)[0] == outcome,
            f"{tape.cheat.name!r}, judged again after other orders, comes out differently",
        )


def check_verdict(tape: Tape, judge: Judge) -> Outcome:
    """Check what a judge says of one tape; returns it.

    Raises:
        AssertionError: As with ``check_judge``.
    """
    cheat = tape.cheat
    outcome, tick = tape.verdict(judge)
    if outcome is None:
        raise AssertionError(f"judge.decides: of {cheat.name!r} it never says a word")
    _check_form(tape, outcome, tick)
    named = f"{cheat.name!r} ({cheat.does})"
    Clause("judge.code").holds(
        outcome.code == cheat.code,
        f"{named} must get {cheat.code or 'no code: it is good'}, not {outcome.code or 'good'}",
    )
    if cheat.when is not None:
        low, high = tape.window(cheat.when)
        Clause("judge.tick").holds(
            outcome.code_tick is not None and low <= outcome.code_tick <= high,
            f"{named} began to fail between ticks {low} and {high}, not at {outcome.code_tick}",
        )
    states = tuple(unit.state for unit in outcome.units)
    Clause("judge.units").holds(
        states == cheat.states, f"the parts of {named} ended {cheat.states}, not {states}"
    )
    Clause("judge.ever").holds(
        outcome.ever == cheat.ever, f"{named}: ever is {outcome.ever}; it must be {cheat.ever}"
    )
    Clause("judge.decided").holds(
        judge.judge(*tape.shown[-1]) == outcome, f"{named}: asked again it says something else"
    )
    return outcome


def _check_form(tape: Tape, outcome: Outcome, tick: int) -> None:
    clause, name = Clause("judge.form"), tape.cheat.name
    clause.holds(isinstance(outcome, Outcome), f"of {name!r} it says {outcome!r}")
    clause.holds(
        outcome.good == (outcome.code is None) == (outcome.code_tick is None),
        f"{name!r}: good is {outcome.good} with code {outcome.code!r} at {outcome.code_tick!r}",
    )
    codes = (outcome.code, *(unit.code for unit in outcome.units))
    unknown = sorted({code for code in codes if code is not None} - set(FAILURE_CODES))
    clause.holds(not unknown, f"{name!r}: {', '.join(unknown)} is no failure code")
    ticks = (outcome.code_tick, *(unit.tick for unit in outcome.units))
    clause.holds(
        all(at is None or 0 <= at <= tick for at in ticks),
        f"{name!r}: a failure began at one of {ticks}, and the order ended at {tick}",
    )
    parts = tuple(part.id for part in tape.lot.parts)
    clause.holds(
        tuple(unit.part for unit in outcome.units) == parts,
        f"{name!r}: the units are {[unit.part for unit in outcome.units]}, the parts {parts}",
    )
    clause.holds(
        {unit.state for unit in outcome.units} <= set(_STATES), f"{name!r}: a state is unknown"
    )
