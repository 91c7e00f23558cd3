"""The official verifier reads what we sign, and refuses what we refuse."""

import os
import subprocess
from pathlib import Path

import pytest

from shopfloor.papers.dsse import Signer
from shopfloor.papers.model_signature import sign_folder
from signing_examples import certificate, key_in, model_in, pem

pytestmark = pytest.mark.signing
PYTHON = os.environ.get("MODEL_SIGNING_PYTHON", "")


def official(folder, how, trusted):
    script = Path(__file__).parent / "official.py"
    return subprocess.run(
        [PYTHON, script, "verify", folder, folder / "model.sig", how, trusted],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(params=["key", "certificate"])
def signed(tmp_path, request):
    folder = model_in(tmp_path / "model")
    private, public, key = key_in(tmp_path)
    root_key = key_in(tmp_path, "root")[2]
    root = certificate("Made Up Root", root_key, ca=True)
    leaf = certificate("Made Up Signer", key, root, root_key)
    chain = pem(tmp_path / "leaf.pem", leaf) if request.param == "certificate" else None
    sign_folder(folder, Signer.read(private, chain))
    return folder, request.param, pem(tmp_path / "root.pem", root) if chain else public


def test_the_official_verifier_reads_what_we_sign(signed):
    done = official(*signed)
    assert done.stdout.strip() == "verified", done.stderr


@pytest.mark.parametrize("spoil", ["change", "add", "remove"])
def test_the_official_verifier_refuses_what_we_refuse(signed, spoil):
    config = signed[0] / "config.json"
    if spoil == "change":
        config.write_bytes(b"{ }\n")
    elif spoil == "add":
        (signed[0] / "more.json").write_bytes(b"[]")
    else:
        config.unlink()
    done = official(*signed)
    assert done.returncode != 0
    assert "Signature mismatch" in done.stderr
