"""Servers: the cell, its skills and its cameras for programs outside of shopfloor."""

from shopfloor.serve.told import Told
from shopfloor.serve.visitor import Visitor

__all__ = ["Told", "Visitor"]
