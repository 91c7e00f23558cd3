"""The conformance kit: what a third party's body, cell, brain, skill or judge has to keep.

Each function raises ``AssertionError`` with the name of the clause that is broken, so that a
plugin's own test suite is one line a plugin:

    from shopfloor.testing import check_brain

    def test_my_brain_keeps_the_contract():
        check_brain(MyBrain)

The docstring of each function lists its clauses. shopfloor's own plugins pass the same kit.
"""

from shopfloor.testing.body import check_body
from shopfloor.testing.brain import check_brain
from shopfloor.testing.cell import check_cell
from shopfloor.testing.cheat import Cheat, Moment
from shopfloor.testing.cheat_library import CHEATS, HONEST
from shopfloor.testing.judge import check_judge
from shopfloor.testing.skill import check_skill
from shopfloor.testing.stage import STAGE_LOT, Stage, paint

__all__ = [
    "CHEATS",
    "HONEST",
    "STAGE_LOT",
    "Cheat",
    "Moment",
    "Stage",
    "check_body",
    "check_brain",
    "check_cell",
    "check_judge",
    "check_skill",
    "paint",
]
