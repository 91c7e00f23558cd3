"""Models, their data and their licences as components of a bill of materials."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shopfloor.papers.card import Card, Catalogue
from shopfloor.papers.extra import need
from shopfloor.papers.paper import CellFacts, ModelFacts

__all__ = ["data_of", "licence_of", "model_of", "properties"]


def model_of(model: ModelFacts, ref: str, cell: CellFacts, cards: Catalogue) -> dict[str, Any]:
    """A model with its card: files, licences, bases, data, and what it is used for."""
    card = cards.of_package(model.address)
    address, _, _ = model.purl.partition("#")
    _, _, revision = address.partition("@")
    made: dict[str, Any] = {
        "type": "application" if model.is_program else "machine-learning-model",
        "bom-ref": ref,
        "name": model.name,
        "purl": model.purl,
        "modelCard": _model_card(model, card, cell),
        "properties": properties(
            {"remote_code": model.remote_code, "signature": model.signature}, _unknown(model)
        ),
    }
    if revision:
        made["version"] = revision
    if model.publisher is not None:
        made["publisher"] = model.publisher
        made["manufacturer"] = {"name": model.publisher}
    if licences := list(_licences(model)):
        made["licenses"] = licences
    if isinstance(model.weights, dict) and model.weights:
        made["components"] = [
            {
                "type": "file",
                "bom-ref": f"{ref}-file-{at}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for at, (name, digest) in enumerate(sorted(model.weights.items()), 1)
        ]
    if model.base != "undisclosed" and model.base:
        made["pedigree"] = {"ancestors": [_base(purl) for purl in model.base]}
    if card and card.was_read and card.address and card.address.startswith("https://"):
        made["externalReferences"] = [
            {
                "type": "license",
                "url": card.address,
                "hashes": [{"alg": "SHA-256", "content": card.text_sha256}],
            }
        ]
    return made


def data_of(models: Iterable[ModelFacts]) -> Iterator[dict[str, Any]]:
    """The data sets that models name, each once."""
    for name in sorted({each for model in models for each in _datasets(model)}):
        yield {
            "type": "data",
            "bom-ref": _data_ref(name),
            "name": name,
            "data": [{"type": "dataset", "name": name}],
            "properties": properties({}, ("contents", "hash", "licence", "provenance")),
        }


def licence_of(name: str) -> dict[str, Any]:
    """A licence by its SPDX id where it has one, else by its name."""
    known = need("cyclonedx.spdx").is_supported_id(name)
    return {"id": name} if known else {"name": name}


def properties(said: Mapping[str, Any], unknown: Iterable[str] = ()) -> list[dict[str, str]]:
    """Facts that CycloneDX has no field for; what is not known is named as such."""
    words = {name: value if isinstance(value, str) else json.dumps(value)
             for name, value in said.items() if value is not None}  # fmt: skip
    made = [{"name": f"shopfloor:{name}", "value": value} for name, value in words.items()]
    return [*made, *({"name": "shopfloor:unknown", "value": name} for name in unknown)]


def _model_card(model: ModelFacts, card: Card | None, cell: CellFacts) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if sets := _datasets(model):
        parameters["datasets"] = [{"ref": _data_ref(name)} for name in sorted(set(sets))]
    made: dict[str, Any] = {"modelParameters": parameters}
    considerations: dict[str, Any] = {}
    if cell.use:
        considerations["useCases"] = list(cell.use)
    if limits := _limits(card):
        considerations["technicalLimitations"] = limits
    if considerations:
        made["considerations"] = considerations
    if card is not None:
        made["properties"] = properties({"card": card.id, "licence.cited": card.cited})
    return made


def _limits(card: Card | None) -> list[str]:
    """What the licence does not let it do; nothing is known of what it can't."""
    if card is None or card.terms is None:
        return []
    terms, read = card.terms, "" if card.was_read else " (hearsay: its text was not read)"
    found = {
        "the licence allows no use for gain": terms.non_commercial,
        "the licence allows no military use": terms.no_military,
        "the licence allows no decision on which safety depends": terms.no_safety_decisions,
        "the licence lets its answers train no other model": terms.outputs == "not-other-models",
        f"the licence excludes {', '.join(terms.territory_excluded)}": bool(
            terms.territory_excluded
        ),
    }
    return [f"{said}{read}" for said, holds in found.items() if holds]


def _licences(model: ModelFacts) -> Iterator[dict[str, Any]]:
    said = {"declared": model.licence.declared, "concluded": model.licence.concluded}
    for how, name in said.items():
        if name is None:
            continue
        licence = licence_of(name) | {"acknowledgement": how}
        if how == "concluded" and model.licence.text_sha256 is not None:
            licence["properties"] = properties({"text_sha256": model.licence.text_sha256})
        yield {"license": licence}


def _unknown(model: ModelFacts) -> list[str]:
    found = {
        "publisher": model.publisher, "licence.declared": model.licence.declared,
        "licence.concluded": model.licence.concluded,
        "licence.text_sha256": model.licence.text_sha256, "remote_code": model.remote_code,
    }  # fmt: skip
    undisclosed = {"weights": model.weights, "base": model.base, "datasets": model.datasets}
    return [name for name, value in found.items() if value is None] + [
        name for name, value in undisclosed.items() if value == "undisclosed"
    ]


def _base(purl: str) -> dict[str, Any]:
    package, _, revision = purl.partition("#")[0].partition("@")
    made = {"type": "machine-learning-model", "name": package.rpartition("/")[2], "purl": purl}
    return made | ({"version": revision} if revision else {})


def _datasets(model: ModelFacts) -> tuple[str, ...]:
    return model.datasets if isinstance(model.datasets, tuple) else ()


def _data_ref(name: str) -> str:
    return f"data: {name}"
