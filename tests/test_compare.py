"""Comparisons: which orders are common, what the verdict is, what is refused, and one real one."""

import dataclasses
import json
from pathlib import Path

import pytest

from compare_examples import contestant, outcomes, read
from report_examples import shift
from shift_examples import ORDERS, make_plan, order_file, silent, tree
from shopfloor.cli import main
from shopfloor.errors import RunExists, UsageError
from shopfloor.evidence import page, verdict
from shopfloor.evidence.comparison import compare
from shopfloor.evidence.contestant import contestants, distinct
from shopfloor.evidence.match import match
from shopfloor.evidence.race import Race, rounds
from shopfloor.record import RunFolder
from shopfloor.shift import run_shift


def test_a_clear_difference_is_called():
    found = compare([contestant("a", "1" * 30), contestant("b", "1" * 18 + "0" * 12)])
    (pair,) = found.pairs
    assert pair.verdict == "a"
    assert pair.p_value == pytest.approx(2 * 0.5**12)
    assert (pair.orders_needed, pair.more_orders) == (None, None)
    assert not found.watched
    assert verdict.headline(found) == "a is better than b"
    swapped = compare([contestant("b", "1" * 18 + "0" * 12), contestant("a", "1" * 30)])
    assert swapped.pairs[0].verdict == "b"
    assert verdict.headline(swapped) == "a is better than b"


def test_a_small_difference_says_how_many_more_orders():
    found = compare([contestant("a", "1" * 30), contestant("b", "1" * 27 + "000")])
    (pair,) = found.pairs
    assert pair.verdict == "not resolved"
    # 10 % differ, all for a: with 80 % chance at least the 6 that McNemar's test needs come
    # within 79 orders, P(X >= 6 | n = 79, .1) = .80.
    assert pair.orders_needed == pytest.approx(79, abs=2)
    assert pair.more_orders == pair.orders_needed - 30
    words = verdict.said(pair, watched=False, pairs=1)
    assert f"{pair.more_orders} more orders needed for 80\u00a0% power" in words
    assert words.startswith("Not resolved. They differ in 3 of 30 orders")


def test_several_are_corrected_and_ranked():
    found = compare(
        [
            contestant("good", "1" * 40),
            contestant("fair", "1" * 33 + "0" * 7),
            contestant("bad", "1" * 20 + "0" * 20),
        ]
    )
    verdicts = {(pair.a, pair.b): pair.verdict for pair in found.pairs}
    # 7 of 7: p = .0156, which Holm leaves (the others are smaller).
    assert verdicts == {("good", "fair"): "a", ("good", "bad"): "a", ("fair", "bad"): "a"}
    assert [pair.p_adjusted >= pair.p_value for pair in found.pairs] == [True] * 3
    strengths = [each.strength.value for each in found.standings]
    assert strengths == sorted(strengths, reverse=True)
    assert verdict.headline(found) == "good is better than each of the others"
    # 6 of 6 is p = .031: enough alone, and not as one of three.
    alone = [contestant("a", "1" * 20), contestant("b", "1" * 14 + "0" * 6)]
    assert compare(alone).pairs[0].verdict == "a"
    assert compare([*alone, contestant("c", "1" * 20)]).pairs[0].verdict == "not resolved"


def test_an_unfinished_run_is_decided_by_the_sequence():
    one, other = "1" * 30, "1" * 24 + "0" * 6
    fixed = compare([contestant("a", one), contestant("b", other)])
    assert fixed.pairs[0].verdict == "a"
    for how in (
        {"ended": "interrupted"},
        {"ended": None},
        {"ended": "max-wall"},
        {"orders": 50},
        {"orders": None, "hours": 2.0},
    ):
        stopped = compare([contestant("a", one), contestant("b", other, **how)])
        assert stopped.watched
        assert stopped.pairs[0].verdict == "not resolved"
        assert any("allow for that" in line for line in verdict.notes(stopped))
    # Seven of seven is what the sequence wants, M = 2^7 B(7.5, .5) / pi = 26.8 > 20.
    assert compare([contestant("a", one), contestant("b", "1" * 23 + "0" * 7)],
                   watched=True).pairs[0].verdict == "a"  # fmt: skip


def test_orders_beyond_a_gap_of_an_unfinished_run_do_not_count():
    found = compare(
        [contestant("a", "1" * 12), contestant("b", "1111.1000000", ended="interrupted")]
    )
    assert found.n == 4
    assert found.matched.dropped == 7
    assert any("beyond a gap" in line for line in verdict.notes(found))


def test_runs_of_different_length_are_matched_and_it_is_said():
    found = compare([contestant("a", "1" * 20), contestant("b", "1" * 8)])
    assert found.n == 8
    assert [each.summary.orders for each in found.standings] == [8, 8]
    (line,) = [line for line in verdict.notes(found) if line.startswith("Matched")]
    assert "8 orders" in line
    assert "a has 20, b has 8" in line


@pytest.mark.parametrize("few", [[], [contestant("a", "111")]])
def test_fewer_than_two_are_refused(few):
    with pytest.raises(UsageError, match="two or more"):
        compare(few)


def test_a_run_without_orders_is_refused():
    with pytest.raises(UsageError, match="0 orders"):
        compare([contestant("a", "111"), contestant("b", "")])


def test_a_lot_that_is_not_the_same_order_is_refused():
    other = tuple(dataclasses.replace(e, order="another") for e in outcomes("111"))
    with pytest.raises(Exception, match="an index was edited"):
        match([contestant("a", "111"), contestant("b", other)])


def test_one_order_and_all_failures_and_identical_runs_divide_by_nothing():
    for left, right in (("1", "0"), ("0", "0"), ("1", "1"), ("0" * 9, "0" * 9)):
        found = compare([contestant("a", left), contestant("b", right)])
        (pair,) = found.pairs
        assert pair.verdict == "not resolved"
        assert "not resolved" in read(page.render(found)).lower()
        json.dumps(found.to_json(), allow_nan=False)
    none_good = tuple(
        dataclasses.replace(e, units=(), delivered=(), cycles_s=()) for e in outcomes("000")
    )
    found = compare([contestant("a", none_good), contestant("b", none_good)])
    (pair,) = found.pairs
    assert pair.identical
    assert pair.speed.ratio is None
    text = read(page.render(found))
    assert "not measured" in text
    assert "The same in every tick" in text
    assert "exactly the same, tick by tick" in text


def test_entries_without_time_divide_by_nothing():
    still = tuple(
        dataclasses.replace(e, ticks=0, segments=(), think_ticks=0) for e in outcomes("11")
    )
    found = compare([contestant(name, still, changeover_s=0.0) for name in ("a", "b")])
    assert found.pairs[0].speed.ratio is None
    assert found.standings[0].summary.uph is None
    read(page.render(found))


def test_the_faster_one_is_named():
    slow = tuple(
        dataclasses.replace(e, ticks=2000, segments=(("PRD", 2000),)) for e in outcomes("1" * 20)
    )
    found = compare([contestant("a", "1" * 20), contestant("b", slow)])
    speed = found.pairs[0].speed
    # Lots of 1,000 and 2,000 ticks with 500 of changeover: 2,500 / 1,500.
    assert speed.ratio == pytest.approx(2500 / 1500)
    assert speed.bounds.lo == pytest.approx(speed.bounds.hi)
    assert speed.faster == "a"


def test_what_differs_beside_the_brain_is_said():
    a, b = contestant("a", "111"), contestant("b", "111", latency="none", git_commit="f" * 40)
    b = dataclasses.replace(b, manifest=dataclasses.replace(b.manifest, notes=("Paused.",)))
    notes = " | ".join(verdict.notes(compare([a, b])))
    assert notes.startswith("This is a simulation result")
    assert "more than one thing (brain and latency)" in notes
    assert "not made alike (commit)" in notes
    assert "b: Paused" in notes


def test_names_tell_runs_apart():
    facts = [{"brain": b, "latency": t} for b, t in (("x", "1"), ("x", "2"), ("y", "1"))]
    assert distinct(facts) == ("x 1", "x 2", "y 1")
    assert distinct([{"brain": "x", "latency": "1"}] * 2) == ("x#1", "x#2")
    assert distinct([{"brain": "x"}, {"brain": "y"}]) == ("x", "y")
    assert distinct([]) == ()


def test_the_picture_has_a_square_for_each_order_and_says_who_failed():
    runs = [
        contestant(name, shift(300, seed=i, failing=share))
        for i, (name, share) in enumerate((("classical", 0.02), ("<b>rival</b>", 0.1)))
    ]
    found = compare(runs)
    html = page.render(found)
    text = read(html)
    assert html.count("<g><title>") == 600
    lone = sum(x.good != y.good for x, y in zip(runs[0].entries, runs[1].entries, strict=True))
    assert html.count('class="failed differs"') + html.count('class="alone"') == 2 * lone
    assert "This is a simulation result" in text[:120]
    assert "<b>rival" not in html
    assert "grasp.slip" in text
    assert len(html) < 400_000


def test_a_month_of_orders_shows_those_that_failed():
    runs = [contestant(name, shift(1300, seed=i, failing=0.05)) for i, name in enumerate("ab")]
    html = page.render(compare(runs))
    assert html.count("<g><title>") <= 1200
    assert "are left out" in read(html)


def test_latencies_are_drawn_against():
    runs = [
        contestant(f"{brain} {ms}", "1" * (10 - i) + "0" * i, brain=brain, latency=f"fixed:{ms}")
        for brain in ("a", "b")
        for i, ms in enumerate((40, 400, 1600))
    ]
    text = read(page.render(compare(runs)))
    assert "Against latency" in text
    assert "1,600 ms" in text
    assert "Against latency" not in read(page.render(compare(runs[:1] + runs[3:4])))


def test_rounds_end_at_the_most():
    assert rounds(300) == (10, 15, 22, 33, 50, 75, 113, 170, 256, 300)
    assert rounds(10) == (10,)
    assert rounds(3) == (3,)


# The command line.


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command line here: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two real runs of the same order, and one of an order that only looks the same."""
    folder = tmp_path_factory.mktemp("pair")
    same = order_file(folder, ORDERS[:1])
    (folder / "elsewhere").mkdir()
    more = [{**ORDERS[0], "parts": ORDERS[1]["parts"]}]
    other = order_file(folder / "elsewhere", more)
    for name, orders, brain in (
        ("one", same, "classical"), ("two", same, "stand-in"), ("else", other, "classical"),
    ):  # fmt: skip
        plan = make_plan(order_file=orders, brain=brain)
        assert run_shift(plan, folder / name, resume=False, progress=silent) == "complete"
    return folder


def test_runs_that_are_there_are_compared(pair, cli):
    before = tree(pair)
    code, out, _ = cli("compare", pair / "one", pair / "two", "--out", "found", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["simulation"] is True
    assert [{k: p[k] for k in ("a", "b", "verdict")} for p in result["pairs"]] == [
        {"a": "classical", "b": "stand-in", "verdict": "not resolved"}
    ]
    assert result["matched_orders"] == 1
    assert json.loads(Path("found/compare.json").read_text()) == result
    read(Path("found/compare.html").read_text())
    assert tree(pair) == before


def test_a_run_and_itself_are_the_same(pair, cli):
    code, out, _ = cli("compare", pair / "one", pair / "one", "--out", "same")
    assert code == 0
    assert "classical#1" in out
    assert "The same in every tick" in out


def test_runs_without_a_common_order_are_refused_and_nothing_is_written(pair, cli):
    code, _, err = cli("compare", pair / "one", pair / "nothing")
    assert (code, "no run here" in err) == (2, True)
    one, other = (RunFolder.open(pair / name).entries()[0] for name in ("one", "else"))
    assert (one.order, one.instruction, one.seed) == (other.order, other.instruction, other.seed)
    # The same words, id and seed, but not the same parts: not the same order.
    code, _, err = cli("compare", pair / "one", pair / "else", "--out", "none")
    assert code == 2
    assert "no order in common" in err
    assert "source of orders" in err
    assert err.count("\n") == 1
    assert not Path("none").exists()


def test_orders_of_different_sources_are_matched_by_what_they_are(pair, tmp_path):
    # The same order from a file with another hash, with its id said.
    said = [{**ORDERS[0], "id": RunFolder.open(pair / "one").entries()[0].order}]
    path = order_file(tmp_path, said, "said.jsonl")
    run_shift(make_plan(order_file=path), tmp_path / "said", resume=False, progress=silent)
    found = compare(contestants([pair / "one", tmp_path / "said"]))
    assert found.n == 1
    assert "source of orders" in dict(found.matched.differs)
    assert any("by what each order is" in line for line in verdict.notes(found))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to compare"),
        (("--brain", "classical"), "one variant"),
        (("--brain", "classical", "--brain", "clasical"), "classical"),
        (("--brain", "classical", "--brain", "stand-in", "--orders", "0"), "--orders is 0"),
        (("--brain", "classical", "--latency", "quick", "--latency", "none"), "not known"),
        (("--brain", "classical", "--brain", "stand-in", "--order-file", "x.jsonl"), "x.jsonl"),
        (("--brain", "classical", "--brain", "stand-in", "--limits", "x.toml"), "x.toml"),
        (("some-run", "--seed", "3"), "--seed cannot be given"),
        (("some-run",), "no run here"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(cli, arguments, said):
    code, out, err = cli("compare", *arguments, "--out", "out")
    assert (code, out) == (2, "")
    assert said in err
    assert err.strip().count("\n") == 0
    assert not Path("out").exists()


def test_a_comparison_is_worked_stopped_and_gone_on_with(cli, tmp_path):
    path = order_file(tmp_path, ORDERS[:2])
    asked = ("compare", "--brain", "classical", "--brain", "classical", "--order-file", path,
             "--seed", "7", "--until-resolved", "--out", "race", "--json")  # fmt: skip
    plan = make_plan(order_file=path)
    race = Race((plan, plan), Path("race"), until_resolved=True)
    race.open()
    # Stopped with a run that is begun, as Ctrl-C leaves it.
    ended = run_shift(plan, race.folders[0], resume=False, progress=silent, pause_at=1)
    assert ended == "paused"
    first = RunFolder.open(race.folders[0]).entries()
    code, out, _ = cli(*asked)
    assert code == 0
    result = json.loads(out)
    (only,) = result["pairs"]
    assert (only["a"], only["b"]) == ("classical#1", "classical#2")
    assert only["verdict"] == "not resolved"
    assert only["identical_logs"] is True
    assert result["method"] == "anytime-valid sequence"
    assert RunFolder.open(race.folders[0]).entries()[:1] == first
    sessions = RunFolder.open(race.folders[0]).sessions()
    assert [session.ended for session in sessions] == ["paused", "complete"]
    # Everything is there: the same again costs no work and changes nothing in the runs.
    before = tree("race/runs")
    assert cli(*asked)[1] == out
    assert tree("race/runs") == before
    with pytest.raises(RunExists, match="seed"):
        Race((make_plan(order_file=path, seed=8),) * 2, Path("race"), until_resolved=True).open()
    code, _, err = cli("compare", "--brain", "classical", "--brain", "stand-in", "--out", tmp_path)
    assert (code, "is not empty" in err) == (2, True)
