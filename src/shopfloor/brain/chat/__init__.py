"""Chat models as brains: how each is asked, how it points, and what its answer means."""

__all__: list[str] = []
