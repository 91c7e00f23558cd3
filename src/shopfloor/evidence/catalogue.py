"""Which benchmark suites come with shopfloor; light enough for a list of commands."""

from __future__ import annotations

from importlib import resources

__all__ = ["suite_bytes", "suites"]

_DATA = resources.files("shopfloor.evidence") / "data"
_BEFORE, _AFTER = "suite-", ".toml"


def suites() -> tuple[str, ...]:
    """Return their names, sorted."""
    names = (entry.name for entry in _DATA.iterdir())
    return tuple(
        sorted(
            name.removeprefix(_BEFORE).removesuffix(_AFTER)
            for name in names
            if name.startswith(_BEFORE) and name.endswith(_AFTER)
        )
    )


def suite_bytes(name: str) -> bytes:
    """Return the file of a suite that is one of ``suites()``."""
    return (_DATA / f"{_BEFORE}{name}{_AFTER}").read_bytes()
