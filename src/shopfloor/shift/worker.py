"""Works lots one after another and commits each; in this process or in one of several."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from shopfloor.errors import RunError, ShopfloorError
from shopfloor.order.goal import needed
from shopfloor.order.ledger import Ledger
from shopfloor.order.seed import rng
from shopfloor.record import Entry, LogRecorder, RunFolder, VideoEncoder
from shopfloor.shift.chair import Chair
from shopfloor.shift.hire import Staff
from shopfloor.shift.plan import Plan
from shopfloor.shift.tally import Tally
from shopfloor.shift.work import Crew, work
from shopfloor.types import Lot, Outcome

__all__ = ["Failure", "Worker", "serve"]

_REPAIR_S = (30.0, 90.0)
"""The operator of a simulated cell clears it within so long, drawn evenly by seed [s]."""
_NEEDS_OPERATOR = frozenset({"guard.stop", "collision", "actuator.fault", "insert.jam", "infra"})


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that a worker process could not mend, on its way to the parent."""

    error: ShopfloorError | str


class Worker:
    """A crew with a recorder."""

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        staff: Staff | None = None,
        *,
        between_ticks: Callable[[], None] | None = None,
    ) -> None:
        """Hire the plan's staff, unless it is handed over.

        Args:
            plan: What the shift is to be.
            folder: Where the lots are committed.
            staff: Ready to work, or None.
            between_ticks: Called after each tick; what it raises ends the lot cleanly.
        """
        self.staff = staff or Staff(plan)
        self._encoder = VideoEncoder() if plan.video else None
        self._recorder = LogRecorder(
            folder, self.staff.cell.spec, encoder=self._encoder, depth=plan.depth
        )
        self._judge = self.staff.cell.judge()
        self._audit = None
        watch = between_ticks
        if plan.audit:
            from shopfloor.cell.audit import Audit

            audit = self._audit = Audit(self.staff.world, self.staff.limits)  # type: ignore[arg-type]

            def watch() -> None:
                audit.look()
                if between_ticks is not None:
                    between_ticks()

        for brain in (self.staff.brain, self.staff.fallback):
            if isinstance(brain, Chair) and between_ticks is not None:
                brain.meanwhile = between_ticks
        crew = Crew(
            cell=self.staff.cell,
            brain=self.staff.brain,
            guard=self.staff.guard,
            judge=self._judge,
            recorder=self._recorder,
            limits=self.staff.limits,
            dispatcher=self.staff.dispatcher,
            latency=self.staff.charge,
            watch=watch,
            injected=self.staff.injected,
            # What a replay charges holds it already.
            view_ticks=0 if plan.replay else getattr(self.staff.cell, "view_ticks", 0),
            deadline_s=plan.brain_deadline_s,
        )
        self._crews = dict.fromkeys(filter(None, (plan.brain, plan.fallback)), crew)
        if self.staff.fallback is not None and plan.fallback is not None:
            other = self.staff.fallback
            self._crews[plan.fallback] = replace(crew, brain=other, latency=plan.fallback_latency)
        self._brain = plan.brain

    def work(self, lot: Lot, by: str | None = None) -> Entry:
        """Work a lot and commit it; whatever goes wrong, nothing half-written stays.

        Args:
            lot: What is to be worked.
            by: Name of the brain that decides; None for the brain of the shift.
        """
        began = time.perf_counter()
        before = self._audit.breaches if self._audit else 0
        try:
            by = by or self._brain
            outcome, tally = work(self._crews[by], lot, {"order": lot.orders[0].id})
            sealed = self._recorder.end(outcome)
            entry = _entry(
                lot,
                outcome,
                tally,
                worked_by=by,
                delivered=tuple(getattr(self._judge, "delivered", ())),
                control_dt=self.staff.cell.spec.control_dt,
                breaches=self._audit.breaches - before if self._audit else None,
                wall_s=time.perf_counter() - began,
                frames=sealed["frames"],
                log_sha256=sealed["log_sha256"],
            )
            return self._recorder.commit(entry)
        except BaseException:
            # No motion without a log, and no half of an episode.
            self._recorder.abandon()
            raise

    def close(self) -> None:
        """Give everything back."""
        if self._encoder is not None:
            self._encoder.close()
        self.staff.close()


def _entry(
    lot: Lot,
    outcome: Outcome,
    tally: Tally,
    *,
    worked_by: str,
    delivered: tuple[int, ...],
    control_dt: float,
    breaches: int | None,
    wall_s: float,
    frames: dict[str, int],
    log_sha256: str,
) -> Entry:
    order = lot.orders[0]
    _balance(lot, outcome)
    return Entry(
        lot=lot.index,
        order=order.id,
        instruction=order.instruction,
        language=order.language,
        seed=lot.seed,
        ticks=tally.ticks,
        good=outcome.good,
        ever=outcome.ever,
        code=outcome.code,
        code_tick=outcome.code_tick,
        units=outcome.units,
        delivered=delivered,
        cycles_s=tuple(tally.cycles_s),
        segments=tuple(tally.segments),
        think_ticks=tally.think_ticks,
        picks=(tally.attempted, tally.succeeded),
        relays=tally.relays,
        worked_by=worked_by,
        lost=tally.lost,
        guard=(tally.limited, tally.stopped),
        repair_ticks=_repair_ticks(lot, outcome, control_dt),
        decisions=tally.decisions,
        tokens=tally.tokens,
        uncounted=tally.uncounted,
        model_usd=tally.model_usd,
        unpriced=tally.unpriced,
        peak_tool_speed_m_s=round(tally.peak_tool_speed_m_s, 6),
        breaches=breaches,
        frames=frames,
        log_sha256=log_sha256,
        wall_s=wall_s,
    )


def _balance(lot: Lot, outcome: Outcome) -> None:
    """Hold the judge's account of the parts against the lot: nobody is lost or made up.

    Raises:
        RunError: It does not balance.
    """
    account, least = Ledger().add(outcome), needed(lot.orders[0].goal, lot.parts)
    counted, lying = {unit.part for unit in outcome.units}, {part.id for part in lot.parts}
    if counted != lying:
        raise RunError(
            f"the judge of lot {lot.index} accounts for {', '.join(sorted(counted))}, and on the "
            f"tray were {', '.join(sorted(lying))}; mend the judge"
        )
    if account.entered < least:
        raise RunError(
            f"the judge of lot {lot.index} names {account.entered} units, and its goal moves "
            f"{least}; mend the judge"
        )


def _repair_ticks(lot: Lot, outcome: Outcome, control_dt: float) -> int:
    """How long the operator of a simulated cell needs after this lot [ticks]; 0 if not called."""
    called = outcome.code in _NEEDS_OPERATOR or any(u.state == "scrap" for u in outcome.units)
    if not called:
        return 0
    seconds = rng(lot.seed, lot.index, "repair").uniform(*_REPAIR_S)
    return round(seconds / control_dt)


def serve(plan: Plan, path: Path, pipe: Connection) -> None:
    """Body of a worker process: lots come in by the pipe, entries or a Failure go back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop,
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and then the lot is abandoned
    try:
        with RunFolder.join(path) as folder:
            worker = Worker(plan, folder)
            try:
                # Both were held back while this process was starting: libraries that are just
                # looking for others would leave their helpers complaining.
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
                while (asked := pipe.recv()) is not None:
                    pipe.send(worker.work(*asked))
            finally:
                worker.close()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone: so is this lot, uncommitted
    except ShopfloorError as error:
        with suppress(OSError):  # the parent is gone
            pipe.send(Failure(error))
    except Exception as error:
        with suppress(OSError):
            pipe.send(Failure(f"{type(error).__name__}: {error}"))
        raise
    finally:
        # Nothing is left to give up: to be told to stop while leaving is no news.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
