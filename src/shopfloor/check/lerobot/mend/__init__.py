"""What of a dataset the rest of it proves how to mend."""

from shopfloor.check.lerobot.mend.dataset import mend_dataset

__all__ = ["mend_dataset"]
