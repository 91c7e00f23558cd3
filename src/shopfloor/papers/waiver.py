"""Waivers: somebody with a name and a key answers for one rule of one cell, until a day.

The signature is Ed25519 over the waiver and over the hash of all that was checked besides waivers:
when the cell or a model changes, the waiver is void. None covers a rule that failed, and so none a
bad hash; that nobody could hash what a server holds is unknown, and somebody may answer for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.check import Checked
from shopfloor.papers.extra import need
from shopfloor.papers.paper import Papers, Waiver
from shopfloor.types import RuleAnswer

__all__ = ["bound", "sign", "waived"]


def waived(checked: Checked, papers: Papers, key: Path | None) -> Checked:
    """Let the waivers of some papers answer for rules that are unknown or for counsel.

    Args:
        checked: What the rules say.
        papers: Whose waivers to read.
        key: Public key that they have to be signed with (PEM), or None: then none counts.

    Raises:
        PapersError: The key can't be read, or a waiver can't cover its rule or isn't signed by it.
    """
    if not papers.waivers or key is None:
        return checked
    public = _public(key)
    rules = {rule.id: rule for each in checked.sets for rule in each.rules}
    covering: dict[str, Waiver] = {}
    for waiver in papers.waivers:
        rule = rules.get(waiver.rule)
        if rule is None:
            continue  # of a regime that was not asked
        if not rule.waivable:
            raise PapersError(
                f"rule {rule.id} cannot be waived: what it asks for is in your own hands; take the "
                "waiver out"
            )
        _check_signature(public, waiver, papers)
        if checked.today < waiver.expires:
            covering[waiver.rule] = waiver
    return replace(checked, answers=tuple(_covered(each, covering) for each in checked.answers))


def _covered(answer: RuleAnswer, covering: dict[str, Waiver]) -> RuleAnswer:
    waiver = covering.get(answer.rule)
    if waiver is None or answer.verdict not in ("unknown", "counsel"):
        return answer
    return replace(answer, waiver=f"{waiver.counsel}, until {waiver.expires}: {waiver.reason}")


def bound(rule: str, counsel: str, reason: str, expires: date, papers: Papers) -> bytes:
    """The bytes that are signed: the waiver, and the hash of the papers without their waivers."""
    rest = papers.model_dump(mode="json", exclude={"waivers"})
    body = {
        "type": "shopfloor waiver 1",
        "rule": rule,
        "counsel": counsel,
        "reason": reason,
        "expires": expires.isoformat(),
        "papers": hashlib.sha256(_canonical(rest)).hexdigest(),
    }
    return _canonical(body)


def sign(
    key: Path, papers: Papers, *, rule: str, counsel: str, reason: str, expires: date
) -> Waiver:
    """Sign a waiver with a private Ed25519 key (PEM).

    Raises:
        PapersError: The key can't be read or is of another kind.
    """
    serialization = need("cryptography.hazmat.primitives.serialization")
    ed25519 = need("cryptography.hazmat.primitives.asymmetric.ed25519")
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise PapersError(f"{key} cannot be read as a private key: {error}") from error
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise PapersError(f"{key} is no Ed25519 key; make one: openssl genpkey -algorithm ed25519")
    made = private.sign(bound(rule, counsel, reason, expires, papers))
    return Waiver(rule=rule, counsel=counsel, reason=reason, expires=expires,
                  signature=base64.b64encode(made).decode())  # fmt: skip


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _public(key: Path) -> Any:
    serialization = need("cryptography.hazmat.primitives.serialization")
    ed25519 = need("cryptography.hazmat.primitives.asymmetric.ed25519")
    try:
        public = serialization.load_pem_public_key(key.read_bytes())
    except (OSError, ValueError) as error:
        raise PapersError(f"{key} cannot be read as a public key: {error}") from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise PapersError(f"{key} is no Ed25519 key; waivers are signed with no other")
    return public


def _check_signature(public: Any, waiver: Waiver, papers: Papers) -> None:
    exceptions = need("cryptography.exceptions")
    signed = bound(waiver.rule, waiver.counsel, waiver.reason, waiver.expires, papers)
    try:
        public.verify(base64.b64decode(waiver.signature, validate=True), signed)
    except (ValueError, exceptions.InvalidSignature) as error:
        raise PapersError(
            f"the waiver of {waiver.rule} is not signed by the key given, or the papers were "
            "changed since; have it signed again"
        ) from error
