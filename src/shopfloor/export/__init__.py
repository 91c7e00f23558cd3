"""Runs in the formats of the field's tools; nothing here is read back by shopfloor."""

from shopfloor.export.choice import Chosen, Only, choose
from shopfloor.export.job import FORMATS, Written, export

__all__ = ["FORMATS", "Chosen", "Only", "Written", "choose", "export"]
