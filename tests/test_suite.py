"""Benchmark suites: what comes with shopfloor says the truth, and what cannot be is refused."""

import dataclasses
import json
import math
import re
import tomllib
from importlib import resources

import pytest

from shopfloor.errors import UnknownName, UsageError
from shopfloor.evidence.catalogue import suites
from shopfloor.evidence.suite import FACTORS, load_suite
from shopfloor.shift import Plan
from suite_examples import TINY, suite_file


def chance(n, lost, won, level):
    """The power of McNemar's exact test, over every way in which n orders can end."""

    def rejects(a, b):
        tail = sum(math.comb(a + b, i) for i in range(min(a, b) + 1))
        return 2 * tail <= level * 2 ** (a + b) and a != b

    total = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            if rejects(a, b):
                ways = math.comb(n, a) * math.comb(n - a, b)
                total += ways * lost**a * won**b * (1 - lost - won) ** (n - a - b)
    return total


@pytest.mark.parametrize("name", suites())
def test_what_a_suite_says_its_orders_resolve_is_so(name):
    suite = load_suite(name)
    for extent in suite.extents.values():
        varied = len(extent.conditions) - 1
        effect = extent.effect
        power = chance(extent.orders, effect.lost, effect.won, suite.alpha / varied)
        assert power == pytest.approx(effect.reached, abs=1e-9)
        assert power >= effect.power >= 0.8
        # Fewer orders would not do: N is chosen, not rounded up to be safe.
        few = extent.orders - max(4, extent.orders // 10)
        assert chance(few, effect.lost, effect.won, suite.alpha / varied) < effect.power


@pytest.mark.parametrize("name", suites())
def test_a_suite_varies_one_factor_at_a_time_within_its_budget(name):
    suite = load_suite(name)
    for extent in suite.extents.values():
        base, *varied = extent.conditions
        assert base.factor is None
        assert set(base.settings) == set(FACTORS)
        for condition in varied:
            apart = {k for k in FACTORS if condition.settings[k] != base.settings[k]}
            assert apart == {condition.factor}
        assert extent.total <= 2000
        assert len({condition.name for condition in extent.conditions}) == len(extent.conditions)
    quick, full = suite.extents["quick"], suite.extents["full"]
    assert {c.name for c in quick.conditions} < {c.name for c in full.conditions}
    assert quick.total <= 150


def test_every_factor_is_something_that_a_plan_takes():
    assert set(FACTORS) <= {field.name for field in dataclasses.fields(Plan)}


def test_the_hash_is_of_what_is_said_and_not_of_how_it_is_laid_out(tmp_path):
    path = suite_file(tmp_path)
    sha256 = load_suite(str(path)).sha256
    path.write_text("# Another comment.\n\n" + path.read_text() + "\n", "utf-8")
    assert load_suite(str(path)).sha256 == sha256
    raw = (resources.files("shopfloor.evidence") / "data" / "suite-v0.toml").read_text("utf-8")
    for old, new in (
        ("seed = 4100", "seed = 4101"),
        ("noise = 0", "noise = 1"),
        ("orders = 110", "orders = 111"),
        ('version = "2026', 'version = "2027'),
    ):
        assert raw.count(old) >= 1
        changed = tmp_path / "changed.toml"
        text = raw.replace(old, new, 1)
        if old == "noise = 0":
            text = text.replace("noise = [1, 2,", "noise = [2,")
            text = text.replace("lost = 0.14", "lost = 0.2")
        changed.write_text(text, "utf-8")
        assert load_suite(str(changed)).sha256 != load_suite("v0").sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("orders = 2", "orders = 0", "[full] orders is 0; it must be a whole number from 1"),
        ("orders = 2", "orders = 1500", "3,000 orders in all"),
        ("orders = 2", "orders = true", "orders is True"),
        ("power = 0.0", "power = 0.5", "it is 0.000: ask for more orders, or claim less"),
        ("lost = 0.9", "lost = 0.0", "a loss is the larger"),
        ("lost = 0.9", "lost = 1.9", "from 0 to 1"),
        ("lost = 0.9\n", "", "[full] lacks lost; nothing in a suite has a default"),
        ("noise = 0\n", "", "[base] lacks noise"),
        ("noise = 0", "noise = 9", "noise level 9 does not exist"),
        ("noise = 0", 'noise = "loud"', "no level of noise"),
        ("alpha = 0.05", "alpha = 0", "alpha is 0"),
        ("seed = 5", "seed = -1", "seed is -1"),
        ("frozen = false", 'frozen = "no"', "write true or false"),
        ('version = "2026-11-25"', 'version = "soon"', "write a date such as"),
        ('language = ["zh"]', 'language = ["fr"]', "'fr' is no language; known: mixed, en, zh"),
        ('language = ["zh"]', 'language = ["en"]', "'en' twice, or it is the base's own"),
        ('language = ["zh"]', "language = []", "write a list of levels"),
        ('language = ["zh"]', 'weather = ["rain"]', "unknown factor 'weather'"),
        ('latency = "fixed:40"', 'latency = "quick"', "latency 'quick' is not known"),
        ('latency = "fixed:40"', 'latency = "measured"', "repeats on no other machine"),
        ('limits = "fenced"', 'limits = "mine.toml"', "known: fenced, collaborative"),
        ('cell = "sorting"', 'cell = "sortign"', "Did you mean 'sorting'?"),
        ("[full]", "[fast]", "lacks full"),
        ("[factors]", "colour = 3\n[factors]", "[base] has 'colour'"),
        ("seed = 5", "seed = five", "is not TOML"),
    ],
)
def test_a_suite_that_cannot_be_is_refused(tmp_path, old, new, said):
    assert TINY.count(old) >= 1
    path = tmp_path / "mine.toml"
    path.write_text(TINY.replace(old, new, 1), "utf-8")
    with pytest.raises(UsageError, match=re.escape(said)) as refused:
        load_suite(str(path))
    assert str(refused.value).startswith("mine.toml")


def test_a_suite_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnknownName, match="unknown suite 'v9'; known: v0"):
        load_suite("v9")
    with pytest.raises(UsageError, match="give one of v0"):
        load_suite(str(tmp_path / "none.toml"))


def test_the_tiny_suite_of_these_tests_is_what_it_looks_like(tmp_path):
    suite = load_suite(str(suite_file(tmp_path)))
    assert tomllib.loads(TINY)["full"]["orders"] == suite.extents["full"].orders == 2
    assert [c.name for c in suite.extents["full"].conditions] == ["base", "language zh"]
    assert json.loads(json.dumps(suite.title)).startswith("tiny of 2026-11-25 (")
