"""Evidence: whether a difference between runs is real, and how sure that is."""

__all__: list[str] = []
