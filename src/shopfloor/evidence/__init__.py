"""Evidence: whether a run can be believed and repeated, and a difference between runs is real."""

__all__: list[str] = []
