"""Cells: a body at its stations, with its physics, cameras and truth."""

__all__: list[str] = []
