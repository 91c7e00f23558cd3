"""Brains: whatever decides. Built in is the classical reference."""

__all__: list[str] = []
