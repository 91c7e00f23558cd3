"""Papers that are wrong, weights that are not what they say, waivers, and the gate of a run."""

import json
import os
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from papers_examples import ALL, TODAY, cards_in, changed, facts, read, weights_in
from replica_examples import forge
from report_examples import entry, manifest
from shift_examples import ORDERS, order_file, silent
from shopfloor.cli.papers_init import command
from shopfloor.errors import PapersError, PapersRefused, UsageError
from shopfloor.papers import Passed, hash_folders, pass_gate
from shopfloor.papers.check import check
from shopfloor.papers.document import LIMIT_BYTES, parse
from shopfloor.papers.document import read as read_file
from shopfloor.papers.draft import example
from shopfloor.papers.paper import load
from shopfloor.papers.rule import chosen
from shopfloor.papers.waiver import sign, waived
from shopfloor.record import Manifest, RunFolder
from shopfloor.report.page import render
from shopfloor.report.summary import summarise
from shopfloor.types import NOT_CHECKED, PapersStamp

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(12)
)


@pytest.fixture(autouse=True)
def _day(monkeypatch):
    """Rules are to be read again one day; these tests are not."""
    monkeypatch.setattr("shopfloor.papers.gate.today", lambda: TODAY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "line 1 has an anchor or alias"),
        ("a: 1\nb: 2\na: 3\n", r"line 3 has 'a' again \(first in line 1\)"),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1 has the tag"),
        ("a: 1\n---\nb: 2\n", "line 2 has a second document"),
        ("? [a]\n: 1\n", "a key that is no word"),
        ("a: [1\nb: 2\n", "line 2 is not YAML"),
        ("[" * 20 + "]" * 20, "too much"),
        ("", "is empty"),
        ("a: \x00\n", "is not YAML"),
    ],
)
def test_what_yaml_can_hide_is_refused_with_its_line(text, words):
    with pytest.raises(PapersError, match=words):
        parse(text.encode(), "papers.yaml")


def test_a_file_that_is_too_large_or_no_text_is_refused():
    with pytest.raises(PapersError, match="larger than"):
        parse(b"a" * (LIMIT_BYTES + 1), "papers.yaml")
    with pytest.raises(PapersError, match="UTF-8"):
        parse(b"a: \xff\n", "papers.yaml")


def test_norway_is_a_country_and_a_date_is_text():
    document = parse(b"a: NO\nb: 2026-11-25\nc: 1.5\nd: true\ne: '12'\nf: 007\n", "x")
    assert document.value == {"a": "NO", "b": "2026-11-25", "c": 1.5, "d": True, "e": "12",
                              "f": "007"}  # fmt: skip


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(PapersError, match="shopfloor papers init"):
        read_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("cell/commercial", "yes"), r"cell\.commercial .* got \"yes\""),
        (("cell/monthly_active_users", -1), r"cell\.monthly_active_users"),
        (("cell/monthly_active_users", True), r"cell\.monthly_active_users"),
        (("cell/actuation_region", "Germany"), r"cell\.actuation_region"),
        (("cell/surprise", 1), r"cell\.surprise is no field of papers"),
        (("models", []), "models"),
        (("models/0/weights/..", "0" * 64), "models"),
        (("models/0/licence/declared", "Apache 2.0"), r"models\.0\.licence\.declared"),
        (("evidence/0/expires", "soon"), r"evidence\.0\.expires"),
        (("cell/use", ["weaponry"]), r"cell\.use\.0 .*'weapons'"),
    ],
)
def test_what_is_no_papers_is_named_with_its_line(change, words, tmp_path):
    plain = changed(facts(weights_in(tmp_path / "w")), change)
    with pytest.raises(PapersError, match=words):
        read(plain)


# Weights.


def test_hashes_are_those_of_the_files(tmp_path):
    import hashlib

    folder = weights_in(tmp_path / "w")
    found = hash_folders([folder]).sha256
    assert found == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("config.json", "model.safetensors")
    }


@pytest.mark.parametrize("name", ["pytorch_model.bin", "x.pt", "x.pkl", "modeling.py", "x.ckpt"])
def test_what_can_run_code_is_refused(name, tmp_path):
    folder = weights_in(tmp_path / "w")
    (folder / name).write_bytes(b"")
    with pytest.raises(PapersError, match="can run code"):
        hash_folders([folder])


@pytest.mark.parametrize("head", [b"\x80\x04\x95", b"PK\x03\x04"])
def test_a_pickle_under_another_name_is_refused(head, tmp_path):
    folder = weights_in(tmp_path / "w")
    (folder / "model.safetensors").write_bytes(head + b"\0" * 100)
    with pytest.raises(PapersError, match="is a pickle, whatever its name says"):
        hash_folders([folder])


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_not(tmp_path):
    folder = weights_in(tmp_path / "w")
    (folder / "tokenizer.json").symlink_to("config.json")
    assert "tokenizer.json" in hash_folders([folder]).sha256
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    (folder / "extra.json").symlink_to(outside)
    with pytest.raises(PapersError, match="leads out of its folder"):
        hash_folders([folder])


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    folder = weights_in(tmp_path / "w")
    (folder / "dir.json").mkdir()
    with pytest.raises(PapersError, match="cannot be read"):
        hash_folders([folder])
    with pytest.raises(PapersError, match="cannot be read"):
        hash_folders([tmp_path / "nowhere"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path):
    folder = weights_in(tmp_path / "w")
    (folder / "config.json").chmod(0)
    with pytest.raises(PapersError, match="Permission denied"):
        hash_folders([folder])


def test_a_file_that_changes_after_it_was_hashed_breaks_its_seal(tmp_path):
    folder = weights_in(tmp_path / "w")
    seals = hash_folders([folder]).seals
    for seal in seals:
        seal.check()
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes() + b"1")
    with pytest.raises(PapersError, match="between being hashed and being loaded"):
        seals[1].check()
    (folder / "config.json").unlink()
    with pytest.raises(PapersError, match="was removed after"):
        seals[0].check()


# Waivers.


@pytest.fixture
def key(tmp_path):
    private = Ed25519PrivateKey.generate()
    pem, public = tmp_path / "key.pem", tmp_path / "key.pub"
    pem.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return pem, public


@pytest.fixture
def doubtful(tmp_path):
    """Papers of which exactly one rule is unknown, with what it takes to ask again."""
    folder = weights_in(tmp_path / "w")
    plain = changed(facts(folder), ("evidence/0/kind", "other"))
    cards = cards_in(tmp_path / "cards")

    def ask(papers, today=TODAY):
        return check(papers, chosen(ALL), today=today, cards=cards, hashed=hash_folders([folder]))

    return read(plain), ask


SIGNED = {"rule": "eu.gpai", "counsel": "A. Lawyer", "reason": "summary is under way",
          "expires": date(2027, 1, 15)}  # fmt: skip


def test_a_signed_waiver_answers_for_what_is_unknown_until_it_expires(key, doubtful):
    papers, ask = doubtful
    assert ask(papers).verdict == "unknown"
    waiver = sign(key[0], papers, **SIGNED)
    signed = papers.model_copy(update={"waivers": (waiver,)})
    said = waived(ask(signed), signed, key[1])
    assert said.verdict == "pass"
    assert "1 answered for by a signed waiver" in said.said
    assert waived(ask(signed), signed, None).verdict == "unknown"  # nobody gave a key
    late = waived(ask(signed, date(2027, 1, 15)), signed, key[1])
    assert late.verdict == "unknown"


@pytest.mark.parametrize(
    "change", [{"reason": "another"}, {"rule": "eu.resilience"}, {"expires": date(2030, 1, 1)}]
)
def test_a_waiver_that_was_changed_is_refused(change, key, doubtful):
    papers, ask = doubtful
    waiver = sign(key[0], papers, **SIGNED).model_copy(update=change)
    signed = papers.model_copy(update={"waivers": (waiver,)})
    with pytest.raises(PapersError, match="not signed by the key given"):
        waived(ask(signed), signed, key[1])


def test_a_waiver_is_void_when_the_cell_changes(key, doubtful):
    papers, ask = doubtful
    waiver = sign(key[0], papers, **SIGNED)
    cell = papers.cell.model_copy(update={"monthly_active_users": 13})
    moved = papers.model_copy(update={"waivers": (waiver,), "cell": cell})
    with pytest.raises(PapersError, match="the papers were changed since"):
        waived(ask(moved), moved, key[1])


def test_no_waiver_covers_a_bad_hash_or_a_failed_rule(key, doubtful, tmp_path):
    papers, ask = doubtful
    for_hash = sign(key[0], papers, **(SIGNED | {"rule": "weights.hashes"}))
    both = (sign(key[0], papers, **SIGNED), for_hash)
    signed = papers.model_copy(update={"waivers": both})
    assert waived(ask(signed), signed, key[1]).verdict == "pass"
    (tmp_path / "w" / "config.json").write_text("{ }")
    said = waived(ask(signed), signed, key[1])
    assert said.verdict == "fail"
    assert [a.rule for a in said.answers if not a.passes] == ["weights.hashes"]
    own = papers.models[0].model_copy(update={"datasets": "undisclosed"})
    failing = papers.model_copy(update={"models": (own,)})
    signed = failing.model_copy(update={"waivers": (sign(key[0], failing, **SIGNED),)})
    answers = {a.rule: a for a in waived(ask(signed), signed, key[1]).answers}
    assert (answers["eu.gpai"].verdict, answers["eu.gpai"].waiver) == ("fail", None)


def test_what_is_in_our_own_hands_cannot_be_waived(key, doubtful):
    papers, ask = doubtful
    waiver = sign(key[0], papers, **(SIGNED | {"rule": "weights.code"}))
    signed = papers.model_copy(update={"waivers": (waiver,)})
    with pytest.raises(PapersError, match="cannot be waived"):
        waived(ask(signed), signed, key[1])


def test_a_wrong_key_is_refused(key, doubtful, tmp_path):
    papers, ask = doubtful
    (tmp_path / "bad.pem").write_text("no key")
    with pytest.raises(PapersError, match="private key"):
        sign(tmp_path / "bad.pem", papers, **SIGNED)
    signed = papers.model_copy(update={"waivers": (sign(key[0], papers, **SIGNED),)})
    with pytest.raises(PapersError, match="public key"):
        waived(ask(signed), signed, tmp_path / "bad.pem")


# The gate.


def test_a_brain_of_this_house_passes_and_says_whose_papers_those_are():
    passed = pass_gate("stand-in", file=None, enforce=True, day=TODAY)
    assert passed.stamp.verdict == "pass"
    assert passed.stamp.models == ("pkg:pypi/shopfloor@0.1.0#brain/stand-in",)
    assert not passed.stamp.given


def test_a_model_whose_text_nobody_read_is_stamped_and_refused_when_enforced():
    brain = "qwen2.5-vl-7b@http://localhost:1/v1"
    stamp = pass_gate(brain, file=None, enforce=False, day=TODAY).stamp
    assert stamp.verdict == "fail"  # the EU's summary; the rest is unknown
    with pytest.raises(PapersRefused, match="was not read byte for byte"):
        pass_gate(brain, file=None, enforce=True, day=TODAY)


def test_a_brain_that_nobody_knows_is_unknown():
    assert pass_gate("somebody's", file=None, enforce=False, day=TODAY).stamp.verdict == "unknown"
    with pytest.raises(PapersRefused, match="shopfloor papers init"):
        pass_gate("somebody's", file=None, enforce=True, day=TODAY)


def papers_file(place, plain):
    file = place / "papers.yaml"
    file.write_text(json.dumps(plain), encoding="utf-8")
    return file


def test_papers_of_another_brain_are_refused(tmp_path):
    file = papers_file(tmp_path, facts(weights_in(tmp_path / "w")))
    with pytest.raises(PapersError, match="papers of pkg:huggingface/made-up"):
        pass_gate("classical", file=file, enforce=False, day=TODAY)


@pytest.fixture
def checkpoint(tmp_path):
    """A folder that the local brain would load, with its papers and made-up cards."""
    folder = weights_in(tmp_path / "w")
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    cards_in(tmp_path / "cards")
    return folder, papers_file(tmp_path, facts(folder)), tmp_path / "cards"


def test_the_files_of_a_local_brain_are_hashed_and_sealed(checkpoint):
    folder, file, cards = checkpoint
    passed = pass_gate(f"local:{folder}", file=file, enforce=True, day=TODAY, cards_folder=cards)
    assert passed.stamp.verdict == "pass"
    assert set(passed.stamp.weights) == {"config.json", "model.safetensors"}
    assert {Path(seal.path).name for seal in passed.seals} == set(passed.stamp.weights)


@pytest.mark.parametrize("do", ["change", "add", "rename"])
def test_a_file_that_is_not_the_one_of_the_papers_is_refused(do, checkpoint):
    folder, file, cards = checkpoint
    if do == "change":
        (folder / "config.json").write_text('{"model_type": "qwen2_5_vl" }')
    elif do == "add":
        (folder / "tokenizer.json").write_text("{}")
    else:
        (folder / "vocab.json").write_text("{}")
        plain = facts(folder)
        (folder / "vocab.json").rename(folder / "vocab2.json")
        file = papers_file(folder.parent, plain)
    with pytest.raises(PapersRefused, match=r"weights\.hashes: fail"):
        pass_gate(f"local:{folder}", file=file, enforce=True, day=TODAY, cards_folder=cards)


def test_without_the_extra_a_simulation_says_not_checked_and_a_file_is_an_error(
    monkeypatch, tmp_path
):
    from shopfloor.papers import extra

    monkeypatch.setattr("shopfloor.papers.gate.have", lambda: False)

    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(extra.importlib, "import_module", missing)
    assert pass_gate("classical", file=None, enforce=False).stamp == NOT_CHECKED
    for file, enforce in ((tmp_path / "papers.yaml", False), (None, True)):
        with pytest.raises(UsageError, match=r"shopfloor\[papers\]"):
            pass_gate("classical", file=file, enforce=enforce)


def test_papers_of_a_program_do_not_let_files_be_loaded(checkpoint, tmp_path):
    folder, _, cards = checkpoint
    example_file = papers_file(tmp_path, example()[1].value)
    with pytest.raises(PapersRefused, match="is there and not in the papers"):
        pass_gate(f"local:{folder}", file=example_file, enforce=True, day=TODAY, cards_folder=cards)


def test_a_plugin_that_calls_itself_a_program_of_this_house_is_none(tmp_path):
    plain = changed(example()[1].value, ("models/0/purl", "pkg:pypi/shopfloor@0.1.0#brain/acme"))
    with pytest.raises(PapersRefused, match=r"weights\.hashes: unknown"):
        pass_gate("acme", file=papers_file(tmp_path, plain), enforce=True, day=TODAY)


def test_a_pair_needs_papers_of_both(checkpoint, tmp_path):
    brain = "pair:deepseek-v3@http://localhost:1/v1+qwen2.5-vl-7b@http://localhost:2/v1"
    stamp = pass_gate(brain, file=None, enforce=False, day=TODAY).stamp
    assert len(stamp.models) == 2
    plain = changed(facts(checkpoint[0]),
                    ("models/0/purl", "pkg:huggingface/deepseek-ai/DeepSeek-V3@1"))  # fmt: skip
    with pytest.raises(PapersError, match=r"the brain is 'qwen2\.5-vl-7b@"):
        pass_gate(brain, file=papers_file(tmp_path, plain), enforce=False, day=TODAY)


class _RealCell:
    """Anything that does not say that it is simulated."""


class _SimulatedCell:
    simulated = True


def hired(cell, stamp):
    """Ask what hiring asks before it makes a brain."""
    from shopfloor.shift.fit import require_papers

    require_papers(cell, plan_with(papers=stamp))


def test_a_real_cell_always_passes_through_the_gate():
    passed = pass_gate("classical", file=None, enforce=False, day=TODAY).stamp
    failed = replace(passed, verdict="fail")
    hired(_SimulatedCell(), NOT_CHECKED)
    hired(_SimulatedCell(), failed)
    hired(_RealCell(), replace(passed, given=True))
    with pytest.raises(PapersRefused, match="papers of the example prove nothing"):
        hired(_RealCell(), passed)
    for stamp in (NOT_CHECKED, replace(failed, given=True), replace(failed, verdict="counsel")):
        with pytest.raises(PapersRefused, match="is not started in cell"):
            hired(_RealCell(), stamp)
    with pytest.raises(PapersRefused, match="is not started in cell"):
        hired(_SimulatedCell(), replace(failed, enforced=True))


def plan_with(**changes):
    from shopfloor.shift import Latency, Plan

    values = {
        "cell": "sorting", "body": "bench", "brain": "classical", "seed": 0, "orders": 1,
        "hours": None, "order_file": None, "latency": Latency.parse("fixed:40"),
        "limits": "fenced", "record_fps": 10.0, "video": False, "audit": False, "workers": 1,
    }  # fmt: skip
    return Plan(**(values | changes))


def test_a_brain_is_not_hired_when_a_file_changed_after_it_was_hashed(tmp_path):
    from shopfloor.shift.hire import Staff

    folder = weights_in(tmp_path / "w")
    seals = hash_folders([folder]).seals
    Staff(plan_with(seals=seals)).close()
    (folder / "config.json").write_text("{ }")
    with pytest.raises(PapersError, match="between being hashed and being loaded"):
        Staff(plan_with(seals=seals))


def test_a_run_is_refused_before_anything_is_made(tmp_path):
    from shopfloor.cli.run import command as run

    out = tmp_path / "run"
    for arguments, kind in (
        (["--brain", "qwen2.5-vl-7b@http://localhost:1/v1", "--papers", "enforce"], PapersRefused),
        (["--papers", "a.yaml", "--papers", "b.yaml"], UsageError),
        (["--papers", str(tmp_path / "none.yaml")], PapersError),
        (["--regime", "mars"], UsageError),
    ):
        done = CliRunner().invoke(run, [*arguments, "--orders", "1", "--out", str(out)])
        assert isinstance(done.exception, kind), arguments
        assert not out.exists()


# What a run keeps, and what a reader sees.


def stamp_of(brain):
    return pass_gate(brain, file=None, enforce=False, day=TODAY).stamp


def test_a_manifest_keeps_every_answer_and_older_ones_say_not_checked():
    written = manifest(papers=stamp_of("qwen2.5-vl-72b@http://localhost:1/v1"))
    values = json.loads(json.dumps(written.to_json()))
    assert Manifest.from_json(values).papers == written.papers
    assert any(rule.change for rule in written.papers.rules)
    del values["papers"]
    assert Manifest.from_json(values).papers == NOT_CHECKED


def test_the_page_tells_a_lawyer_and_a_buyer_in_two_languages():
    shown = manifest(papers=stamp_of("qwen2.5-vl-72b@http://localhost:1/v1"))
    lots = (entry(0),)
    page = render(shown, lots, summarise(shown, lots, wall_s=None, ended="complete"))
    for words in (
        'id="h-papers"', "Checks not passed", "licence.users", "须咨询律师", "许可与权重",
        "Not enforced", "no legal advice", "并非法律意见",
    ):  # fmt: skip
        assert words in page, words
    assert "compliant" not in page.lower()
    bare = manifest()
    page = render(bare, lots, summarise(bare, lots, wall_s=None, ended="complete"))
    assert "papers were not checked" in page


def test_a_stamp_is_text_and_never_markup():
    evil = replace(stamp_of("classical"), said="<script>alert(1)</script>")
    shown = manifest(papers=evil)
    lots = (entry(0),)
    page = render(shown, lots, summarise(shown, lots, wall_s=None, ended="complete"))
    assert "<script>alert" not in page
    assert isinstance(evil, PapersStamp)


# The command line.


def call(*arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=True)


def test_init_finds_what_a_folder_says_of_itself(tmp_path, monkeypatch):
    folder = weights_in(tmp_path / "w")
    (folder / "README.md").write_text(
        "---\nlicense: apache-2.0\nbase_model: Qwen/Qwen2.5-VL-3B-Instruct\ndatasets:\n- a/b\n"
        "---\n# A model\n",
        encoding="utf-8",
    )
    (folder / "LICENSE").write_bytes((Path(__file__).parents[1] / "LICENSE").read_bytes())
    out = tmp_path / "papers.yaml"
    done = call("init", "--weights", folder, "--purl", "pkg:huggingface/me/tuned@abc", "--out", out,
                "--use", "parts-sorting,research", "--commercial", "true", "--end-user", "civil",
                "--monthly-active-users", "3")  # fmt: skip
    assert done.exit_code == 0, done.output
    papers, _ = load(out)
    (model,) = papers.models
    assert model.weights == hash_folders([folder]).sha256
    assert (model.licence.declared, model.licence.concluded) == ("Apache-2.0", "Apache-2.0")
    assert model.base == ("pkg:huggingface/Qwen/Qwen2.5-VL-3B-Instruct",)
    assert model.datasets == ("a/b",)
    assert papers.cell.use == ("parts-sorting", "research")
    assert papers.cell.safety_function is None
    again = call("init", "--purl", "pkg:huggingface/me/tuned@abc", "--out", out)
    assert isinstance(again.exception, PapersError)
    # What was begun is checked, and its base is what refuses it.
    done = call("check", out, "--weights", folder, "--json")
    answers = {a["rule"]: a for a in json.loads(done.output)["rules"]}
    assert done.exit_code == 1
    assert answers["licence.commercial"]["verdict"] == "fail"
    assert answers["weights.hashes"]["verdict"] == "pass"


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["init", "--purl", "x"],
        ["init", "--purl", "pkg:a/b@1", "--commercial", "maybe"],
        ["init", "--purl", "pkg:a/b@1", "--monthly-active-users", "many"],
        ["init", "--purl", "pkg:a/b@1", "--inference-region", "Mars"],
    ],
)
def test_init_refuses_what_is_no_fact_and_writes_nothing(arguments, tmp_path):
    out = tmp_path / "papers.yaml"
    done = call(*arguments, "--out", out)
    assert isinstance(done.exception, UsageError)
    assert not out.exists()


def test_check_and_choose_speak_of_the_example():
    done = call("check", "--json", "--regime", "eu")
    assert json.loads(done.output)["rule_sets"][1]["name"] == "eu"
    done = call("check", "--regime", "eu")
    assert "Checks" in done.output
    done = call("choose", "--regime", "cn", "--json")
    assert {each["regime"] for each in json.loads(done.output)["models"]} == {"cn"}
    assert call("choose", "--regime", "cn").exit_code == 0


def test_waive_prints_what_is_put_into_the_file(key, doubtful, tmp_path):
    papers, ask = doubtful
    plain = papers.model_dump(mode="json")
    file = papers_file(tmp_path, plain)
    arguments = ("waive", file, "--rule", "eu.gpai", "--counsel", "A. Lawyer", "--reason", "so",
                 "--expires", "2027-01-15", "--key", key[0])  # fmt: skip
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    waiver = parse(done.output.encode(), "waiver").value
    again = read(plain | {"waivers": waiver})
    assert waived(ask(again), again, key[1]).verdict == "pass"
    assert isinstance(call(*arguments[:3], "weights.code", *arguments[4:]).exception, UsageError)


def test_the_example_is_what_the_documentation_shows():
    papers, document = example()
    assert document.where(("cell", "commercial")).endswith(f"line {_line('commercial:')}")
    assert papers.models[0].is_program


def _line(words):
    from importlib.resources import files

    text = (files("shopfloor.papers") / "data" / "sorting.yaml").read_text(encoding="utf-8")
    return next(i for i, line in enumerate(text.splitlines(), 1) if words in line)


# A folder from a stranger.


@pytest.fixture
def begun(tmp_path):
    """A run of two orders of which one is worked, through the gate of its day."""
    from shopfloor.cli.run import command as run

    orders = str(order_file(tmp_path, ORDERS[:2]))
    arguments = ["--order-file", orders, "--no-video", "--max-wall", "0.001"]
    done = CliRunner().invoke(run, [*arguments, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    return tmp_path / "run"


@pytest.fixture
def strangers(begun, tmp_path):
    """The same with papers that pass, which nobody has checked, and every sum made anew."""

    def forged(manifest):
        passed = asdict(stamp_of("classical")) | {"verdict": "pass", "given": True}
        manifest["papers"] = passed | {"checked": None, "regimes": [], "rules": []}

    forge(begun, tmp_path / "strangers", lot=0, manifest=forged)
    return tmp_path / "strangers"


def test_papers_that_a_folder_says_to_have_passed_are_not_believed(
    strangers, tmp_path, monkeypatch
):
    from shopfloor.cell.sorting import SortingCell
    from shopfloor.cli.run import command as run
    from shopfloor.evidence.repetition import Repetition
    from shopfloor.shift import plan_of

    assert RunFolder.open(strangers).manifest.papers.verdict == "pass"
    assert plan_of(strangers, workers=1, max_wall_s=None).papers == NOT_CHECKED
    monkeypatch.setattr(SortingCell, "simulated", False)
    done = CliRunner().invoke(run, ["--resume", str(strangers)])
    assert isinstance(done.exception, PapersRefused), done.output
    assert len(RunFolder.open(strangers).entries()) == 1
    with pytest.raises(UsageError, match="only runs of simulated cells are replicated"):
        Repetition.of(strangers, tmp_path / "replica").work(silent)
    assert not (tmp_path / "replica").exists()


def test_a_resumed_run_keeps_its_first_verdict_and_says_todays(begun, monkeypatch):
    from shopfloor.cli.run import command as run

    before = (begun / "manifest.json").read_bytes()
    first = RunFolder.open(begun).manifest.papers
    monkeypatch.setattr("shopfloor.papers.gate.today", lambda: date(2036, 1, 1))
    done = CliRunner().invoke(run, ["--resume", str(begun)])
    assert done.exit_code == 0, done.output
    assert (begun / "manifest.json").read_bytes() == before
    today = pass_gate("classical", file=None, enforce=False).stamp.said
    assert today != first.said
    assert f"papers  {today}\n" in done.output
    assert f"what was said at the start: {first.said}\n" in done.output
    assert len(RunFolder.open(begun).entries()) == 2


def test_who_stands_in_needs_papers_when_a_run_goes_on_as_well(monkeypatch):
    from shopfloor.cli.gate import checked_again

    asked = []

    def gate(brain, **how):
        asked.append((brain, how["enforce"], how["regimes"]))
        return Passed(NOT_CHECKED)

    monkeypatch.setattr("shopfloor.papers.pass_gate", gate)
    plan = plan_with(brain="qwen2.5-vl-7b@http://localhost:1/v1", fallback="classical")
    checked_again(plan, replace(NOT_CHECKED, enforced=True, regimes=("licence", "eu")), None)
    checked_again(plan, NOT_CHECKED, None)
    assert asked == [
        (plan.brain, True, "eu"), ("classical", True, "eu"), (plan.brain, False, "eu,us,cn"),
    ]  # fmt: skip
