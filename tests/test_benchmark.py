"""The benchmark: what is decided, what the page says, what is refused, and a small one worked."""

import dataclasses
import json
import re
import shlex
import signal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from scipy.stats import binom

from report_examples import manifest, shift
from shift_examples import finish, make_plan, start, tree, wait_for_lots
from shopfloor.cli import bench_suite, main, results
from shopfloor.errors import UsageError
from shopfloor.evidence import score_page, score_words
from shopfloor.evidence.benchmark import Benchmark
from shopfloor.evidence.beside import Published, beside
from shopfloor.evidence.contestant import Contestant
from shopfloor.evidence.score import score
from shopfloor.evidence.suite import load_suite
from shopfloor.record import RunFolder
from suite_examples import TINY, suite_file


def runs_of(suite, extent, failing):
    """A run for each condition that never happened; ``failing``: lots that fail, by condition."""
    good = shift(extent.orders, seed=1, failing=0.0)
    assert all(entry.good for entry in good)
    runs = []
    for condition in extent.conditions:
        lots = failing.get(condition.name, ())
        entries = tuple(
            dataclasses.replace(e, good=False, ever=False, code="grasp.miss", code_tick=1)
            if e.lot in lots
            else e
            for e in good
        )
        facts = {k: v if k == "noise" else str(v) for k, v in condition.settings.items()}
        said = manifest(seed=suite.seed, orders=extent.orders, **facts)
        runs.append(
            Contestant(condition.name, Path("runs") / condition.name, said, entries, "complete")
        )
    return runs


def scored(failing, extent="full"):
    suite = load_suite("v0")
    chosen = suite.extents[extent]
    return score(suite, chosen, "classical", runs_of(suite, chosen, failing))


class Page(HTMLParser):
    """Collects a page's text and what it loads; a tag that is not closed is an error."""

    VOID = frozenset({"meta", "br", "line", "rect", "circle", "path"})

    def __init__(self, html):
        super().__init__()
        self.words, self.open, self.loads, self.classes = [], [], [], []
        self.feed(html)
        assert not self.open
        self.text = re.sub(r"\s+", " ", "".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in ("src", "href")]
        self.classes += [value for name, value in attrs if name == "class"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def decisions(found):
    return {mark.name: held.decision for mark, held in found.varied}


def test_a_condition_that_costs_orders_is_worse_and_only_that_one():
    found = scored({"base": {0}, "noise 4": set(range(1, 14)), "language zh": {0}})
    assert decisions(found) == {
        name: "worse" if name == "noise 4" else "not resolved"
        for name in (c.name for c in found.extent.conditions[1:])
    }
    held = dict((mark.name, held) for mark, held in found.varied)["noise 4"]  # noqa: C402
    # Thirteen lost and one won of fourteen: 2 (1 + 14) / 2^14, times eight for Holm.
    assert (held.counts.only_b, held.counts.only_a) == (13, 1)
    assert held.p_value == pytest.approx(30 / 2**14)
    assert held.p_adjusted == pytest.approx(8 * 30 / 2**14)
    assert "sensor noise 4 of 5" in score_words.lede(found)
    assert score_words.headline(found) == "classical: 99.1\u00a0% of 110 orders good"


def test_what_would_be_worse_alone_is_not_one_of_eight():
    # Six of six is p = .031, enough for one question and not for eight.
    found = scored({"noise 4": set(range(6))})
    held = found.varied[-1][1]
    assert held.p_value == pytest.approx(2 / 2**6)
    assert held.decision == "not resolved"
    # All are lost, so 9 are needed: 2 / 2^9 <= .05 / 8 < 2 / 2^8. They come with 80 % power.
    n, share = held.orders_needed, 6 / 110
    assert binom.sf(8, n, share) >= 0.8 > binom.sf(8, n - 1, share)
    assert held.more_orders == held.orders_needed - 110
    assert f"{held.more_orders} more orders needed" in score_words.said(*found.varied[-1])


def test_a_condition_can_be_better():
    found = scored({"base": set(range(20)), "noise 1": set(range(20))})
    assert decisions(found)["language zh"] == "better"
    assert decisions(found)["noise 1"] == "not resolved"
    assert "can be ruled out" in score_words.said(*found.varied[4])


def test_the_page_says_simulation_first_and_holds_every_figure():
    found = scored({"noise 3": set(range(30)), "noise 4": set(range(50))})
    page = Page(score_page.render(found))
    assert not page.loads
    said = page.text[page.text.index("shopfloor benchmark v0", 60) :]
    assert said.index("simulation result") < said.index("100 % of 110 orders good")
    assert found.suite.sha256 in said
    assert "worse than the base; lost 50 of the 110 orders" in said
    assert "Against sensor noise" in said
    assert "Against latency" in said
    assert page.classes.count("failed differs") == 80
    # Two are worse, and none is slower: each scale has the colour of what was decided on it.
    assert [held.pace for _, held in found.varied] == ["not resolved"] * 8
    assert page.classes.count("whisk worse") == page.classes.count("dot worse") == 2
    assert not [each for each in page.classes if "slower" in each]
    assert "grasp.miss" in said
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["simulation"] is True
    assert [c["good"]["k"] for c in data["conditions"]] == [110] * 7 + [80, 60]
    assert data["suite"]["sha256"] == found.suite.sha256


@pytest.mark.parametrize(
    ("alpha", "wrong", "each", "any_wrong", "together"),
    [
        (0.05, "5", "98.75", "10", "95"),
        (0.2, "20", "95", "40", "80"),
        (0.6, "60", "85", "100", "40"),
    ],
)
def test_each_family_of_calls_says_how_often_it_is_wrong_by_the_suites_own_alpha(
    alpha, wrong, each, any_wrong, together
):
    suite = dataclasses.replace(load_suite("v0"), alpha=alpha)
    extent = suite.extents["quick"]
    found = score(suite, extent, "classical", runs_of(suite, extent, {}))
    method = score_words.method(found)
    assert method.count(f"any wrong call at {wrong}\u00a0%") == 2  # outcomes, and throughput
    assert f"intervals of {each}\u00a0% for each of 4 (Bonferroni)" in method
    assert f"is wrong has a chance of up to {any_wrong}\u00a0%" in method
    text = "".join(Page(score_page.render(found)).words)
    assert method in text
    assert f"{together}\u00a0% all together" in text
    # What is said of throughput is what was computed.
    assert {round(held.speed.confidence, 9) for _, held in found.varied} == {
        round(1 - alpha / 4, 9)
    }


@pytest.mark.parametrize("extent", ["full", "quick"])
@pytest.mark.parametrize("unproven", [False, True])
def test_the_command_on_the_page_runs_the_very_same(tmp_path, monkeypatch, extent, unproven):
    path = suite_file(tmp_path, name="one's own $suite.toml")
    suite = load_suite(str(path))
    chosen, brain = suite.extents[extent], "model; rm -rf x@http://host:1/v1"
    runs = [
        dataclasses.replace(
            run, manifest=dataclasses.replace(run.manifest, allow_unproven=unproven)
        )
        for run in runs_of(suite, chosen, {})
    ]
    page = Page(score_page.render(score(suite, chosen, brain, runs)))
    said = page.text[page.text.index("shopfloor bench ", page.text.index("How to have")) :]
    words = shlex.split(said[: said.index("Suitetiny of")])
    # Click reads it, and what would be worked is what was worked.
    asked = []
    monkeypatch.setattr(bench_suite, "_worked", lambda bench: asked.append(bench) or "complete")
    monkeypatch.setattr(bench_suite, "_tell", lambda *_, **__: None)
    with pytest.raises(SystemExit) as done:
        main(words[1:])
    assert (words[0], done.value.code) == ("shopfloor", 0)
    (bench,) = asked
    assert bench.suite.sha256 == suite.sha256
    assert (bench.brain, bench.extent.name, bench.allow_unproven) == (brain, extent, unproven)


def test_a_condition_that_takes_longer_is_slower_though_no_order_is_lost():
    suite = load_suite("v0")
    extent = suite.extents["full"]
    runs = runs_of(suite, extent, {})
    at = next(i for i, c in enumerate(extent.conditions) if c.name == "latency fixed:2000")
    slow = tuple(
        dataclasses.replace(e, ticks=2 * e.ticks, segments=tuple((s, 2 * n) for s, n in e.segments))
        for e in runs[at].entries
    )
    runs[at] = dataclasses.replace(runs[at], entries=slow)
    found = score(suite, extent, "classical", runs)
    assert {mark.name: held.pace for mark, held in found.varied if held.pace != "not resolved"} == {
        "latency fixed:2000": "slower"
    }
    assert set(decisions(found).values()) == {"not resolved"}
    ratio = found.varied[at - 1][1].speed.ratio
    assert 0.5 < ratio < 1  # changeovers stay as long as they were
    assert f"Slower with 2,000 ms a decision ({ratio:.2f}×)" in score_words.lede(found)
    page = Page(score_page.render(found))
    assert f"slower: {ratio:.2f}×" in page.text
    assert page.classes.count("whisk slower") == page.classes.count("dot slower") == 1
    assert "whisk worse" not in page.classes


def test_a_limit_that_was_left_is_said_at_the_top():
    suite = load_suite("v0")
    extent = suite.extents["quick"]
    runs = runs_of(suite, extent, {})
    checked = [tuple(dataclasses.replace(e, breaches=0) for e in run.entries) for run in runs]
    runs = [dataclasses.replace(r, entries=e) for r, e in zip(runs, checked, strict=True)]
    assert not any("limit left" in line for line in score_words.notes(
        score(suite, extent, "classical", runs)))  # fmt: skip
    first, *rest = runs[-1].entries
    runs[-1] = dataclasses.replace(
        runs[-1], entries=(dataclasses.replace(first, breaches=3), *rest)
    )
    said = score_words.notes(score(suite, extent, "classical", runs))
    assert "An independent reader saw a limit left on 3 ticks of 20 ms (noise 3: 3)" in said


@pytest.mark.parametrize("failing", [{}, "everything"])
def test_nothing_and_everything_failing_divide_by_nothing(failing):
    suite = load_suite("v0")
    extent = suite.extents["quick"]
    if failing:
        failing = {condition.name: set(range(extent.orders)) for condition in extent.conditions}
    runs = runs_of(suite, extent, failing)
    if failing:
        runs = [
            dataclasses.replace(
                run,
                entries=tuple(
                    dataclasses.replace(e, units=(), delivered=(), cycles_s=()) for e in run.entries
                ),
            )
            for run in runs
        ]
    found = score(suite, extent, "<b>x</b>", runs)
    assert set(decisions(found).values()) == {"not resolved"}
    page = Page(score_page.render(found))
    assert "A quick look" in page.text
    assert "<b>x</b>" in page.text
    json.dumps(found.to_json(), allow_nan=False)


# The command line.


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command line here: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main(["bench", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("v9",), "unknown benchmark suite or measurement 'v9'; known: "),
        (("mine.toml",), "mine.toml cannot be read"),
        (("v0", "--brain", "clasical"), "Did you mean 'classical'?"),
        (("v0", "--brain", "qwen2.5-vl-7b", "--quick"), "nobody said where it answers"),
        (("v0", "--workers", "0"), "--workers is 0"),
        (("v0", "--orders", "0"), "No such option"),
    ],
)
def test_what_cannot_be_worked_is_refused_before_the_first_order(cli, arguments, said):
    code, out, err = cli(*arguments, "--out", "out")
    assert (code, out) == (2, "")
    assert said in err
    assert err.strip().splitlines()[-1].startswith("shopfloor: ")
    assert not Path("out").exists()


def test_a_suite_is_worked_stopped_gone_on_with_and_not_worked_twice(cli, tmp_path):
    path = suite_file(tmp_path)
    suite = load_suite(str(path))
    bench = Benchmark(suite, suite.extents["full"], "classical", Path("out"), workers=1)
    bench.open()
    with pytest.raises(UsageError, match="'base' has 0 of 2 orders"):
        bench.score()
    # Ctrl-C within the first condition.
    asked = (path, "--out", "out", "--workers", "1")
    process = start("bench", *asked, cwd=tmp_path)
    wait_for_lots(bench.folders[0], 1, process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert "go on   give the same command again with --out out" in err
    assert not Path("out/bench.json").exists()
    first = RunFolder.open(bench.folders[0]).entries()
    assert first
    with pytest.raises(UsageError, match="give the same command again to go on"):
        bench.score()
    code, out, _ = cli(*asked, "--json")
    assert code == 0
    result = json.loads(out)
    assert json.loads(Path("out/bench.json").read_text("utf-8")) == result
    assert RunFolder.open(bench.folders[0]).entries()[: len(first)] == first
    assert [c["name"] for c in result["conditions"]] == ["base", "language zh"]
    for folder, condition in zip(bench.folders, result["conditions"], strict=True):
        entries = RunFolder.open(folder).entries()
        assert sum(entry.good for entry in entries) == condition["good"]["k"]
        assert {entry.language for entry in entries} == {condition["settings"]["language"]}
        assert condition["good"]["n"] == 2
        assert condition["breaches"] == 0  # audited
    one, other = (RunFolder.open(folder).entries() for folder in bench.folders)
    assert [e.seed for e in one] == [e.seed for e in other]
    assert "simulation result" in Page(Path("out/bench.html").read_text("utf-8")).text
    # The same again works nothing and says the same.
    before = tree("out/runs")
    code, table, _ = cli(*asked)
    assert code == 0
    assert "not resolved" in table
    assert tree("out/runs") == before
    _others_are_refused(cli, path, asked)
    assert tree("out/runs") == before
    # A condition that another shopfloor worked is no part of this benchmark.
    written = bench.folders[1] / "manifest.json"
    data = json.loads(written.read_text("utf-8")) | {"git_commit": "f" * 40}
    written.write_text(json.dumps(data), "utf-8")
    with pytest.raises(UsageError, match="it is not one benchmark"):
        bench.score()


def _others_are_refused(cli, path, asked):
    """Another brain, extent, suite or version cannot go on in this folder."""
    code, _, err = cli(*asked, "--brain", "stand-in")
    assert (code, "holds a benchmark with brain 'classical', not 'stand-in'" in err) == (2, True)
    code, _, err = cli(*asked, "--quick")
    assert (code, "with extent 'full', not 'quick'" in err) == (2, True)
    path.write_text(TINY.replace("seed = 5", "seed = 6"), "utf-8")
    code, _, err = cli(*asked)
    assert (code, "holds a benchmark with suite 'tiny of" in err) == (2, True)
    assert "choose another --out" in err
    path.write_text(TINY, "utf-8")
    stamp = Path("out/asked.json")
    kept = stamp.read_text("utf-8")
    stamp.write_text(json.dumps(json.loads(kept) | {"shopfloor": "0.0.1 older"}), "utf-8")
    code, _, err = cli(*asked)
    assert (code, "with shopfloor '0.0.1 older'" in err) == (2, True)
    for damaged in ("[]", "{"):
        stamp.write_text(damaged, "utf-8")
        code, _, err = cli(*asked)
        assert (code, "is not what was written" in err) == (2, True)
    stamp.write_text(kept, "utf-8")


def test_a_folder_of_something_else_is_left_alone(cli, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("hello")
    code, _, err = cli("v0", "--quick", "--out", "mine")
    assert (code, "is not empty and holds no benchmark" in err) == (2, True)
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_plans_of_a_suite_are_what_it_says():
    suite = load_suite("v0")
    bench = Benchmark(suite, suite.extents["full"], "classical", Path("out"), workers=2)
    plans = bench.plans()
    assert len(plans) == len(set(bench.folders)) == 9
    assert {(plan.seed, plan.orders, plan.brain) for plan in plans} == {(4100, 110, "classical")}
    base = plans[0]
    fields = {field.name for field in dataclasses.fields(base)}
    for plan in plans[1:]:
        assert len({n for n in fields if getattr(plan, n) != getattr(base, n)}) == 1
    assert make_plan(noise=3).noise == plans[7].noise


# Beside another brain.


def published(folder, found, name="other.json", **changes):
    """Write a result as somebody publishes it, and return its path."""
    path = Path(folder) / name
    path.write_text(json.dumps(found.to_json() | changes), "utf-8")
    return path


def test_two_brains_are_paired_from_a_published_result(tmp_path):
    ours = scored({"noise 4": set(range(40))})
    theirs = scored({"noise 4": set(range(20)), "base": set(range(30, 42))})
    read = Published.read(published(tmp_path, theirs), ours.suite, ours.extent)
    found = beside(ours, read)
    by_name = {each.name: each for each in found.rivals}
    assert (by_name["noise 4"].counts.only_a, by_name["noise 4"].counts.only_b) == (0, 20)
    assert by_name["noise 4"].decision == "worse"
    assert by_name["base"].decision == "better"
    # Twelve of twelve, the second smallest of nine: eight times 2 / 2^12.
    assert by_name["base"].p_adjusted == pytest.approx(8 * 2 / 2**12)
    assert {each.decision for each in found.rivals} == {"worse", "better", "not resolved"}
    assert found.unlike == ()
    assert "Beside classical" in Page(score_page.render(ours, found)).text


def test_a_result_that_does_not_compare_is_refused_before_anybody_works(cli, tmp_path):
    found = scored({})
    suite = {**found.to_json()["suite"], "sha256": "f" * 64, "version": "2026-12-01"}
    conditions = found.to_json()["conditions"]
    short = [{**conditions[0], "outcomes": "101"}, *conditions[1:]]
    for changes, said in (
        ({"suite": suite}, "v0 of 2026-12-01 (ffffffffffff), and this is v0 of"),
        ({"extent": "quick"}, "is a quick result, and this is a full one"),
        ({"conditions": short}, "has not 110 outcomes for condition 'base'"),
        ({"conditions": None}, "is no result of a benchmark"),
    ):
        path = published(tmp_path, found, **changes)
        code, out, err = cli("v0", "--beside", path, "--out", "out")
        assert (code, out) == (2, "")
        assert said in err
    for path, said in ((tmp_path / "none.json", "cannot be read"), (tmp_path, "cannot be read")):
        code, _, err = cli("v0", "--beside", path, "--out", "out")
        assert (code, said in err) == (2, True)
    assert not Path("out").exists()


def test_a_result_on_other_orders_is_refused_though_the_suite_is_the_same(tmp_path):
    found = scored({})
    conditions = [
        {**each, "models": each["models"] | {"orders": "0" * 64, "cell": "1" * 64}}
        for each in found.to_json()["conditions"]
    ]
    path = published(tmp_path, found, conditions=conditions)
    with pytest.raises(UsageError, match="the orders of 'base' are not those"):
        beside(found, Published.read(path, found.suite, found.extent))
    for each in conditions:
        each["models"] |= {"orders": found.base.run.manifest.sha256["orders"]}
    path = published(tmp_path, found, conditions=conditions)
    held = beside(found, Published.read(path, found.suite, found.extent))
    assert held.unlike == ("cell",)


def test_the_page_of_results_shows_it_and_names_what_does_not_compare(tmp_path):
    found = scored({"noise 4": set(range(40))})
    published(tmp_path, found, "v0-classical.json")
    old = {**found.to_json()["suite"], "sha256": "f" * 64}
    published(tmp_path, found, "v0-stand-in.json", suite=old, extent="quick")
    text = results.page(tmp_path)
    ours = text[text.index("## Benchmark v0: the classical brain") :].split("\n## ")[0]
    assert "| base | 110/110 = 100.0 % (95 % Wilson 96.6-100.0 %), " in ours
    line = next(line for line in ours.splitlines() if line.startswith("| noise 4 |"))
    assert "70/110" in line
    assert "**worse** (lost 40, won 0, p\u00a0<\u00a00.0001 after Holm)" in line
    assert "of another suite" not in ours
    theirs = text[text.index("## Benchmark v0: the stand-in") :].split("\n## ")[0]
    assert "**of another suite**" in theirs
    assert "**not the benchmark**" in theirs
