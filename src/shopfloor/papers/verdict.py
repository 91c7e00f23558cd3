"""The gate's verdict on a run, signed: who started this brain knew what the rules said.

``RUN/papers.dsse.json`` is a DSSE envelope of an in-toto statement about ``RUN/manifest.json``,
which is written once, before the first tick, and holds the verdict with every rule's answer. The
predicate has the names of SLSA's verification summary where they mean the same; it is not one, as
SLSA knows no ``unknown`` and no ``counsel``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import shopfloor
from shopfloor.errors import PapersError
from shopfloor.papers.dsse import Signer, Trust, envelope_of
from shopfloor.papers.model_signature import IN_TOTO, STATEMENT, read_json
from shopfloor.record.disk import write_atomic
from shopfloor.types import PapersStamp

__all__ = ["NAME", "SignedVerdict", "sign_verdict", "verify_verdict"]

NAME = "papers.dsse.json"
_MANIFEST = "manifest.json"
_PREDICATE = "urn:shopfloor:papers-verdict:1"
_TOLD = ("rule", "verdict", "reason", "source", "waiver")
_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class SignedVerdict:
    """What somebody with a key says of a run.

    Attributes:
        run: Its folder.
        who: Who signed, for people.
        verdict: ``pass``, ``fail``, ``unknown``, ``counsel`` or ``not checked``.
        said: The same as a sentence.
    """

    run: Path
    who: str
    verdict: str
    said: str


def sign_verdict(run: Path, signer: Signer, *, now: datetime | None = None) -> Path:
    """Sign the verdict that the manifest of a run holds; one that is there is replaced.

    Raises:
        PapersError: The manifest can't be read.
        RunUnwritable: The verdict can't be written.
    """
    data = _manifest(run)
    stamp = _stamp(data, run)
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": _MANIFEST, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "verifier": {"id": "shopfloor", "version": shopfloor.__version__},
            "timeSigned": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "checked": stamp.checked,
            "resources": [{"uri": uri} for uri in stamp.models],
            "weights": [
                {"name": name, "digest": {"sha256": digest}}
                for name, digest in sorted(stamp.weights.items())
            ],
            "policy": {"rules": stamp.regimes, "papers_sha256": stamp.papers_sha256,
                       "enforced": stamp.enforced, "given": stamp.given},
            "verificationResult": "PASSED" if stamp.verdict == "pass" else "FAILED",
            "verdict": stamp.verdict,
            "said": stamp.said,
            "answers": [
                {name: getattr(rule, name) for name in _TOLD}
                for rule in stamp.rules
            ],
        },
    }  # fmt: skip
    payload = json.dumps(statement, ensure_ascii=False, indent=2).encode()
    out = run / NAME
    write_atomic(out, json.dumps(signer.seal(IN_TOTO, payload).as_json()).encode())
    return out


def verify_verdict(file: Path, trust: Trust) -> SignedVerdict:
    """Hold a signed verdict against the manifest beside it.

    Raises:
        PapersError: It is not signed by whom is trusted, or is of another run.
    """
    name, run = str(file), file.absolute().parent
    envelope = envelope_of(read_json(file, _LIMIT_BYTES), name)
    who = trust.check(envelope, name, chain=None, now=datetime.now(UTC))
    try:
        statement = json.loads(envelope.payload)
        kind = (envelope.payload_type, statement["_type"], statement["predicateType"])
        (subject,) = statement["subject"]
        signed = subject["name"], subject["digest"]["sha256"]
        verdict, said = statement["predicate"]["verdict"], statement["predicate"]["said"]
    except (KeyError, TypeError, ValueError) as error:
        raise PapersError(f"{name} is signed, and is no verdict ({error})") from error
    if kind != (IN_TOTO, STATEMENT, _PREDICATE):
        raise PapersError(f"{name} is signed, and is no verdict but {kind[2]!r}")
    data = _manifest(run)
    if signed != (_MANIFEST, hashlib.sha256(data).hexdigest()):
        raise PapersError(
            f"{name} is of another run, or {run / _MANIFEST} was changed since; restore it from a "
            "copy"
        )
    stamp = _stamp(data, run)
    if (verdict, said) != (stamp.verdict, stamp.said):
        raise PapersError(f"{name} says {verdict!r}, and the manifest that it signs does not")
    return SignedVerdict(run, who, verdict, said)


def _manifest(run: Path) -> bytes:
    try:
        return (run / _MANIFEST).read_bytes()
    except OSError as error:
        raise PapersError(
            f"{run / _MANIFEST} cannot be read: {error.strerror}; give the folder of a run"
        ) from error


def _stamp(data: bytes, run: Path) -> PapersStamp:
    try:
        return PapersStamp.from_json(json.loads(data)["papers"])
    except (KeyError, TypeError, ValueError) as error:
        raise PapersError(
            f"{run / _MANIFEST} holds no verdict of the papers ({error}); restore it from a copy"
        ) from error
