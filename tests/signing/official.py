"""Asks the official tool, in its own environment.

``official.py verify FOLDER SIGNATURE (key|certificate) PEM`` or
``official.py sign FOLDER SIGNATURE (key|certificate) KEY [CERTIFICATE ROOT]``
"""

import sys
from pathlib import Path

import model_signing


def verify(folder: Path, signature: Path, how: str, pem: str) -> None:
    verifier = model_signing.verifying.Config()
    if how == "key":
        verifier.use_elliptic_key_verifier(public_key=pem)
    else:
        verifier.use_certificate_verifier(certificate_chain=[pem])
    verifier.verify(folder, signature)
    print("verified")


def sign(folder: Path, signature: Path, how: str, key: str, *certificates: str) -> None:
    signer = model_signing.signing.Config()
    if how == "key":
        signer.use_elliptic_key_signer(private_key=Path(key))
    else:
        own, root = map(Path, certificates)
        signer.use_certificate_signer(
            private_key=Path(key), signing_certificate=own, certificate_chain=[root]
        )
    signer.sign(folder, signature)


verb, first, second, *rest = sys.argv[1:]
{"verify": verify, "sign": sign}[verb](Path(first), Path(second), *rest)
