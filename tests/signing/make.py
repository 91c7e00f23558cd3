"""Has the official tool sign the folder of ``model_in``, by a key and under a root.

``make official-signatures`` runs it; the private keys are thrown away.
"""

import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import signing_examples as examples  # noqa: E402 - found by the line above


def main() -> None:
    """Write two signatures, and what they are verified with."""
    examples.YEAR = timedelta(days=3650)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = examples.model_in(place / "model")
        private, public, key = examples.key_in(place)
        root_key = examples.key_in(place, "root")[2]
        root = examples.certificate("Made Up Root", root_key, ca=True)
        leaf = examples.certificate("Made Up Signer", key, root, root_key)
        own, roots = examples.pem(place / "own.pem", leaf), examples.pem(HERE / "root.pem", root)
        (HERE / "key.pub").write_bytes(public.read_bytes())
        official = [os.environ["MODEL_SIGNING_PYTHON"], HERE / "official.py", "sign", folder]
        subprocess.run([*official, HERE / "key.sig", "key", private], check=True)
        subprocess.run(
            [*official, HERE / "certificate.sig", "certificate", private, own, roots], check=True
        )


main()
