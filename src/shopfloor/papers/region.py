"""Which country is where, for terms and laws that name unions."""

from __future__ import annotations

__all__ = ["EU", "within"]

EU = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)
"""Member states (ISO 3166-1)."""


def within(country: str, area: str) -> bool:
    """Whether a country is, or lies in, an area (``EU``, or a country)."""
    return country in EU if area == "EU" else country == area
