"""Lots, orders and goals; what is asked in words, and how it is judged."""

from shopfloor.order.canonical import canonical
from shopfloor.order.failure import FAILURE_CODES, FAILURE_MEANINGS
from shopfloor.order.file import OrderFile
from shopfloor.order.generator import GeneratedOrders
from shopfloor.order.goal import (
    Standing,
    assign,
    choices,
    follow,
    named_units,
    needed,
    satisfied,
    standings,
    validate,
)
from shopfloor.order.grammar import parse
from shopfloor.order.judge import SortingJudge
from shopfloor.order.ledger import Ledger
from shopfloor.order.part import Footprint, footprint
from shopfloor.order.seed import lot_seed, rng
from shopfloor.order.template import render

__all__ = [
    "FAILURE_CODES",
    "FAILURE_MEANINGS",
    "Footprint",
    "GeneratedOrders",
    "Ledger",
    "OrderFile",
    "SortingJudge",
    "Standing",
    "assign",
    "canonical",
    "choices",
    "follow",
    "footprint",
    "lot_seed",
    "named_units",
    "needed",
    "parse",
    "render",
    "rng",
    "satisfied",
    "standings",
    "validate",
]
