"""The drill: every fault put in many times over, and what the house did about it."""

from shopfloor.drill.drill import Drill, drill
from shopfloor.drill.grid import Row, grid
from shopfloor.drill.page import write_grid
from shopfloor.drill.routine import ROUTINES, UNBUILT, Routine, routine

__all__ = [
    "ROUTINES",
    "UNBUILT",
    "Drill",
    "Routine",
    "Row",
    "drill",
    "grid",
    "routine",
    "write_grid",
]
