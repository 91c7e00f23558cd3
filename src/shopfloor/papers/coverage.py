"""Which elements of the G7's "SBOM for AI" a bill of materials holds.

The list is that of "Software Bill of Materials (SBOM) for Artificial Intelligence - Minimum
Elements" (G7 Cybersecurity Working Group, 12 May 2026): 50 elements in seven clusters. The document
itself was not read; the elements are as https://w3id.org/sbom/req/g7ai/ names them. An element
counts as held when the bill has something in its place; whether that is enough is for a reader to
say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ELEMENTS", "SOURCE", "Covered", "coverage"]

SOURCE = (
    "G7 Cybersecurity Working Group, SBOM for AI - Minimum Elements, 2026-05-12 as listed "
    "at w3id.org/sbom/req/g7ai; the document itself was not read"
)

_Bill = Mapping[str, Any]
_Holds = Callable[[_Bill], bool]


@dataclass(frozen=True, slots=True)
class Covered:
    """One element.

    Attributes:
        cluster: Where it stands in the list.
        element: Its name.
        held: Whether the bill has something in its place.
    """

    cluster: str
    element: str
    held: bool


def coverage(bill: _Bill) -> tuple[Covered, ...]:
    """Ask a bill for every element."""
    return tuple(
        Covered(cluster, element, holds(bill))
        for cluster, elements in ELEMENTS.items()
        for element, holds in elements.items()
    )


def _never(_bill: _Bill) -> bool:
    """The papers have no field for it."""
    return False


def _has(*path: str) -> _Holds:
    """Something stands at this place of the bill."""

    def holds(bill: _Bill) -> bool:
        value: Any = bill
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return bool(value)

    return holds


def _models(*path: str) -> _Holds:
    """It stands at this place of every model; a program of this house is one."""
    return _each(("machine-learning-model", "application"), _has(*path))


def _data(*path: str) -> _Holds:
    return _each(("data",), _has(*path))


def _each(kinds: tuple[str, ...], holds: _Holds) -> _Holds:
    def all_hold(bill: _Bill) -> bool:
        found = [each for each in bill["components"] if each["type"] in kinds]
        return bool(found) and all(map(holds, found))

    return all_hold


def _component(kind: str) -> _Holds:
    return lambda bill: any(each["type"] == kind for each in bill["components"])


def _said(name: str) -> _Holds:
    """The cell says it."""
    return lambda bill: name in _properties(bill["metadata"]["component"])


def _evidence(kind: str) -> _Holds:
    return lambda bill: any(
        f"{kind}" == each["name"] for each in bill["components"] if each["type"] == "file"
    )


def _hashed(bill: _Bill) -> bool:
    return _each(
        ("machine-learning-model", "application"),
        lambda model: any(file.get("hashes") for file in model.get("components", ())),
    )(bill)


def _tool(name: str) -> _Holds:
    return lambda bill: all(name in each for each in bill["metadata"]["tools"]["components"])


def _properties(component: Mapping[str, Any]) -> Iterator[str]:
    return (each["name"].removeprefix("shopfloor:") for each in component.get("properties", ()))


ELEMENTS: Mapping[str, Mapping[str, _Holds]] = {
    "Metadata": {
        "SBOM author": _has("metadata", "manufacturer"),
        "SBOM version": _has("version"),
        "data format name": _has("bomFormat"),
        "data format version": _has("specVersion"),
        "author signature": _has("signature"),
        "tool name": _tool("name"),
        "tool version": _tool("version"),
        "generation context": _has("metadata", "lifecycles"),
        "SBOM timestamp": _has("metadata", "timestamp"),
        "dependency relationships": _has("dependencies"),
    },
    "System level properties": {
        "system name": _has("metadata", "component", "name"),
        "system components": _has("components"),
        "system producer": _has("metadata", "component", "manufacturer"),
        "system version": _has("metadata", "component", "version"),
        "system timestamp": _never,
        "system data flow": _never,
        "system data usage": _said("cell.log_reuse"),
        "input/output properties": _never,
        "intended application area": _said("cell.use"),
    },
    "Models": {
        "model name": _models("name"),
        "model identifier": _models("purl"),
        "model version": _models("version"),
        "model timestamp": _never,
        "model producer": _models("manufacturer"),
        "model description": _models("description"),
        "model hash value": _hashed,
        "model hash algorithm": _hashed,
        "model properties": _models("modelCard", "modelParameters", "modelArchitecture"),
        "input/output properties": _models("modelCard", "modelParameters", "inputs"),
        "training properties": _models("modelCard", "modelParameters", "approach"),
        "model license": _models("licenses"),
        "external references": _models("externalReferences"),
    },
    "Dataset properties": {
        "dataset name": _data("name"),
        "dataset description": _data("description"),
        "dataset content": _never,
        "dataset identifier": _data("purl"),
        "dataset hash": _data("hashes"),
        "dataset provenance": _data("pedigree"),
        "statistical properties": _never,
        "dataset sensitivity": _never,
        "dependency relationships": _data("bom-ref"),
        "dataset license": _data("licenses"),
    },
    "Infrastructure": {
        "infrastructure software": _component("library"),
        "infrastructure hardware": _component("device"),
    },
    "Security properties": {
        "security controls": _never,
        "security compliance": _evidence("conformity-assessment"),
        "cybersecurity policy information": _evidence("vulnerability-contact"),
        "vulnerability references": _has("vulnerabilities"),
    },
    "Key performance indicators": {
        "security metrics": _never,
        "operational performance metrics": _models("modelCard", "quantitativeAnalysis"),
    },
}
