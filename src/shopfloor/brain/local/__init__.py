"""Models in this process: weights from a folder, on whatever device this machine has."""

from shopfloor.brain.local.weights import family

__all__ = ["family"]
