"""Writes docs/judge.md from the library of cheats and the result of the last mutation run.

python scripts/judge.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from shopfloor.testing import CHEATS, HONEST, Cheat

HOME = Path(__file__).parents[1]
PAGE = HOME / "docs" / "judge.md"
MUTATION = HOME / "docs" / "results" / "mutation.json"

_HEAD = """\
# How outcomes are decided, and who judges the judge

*Written by `python scripts/judge.py` from the library of cheats and from the last mutation run; a
test holds the page to both.* Everything here is about simulated cells.

## What is judged

The judge reads the simulator's truth at every tick: where parts are and how fast they move, what
each jaw touches and whether it is told to be open, how hard a limb presses. What a brain or a skill
says counts only for the question why an order failed.

- After "finish" the judge waits until all parts are at rest (below 5 mm/s for 0.2 s) and every jaw
  is open and touches nothing, for 3 s at most. A part that still moves or is touched then is work
  in progress, wherever it is. What was said while a part was falling is decided by where it ended.
- A unit is good at rest inside its tote. A part that lies across the rim is not inside, nor is one
  that leans on the wall from outside.
- A bystander, which the order does not name, must lie on the tray within 30 mm of where it lay.
  How it came back there does not matter; nor does a jaw around it that has not moved it.
- How a unit came to its tote does not matter: what counts is the end. Whether the goal held at
  *any* settled moment is said beside it (`ever`).
- A hand is open when its jaw is told to be as wide as it is, less 4 mm. An open hand holds
  nothing: what it moves was pushed.
- A failed order has exactly one root code with the tick at which it began: the earliest incident
  of a bad unit, and where there is none, what the brain claimed, refused or did not answer.
  `order/cause.py` lists them in their order.

## Known-bad orders

Each was made by a script that cheats, in the physics of the simulated cell, guarded and worked as
any order is. A judge must fail each with exactly this code, at a tick within the moment at which it
went wrong, with every part in the right state.
"""

_KIT = """\
## Your own judge

The kit needs a simulated sorting cell, no cameras and some ten seconds.

```python
from shopfloor.body.bench import Bench
from shopfloor.cell.sorting import SortingCell
from shopfloor.order import SortingJudge
from shopfloor.testing import HONEST, check_judge

cell = SortingCell(Bench(), render=False)
check_judge(
    cell,
    lambda: SortingJudge(control_dt=0.02, limbs=("left", "right")),
    cheats=HONEST[:1],  # leave this out: then it takes all of them
)
```
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page."""
    return "\n".join(
        [
            _HEAD,
            *_table(CHEATS),
            "",
            "And each of these is good, however it looks:",
            "",
            *_table(HONEST),
            "",
            _KIT,
            *_mutation(),
        ]
    )


def _table(cheats: Iterable[Cheat]) -> list[str]:
    rows = ["| order | what is done | code | began | ever |", "|---|---|---|---|---|"]
    for cheat in cheats:
        code = f"`{cheat.code}`" if cheat.code else "good"
        ever = "yes" if cheat.ever else "no"
        rows.append(f"| {cheat.name} | {cheat.does.lower()} | {code} | {_when(cheat)} | {ever} |")
    return rows


def _when(cheat: Cheat) -> str:
    if cheat.when is None:
        return ""
    words = {
        "call": f"during call {cheat.when.index + 1}",
        "finish": "when it claimed",
        "limit": "at the time limit",
        "stop": "at the guard's stop",
        "refusal": "at the refusal",
        "fault": "at the fault",
    }
    return words[cheat.when.kind]


def _mutation() -> list[str]:
    head = ["## Who would notice a broken judge", ""]
    if not MUTATION.exists():
        return [*head, "Not measured yet: `make mutate`.", ""]
    found = json.loads(MUTATION.read_text(encoding="utf-8"))
    rows = [
        f"| `order/{name}.py` | {one['mutants']} | {one['killed']} | {one['survived']} | "
        f"{one['equivalent']} | {one['killed_share']:.1%} |"
        for name, one in found["modules"].items()
    ]
    counted = found["mutants"] - found["equivalent"]
    said = (
        f"`make mutate` broke the modules that decide in {found['mutants']} ways, one at a time, "
        "and held each against the tapes of all cheats and the judge's own tests: "
        f"**{found['killed']} of {counted} were noticed ({found['killed_share']:.1%})**, "
        f"{found['survived']} were not, and {found['equivalent']} cannot be, each listed with its "
        "reason. Survivors and reasons are in [results/mutation.json](results/mutation.json)."
    )
    return [
        *head,
        said,
        "",
        "| module | mutants | noticed | not noticed | equivalent | share |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


if __name__ == "__main__":
    main()
