"""Who may work a shift: what is asked of a cell and of a brain before anything moves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from shopfloor.errors import PapersRefused, ShopfloorError, SpecMismatch, UsageError
from shopfloor.shift.plan import Plan
from shopfloor.types import Brain, Cell, CellSpec, Needs

__all__ = ["require_brain", "require_cell", "require_papers", "require_proven"]

_METHODS = sorted(name for name in vars(Cell) if not name.startswith("_"))


def require_cell(cell: Any, plan: Plan) -> Cell:
    """Refuse what is no cell, and a real one where only a simulated one may be moved.

    What is refused is closed, where that can be done.

    Raises:
        SpecMismatch: Something is lacking; the message names all of it.
        UsageError: It does not say that it is simulated.
    """
    error = _unfit(cell, plan)
    if error is not None:
        close = getattr(cell, "close", None)
        if callable(close):
            close()
        raise error
    checked: Cell = cell
    return checked


def _unfit(cell: object, plan: Plan) -> ShopfloorError | None:
    lacks = [name for name in _METHODS if not callable(getattr(cell, name, None))]
    if not isinstance(getattr(cell, "spec", None), CellSpec):
        lacks.insert(0, "spec (a CellSpec)")
    if lacks:
        return SpecMismatch(
            f"cell {plan.cell!r} ({type(cell).__qualname__}) is no cell: it lacks "
            f"{', '.join(lacks)}; hold it against shopfloor.testing.check_cell"
        )
    if plan.simulated_only and not _simulated(cell):
        return UsageError(
            f"cell {plan.cell!r} does not say that it is simulated, and a record may not move a "
            "real one: only runs of simulated cells are replicated; hold this one against its "
            "sums with `shopfloor check`"
        )
    return None


def require_brain(
    brain: object,
    name: str,
    spec: CellSpec,
    *,
    skills: Collection[str],
    cameras: tuple[str, ...],
) -> None:
    """Refuse what is no brain, and a brain that needs what is not there.

    Args:
        brain: What was made.
        name: What it is called.
        spec: Of the cell.
        skills: Names of all skills.
        cameras: Cameras that somebody asked for; empty: its own choice.

    Raises:
        SpecMismatch: Something is lacking.
        UsageError: Cameras were asked for that it does not look through.
    """
    if not isinstance(brain, Brain) or not isinstance(brain.needs, Needs):
        raise SpecMismatch(
            f"{type(brain).__qualname__} is no brain: it must have needs (a Needs), reset, act "
            "and close; hold it against shopfloor.testing.check_brain"
        )
    needs = brain.needs
    if missing := sorted(set(needs.cameras) - set(spec.cameras)):
        raise SpecMismatch(
            f"the brain needs camera {', '.join(missing)}; cell {spec.name!r} has "
            f"{', '.join(sorted(spec.cameras))}"
        )
    if cameras and set(cameras) != set(needs.cameras):
        raise UsageError(
            f"brain {name!r} looks through {', '.join(needs.cameras) or 'no camera'} by "
            "itself; leave --cameras out, which is for models"
        )
    if missing := sorted(set(needs.skills) - set(skills)):
        raise SpecMismatch(
            f"the brain calls skill {', '.join(missing)}; there are {', '.join(sorted(skills))}"
        )


def require_proven(brain: object, cell: Cell, plan: Plan) -> None:
    """Let no brain that points by a convention move anything before it has proved it.

    Raises:
        UsageError: It has not, and may not do without.
    """
    unproven = getattr(brain, "unproven", None)
    if unproven and not plan.allow_unproven:
        raise UsageError(str(unproven))
    if unproven and not _simulated(cell):
        raise UsageError(
            f"--allow-unproven is for simulated cells, and {plan.cell!r} does not say that it "
            "is one; let the brain pass `shopfloor probe` first"
        )


def require_papers(cell: object, plan: Plan) -> None:
    """Let no brain be made for a real cell whose papers do not pass.

    Raises:
        PapersRefused: They do not.
    """
    stamp = plan.papers
    if _simulated(cell) and not stamp.enforced:
        return
    if stamp.verdict != "pass":
        raise PapersRefused(
            f"{stamp.said}; brain {plan.brain!r} is not started in cell {plan.cell!r}: see "
            "`shopfloor papers check FILE`, and give papers that pass with --papers FILE"
        )
    if not stamp.given and not _simulated(cell):
        raise PapersRefused(
            f"cell {plan.cell!r} does not say that it is simulated, and the papers of the "
            "example prove nothing of it; next: `shopfloor papers init`, then --papers FILE"
        )


def _simulated(cell: object) -> bool:
    """Whether a cell says of itself that nothing real moves."""
    return bool(getattr(cell, "simulated", False))
