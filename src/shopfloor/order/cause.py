"""The one root cause of a failed order.

A unit's own live incidents come first (``incident``), the earliest of them; but a unit whose
failure was reported to the brain, which then claimed "done", is a ``brain.false_claim``. A
unit with no incident of its own is put down to the first of these that applies:

1. ``infra`` where the simulation broke off; a standing fault of a sensor or a drive;
2. a standing failure of the brain to answer (``brain.timeout``, ``.malformed``,
   ``.unreachable``);
3. the claim "refused": ``brain.refused``;
4. the claim "done": ``perception.miss`` for a unit that was never gone for while others
   were, else ``brain.false_claim`` (it held the unit, or had tried nothing at all);
5. the earliest of what last stood in the way: a call refused or failed, a guard stop, a hard
   contact;
6. ``plan.gave_up`` for the claim "gave up", ``order.timeout`` without any claim.

The order's root is the earliest of its bad units' own incidents, if there are any, else the
earliest of the other causes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shopfloor.order.incident import Incident, IncidentLog

__all__ = ["Ending", "Kind", "cause", "root"]


Kind = Literal["finish", "timeout", "broken"]
"""How an order can end."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an order came to its end.

    Attributes:
        kind: The brain finished, time was over, or the cell broke off.
        tick: When it was decided.
        claim: ``done``, ``gave_up`` or ``refused``; None where the brain said nothing.
        claim_tick: When it said so; the end where it said nothing.
    """

    kind: Kind
    tick: int
    claim: str | None
    claim_tick: int


def cause(log: IncidentLog, part: int, ending: Ending) -> tuple[Incident, bool]:
    """Return why a unit ended badly, and whether that is an incident of its own."""
    live = log.live.get(part, [])
    claimed = ending.claim_tick
    if live:
        if ending.claim == "done" and any(incident.told for incident in live):
            return Incident(claimed, "brain.false_claim"), True
        return min(live, key=lambda incident: incident.tick), True
    if ending.kind == "broken":
        return log.fault or Incident(ending.tick, "infra"), False
    standing = log.fault or log.mute
    if standing is not None:
        return standing, False
    if ending.claim == "refused":
        return Incident(claimed, "brain.refused"), False
    if ending.claim == "done":
        missed = part not in log.attempted and bool(log.attempted)
        return Incident(claimed, "perception.miss" if missed else "brain.false_claim"), False
    stood = [one for one in (log.refused, log.stop, log.press) if one is not None]
    if stood:
        return min(stood, key=lambda incident: incident.tick), False
    if ending.claim == "gave_up":
        return Incident(claimed, "plan.gave_up"), False
    return Incident(ending.tick, "order.timeout"), False


def root(causes: Sequence[tuple[Incident, bool]], ending: Ending) -> Incident:
    """Return the root cause of an order from those of its bad units."""
    own = [incident for incident, is_own in causes if is_own]
    found = own or [incident for incident, _ in causes]
    if found:
        return min(found, key=lambda incident: incident.tick)
    return Incident(ending.tick, "infra" if ending.kind == "broken" else "order.timeout")
