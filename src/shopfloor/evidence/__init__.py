"""Evidence: whether a run can be believed, and what somebody else gets who repeats it."""

__all__: list[str] = []
