"""The papers of one cell: what the brain is, where it came from, where and for what it works.

No field has a default: what is not known is written as ``null`` or ``undisclosed``, so that nothing
passes by being left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shopfloor.errors import PapersError
from shopfloor.papers.document import Document, Place, read

__all__ = [
    "CellFacts",
    "Evidence",
    "Hardware",
    "Licence",
    "ModelFacts",
    "Papers",
    "Waiver",
    "load",
    "papers_of",
]

_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
_License = Annotated[
    str, StringConstraints(pattern=r"^(LicenseRef-)?[A-Za-z0-9.+-]+$", max_length=120)
]
_Use = Literal[
    # Of a cell in a hall.
    "parts-sorting", "assembly", "packing", "handling", "inspection", "research", "training",
    "demonstration",
    # Before the public.
    "public-service", "public-content",
    # On lists of high risk.
    "biometrics", "critical-infrastructure", "education-scoring", "essential-services", "justice",
    "law-enforcement", "migration", "recruitment", "worker-management",
    # Of armed forces.
    "military", "weapons", "defence",
]  # fmt: skip
_Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_FileName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_+][A-Za-z0-9_.+-]*$", max_length=255)
]
# Type, namespace and name with an optional revision and subpath (the ECMA-427 package URL).
_PACKAGE = r"pkg:[a-z]+/[A-Za-z0-9_.+/-]+(@[A-Za-z0-9_.+-]+)?(#[A-Za-z0-9_./-]+)?"
_Purl = Annotated[str, StringConstraints(pattern=f"^{_PACKAGE}$", max_length=300)]


_PROGRAMS = frozenset({"brain/classical", "brain/stand-in"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CellFacts(_Strict):
    """Where and for what the brain works.

    Attributes:
        inference_region, actuation_region: Country where the model computes, and where the arm
            moves (ISO 3166-1, two capitals).
        operator: Who runs the cell.
        end_user: For whom it works.
        use: What it does; a word that no rule knows is refused, since every rule would pass it.
        safety_function: Whether anybody's safety depends on a decision of the model.
        commercial: Whether it is used for gain.
        monthly_active_users: Of all products of the operator [people].
        online_learning: Whether the model is changed while it works.
        log_reuse: What its logged answers are used for: nothing, being looked at, training this
            model or its derivatives, training others.
    """

    inference_region: _Country | None
    actuation_region: _Country | None
    operator: _Text | None
    end_user: Literal["civil", "government", "us-dod", "us-dod-contractor", "other-military"] | None
    use: tuple[_Use, ...] | None
    safety_function: bool | None
    commercial: bool | None
    monthly_active_users: Annotated[int, Field(ge=0)] | None
    online_learning: bool | None
    log_reuse: Literal["none", "analysis", "train-same", "train-other"] | None


class Licence(_Strict):
    """Under what terms a model is had.

    Attributes:
        declared: What its page says (SPDX id, or ``LicenseRef-…``).
        concluded: What the text says that came with it.
        text_sha256: Of that text, byte for byte; None: nobody read it.
    """

    declared: _License | None
    concluded: _License | None
    text_sha256: _Sha256 | None


class ModelFacts(_Strict):
    """One model of the cell.

    Attributes:
        purl: Package address with revision (``pkg:huggingface/ORG/NAME@REVISION``).
        publisher: Who published it.
        weights: SHA-256 of each file by its name; ``{}`` for a program that has none, or
            ``undisclosed``.
        signature: Name of the file with the publisher's signature, or None.
        licence: Its terms.
        base: Package addresses of what it was made from, ``[]`` for nothing, or ``undisclosed``.
        datasets: What it was trained on, ``[]`` for nothing, or ``undisclosed``.
        remote_code: Whether loading it runs code that came with it.
    """

    purl: _Purl
    publisher: _Text | None
    weights: dict[_FileName, _Sha256] | Literal["undisclosed"]
    signature: _Text | None
    licence: Licence
    base: tuple[_Purl, ...] | Literal["undisclosed"]
    datasets: tuple[_Text, ...] | Literal["undisclosed"]
    remote_code: bool | None

    @property
    def address(self) -> str:
        """The package address without revision and subpath."""
        return re.split("[@#]", self.purl)[0]

    @property
    def name(self) -> str:
        """The last part of its address, for people."""
        return self.address.rpartition("/")[2]

    @property
    def is_program(self) -> bool:
        """Whether it is a program of this house, without weights: nothing in it was trained."""
        package, _, path = self.purl.partition("#")
        return (
            self.weights == {}
            and package.partition("@")[0] == "pkg:pypi/shopfloor"
            and path in _PROGRAMS
        )


class Hardware(_Strict):
    """One piece of hardware.

    Attributes:
        kind: What it is (``servo``, ``encoder``, ``reducer``, ``sensor``, ``accelerator``).
        vendor, part: Who made it, and its number.
        origin: Country it was made in.
        firmware: Version, or None.
        price: What it cost [USD], or None.
    """

    kind: _Word
    vendor: _Text | None
    part: _Text | None
    origin: _Country | None
    firmware: _Text | None
    price: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None


class Evidence(_Strict):
    """A document that proves something.

    Attributes:
        kind: What it proves (``sbom``, ``training-summary``).
        sha256: Of the document.
        issuer: Who issued it.
        expires: First day on which it proves nothing any more, or None.
    """

    kind: _Word
    sha256: _Sha256
    issuer: _Text
    expires: date | None


class Waiver(_Strict):
    """A signed statement that somebody answers for a rule; it never covers a bad hash.

    Attributes:
        rule: Id of the rule.
        counsel: Who answers.
        reason: Why.
        expires: First day on which it counts no more.
        signature: Ed25519 over these and the papers, base64.
    """

    rule: _Text
    counsel: _Text
    reason: _Text
    expires: date
    signature: _Text


class Papers(_Strict):
    """The papers of one cell."""

    cell: CellFacts
    models: Annotated[tuple[ModelFacts, ...], Field(min_length=1)]
    hardware: tuple[Hardware, ...] | None
    evidence: tuple[Evidence, ...] | None
    waivers: tuple[Waiver, ...]


def load(path: Path) -> tuple[Papers, Document]:
    """Read the papers of a cell.

    Raises:
        PapersError: The file can't be read or is not of this form; one line for each fault.
    """
    document = read(path)
    return papers_of(document), document


def papers_of(document: Document) -> Papers:
    """Hold a document against the form of papers; raises as :func:`load`."""
    try:
        # JSON's strict reading takes a list for a tuple and text for a date, and nothing else.
        return Papers.model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise PapersError(
            "\n".join(sorted({_told(document, fault) for fault in error.errors()}))
        ) from error


def _told(document: Document, fault: Mapping[str, object]) -> str:
    loc = fault["loc"]
    path: Place = tuple(loc) if isinstance(loc, tuple) else ()
    # pydantic puts the branch of a union into the place, which no reader knows.
    shown = tuple(
        part for part in path
        if isinstance(part, int) or (re.fullmatch(r"[A-Za-z0-9_.+-]+", part)
        and part not in {"tuple", "literal", "str", "int", "float", "date", "bool"})
    )  # fmt: skip
    name = ".".join(map(str, shown)) or "the file"
    said = str(fault["msg"])
    if fault["type"] == "missing":
        said = "is missing; write null, undisclosed or [] where it is not known or there is none"
    elif fault["type"] == "extra_forbidden":
        said = "is no field of papers; see docs/papers.md for those that are"
    else:
        said = f"{said[0].lower()}{said[1:]}, got {_short(fault.get('input'))}"
    return f"{document.where(shown)}: {name} {said}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
