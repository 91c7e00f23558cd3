"""Papers: rules, conflicts, and that nothing passes by being left out."""

import copy
import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from papers_examples import (
    ALL,
    CAPPED,
    TODAY,
    asked,
    cards_in,
    changed,
    facts,
    read,
    verdicts,
    weights_in,
)
from shopfloor.errors import PapersError, UnknownName
from shopfloor.papers import licence, regime
from shopfloor.papers.card import catalogue
from shopfloor.papers.change import with_changes
from shopfloor.papers.check import check
from shopfloor.papers.choose import choose
from shopfloor.papers.draft import example
from shopfloor.papers.rule import chosen, rule_sets

ROOT = Path(__file__).parents[1]
RULES = {rule.id: rule for each in rule_sets().values() for rule in each.rules}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("papers")


@pytest.fixture(scope="module")
def cards(place):
    return cards_in(place / "cards", made_up_code={"covers": "code"}, made_up_stray={"vouched": ""},
                    made_up_child={"bases": '["made-up-72b"]', "publisher": "Somebody"},
                    made_up_heir={"bases": '["made-up-72b"]'})  # fmt: skip


@pytest.fixture(scope="module")
def folder(place):
    return weights_in(place / "weights")


@pytest.fixture(scope="module")
def good(folder):
    return facts(folder)


def model(good, name, **more):
    """The good papers with another made-up model in charge."""
    other = changed(good, ("models/0/purl", f"pkg:huggingface/made-up/{name}@0123abc"))
    other["models"][0] |= more
    return other


CAPPED_LICENCE = {
    "declared": "LicenseRef-Capped", "concluded": "LicenseRef-Capped",
    "text_sha256": hashlib.sha256(b"A licence that was made up for tests.\n").hexdigest(),
}  # fmt: skip


def capped(good, *changes):
    return changed(model(good, "made-up-72b", licence=CAPPED_LICENCE), *changes)


def test_papers_that_hold_all_facts_pass_every_rule(good, cards, folder):
    assert verdicts(asked(good, cards, folder=folder)) == {}


def test_the_example_passes_and_says_no_more_than_was_checked():
    papers, _ = example()
    said = check(papers, chosen(ALL), today=TODAY, cards=catalogue())
    assert said.verdict == "pass"
    assert said.said.startswith("Checks passed under rule set licence dated 2026-11-25")
    assert "complian" not in said.said.lower()


def test_the_hash_of_our_own_licence_is_that_of_the_file():
    own = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert catalogue()["shopfloor"].text_sha256 == own


# Rule, what is changed, and the answer. Evidence is by its index in the good papers.
CASES = [
    ("licence.text", [("models/0/licence/text_sha256", "0" * 64)], "fail"),
    ("licence.text", [("models/0/licence/text_sha256", None)], "unknown"),
    ("licence.declared", [("models/0/licence/declared", "MIT")], "fail"),
    ("licence.declared", [("models/0/licence/concluded", None)], "unknown"),
    ("licence.chain", [("models/0/base", "undisclosed")], "unknown"),
    ("licence.chain", [("models/0/base", ["pkg:huggingface/no/card"])], "unknown"),
    ("licence.commercial", [("models/0/base", ["pkg:huggingface/made-up/made-up-3b"])], "fail"),
    ("licence.commercial", [("cell/commercial", None)], "unknown"),
    ("weights.pinned", [("models/0/purl", "pkg:huggingface/made-up/made-up-7b")], "unknown"),
    ("weights.pinned", [("models/0/purl", "pkg:huggingface/made-up/made-up-7b@main")], "fail"),
    ("weights.code", [("models/0/remote_code", True)], "fail"),
    ("weights.code", [("models/0/remote_code", None)], "unknown"),
    ("weights.hashes", [("models/0/weights/config.json", "0" * 64)], "fail"),
    ("weights.hashes", [("models/0/weights", "undisclosed")], "unknown"),
    ("weights.hashes", [("models/0/weights", {})], "unknown"),
    ("eu.gpai", [("evidence", []), ("models/0/datasets", "undisclosed")], "fail"),
    ("eu.gpai", [("evidence", [])], "unknown"),
    ("eu.gpai", [("evidence", None)], "unknown"),
    ("eu.high-risk", [("cell/use", ["biometrics"])], "counsel"),
    ("eu.high-risk", [("cell/safety_function", True)], "counsel"),
    ("eu.high-risk", [("cell/use", None)], "unknown"),
    ("eu.machinery", [("cell/safety_function", True)], "counsel"),
    ("eu.machinery", [("cell/online_learning", True)], "counsel"),
    ("eu.machinery", [("cell/online_learning", None)], "unknown"),
    ("eu.resilience", [("evidence/2/kind", "other")], "fail"),
    ("eu.resilience", [("evidence/1/kind", "other")], "unknown"),
    ("us.ndaa-1532", [("models/0/publisher", "DeepSeek")], "fail"),
    ("us.ndaa-1532", [("models/0/publisher", None)], "unknown"),
    ("us.list-1260h", [("models/0/publisher", "Tencent")], "fail"),
    ("us.list-1260h", [("evidence/3/kind", "other")], "unknown"),
    ("us.accelerators", [("hardware/0/part", "Ascend 910B")], "fail"),
    ("us.accelerators", [("hardware/0/vendor", "Huawei")], "counsel"),
    ("us.accelerators", [("hardware/0/part", None)], "unknown"),
    ("us.accelerators", [("hardware", [])], "unknown"),
    ("us.weights-4e091", [("models/0/purl", "pkg:huggingface/no/card@1")], "unknown"),
    ("us.weights-4e091", [("models/0/purl", "pkg:generic/openai/gpt-4o@1")], "counsel"),
    ("cn.labelling", [("cell/actuation_region", "CN"), ("cell/use", ["public-content"])], "fail"),
    ("cn.labelling", [("cell/actuation_region", None)], "unknown"),
    ("cn.filing", [("cell/actuation_region", "CN"), ("cell/use", ["public-service"])], "fail"),
    ("cn.filing", [("cell/actuation_region", "CN"), ("cell/use", None)], "unknown"),
    ("cn.data", [("cell/actuation_region", "CN")], "fail"),
    ("cn.data", [("cell/actuation_region", "CN"), ("evidence/0/kind", "data-classes")], "counsel"),
    ("cn.data", [("cell/inference_region", None)], "unknown"),
]  # fmt: skip
CAPPED_CASES = [
    ("licence.territory", [("cell/actuation_region", "SG")], "pass"),
    ("licence.territory", [], "fail"),
    ("licence.territory", [("cell/actuation_region", None)], "unknown"),
    ("licence.users", [], "pass"),
    ("licence.users", [("cell/monthly_active_users", 100_000_001)], "fail"),
    ("licence.users", [("cell/monthly_active_users", None)], "unknown"),
    ("licence.military", [("cell/end_user", "civil")], "pass"),
    ("licence.military", [("cell/end_user", "other-military")], "fail"),
    ("licence.military", [("cell/use", ["weapons"])], "fail"),
    ("licence.military", [], "counsel"),
    ("licence.military", [("cell/end_user", None)], "unknown"),
    ("licence.outputs", [("cell/log_reuse", "none")], "pass"),
    ("licence.outputs", [], "fail"),
    ("licence.outputs", [("cell/log_reuse", "train-same")], "counsel"),
    ("licence.outputs", [("cell/log_reuse", None)], "unknown"),
    ("licence.safety", [], "pass"),
    ("licence.safety", [("cell/safety_function", True)], "fail"),
    ("licence.safety", [("cell/safety_function", None)], "unknown"),
    ("eu.gpai", [], "counsel"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "verdict"), CASES)
def test_each_rule_answers_as_its_facts_say(rule, changes, verdict, good, cards, folder):
    answer = asked(changed(good, *changes), cards, folder=folder)[rule]
    assert answer.verdict == verdict, answer.reason
    assert answer.reason
    assert answer.reason_zh != answer.reason


@pytest.mark.parametrize(("rule", "changes", "verdict"), CAPPED_CASES)
def test_each_term_of_a_licence_holds(rule, changes, verdict, good, cards, folder):
    answer = asked(capped(good, *changes), cards, folder=folder)[rule]
    assert answer.verdict == verdict, answer.reason


def test_every_rule_is_tested_to_pass_to_fail_and_to_be_unknown():
    tried = {}
    for rule, _, verdict in CASES + CAPPED_CASES:
        tried.setdefault(rule, set()).add(verdict)
    assert set(tried) == set(RULES) == {*licence.PREDICATES, *regime.PREDICATES}
    for rule, seen in tried.items():  # each passes in the good papers
        assert "unknown" in seen, rule
    # No fact of these makes certain that the law is broken before its date, or at all.
    only_counsel = {"eu.high-risk", "eu.machinery", "us.weights-4e091"}
    only_unknown = {"licence.chain"}
    assert {r for r, seen in tried.items() if "fail" not in seen} == only_counsel | only_unknown


def test_laws_fail_once_they_apply(good, cards, folder, monkeypatch):
    later = date(2028, 9, 1)
    changes = [("cell/safety_function", True), ("cell/use", ["recruitment"])]
    plain = changed(good, *changes)
    for each in plain["evidence"]:
        each["expires"] = None
    real = RULES["eu.machinery"]
    answers = asked(plain, cards, folder=folder, today=later)
    assert {a.verdict for a in answers.values()} == {"unknown"}  # all are to be read again
    from dataclasses import replace

    from shopfloor.papers.case import Case
    from shopfloor.papers.check import ask

    case = Case(read(plain), later, cards, {r.id: r.facts for r in RULES.values()})
    for name in ("eu.machinery", "eu.high-risk"):
        rule = replace(RULES[name], review_by=later + timedelta(days=1))
        assert ask(rule, case, dated=real.valid_from).verdict == "fail"


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_that_is_overdue_or_of_tomorrow_is_unknown(name, good, cards, folder):
    rule = RULES[name]
    last = asked(good, cards, folder=folder, today=rule.review_by)[name]
    assert (last.verdict, "to be read again" in last.reason) == ("unknown", True)
    back = asked(good, cards, folder=folder, today=rule.valid_from - timedelta(days=1))[name]
    assert (back.verdict, "set back" in back.reason) == ("unknown", True)


def leaves(value, path=()):
    """Every field and element of plain values, inner ones too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from leaves(each, (*path, key))


def without(plain, path):
    made = copy.deepcopy(plain)
    at = made
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return made


def test_no_field_can_be_left_out_of_passing_papers(good, cards, folder):
    before = asked(good, cards, folder=folder)
    refused = kept = 0
    for path in leaves(good):
        left = without(good, path)
        try:
            after = asked(left, cards, folder=folder)
        except PapersError:
            with pytest.raises(PapersError, match=r"papers\.yaml line"):
                read(left)
            refused += 1
            continue
        # What may be left out is an element of a list: no rule that stays a pass needed it.
        assert isinstance(path[-1], int) or path[-2] == "weights", path
        for rule, answer in after.items():
            assert answer.verdict != "pass" or answer == before[rule], (path, rule)
        kept += 1
        if path[0] in {"evidence", "hardware"} or "weights" in path:
            assert verdicts(after), path
    assert refused > 30
    assert kept >= 7


def test_no_field_can_be_emptied_in_passing_papers(good, cards, folder):
    before = asked(good, cards, folder=folder)
    emptied = set()
    for path in leaves(good):
        try:
            after = asked(changed(good, ("/".join(map(str, path)), None)), cards, folder=folder)
        except PapersError:
            continue
        emptied.add(".".join(str(step) for step in path if not isinstance(step, int)))
        for rule, answer in after.items():
            assert answer.verdict != "pass" or answer == before[rule], (path, rule)
    read_by_a_rule = {field for rule in RULES.values() for field in rule.reads}
    for field in emptied & read_by_a_rule:
        plain = changed(good, (field.replace("models.", "models/0/").replace(".", "/"), None))
        assert verdicts(asked(plain, cards, folder=folder)), field
    assert len(emptied & read_by_a_rule) >= 10


CELLS = st.fixed_dictionaries(
    {
        "inference_region": st.sampled_from([None, "DE", "SG", "CN", "US"]),
        "actuation_region": st.sampled_from([None, "DE", "SG", "CN", "US"]),
        "operator": st.just("Made Up Ltd"),
        "end_user": st.sampled_from([None, "civil", "us-dod", "us-dod-contractor"]),
        "use": st.sampled_from([None, ["research"], ["weapons"], ["public-content"]]),
        "safety_function": st.sampled_from([None, True, False]),
        "commercial": st.sampled_from([None, True, False]),
        "monthly_active_users": st.sampled_from([None, 0, 10**9]),
        "online_learning": st.sampled_from([None, True, False]),
        "log_reuse": st.sampled_from([None, "none", "analysis", "train-same", "train-other"]),
    }
)


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(cell=CELLS, name=st.sampled_from(["made-up-7b", "made-up-72b", "made-up-3b"]),
       emptied=st.sampled_from(["inference_region", "end_user", "use", "safety_function",
                                "commercial", "monthly_active_users", "log_reuse"]))  # fmt: skip
def test_knowing_less_never_turns_an_answer_into_a_pass(cell, name, emptied, good, cards, folder):
    plain = changed(model(good, name), ("cell", cell))
    before = asked(plain, cards, folder=folder)
    after = asked(changed(plain, (f"cell/{emptied}", None)), cards, folder=folder)
    for rule, answer in after.items():
        assert answer.verdict != "pass" or before[rule].verdict == "pass", (rule, emptied)


# The four conflicts of the brief, on the cards that ship: each refused for its own reason.


def shipped(good, **more):
    own = changed(good)
    own["models"][0] |= {"purl": "pkg:huggingface/somebody/tuned@0123abc", **more}
    return own


def test_apache_on_a_base_for_research_only_is_refused(good, folder):
    base = ["pkg:huggingface/Qwen/Qwen2.5-VL-3B-Instruct"]
    answers = asked(shipped(good, base=base), catalogue(), folder=folder)
    assert answers["licence.commercial"].verdict == "fail"
    assert "Qwen2.5-VL 3B (LicenseRef-Qwen-Research)" in answers["licence.commercial"].reason
    assert answers["licence.declared"].verdict == "fail"
    assert "a tag does not lift the terms of a base" in answers["licence.declared"].reason


def test_apache_on_a_tongyi_base_is_refused(good, folder):
    base = ["pkg:huggingface/Qwen/Qwen-72B"]
    answers = asked(shipped(good, base=base), catalogue(), folder=folder)
    assert answers["licence.declared"].verdict == "fail"
    assert "LicenseRef-Tongyi-Qianwen" in answers["licence.declared"].reason
    assert answers["licence.outputs"].verdict == "fail"  # the logs train another model


def test_a_page_that_says_commercial_and_links_a_non_commercial_text_is_refused(good, folder):
    terms = {"declared": "Apache-2.0", "concluded": "CC-BY-NC-4.0", "text_sha256": None}
    answers = asked(shipped(good, licence=terms), catalogue(), folder=folder)
    assert answers["licence.declared"].reason == (
        "tuned is tagged Apache-2.0, and its text is CC-BY-NC-4.0"
    )
    assert answers["licence.commercial"].verdict == "fail"


def test_a_text_that_was_changed_in_place_is_refused(good, folder):
    card = catalogue()["deepseek-v3"]
    terms = {"declared": card.declared, "concluded": card.concluded, "text_sha256": "1" * 64}
    own = shipped(good, purl=f"{card.package}@0c23830", licence=terms)
    answer = asked(own, catalogue(), folder=folder)["licence.text"]
    assert (answer.verdict, "changed in place" in answer.reason) == ("fail", True)


def test_a_text_beside_the_weights_that_was_changed_in_place_is_refused(good, cards, tmp_path):
    from papers_examples import TEXT

    folder = weights_in(tmp_path / "w")
    (folder / "LICENSE").write_bytes(TEXT)
    assert verdicts(asked(good, cards, folder=folder)) == {}
    (folder / "LICENSE").write_bytes(TEXT + b"And not in Germany.\n")
    answer = asked(good, cards, folder=folder)["licence.text"]
    assert (answer.verdict, "beside the weights" in answer.reason) == ("fail", True)


def test_an_answer_against_a_model_cites_the_clause_that_was_read(good, folder):
    card = catalogue()["deepseek-v3"]
    terms = {"declared": card.declared, "concluded": card.concluded,
             "text_sha256": card.text_sha256}  # fmt: skip
    own = changed(shipped(good, purl=f"{card.package}@0c23830", licence=terms),
                  ("cell/end_user", "us-dod"))  # fmt: skip
    answer = asked(own, catalogue(), folder=folder)["licence.military"]
    assert answer.verdict == "fail"
    assert "Attachment A" in answer.source
    assert "For military use in any way" in answer.source


def test_a_credit_that_is_owed_is_told(good, place, folder):
    cards = cards_in(place / "credit", made_up_credit={
        "outputs": "attribution", "more": 'attribution = "Built with Made Up"',
    })  # fmt: skip
    answer = asked(model(good, "made-up-credit"), cards, folder=folder)["licence.outputs"]
    assert (answer.verdict, "to be shown: Built with Made Up" in answer.reason) == ("pass", True)


def test_a_derivative_of_the_same_publisher_is_for_a_lawyer(good, cards, folder):
    heir = asked(model(good, "made-up-heir"), cards, folder=folder)["licence.declared"]
    child = asked(model(good, "made-up-child"), cards, folder=folder)["licence.declared"]
    assert (heir.verdict, child.verdict) == ("counsel", "fail")


def test_a_text_that_speaks_of_code_does_not_cover_weights(good, cards, folder):
    answer = asked(model(good, "made-up-code"), cards, folder=folder)["licence.text"]
    assert answer.verdict == "counsel"


def test_a_text_that_only_its_address_vouches_for_is_for_a_lawyer(good, cards, folder):
    answer = asked(model(good, "made-up-stray"), cards, folder=folder)["licence.text"]
    assert (answer.verdict, "nothing but its address" in answer.reason) == ("counsel", True)


def test_an_arm_in_germany_is_outside_of_a_licence_that_covers_outputs(good, cards, folder):
    plain = capped(good, ("cell/inference_region", "SG"))
    answer = asked(plain, cards, folder=folder)["licence.territory"]
    assert "the arm moves by its answers" in answer.reason


def test_what_would_change_the_answer_is_found_by_asking_again(good, cards, folder):
    plain = capped(good, ("cell/end_user", "civil"), ("cell/log_reuse", "none"))
    papers = read(plain)
    said = check(papers, chosen("cn"), today=TODAY, cards=cards)
    told = with_changes(said, papers, cards=cards, of_copy=False)
    territory = {a.rule: a for a in told.answers}["licence.territory"]
    assert "made-up-72b → made-up-7b: passes" in territory.change
    assert any(line.startswith("move the arm to") for line in territory.change)
    # What is told is true of the changed papers.
    moved = changed(plain, ("cell/actuation_region", "SG"))
    assert asked(moved, cards, regimes="cn")["licence.territory"].verdict == "pass"
    assert {a.rule: a for a in told.answers}["licence.users"].change == ()


def test_every_known_model_has_a_verdict_in_every_regime():
    papers, _ = example()
    found = choose(papers, chosen(ALL), today=TODAY, cards=catalogue())
    ids = [card.id for card in catalogue()]
    assert [(c.id, c.regime) for c in found] == [(i, r) for i in ids for r in ("eu", "us", "cn")]
    assert all(bool(c.reasons) == (c.verdict != "pass") for c in found)
    of = {(c.id, c.regime): c.verdict for c in found}
    assert of["shopfloor", "eu"] == "pass"
    assert of["hunyuan-community", "eu"] == "fail"  # the example's arm moves in Germany
    assert of["deepseek-v3", "cn"] == "pass"
    assert of["qwen2.5-vl-7b", "cn"] == "unknown"  # its own text was not read


def test_each_family_of_the_catalogue_of_brains_has_a_card():
    from shopfloor.brain.chat.profile import models

    families = {card.family for card in catalogue()}
    assert set(models()) - {"generic"} <= families


def test_a_card_that_was_not_read_quotes_nothing_and_permits_nothing():
    unread = [card for card in catalogue() if not card.was_read]
    assert len(unread) > 20
    assert not any(card.quote or card.read for card in unread)
    papers, _ = example()
    found = choose(papers, chosen("cn"), today=TODAY, cards=catalogue())
    passing = {choice.id for choice in found if choice.verdict == "pass"}
    assert passing.isdisjoint(card.id for card in unread)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id = 3\n", "is no licence card"),
        ('id = "x"\nwrong = 1\n', "unknown key 'wrong'"),
    ],
)
def test_a_damaged_card_names_its_file(text, words, tmp_path):
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PapersError, match=words):
        catalogue(tmp_path)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"sha256": "abc"}, "no SHA-256"),
        ({"bases": '["nobody"]'}, "has no card"),
        ({"family": '"nobody"'}, "catalogue of brains lacks"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(terms, words, tmp_path):
    with pytest.raises(PapersError, match=words):
        cards_in(tmp_path / "cards", bad=terms)


def test_an_unknown_regime_names_those_that_exist():
    with pytest.raises(UnknownName, match="cn, eu, us"):
        chosen("mars")


def test_what_is_asked_is_json(good, cards, folder):
    from shopfloor.papers.table import check_json, choice_json

    said = check(read(good), chosen(ALL), today=TODAY, cards=cards)
    assert json.loads(json.dumps(check_json(said)))["verdict"] == "unknown"  # nobody hashed
    found = choice_json(choose(read(good), chosen("us"), today=TODAY, cards=cards))
    assert set(found["models"][0]) == {"id", "regime", "verdict", "reasons"}
    assert CAPPED["licence"] == "LicenseRef-Capped"
