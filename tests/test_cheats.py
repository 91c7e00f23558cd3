"""The judge against cheats that were played out in the simulated cell."""

from shopfloor.testing import check_judge


def test_x(dark_cell):
    check_judge(dark_cell)
