"""Signatures of model folders: ours, those of the official tool, and what is refused."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec

from shopfloor.cli.papers_all import command
from shopfloor.errors import PapersError
from shopfloor.papers.dsse import Envelope, Signer, Trust
from shopfloor.papers.model_signature import sign_folder, verify_folder
from signing_examples import YEAR, certificate, key_in, model_in, pem

OFFICIAL = Path(__file__).parent / "signing"
"""Made by model-signing 1.1.1 (``make official-signatures``), over the folder of ``model_in``."""

BARE = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return model_in(tmp_path / "model")


@pytest.fixture
def keys(tmp_path):
    return key_in(tmp_path)


@pytest.fixture
def signed(folder, keys):
    sign_folder(folder, Signer.read(keys[0]))
    return folder


@pytest.fixture
def family(tmp_path, keys):
    """A root, what it vouches for in between, and the signer's own certificate."""
    _, _, root_key = key_in(tmp_path, "root")
    _, _, mid_key = key_in(tmp_path, "mid")
    root = certificate("Made Up Root", root_key, ca=True)
    mid = certificate("Made Up Between", mid_key, root, root_key, ca=True)
    leaf = certificate("Made Up Signer", keys[2], mid, mid_key)
    return {"root": root, "root_key": root_key, "mid": mid, "mid_key": mid_key, "leaf": leaf}


def by_key(folder, key):
    return verify_folder(folder, Trust.read(key=key, root=None))


def by_root(folder, root, **more):
    return verify_folder(folder, Trust.read(key=None, root=root), **more)


def test_what_is_signed_is_verified_with_every_file(signed, keys):
    done = by_key(signed, keys[1])
    assert set(done.sha256) == {"README.md", "config.json", "model.safetensors", "tokens/words.txt"}


def test_the_envelope_signs_the_bytes_that_the_protocol_says():
    # The example of the DSSE protocol's own text.
    told = Envelope("http://example.com/HelloWorld", b"hello world", b"").signed
    assert told == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_every_curve_of_the_format_signs(folder, tmp_path, curve):
    private, public, _ = key_in(tmp_path, "other", curve)
    sign_folder(folder, Signer.read(private))
    assert by_key(folder, public).who.startswith("key ")


def change(folder):
    (folder / "config.json").write_bytes(b"{ }\n")


def add(folder):
    (folder / "more.json").write_bytes(b"[]")


def add_hidden(folder):
    (folder / "tokens" / ".more").write_bytes(b"x")


def remove(folder):
    (folder / "tokens" / "words.txt").unlink()


def rename(folder):
    (folder / "config.json").rename(folder / "tokens" / "config.json")


def link(folder):
    (folder / "config.json").rename(folder.parent / "config.json")
    (folder / "config.json").symlink_to(folder.parent / "config.json")


def link_folder(folder):
    (folder / "more").symlink_to(folder.parent)


def pickle(folder):
    (folder / "more.dat").write_bytes(b"\x80\x04K\x01.")


def pickle_by_name(folder):
    (folder / "tokens" / "more.bin").write_bytes(b"x")


def torch(folder):
    (folder / "model.safetensors").write_bytes(b"PK\x03\x04" + b"\0" * 60)


def pipe(folder):
    os.mkfifo(folder / "more.json")


def git(folder):
    (folder / ".gitattributes").write_bytes(b"* text\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change, "^config.json was changed since it was signed"),
        (add, "^more.json was not signed"),
        (add_hidden, "^tokens/.more was not signed"),
        (remove, "^tokens/words.txt is missing"),
        (rename, "^config.json was renamed to tokens/config.json"),
        (link, "config.json is a link"),
        (link_folder, "more is a link"),
        (pickle, "more.dat is a pickle"),
        (pickle_by_name, "more.bin can run code"),
        (torch, "model.safetensors is a pickle"),
        (pipe, "more.json is no regular file"),
        (git, ".gitattributes is git's own"),
    ],
)
def test_a_folder_that_is_not_as_it_was_signed_is_refused_by_name(signed, keys, spoil, words):
    spoil(signed)
    with pytest.raises(PapersError, match=words):
        by_key(signed, keys[1])


@pytest.mark.parametrize("spoil", [link, link_folder, pickle, pickle_by_name, torch, pipe, git])
def test_what_is_refused_is_not_signed_and_nothing_is_written(folder, keys, spoil):
    spoil(folder)
    with pytest.raises(PapersError):
        sign_folder(folder, Signer.read(keys[0]))
    assert not (folder / "model.sig").exists()


def test_every_fault_has_its_line(signed, keys):
    change(signed)
    add(signed)
    remove(signed)
    with pytest.raises(PapersError) as told:
        by_key(signed, keys[1])
    assert len(str(told.value).splitlines()) == 3


def test_another_key_is_refused(signed, tmp_path):
    with pytest.raises(PapersError, match="is not signed by key"):
        by_key(signed, key_in(tmp_path, "other")[1])


def statement_changed(signed, edit):
    """Change the signed statement without signing it again."""
    file = signed / "model.sig"
    bundle = json.loads(file.read_bytes())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    edit(statement)
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    file.write_text(json.dumps(bundle), encoding="utf-8")


def test_a_list_that_was_changed_after_signing_is_refused(signed, keys):
    statement_changed(signed, lambda it: it["predicate"]["resources"].pop())
    with pytest.raises(PapersError, match="or was changed since"):
        by_key(signed, keys[1])


def resigned(folder, keys, edit):
    """Sign a statement that was changed, with the right key."""
    file = folder / "model.sig"
    bundle = json.loads(file.read_bytes())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    edit(statement)
    sealed = Signer.read(keys[0]).seal(
        bundle["dsseEnvelope"]["payloadType"], json.dumps(statement).encode()
    )
    bundle["dsseEnvelope"] = sealed.as_json()
    file.write_text(json.dumps(bundle), encoding="utf-8")


def test_a_signer_cannot_have_files_left_out(signed, keys):
    add(signed)
    resigned(
        signed,
        keys,
        lambda it: it["predicate"]["serialization"]["ignore_paths"].append("more.json"),
    )
    with pytest.raises(PapersError, match=r"more\.json was not signed"):
        by_key(signed, keys[1])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda it: it.update(predicateType="https://slsa.dev/provenance/v1"), "not the files"),
        (lambda it: it["predicate"]["serialization"].update(method="shards"), "lists shards"),
        (lambda it: it["predicate"]["resources"].reverse(), "contradicts itself"),
        (lambda it: it["predicate"]["resources"][0].update(name="../x"), "outside the folder"),
        (lambda it: it["predicate"]["resources"].append(it["predicate"]["resources"][0]), "twice"),
        (lambda it: it.pop("subject"), "no statement of files"),
    ],
)
def test_a_signed_statement_of_another_kind_is_refused(signed, keys, edit, words):
    resigned(signed, keys, edit)
    with pytest.raises(PapersError, match=words):
        by_key(signed, keys[1])


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "[" * 100_000, '{"mediaType": "x"}', '{"dsseEnvelope": null}',
        json.dumps(BARE), json.dumps(BARE | {"dsseEnvelope": {
            "payload": "e30=", "payloadType": "x", "signatures": []}}),
    ],
)  # fmt: skip
def test_what_is_no_signature_is_said_to_be_none(folder, keys, text):
    (folder / "model.sig").write_text(text, encoding="utf-8")
    with pytest.raises(PapersError, match=r"model\.sig"):
        by_key(folder, keys[1])


def test_two_signatures_on_one_envelope_are_refused(signed, keys):
    file = signed / "model.sig"
    bundle = json.loads(file.read_bytes())
    bundle["dsseEnvelope"]["signatures"] *= 2
    file.write_text(json.dumps(bundle), encoding="utf-8")
    with pytest.raises(PapersError, match="one signature"):
        by_key(signed, keys[1])


def test_a_private_root_vouches_through_what_is_between(folder, keys, family, tmp_path):
    chain = pem(tmp_path / "chain.pem", family["leaf"], family["mid"])
    sign_folder(folder, Signer.read(keys[0], chain))
    done = by_root(folder, pem(tmp_path / "root.pem", family["root"]))
    assert done.who.startswith("CN=Made Up Signer")


def test_another_root_of_the_same_name_is_refused(folder, keys, family, tmp_path):
    chain = pem(tmp_path / "chain.pem", family["leaf"], family["mid"])
    sign_folder(folder, Signer.read(keys[0], chain))
    other = certificate("Made Up Root", key_in(tmp_path, "impostor")[2], ca=True)
    with pytest.raises(PapersError, match="leads to no root that is trusted"):
        by_root(folder, pem(tmp_path / "root.pem", other))


def test_a_certificate_that_has_run_out_or_is_not_yet_valid_is_refused(
    folder, keys, family, tmp_path
):
    chain = pem(tmp_path / "chain.pem", family["leaf"], family["mid"])
    sign_folder(folder, Signer.read(keys[0], chain))
    root = pem(tmp_path / "root.pem", family["root"])
    for when in (datetime.now(UTC) + YEAR, datetime.now(UTC) - timedelta(days=3)):
        with pytest.raises(PapersError, match="is not valid at"):
            by_root(folder, root, now=when)


def test_a_certificate_that_is_not_for_signing_is_refused(folder, keys, family, tmp_path):
    leaf = certificate("Made Up Guest", keys[2], family["mid"], family["mid_key"], signs=False)
    sign_folder(folder, Signer.read(keys[0], pem(tmp_path / "c.pem", leaf, family["mid"])))
    with pytest.raises(PapersError, match="not for signing"):
        by_root(folder, pem(tmp_path / "root.pem", family["root"]))


def test_who_is_no_authority_cannot_vouch_for_another(folder, keys, family, tmp_path):
    private, _, guest_key = key_in(tmp_path, "guest")
    guest = certificate("Made Up Guest", guest_key, family["leaf"], keys[2])
    chain = pem(tmp_path / "c.pem", guest, family["leaf"], family["mid"])
    sign_folder(folder, Signer.read(private, chain))
    with pytest.raises(PapersError, match="leads to no root that is trusted"):
        by_root(folder, pem(tmp_path / "root.pem", family["root"]))


def test_a_bare_key_is_vouched_for_by_no_root(signed, family, tmp_path):
    with pytest.raises(PapersError, match="came without certificates"):
        by_root(signed, pem(tmp_path / "root.pem", family["root"]))


def test_a_chain_of_another_key_signs_nothing(family, tmp_path):
    private, _, _ = key_in(tmp_path, "other")
    with pytest.raises(PapersError, match="is not of the key"):
        Signer.read(private, pem(tmp_path / "chain.pem", family["leaf"]))


def test_neither_or_both_kinds_of_trust_are_an_error(keys):
    for key, root in ((None, None), (keys[1], keys[1])):
        with pytest.raises(PapersError, match=r"--key PUB\.pem or --root CA\.pem"):
            Trust.read(key=key, root=root)


def test_keys_that_are_none_are_named(tmp_path, keys):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing", encoding="utf-8")
    with pytest.raises(PapersError, match="cannot be read as a private key"):
        Signer.read(wrong)
    with pytest.raises(PapersError, match="cannot be read as a public key"):
        Trust.read(key=wrong, root=None)
    with pytest.raises(PapersError, match="holds no certificates"):
        Trust.read(key=None, root=wrong)
    with pytest.raises(PapersError, match="P-256"):
        Signer.read(key_in(tmp_path, "koblitz", ec.SECP256K1())[0])


def test_a_signature_is_not_written_over(signed, keys):
    with pytest.raises(PapersError, match="is there already"):
        sign_folder(signed, Signer.read(keys[0]))


@pytest.mark.parametrize("how", ["key", "certificate"])
def test_signatures_of_the_official_tool_are_read(folder, how):
    trust = {
        "key": Trust.read(key=OFFICIAL / "key.pub", root=None),
        "certificate": Trust.read(key=None, root=OFFICIAL / "root.pem"),
    }[how]
    made = datetime(2026, 12, 1, tzinfo=UTC)
    signature = OFFICIAL / f"{how}.sig"
    assert len(verify_folder(folder, trust, signature, now=made).sha256) == 4
    change(folder)
    with pytest.raises(PapersError, match=r"^config.json was changed"):
        verify_folder(folder, trust, signature, now=made)


def test_the_commands_sign_verify_and_refuse(folder, keys):
    runner = CliRunner()
    done = runner.invoke(command, ["sign", str(folder), "--key", str(keys[0])])
    assert done.exit_code == 0
    assert "signed   4 files" in done.output
    asked = ["verify", str(folder), "--key", str(keys[1])]
    assert "as signed by key" in runner.invoke(command, asked).output
    change(folder)
    assert isinstance(runner.invoke(command, asked).exception, PapersError)
