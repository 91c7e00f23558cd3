"""Signed envelopes: DSSE over a payload, with a key of one's own or under a private root.

The envelope is that of https://github.com/secure-systems-lab/dsse (v1). Signatures are ECDSA with
the hash of the curve's size, as OpenSSF Model Signing has them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.chain import Chain, check_chain, read_chain
from shopfloor.papers.extra import need

__all__ = ["Envelope", "Signer", "Trust", "envelope_of", "hint_of"]

_HASHES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and the one signature over it.

    Attributes:
        payload_type: What the payload is (a media type).
        payload: Its bytes.
        signature: ECDSA in DER.
    """

    payload_type: str
    payload: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The bytes that are signed: the protocol's pre-authentication encoding."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)

    def as_json(self) -> dict[str, Any]:
        """The envelope as JSON has it."""
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [{"sig": base64.b64encode(self.signature).decode(), "keyid": ""}],
        }


def envelope_of(value: Any, name: str) -> Envelope:
    """Read an envelope.

    Raises:
        PapersError: It is none, or has more than one signature.
    """
    try:
        (signature,) = value["signatures"]
        found = Envelope(
            payload_type=value["payloadType"],
            payload=base64.b64decode(value["payload"], validate=True),
            signature=base64.b64decode(signature["sig"], validate=True),
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise PapersError(
            f"{name} holds no DSSE envelope with one signature ({type(error).__name__}: {error}); "
            "have it signed again"
        ) from error
    if not isinstance(found.payload_type, str):
        raise PapersError(f"{name} has a payloadType that is no text; have it signed again")
    return found


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, and the certificates that vouch for it where there are any.

    Attributes:
        chain: Of the key, its own certificate first, or None.
    """

    _private: Any
    chain: Chain | None

    @classmethod
    def read(cls, key: Path, chain: Path | None = None) -> Signer:
        """Read a private key and a certificate chain (PEM).

        Raises:
            PapersError: One can't be read, is of another kind, or they are not of each other.
        """
        serialization = need("cryptography.hazmat.primitives.serialization")
        try:
            private = serialization.load_pem_private_key(_bytes(key), password=None)
        except (ValueError, TypeError) as error:
            raise PapersError(f"{key} cannot be read as a private key: {error}") from error
        _check_curve(private, key, "EllipticCurvePrivateKey")
        found = read_chain(chain) if chain else None
        if found and found.key != private.public_key():
            raise PapersError(
                f"the first certificate in {chain} is not of the key in {key}; put the key's own "
                "certificate first, then those between it and the root"
            )
        return cls(private, found)

    @property
    def hint(self) -> str:
        """Which key this is: SHA-256 of its public half."""
        return hint_of(self._private.public_key())

    def seal(self, payload_type: str, payload: bytes) -> Envelope:
        """Sign a payload."""
        bare = Envelope(payload_type, payload, b"")
        made = self._private.sign(bare.signed, _scheme(self._private.public_key()))
        return Envelope(payload_type, payload, made)


@dataclass(frozen=True, slots=True)
class Trust:
    """What a signature is held against: one public key, or roots."""

    _key: Any = None
    _roots: Chain | None = None

    @classmethod
    def read(cls, *, key: Path | None, root: Path | None) -> Trust:
        """Read a public key or root certificates (PEM); exactly one of both.

        Raises:
            PapersError: It can't be read or is of another kind, or not exactly one is given.
        """
        if (key is None) == (root is None):
            raise PapersError(
                "a signature is held against one thing: give --key PUB.pem or --root CA.pem"
            )
        if root is not None:
            return cls(_roots=read_chain(root))
        assert key is not None  # noqa: S101 - told to mypy; checked above
        serialization = need("cryptography.hazmat.primitives.serialization")
        try:
            public = serialization.load_pem_public_key(_bytes(key))
        except ValueError as error:
            raise PapersError(f"{key} cannot be read as a public key: {error}") from error
        _check_curve(public, key, "EllipticCurvePublicKey")
        return cls(_key=public)

    @property
    def by_root(self) -> bool:
        """Whether roots are trusted, and so a chain is asked for."""
        return self._roots is not None

    def check(self, envelope: Envelope, name: str, *, chain: Chain | None, now: datetime) -> str:
        """Refuse an envelope that is not signed by whom is trusted.

        Args:
            envelope: As it was read.
            name: What messages call it.
            chain: Certificates that came with it, the signer's own first, or None.
            now: The time at which these have to be valid.

        Returns:
            Who signed, for people.

        Raises:
            PapersError: The signature is of another key, or the chain leads to no trusted root.
        """
        exceptions = need("cryptography.exceptions")
        if self._roots is None:
            public, who = self._key, f"key {hint_of(self._key)[:12]}…"
        elif chain is None:
            raise PapersError(
                f"{name} came without certificates, so that no root can vouch for it; give the "
                "signer's public key with --key"
            )
        else:
            public = check_chain(chain, self._roots, name, now)
            _check_curve(public, name, "EllipticCurvePublicKey")
            who = f"{chain.subject}, key {hint_of(public)[:12]}…"
        try:
            public.verify(envelope.signature, envelope.signed, _scheme(public))
        except exceptions.InvalidSignature as error:
            raise PapersError(
                f"{name} is not signed by {who}, or was changed since; nothing in it is believed: "
                "get it again from whom you trust, or have it signed again"
            ) from error
        return who


def hint_of(public: Any) -> str:
    """Name a public key as Model Signing does: SHA-256 of its PEM."""
    serialization = need("cryptography.hazmat.primitives.serialization")
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(pem).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PapersError(f"{path} cannot be read: {error.strerror}; give a PEM file") from error


def _scheme(public: Any) -> Any:
    ec = need("cryptography.hazmat.primitives.asymmetric.ec")
    hashes = need("cryptography.hazmat.primitives.hashes")
    return ec.ECDSA(getattr(hashes, _HASHES[public.curve.name])())


def _check_curve(key: Any, name: object, kind: str) -> None:
    ec = need("cryptography.hazmat.primitives.asymmetric.ec")
    if not isinstance(key, getattr(ec, kind)) or key.curve.name not in _HASHES:
        raise PapersError(
            f"the key of {name} is none on the curve P-256, P-384 or P-521; make one: openssl "
            "ecparam -name prime256v1 -genkey -noout -out key.pem"
        )
