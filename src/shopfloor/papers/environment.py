"""What is installed in this Python: packages with licences, and who needs whom."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from typing import Any

from shopfloor.papers.bom_model import licence_of
from shopfloor.papers.extra import need

__all__ = ["Installed", "installed"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SPDX_SHORT = 60
"""A licence field that is longer holds the text itself, and is left out [characters]."""
_UNKNOWN = frozenset({"", "unknown", "none", "license", "licence", "dual license"})


@dataclass(frozen=True, slots=True)
class Installed:
    """Components of CycloneDX, as plain values.

    Attributes:
        components: Interpreter, operating system, and each package.
        dependencies: Which package needs which of them.
        roots: What the cell itself needs.
    """

    components: tuple[Mapping[str, Any], ...]
    dependencies: tuple[Mapping[str, Any], ...]
    roots: tuple[str, ...]


def installed(found: Iterable[Distribution] | None = None) -> Installed:
    """Name all packages of this environment.

    Args:
        found: In place of those that are installed.
    """
    packages: dict[str, Distribution] = {}
    for each in distributions() if found is None else found:
        if isinstance(name := each.metadata["Name"], str):
            packages.setdefault(_normal(name), each)  # the first on the path is imported
    base = (
        {
            "type": "platform",
            "bom-ref": "python",
            "name": platform.python_implementation(),
            "version": platform.python_version(),
        },
        {
            "type": "operating-system",
            "bom-ref": "operating-system",
            "name": platform.system() or sys.platform,
            "version": platform.release(),
        },
    )
    names = sorted(packages)
    return Installed(
        components=(*base, *(_package(name, packages[name]) for name in names)),
        dependencies=tuple(
            {"ref": _ref(name), "dependsOn": _needs(packages[name], packages)} for name in names
        ),
        roots=("python", "operating-system", *(_ref(n) for n in names if n == "shopfloor")),
    )


def _package(name: str, package: Distribution) -> dict[str, Any]:
    version = str(package.version or "")
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(name),
        "name": str(package.metadata["Name"]),
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}" if version else f"pkg:pypi/{name}",
    }
    if licences := _licences(package):
        made["licenses"] = licences
    else:
        made["properties"] = [{"name": "shopfloor:unknown", "value": "licence"}]
    return made


def _licences(package: Distribution) -> list[dict[str, Any]]:
    """What the package declares: an SPDX expression, else short words; nobody read its texts."""
    said = package.metadata.json
    expression = said.get("license_expression")
    if isinstance(expression, str) and need("cyclonedx.spdx").is_expression(expression):
        return [{"expression": expression, "acknowledgement": "declared"}]
    words = said.get("license")
    if isinstance(words, str) and len(words) <= _SPDX_SHORT and _says(words.strip()):
        return [{"license": licence_of(words.strip()) | {"acknowledgement": "declared"}}]
    classifiers = said.get("classifier", [])
    named = sorted(
        {each.rpartition(" :: ")[2] for each in classifiers
         if each.startswith("License :: ") and each.count(" :: ") > 1}
    )  # fmt: skip
    return [{"license": licence_of(each) | {"acknowledgement": "declared"}} for each in named]


def _says(words: str) -> bool:
    return "\n" not in words and words.lower() not in _UNKNOWN


def _needs(package: Distribution, packages: Mapping[str, Distribution]) -> list[str]:
    """Which of the installed packages it asks for; extras that nobody names are left out."""
    found = set()
    for line in package.requires or ():
        wanted, _, marker = line.partition(";")
        if "extra" not in marker and (match := _NAME.match(wanted.strip())):
            found.add(_normal(match[0]))
    return [_ref(name) for name in sorted(found & set(packages))]


def _ref(name: str) -> str:
    return f"pypi: {name}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
