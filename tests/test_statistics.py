"""The statistics of comparisons against published tables, closed forms, and sums over outcomes."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, hypergeom, multinomial

from shopfloor.evidence.crossing import ever_rejected, ever_rejected_by_mcnemar, miscoverage
from shopfloor.evidence.paired import Paired, mcnemar
from shopfloor.evidence.power import (
    Discordance,
    mcnemar_power,
    orders_fixed,
    orders_unpaired,
    orders_watched,
    watched_power,
)
from shopfloor.evidence.proof import coverage, mcnemar_size
from shopfloor.evidence.ranking import bradley_terry
from shopfloor.evidence.several import holm
from shopfloor.evidence.survival import survival
from shopfloor.evidence.unpaired import boschloo
from shopfloor.evidence.watched import log_evidence, watch
from shopfloor.report.interval import Interval, anytime, clopper_pearson, wilson

COUNTS = st.tuples(st.integers(0, 300), st.integers(0, 300))


def test_mcnemar_agrees_with_a_published_example():
    # Fay, R package exact2x2, vignette "Exact McNemar's Test": table 21, 9, 2, 12; p = 0.06543.
    assert mcnemar(9, 2) == pytest.approx(0.06543, abs=5e-6)


@given(COUNTS)
def test_mcnemar_is_twice_the_smaller_binomial_tail(counts):
    if sum(counts):
        assert mcnemar(*counts) == pytest.approx(binomtest(counts[0], sum(counts)).pvalue)


def test_mcnemar_stays_exact_where_floats_end():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 900) == pytest.approx(2.0**-899)
    assert mcnemar(2000, 2000) == 1.0
    assert 0 < mcnemar(3000, 2800) < 0.01


def test_mcnemar_is_wrong_at_most_in_one_of_twenty():
    # Not for some shares but for all: given the number of discordant orders it is a binomial sum,
    # and every share of discordant orders mixes those.
    assert 0.04 < mcnemar_size(1000) <= 0.05
    for n, rate in product((1, 7, 30, 300), (0.01, 0.2, 1.0)):
        null = Discordance(rate, 0.5 + 1e-12)
        assert mcnemar_power(n, null) <= 0.05


def test_outcomes_are_counted_by_pair():
    found = Paired.of((True, True, False, False, True), (True, False, True, False, False))
    assert found == Paired(both=1, only_a=2, only_b=1, neither=1)
    assert (found.n, found.discordant, found.difference) == (5, 3, pytest.approx(0.2))
    assert Paired.of((), ()).difference is None


@pytest.mark.parametrize(("a", "b"), [((7, 15), (12, 15)), ((3, 8), (8, 9)), ((5, 6), (0, 4))])
def test_boschloo_is_the_worst_chance_of_fishers_p_being_as_small(a, b):
    # The definition, by brute force: Fisher's p of every table, its chance at every common rate.
    (k_a, n_a), (k_b, n_b) = a, b
    grid = np.linspace(0.0005, 0.9995, 2000)
    chance = binom.pmf(np.arange(n_a + 1)[:, None, None], n_a, grid) * binom.pmf(
        np.arange(n_b + 1)[None, :, None], n_b, grid
    )

    def one_sided(upper):
        def fisher(x, y):
            law = hypergeom(n_a + n_b, n_a, x + y)
            return law.sf(x - 1) if upper else law.cdf(x)

        here = fisher(k_a, k_b)
        as_small = [[fisher(x, y) <= here * (1 + 1e-9) for y in range(n_b + 1)]
                    for x in range(n_a + 1)]  # fmt: skip
        return (chance * np.array(as_small)[:, :, None]).sum(axis=(0, 1)).max()

    expected = min(1.0, 2 * min(one_sided(upper=True), one_sided(upper=False)))
    assert boschloo(k_a, n_a, k_b, n_b) == pytest.approx(expected, rel=1e-3)


def test_boschloo_says_nothing_of_nothing():
    assert boschloo(0, 0, 3, 5) is None
    assert boschloo(5, 5, 9, 9) == boschloo(0, 5, 0, 9) == 1.0
    with pytest.raises(ValueError, match="0 <= k <= n"):
        boschloo(3, 2, 0, 1)


def test_holm_agrees_with_a_worked_example():
    # Holm's steps by hand: 4 x .01, 3 x .013 (kept at .04), 2 x .03, 1 x .04 (kept at .06).
    assert holm((0.03, 0.01, 0.04, 0.013)) == pytest.approx((0.06, 0.04, 0.06, 0.04))
    assert holm(()) == ()
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm((0.5, 1.5))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p) + 1e-15
    order = np.argsort(p_values, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= 0)


def test_the_watched_test_is_a_martingale_under_a_fair_coin():
    for a, b in product(range(40), repeat=2):
        after = 0.5 * math.exp(log_evidence(a + 1, b)) + 0.5 * math.exp(log_evidence(a, b + 1))
        assert after == pytest.approx(math.exp(log_evidence(a, b)))
    assert log_evidence(0, 0) == pytest.approx(0)


@given(COUNTS)
def test_the_watched_test_rejects_when_a_half_has_left_the_sequences_interval(counts):
    if sum(counts) and abs(log_evidence(*counts) - math.log(20)) > 1e-6:
        outside = 0.5 not in anytime(counts[0], sum(counts))
        assert outside == (log_evidence(*counts) > math.log(20))


@given(st.lists(st.booleans(), max_size=200))
def test_a_watched_p_value_never_grows_and_has_a_side(wins):
    seen = [watch(wins[:n]).p_value for n in range(len(wins) + 1)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == 1.0
    assert watch(wins).p_value == watch([not won for won in wins]).p_value


def test_looking_after_every_order_is_wrong_at_most_in_one_of_twenty():
    # Exact: chances of all paths. McNemar's test, looked at as often, is wrong in two of five.
    assert ever_rejected(0.5, 2000)[-1] <= 0.05
    assert ever_rejected_by_mcnemar(0.5, 1000)[-1] > 0.4


def test_chances_along_a_path_agree_with_all_paths():
    share, most = 0.7, 12
    rejected = np.zeros(most)
    for path in product((True, False), repeat=most):
        chance = math.prod(share if won else 1 - share for won in path)
        for n in range(1, most + 1):
            if watch(path[:n]).p_value <= 0.05:
                rejected[n - 1 :] += chance
                break
    assert ever_rejected(share, most) == pytest.approx(rejected, abs=1e-12)


@pytest.mark.parametrize("interval", [anytime, wilson, clopper_pearson])
def test_miscoverage_agrees_with_all_paths(interval):
    truth, most = 0.8, 11
    missed = np.zeros(most)
    for path in product((1, 0), repeat=most):
        chance = math.prod(truth if good else 1 - truth for good in path)
        for n in range(1, most + 1):
            if truth not in interval(sum(path[:n]), n):
                missed[n - 1 :] += chance
                break
    assert miscoverage(interval, truth, most) == pytest.approx(missed, abs=1e-12)


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.99])
def test_the_sequence_misses_at_most_one_in_twenty_after_a_thousand_looks(truth):
    missed = miscoverage(anytime, truth, 1000)
    assert missed[-1] <= 0.05
    assert miscoverage(wilson, truth, 1000)[-1] > 0.3
    # The sum never loses a path: after one look it is the plain binomial chance.
    assert missed[0] == pytest.approx(0.0 if truth < 0.99 else 1 - truth)


def test_clopper_pearson_covers_everywhere_and_wilson_in_the_mean():
    truths = np.arange(1, 500) / 500
    for n in (1, 5, 20, 100, 300):
        exact = coverage(clopper_pearson, n, truths)
        assert exact.least >= 0.95
    score = coverage(wilson, 100, truths)
    assert 0.945 < score.mean < 0.96
    assert score.least < 0.95


def test_coverage_of_an_interval_that_holds_everything_or_nothing():
    truths = np.array([0.1, 0.5])
    assert coverage(lambda *_: Interval(0.0, 1.0), 7, truths).least == pytest.approx(1.0)
    assert coverage(lambda *_: Interval(2.0, 3.0), 7, truths).mean == 0.0


def test_unpaired_orders_agree_with_the_textbook():
    # Fleiss, Levin and Paik (2003), without continuity correction.
    assert orders_unpaired(0.5, 0.6) == 388
    assert orders_unpaired(0.8, 0.9) == 199
    assert orders_unpaired(0.9, 0.95) == 435
    assert orders_unpaired(0.8, 0.9) == pytest.approx(196, rel=0.02)  # without pooling
    assert orders_unpaired(0.9, 0.95) == pytest.approx(432, rel=0.01)
    with pytest.raises(ValueError, match="two different rates"):
        orders_unpaired(0.5, 0.5)


def test_unpaired_orders_do_have_that_power():
    n = orders_unpaired(0.5, 0.6)
    k = np.arange(n + 1)
    pooled = (k[:, None] + k[None, :]) / (2 * n)
    spread = np.sqrt(np.maximum(2 * pooled * (1 - pooled) / n, 1e-300))
    rejects = np.abs(k[:, None] - k[None, :]) / n / spread > 1.959964
    power = binom.pmf(k, n, 0.5) @ rejects @ binom.pmf(k, n, 0.6)
    assert power == pytest.approx(0.8, abs=0.01)


def test_paired_power_agrees_with_a_sum_over_all_tables():
    n, truth = 25, Discordance(0.4, 0.85)
    chances = (0.4 * 0.85, 0.4 * 0.15, 0.6)
    power = sum(
        multinomial.pmf((a, b, n - a - b), n, chances)
        for a in range(n + 1)
        for b in range(n + 1 - a)
        if mcnemar(a, b) <= 0.05
    )
    assert mcnemar_power(n, truth) == pytest.approx(power, abs=1e-9)


@pytest.mark.parametrize("truth", [Discordance(0.1, 0.75), Discordance(0.02, 1.0)])
def test_orders_needed_have_their_power_and_watching_costs_some(truth):
    fixed, watched = orders_fixed(truth), orders_watched(truth)
    assert mcnemar_power(fixed, truth) >= 0.8 > mcnemar_power(fixed - 1, truth)
    assert watched_power(watched, truth) >= 0.8 > watched_power(watched - 1, truth)
    assert fixed < watched < 2 * fixed
    assert orders_fixed(truth, alpha=0.01) > fixed


def test_nobody_is_told_to_wait_for_ever():
    assert orders_fixed(Discordance(1e-4, 0.5001)) is None
    assert orders_watched(Discordance(0.5, 0.5001)) is None
    with pytest.raises(ValueError, match="a difference has"):
        Discordance(0.1, 0.5)


def test_survival_agrees_with_a_textbook():
    # Remission of leukaemia under 6-MP (Freireich et al. 1963; Cox and Oakes 1984, table 1.1).
    failed = (6, 6, 6, 7, 10, 13, 16, 22, 23)
    lasting = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
    found = survival((*failed, *lasting), (True,) * 9 + (False,) * 12)
    assert found.time == (6, 7, 10, 13, 16, 22, 23)
    table = (0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448)
    assert found.surviving == pytest.approx(table, abs=5e-4)
    assert found.median == 23
    assert found.total == 359
    # chi2(0.95, 20) = 31.410
    assert found.mean_lower == pytest.approx(2 * 359 / 31.410, rel=1e-4)
    assert all(lo < s < hi for lo, s, hi in zip(found.lo, found.surviving, found.hi, strict=True))


def test_survival_without_failures_or_time_measures_nothing():
    found = survival((2.0, 3.0), (False, False))
    assert (found.median, found.surviving, found.failures) == (None, (), 0)
    assert found.mean_lower == pytest.approx(5 / -math.log(0.05))
    empty = survival((), ())
    assert (empty.median, empty.mean_lower) == (None, None)
    assert survival((3.0,), (True,)).median == 3.0
    with pytest.raises(ValueError, match="negative or infinite"):
        survival((-1.0,), (True,))


def test_bradley_terry_agrees_with_a_textbook():
    # American League East 1987, Agresti, Categorical Data Analysis (2nd ed. 2002), table 10.10:
    # wins of the row over the column; estimates relative to Baltimore.
    wins = [
        [0, 7, 9, 7, 7, 9, 11],  # Milwaukee
        [6, 0, 7, 5, 11, 9, 9],  # Detroit
        [4, 6, 0, 7, 7, 8, 12],  # Toronto
        [6, 8, 6, 0, 6, 7, 10],  # New York
        [6, 2, 6, 7, 0, 7, 12],  # Boston
        [4, 4, 5, 6, 6, 0, 6],  # Cleveland
        [2, 4, 1, 3, 1, 7, 0],  # Baltimore
    ]
    found = bradley_terry(wins)
    relative = [each.value - found[-1].value for each in found]
    assert relative == pytest.approx((1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0), abs=0.005)
    assert all(each.bounded and each.lo < each.value < each.hi for each in found)
    assert sum(each.value for each in found) == pytest.approx(0)


def test_bradley_terry_of_two_is_the_log_odds():
    a, b = bradley_terry([[0, 30], [10, 0]])
    assert a.value - b.value == pytest.approx(math.log(3))
    # The log odds' own standard error, sqrt(1/30 + 1/10), halved since the mean is held at 0.
    assert a.hi - a.value == pytest.approx(1.959964 * math.sqrt(1 / 30 + 1 / 10) / 2, rel=1e-5)


def test_bradley_terry_where_somebody_always_won():
    best, middle, other = bradley_terry([[0, 5, 4], [0, 0, 3], [0, 2, 0]])
    assert best.value > max(middle.value, other.value)
    assert (best.bounded, best.hi) == (False, None)
    assert best.lo is not None
    assert (middle.lo, other.lo) == (None, None)
    assert middle.hi is not None
    unlinked = bradley_terry([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert all(each.value is None for each in unlinked)
    with pytest.raises(ValueError, match="square table"):
        bradley_terry([[1, 0], [0, 0]])
