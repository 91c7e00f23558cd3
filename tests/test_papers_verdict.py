"""The verdict that is signed beside a run, and what it is held against."""

import base64
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from record_examples import manifest
from shopfloor.cli.papers_all import command
from shopfloor.cli.run import command as run_command
from shopfloor.errors import PapersError, UsageError
from shopfloor.papers.dsse import Signer, Trust
from shopfloor.papers.gate import pass_gate
from shopfloor.papers.model_signature import sign_folder
from shopfloor.papers.verdict import NAME, sign_verdict, verify_verdict
from shopfloor.record import RunFolder
from shopfloor.types import PapersStamp
from signing_examples import certificate, key_in, model_in, pem

PASSED = PapersStamp(
    "pass",
    "Checks passed, as made up",
    "通过",
    checked="2026-12-01",
    models=("pkg:huggingface/made-up/x@1",),
    weights={"a.json": "0" * 64},
)


@pytest.fixture
def keys(tmp_path):
    return key_in(tmp_path)


def run_with(folder, stamp):
    RunFolder.create(folder, replace(manifest(), papers=stamp)).close()
    return folder


@pytest.fixture
def run(tmp_path):
    return run_with(tmp_path / "run", PASSED)


@pytest.fixture
def signed(run, keys):
    return sign_verdict(run, Signer.read(keys[0]))


def by_key(file, key):
    return verify_verdict(file, Trust.read(key=key, root=None))


def statement(file):
    return json.loads(base64.b64decode(json.loads(file.read_bytes())["payload"]))


def test_a_signed_verdict_is_read_with_its_words(signed, keys):
    found = by_key(signed, keys[1])
    assert (found.verdict, found.said) == ("pass", "Checks passed, as made up")


def test_the_statement_names_rules_models_and_weights(tmp_path, keys):
    stamp = pass_gate("classical", file=None, enforce=False).stamp
    file = sign_verdict(run_with(tmp_path / "run", stamp), Signer.read(keys[0]))
    told = statement(file)["predicate"]
    assert told["policy"]["rules"] == ["licence", "eu", "us", "cn"]
    assert [each["rule"] for each in told["answers"]] == [rule.rule for rule in stamp.rules]
    assert told["resources"] == [{"uri": uri} for uri in stamp.models]


@pytest.mark.parametrize("verdict", ["fail", "unknown", "counsel", "not checked"])
def test_nothing_but_a_pass_is_told_as_passed(tmp_path, keys, verdict):
    file = sign_verdict(
        run_with(tmp_path / "run", replace(PASSED, verdict=verdict)), Signer.read(keys[0])
    )
    told = statement(file)["predicate"]
    assert (told["verificationResult"], told["verdict"]) == ("FAILED", verdict)
    done = CliRunner().invoke(command, ["verify", str(file), "--key", str(keys[1])])
    assert done.exit_code == 1
    assert "verified" in done.output


def test_a_manifest_that_was_changed_since_is_refused(signed, keys):
    file = signed.parent / "manifest.json"
    file.write_bytes(file.read_bytes().replace(b'"seed"', b'"seed" '))
    with pytest.raises(PapersError, match=r"manifest\.json was changed since"):
        by_key(signed, keys[1])


def test_a_verdict_of_another_run_is_refused(signed, keys, tmp_path):
    other = run_with(tmp_path / "other", replace(PASSED, verdict="fail"))
    copy = other / NAME
    copy.write_bytes(signed.read_bytes())
    with pytest.raises(PapersError, match="is of another run"):
        by_key(copy, keys[1])


def test_another_key_and_another_root_are_refused(signed, tmp_path):
    _, public, other = key_in(tmp_path, "other")
    with pytest.raises(PapersError, match="is not signed by key"):
        by_key(signed, public)
    root = pem(tmp_path / "root.pem", certificate("Made Up Root", other, ca=True))
    with pytest.raises(PapersError, match="came without certificates"):
        verify_verdict(signed, Trust.read(key=None, root=root))


def test_words_that_were_changed_since_are_refused(tmp_path, keys):
    file = sign_verdict(
        run_with(tmp_path / "run", replace(PASSED, verdict="fail")), Signer.read(keys[0])
    )
    envelope = json.loads(file.read_bytes())
    told = statement(file)
    told["predicate"]["verdict"] = "pass"
    envelope["payload"] = base64.b64encode(json.dumps(told).encode()).decode()
    file.write_text(json.dumps(envelope), encoding="utf-8")
    with pytest.raises(PapersError, match="or was changed since"):
        by_key(file, keys[1])


def test_a_signature_of_something_else_is_no_verdict(run, keys):
    file = run / NAME
    for payload in (b"{}", b"[]", b"no JSON", b'{"_type": 1, "predicateType": 2, "subject": []}'):
        sealed = Signer.read(keys[0]).seal("application/vnd.in-toto+json", payload)
        file.write_text(json.dumps(sealed.as_json()), encoding="utf-8")
        with pytest.raises(PapersError, match="no verdict"):
            by_key(file, keys[1])


def test_a_run_without_a_verdict_says_so(tmp_path, run, keys):
    with pytest.raises(PapersError, match="cannot be read"):
        by_key(run / NAME, keys[1])
    with pytest.raises(PapersError, match="give the folder of a run"):
        sign_verdict(tmp_path / "none", Signer.read(keys[0]))


def test_a_verdict_in_a_models_folder_does_not_vouch_for_its_files(signed, tmp_path, keys):
    folder = model_in(tmp_path / "model")
    sign_folder(folder, Signer.read(keys[0]))
    for name in ("manifest.json", NAME):
        (folder / name).write_bytes((signed.parent / name).read_bytes())
    asked = ["verify", str(folder), "--key", str(keys[1])]
    assert isinstance(CliRunner().invoke(command, asked).exception, PapersError)
    (folder / "model.sig").unlink()
    error = CliRunner().invoke(command, asked).exception
    assert isinstance(error, UsageError)
    assert f"verify {folder / NAME}" in str(error)


def test_a_run_signs_its_verdict_when_a_key_is_given(tmp_path, keys, monkeypatch):
    out = tmp_path / "run"

    def work(plan, folder, **_more):
        run_with(folder, plan.papers)
        return "complete"

    monkeypatch.setattr("shopfloor.shift.run_shift", work)
    asked = ["--orders", "1", "--out", str(out), "--papers-key", str(keys[0]), "--json"]
    done = CliRunner().invoke(run_command, asked)
    assert done.exit_code == 0, done.output
    assert (
        by_key(out / NAME, keys[1]).verdict
        == json.loads((out / "manifest.json").read_bytes())["papers"]["verdict"]
    )
    assert "PRIVATE" not in "".join(
        each.read_text("utf-8", "replace") for each in out.iterdir() if each.is_file()
    )


def test_a_key_that_cannot_sign_stops_the_run_before_it_begins(tmp_path, keys):
    out = tmp_path / "run"
    asked = ["--orders", "1", "--out", str(out), "--papers-key", str(keys[1])]
    assert isinstance(CliRunner().invoke(run_command, asked).exception, PapersError)
    assert not out.exists()
