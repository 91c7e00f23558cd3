"""Bodies: what an embodiment offers, the built-in bench, and robots of the Menagerie."""

from shopfloor.body.contract import Body, LimbModel

__all__ = ["Body", "LimbModel"]
