"""What the brain is, where it came from, and whether it may run here; else it does not start."""

from shopfloor.papers.gate import Passed, pass_gate
from shopfloor.papers.weight import Hashed, hash_folders

__all__ = ["Hashed", "Passed", "hash_folders", "pass_gate"]
