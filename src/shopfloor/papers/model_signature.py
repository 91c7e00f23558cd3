"""Signs the folder of a model and verifies it: OpenSSF Model Signing, format v1.0.

A Sigstore bundle with a DSSE envelope of an in-toto statement, which lists every file and its hash
(https://github.com/sigstore/model-transparency). Stricter than the official tool in this: no link,
no file that can run, nothing left out of the list but the signature itself, and certificates have
to be valid today.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.chain import Chain, chain_of
from shopfloor.papers.dsse import Envelope, Signer, Trust, envelope_of
from shopfloor.papers.every import hash_every

__all__ = ["IN_TOTO", "NAME", "STATEMENT", "Signed", "read_json", "sign_folder", "verify_folder"]

NAME = "model.sig"
"""Of the signature in its folder, where no other is given."""
IN_TOTO = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Signed:
    """A folder whose every file is as it was signed.

    Attributes:
        folder: Of the model.
        signature: File of the signature.
        who: Who signed, for people.
        sha256: Of each file by its path from the folder.
    """

    folder: Path
    signature: Path
    who: str
    sha256: Mapping[str, str]


def sign_folder(folder: Path, signer: Signer, signature: Path | None = None) -> Signed:
    """Sign every file of a folder; nothing is written unless all could be read.

    Args:
        folder: Of the model.
        signer: Whose signature.
        signature: Where to write it; None: ``model.sig`` in the folder.

    Raises:
        PapersError: A file is refused, or a signature is there or can't be written.
    """
    out = signature or folder / NAME
    if out.exists() or out.is_symlink():
        raise PapersError(f"{out} is there already; remove it, or give another --signature")
    sums = hash_every(folder, but=out)
    payload = json.dumps(_statement(folder, out, sums), indent=2).encode()
    material: dict[str, Any] = {"tlogEntries": []}
    if signer.chain is None:
        material["publicKey"] = {"hint": signer.hint}
    else:
        material["x509CertificateChain"] = {"certificates": signer.chain.as_json()}
    bundle = {
        "mediaType": _BUNDLE,
        "verificationMaterial": material,
        "dsseEnvelope": signer.seal(IN_TOTO, payload).as_json(),
    }
    try:
        with out.open("x", encoding="utf-8") as stream:
            json.dump(bundle, stream)
    except OSError as error:
        raise PapersError(f"{out} cannot be written: {error.strerror}") from error
    who = signer.chain.subject if signer.chain else f"key {signer.hint[:12]}…"
    return Signed(folder, out, who, sums)


def verify_folder(
    folder: Path, trust: Trust, signature: Path | None = None, *, now: datetime | None = None
) -> Signed:
    """Hold every file of a folder against its signature.

    Args:
        folder: Of the model.
        trust: Whose signature is believed.
        signature: Where it lies; None: ``model.sig`` in the folder.
        now: When certificates have to be valid; None: now.

    Raises:
        PapersError: It is not signed by whom is trusted, or a file was changed, added, removed or
            renamed; each has a line.
    """
    file = signature or folder / NAME
    name = str(file)
    envelope, chain = _bundle(read_json(file, _LIMIT_BYTES), name)
    who = trust.check(envelope, name, chain=chain, now=now or datetime.now(UTC))
    signed = _listed(envelope, name)
    found = hash_every(folder, but=file)
    if faults := _differences(signed, found):
        raise PapersError("\n".join(faults))
    return Signed(folder, file, who, found)


def read_json(file: Path, limit: int) -> Any:
    """Read a JSON file of limited size.

    Raises:
        PapersError: It can't be read, is larger, or is not JSON.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise PapersError(f"{file} is larger than {limit} bytes, as no signature is")
        return json.loads(data)
    except OSError as error:
        raise PapersError(
            f"{file} cannot be read: {error.strerror}; a signature is made by `shopfloor papers "
            "sign`, and one elsewhere is given with --signature"
        ) from error
    except (ValueError, RecursionError) as error:
        raise PapersError(f"{file} is not JSON: {error}; get it again, or sign again") from error


def _statement(folder: Path, out: Path, sums: Mapping[str, str]) -> dict[str, Any]:
    inside = Path(os.path.relpath(out.absolute(), folder.absolute()))
    ignored = [inside.as_posix()] if ".." not in inside.parts else []
    return {
        "_type": STATEMENT,
        "subject": [{"name": folder.absolute().name, "digest": {"sha256": _root(sums.values())}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": ignored,
            },
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": digest}
                for name, digest in sums.items()
            ],
        },
    }


def _root(digests: Any) -> str:
    """The hash of all hashes, in the order of the list."""
    return hashlib.sha256(b"".join(bytes.fromhex(each) for each in digests)).hexdigest()


def _bundle(value: Any, name: str) -> tuple[Envelope, Chain | None]:
    if not isinstance(value, Mapping) or value.get("mediaType") != _BUNDLE:
        raise PapersError(f"{name} is no Sigstore bundle of type {_BUNDLE}; sign again")
    material = value.get("verificationMaterial")
    if not isinstance(material, Mapping):
        raise PapersError(f"{name} does not say how to verify it; sign again")
    chain = None
    if isinstance(found := material.get("x509CertificateChain"), Mapping):
        certificates = found.get("certificates")
        chain = chain_of(certificates if isinstance(certificates, list) else [], name)
    return envelope_of(value.get("dsseEnvelope"), name), chain


def _listed(envelope: Envelope, name: str) -> Mapping[str, str]:
    """Read the list of files out of an envelope whose signature holds."""
    if envelope.payload_type != IN_TOTO:
        raise PapersError(f"{name} signs {envelope.payload_type!r}, and not a list of files")
    try:
        statement = json.loads(envelope.payload)
        if statement["_type"] != STATEMENT or statement["predicateType"] != _PREDICATE:
            raise PapersError(
                f"{name} signs a {statement['predicateType']!r}, and not the files of a model "
                f"({_PREDICATE}); sign the folder"
            )
        how = statement["predicate"]["serialization"]
        if (how["method"], how["hash_type"]) != ("files", "sha256"):
            raise PapersError(
                f"{name} lists {how['method']} by {how['hash_type']}; read are files by sha256: "
                "have it signed so"
            )
        resources = statement["predicate"]["resources"]
        signed = {each["name"]: each["digest"] for each in resources}
        (subject,) = statement["subject"]
        if len(signed) != len(resources) or not all(map(_is_inside, signed)):
            raise PapersError(f"{name} lists a file twice or one outside the folder; sign again")
        if _root(signed.values()) != subject["digest"]["sha256"]:
            raise PapersError(f"{name} contradicts itself: its hashes are not of its subject")
    except (KeyError, TypeError, ValueError) as error:
        raise PapersError(
            f"{name} is signed, and is no statement of files ({type(error).__name__}: {error})"
        ) from error
    return signed


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.as_posix() == name


def _differences(signed: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """One line for each file that is not as it was signed."""
    step = "; get the folder again from whom you trust"
    missing = {name: signed[name] for name in signed if name not in found}
    extra = {name: found[name] for name in found if name not in signed}
    lines = [
        f"{name} was changed since it was signed{step}"
        for name in signed if name in found and signed[name] != found[name]
    ]  # fmt: skip
    for old, digest in missing.items():
        new = next((name for name, other in extra.items() if other == digest), None)
        if new is None:
            lines.append(f"{old} is missing{step}")
        else:
            del extra[new]
            lines.append(f"{old} was renamed to {new}; name it as it was signed")
    lines += [f"{name} was not signed; remove it, or have the folder signed again"
              for name in extra]  # fmt: skip
    return lines
