"""Certificates of a private root: reading them, and following them from a signer to a root."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.extra import need

__all__ = ["Chain", "chain_of", "check_chain", "read_chain"]

_MOST = 8
"""Certificates of one chain; a private root has one or two between."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Certificates, the signer's own first; or roots."""

    certificates: tuple[Any, ...]

    @property
    def key(self) -> Any:
        """The public key of the first."""
        return self.certificates[0].public_key()

    @property
    def subject(self) -> str:
        """Whom the first is of, for people."""
        return str(self.certificates[0].subject.rfc4514_string()) or "a certificate without a name"

    def as_json(self) -> list[dict[str, str]]:
        """The certificates as a Sigstore bundle has them."""
        serialization = need("cryptography.hazmat.primitives.serialization")
        return [
            {"rawBytes": base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode()}
            for each in self.certificates
        ]


def read_chain(path: Path) -> Chain:
    """Read certificates (PEM).

    Raises:
        PapersError: The file can't be read or holds none.
    """
    x509 = need("cryptography.x509")
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise PapersError(f"{path} cannot be read: {error.strerror}; give a PEM file") from error
    except ValueError as error:
        raise PapersError(f"{path} holds no certificates (PEM): {error}") from error
    return _bounded(found, str(path))


def chain_of(value: Sequence[Any], name: str) -> Chain:
    """Read the certificates of a bundle.

    Raises:
        PapersError: They are none.
    """
    x509 = need("cryptography.x509")
    try:
        raw = [base64.b64decode(each["rawBytes"], validate=True) for each in value]
        found = [x509.load_der_x509_certificate(each) for each in raw]
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise PapersError(f"{name} holds certificates that cannot be read: {error}") from error
    return _bounded(found, name)


def check_chain(chain: Chain, roots: Chain, name: str, now: datetime) -> Any:
    """Follow a chain to a trusted root, and return the signer's public key.

    Certificates have to be valid at ``now``: the bundle holds no time that somebody else vouches
    for, so nothing shows that a certificate was still valid when it signed.

    Raises:
        PapersError: No root vouches for the signer, or its certificate is not for signing.
    """
    verification = need("cryptography.x509.verification")
    policy = verification.ExtensionPolicy.permit_all
    x509, criticality = need("cryptography.x509"), verification.Criticality.AGNOSTIC
    authority = (
        policy()
        .require_present(x509.BasicConstraints, criticality, _is_authority)
        .require_present(x509.KeyUsage, criticality, _signs_certificates)
    )
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store(list(roots.certificates)))
        .time(now)
        .max_chain_depth(_MOST)
        .extension_policies(ca_policy=authority, ee_policy=policy())
    )
    first, *between = chain.certificates
    try:
        builder.build_client_verifier().verify(first, between)
    except verification.VerificationError as error:
        raise PapersError(
            f"the certificate of {chain.subject!r} in {name} leads to no root that is trusted, or "
            f"is not valid at {now:%Y-%m-%d %H:%M} UTC: {error}; give the root of whom you trust, "
            "or have it signed again"
        ) from error
    if not _may_sign(first):
        raise PapersError(
            f"the certificate of {chain.subject!r} in {name} is not for signing: it has neither "
            "key usage digitalSignature nor extended key usage codeSigning"
        )
    return first.public_key()


def _bounded(found: Sequence[Any], name: str) -> Chain:
    if not 0 < len(found) <= _MOST:
        raise PapersError(f"{name} holds {len(found)} certificates; 1 to {_MOST} are read")
    return Chain(tuple(found))


def _is_authority(_policy: Any, _certificate: Any, constraints: Any) -> None:
    if not constraints.ca:
        raise ValueError("a certificate that is no authority's vouches for another")


def _signs_certificates(_policy: Any, _certificate: Any, usage: Any) -> None:
    if not usage.key_cert_sign:
        raise ValueError("an authority's certificate is not for signing certificates")


def _may_sign(certificate: Any) -> bool:
    x509 = need("cryptography.x509")
    usages = {each.oid: each.value for each in certificate.extensions}
    usage = usages.get(x509.KeyUsage.oid)
    if usage is not None and usage.digital_signature:
        return True
    extended = usages.get(x509.ExtendedKeyUsage.oid)
    return extended is not None and x509.ExtendedKeyUsageOID.CODE_SIGNING in extended
