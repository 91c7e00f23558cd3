"""The bill of materials of a cell: CycloneDX with models, data, hardware, packages and evidence.

Plain values and not the object model of cyclonedx-python-lib, which drops what it does not know.
What the papers do not know is named as unknown (``shopfloor:unknown``), and nothing is made up for
it. Prices stay out: a bill is for others.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shopfloor
from shopfloor.errors import PapersError, UsageError
from shopfloor.papers.bom_model import data_of, model_of, properties
from shopfloor.papers.card import Catalogue
from shopfloor.papers.environment import Installed
from shopfloor.papers.extra import need
from shopfloor.papers.paper import Evidence, Hardware, Papers

__all__ = ["SPECS", "bill", "check_bill", "write_bill"]

SPECS = ("1.6", "1.7")
"""Versions of CycloneDX that are written."""
_CELL = "cell"


def bill(
    papers: Papers,
    *,
    cards: Catalogue,
    environment: Installed,
    now: datetime,
    spec: str = "1.6",
) -> dict[str, Any]:
    """Write down what a cell is made of.

    Args:
        papers: Of the cell.
        cards: What is known of models.
        environment: What is installed here.
        now: When the bill is made.
        spec: Version of CycloneDX.

    Raises:
        UsageError: No such version is written.
    """
    if spec not in SPECS:
        raise UsageError(f"CycloneDX {spec!r} is not written; written are {', '.join(SPECS)}")
    models = [model_of(model, f"model-{at}", papers.cell, cards)
              for at, model in enumerate(papers.models, 1)]  # fmt: skip
    data = list(data_of(papers.models))
    hardware = [_device(each, f"hardware-{at}")
                for at, each in enumerate(papers.hardware or (), 1)]  # fmt: skip
    evidence = [_evidence(each, f"evidence-{at}")
                for at, each in enumerate(papers.evidence or (), 1)]  # fmt: skip
    components = [*models, *data, *hardware, *evidence, *environment.components]
    built = [each["bom-ref"] for each in (*models, *hardware)]
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "version": 1,
        "metadata": {
            "timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "operations"}],
            "tools": {
                "components": [
                    {"type": "application", "name": "shopfloor", "version": shopfloor.__version__}
                ]
            },
            "component": _cell(papers),
        },
        "components": components,
        "dependencies": [
            {"ref": _CELL, "dependsOn": [*built, *environment.roots]},
            *_learned_from(models),
            *environment.dependencies,
        ],
        "compositions": [{"aggregate": "unknown", "assemblies": [_CELL]}],
    }
    if papers.cell.operator is not None:
        body["metadata"]["manufacturer"] = {"name": papers.cell.operator}
    # The same content has the same number, whenever it was written down.
    content = body | {"metadata": body["metadata"] | {"timestamp": None}}
    named = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": spec, "serialNumber": f"urn:uuid:{named}",
            **body}  # fmt: skip


def check_bill(value: Mapping[str, Any]) -> None:
    """Hold a bill against the schema of its version, strictly.

    Raises:
        PapersError: It does not hold; the first faults are named.
        UsageError: The validator is not installed.
    """
    validation = need("cyclonedx.validation.json")
    schema = need("cyclonedx.schema").SchemaVersion
    missing = need("cyclonedx.exception").MissingOptionalDependencyException
    version = schema.from_version(value["specVersion"])
    try:
        text = json.dumps(value, allow_nan=False)
        found = validation.JsonStrictValidator(version).validate_str(text, all_errors=True)
    except missing as error:
        raise UsageError(
            "the validator of CycloneDX is not installed whole; next: "
            "pip install 'shopfloor[papers]'"
        ) from error
    faults = [str(each.data.message) for each in found or ()]
    if faults:
        raise PapersError(
            f"the bill does not hold to CycloneDX {value['specVersion']}: {'; '.join(faults[:3])}"
        )


def write_bill(value: Mapping[str, Any], out: Path) -> None:
    """Check a bill and write it to a new file.

    Raises:
        PapersError: As :func:`check_bill`, or the file is there or can't be written.
    """
    check_bill(value)
    try:
        with out.open("x", encoding="utf-8") as stream:
            json.dump(value, stream, ensure_ascii=False, indent=2)
            stream.write("\n")
    except FileExistsError as error:
        raise PapersError(f"{out} is there already; remove it, or give another --out") from error
    except OSError as error:
        raise PapersError(f"{out} cannot be written: {error.strerror}") from error


def _cell(papers: Papers) -> dict[str, Any]:
    facts = papers.cell.model_dump(mode="json", exclude={"operator"})
    said = {name: value for name, value in facts.items() if value is not None}
    missing = [name for name, value in facts.items() if value is None]
    missing += [name for name in ("hardware", "evidence") if getattr(papers, name) is None]
    return {
        "type": "platform",
        "bom-ref": _CELL,
        "name": "robot cell",
        "description": "A robot cell with a learned or programmed brain, as its papers have it.",
        "properties": properties({f"cell.{name}": value for name, value in said.items()}, missing),
    }


def _device(hardware: Hardware, ref: str) -> dict[str, Any]:
    facts = {"vendor": hardware.vendor, "part": hardware.part, "origin": hardware.origin,
             "firmware": hardware.firmware}  # fmt: skip
    missing = [name for name, value in facts.items() if value is None]
    made: dict[str, Any] = {
        "type": "device",
        "bom-ref": ref,
        "name": hardware.part or hardware.kind,
        "properties": properties({"kind": hardware.kind, "origin": hardware.origin}, missing),
    }
    if hardware.vendor is not None:
        made["manufacturer"] = {"name": hardware.vendor}
    if hardware.firmware is not None:
        made["components"] = [
            {
                "type": "firmware",
                "bom-ref": f"{ref}-firmware",
                "name": f"firmware of {made['name']}",
                "version": hardware.firmware,
            }
        ]
    return made


def _evidence(evidence: Evidence, ref: str) -> dict[str, Any]:
    expires = None if evidence.expires is None else evidence.expires.isoformat()
    return {
        "type": "file",
        "bom-ref": ref,
        "name": evidence.kind,
        "description": "A document that the papers name as evidence; only its hash is known here.",
        "manufacturer": {"name": evidence.issuer},
        "hashes": [{"alg": "SHA-256", "content": evidence.sha256}],
        "properties": properties({"evidence": evidence.kind, "expires": expires}),
    }


def _learned_from(models: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for model in models:
        sets: Iterable[Mapping[str, str]] = model["modelCard"]["modelParameters"].get(
            "datasets", ()
        )
        yield {"ref": model["bom-ref"], "dependsOn": [each["ref"] for each in sets]}
