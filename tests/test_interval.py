"""Intervals against published tables, closed forms and simulation."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.report.interval import (
    Interval,
    Rate,
    anytime,
    bootstrap_ratio,
    clopper_pearson,
    mtbf_lower,
    wilson,
    zero_failures_needed,
)

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))

# Newcombe, Statistics in Medicine 17 (1998), table I: methods 3 and 5.
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


@pytest.mark.parametrize(("k", "n", "score", "exact"), NEWCOMBE)
def test_rates_agree_with_newcombes_table(k, n, score, exact):
    ours = wilson(k, n)
    assert (round(ours.lo, 4), round(ours.hi, 4)) == score
    ours = clopper_pearson(k, n)
    assert (round(ours.lo, 4), round(ours.hi, 4)) == exact


@given(COUNTS)
def test_wilson_solves_its_defining_equation(counts):
    k, n = counts
    z = 1.959963984540054
    for edge in (wilson(k, n).lo, wilson(k, n).hi):
        assert (k / n - edge) ** 2 == pytest.approx(z * z * edge * (1 - edge) / n, abs=1e-12)


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_leaves_half_of_alpha_in_each_binomial_tail(counts):
    k, n = counts
    bounds = clopper_pearson(k, n)

    def chance(p, ks):
        return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in ks)

    if k:
        assert chance(bounds.lo, range(k, n + 1)) == pytest.approx(0.025, rel=1e-6)
    if k < n:
        assert chance(bounds.hi, range(k + 1)) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, anytime])
@given(counts=COUNTS)
def test_intervals_hold_the_rate_and_mirror(interval, counts):
    k, n = counts
    here, mirrored = interval(k, n), interval(n - k, n)
    assert 0 <= here.lo <= k / n <= here.hi <= 1
    assert here.lo == pytest.approx(1 - mirrored.hi, abs=1e-9)
    assert here.hi == pytest.approx(1 - mirrored.lo, abs=1e-9)
    assert (here.lo == 0) == (k == 0)
    assert (here.hi == 1) == (k == n)


@given(COUNTS)
def test_watching_costs_width(counts):
    once, watched = clopper_pearson(*counts), anytime(*counts)
    assert watched.hi - watched.lo >= once.hi - once.lo


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, anytime])
def test_no_trial_says_nothing(interval):
    assert interval(0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, anytime, Rate.of])
@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (1, 0)])
def test_impossible_counts_are_refused(interval, k, n):
    with pytest.raises(ValueError, match="0 <= k <= n"):
        interval(k, n)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_the_sequence_covers_at_all_times_and_wilson_does_not(p):
    paths, trials = 1500, 200
    sums = np.cumsum(np.random.default_rng(7).random((paths, trials)) < p, axis=1)
    watched, once = cache(anytime), cache(wilson)

    def missed(interval):
        """Count paths whose interval, looked at after every trial, once lost the truth."""
        return sum(
            any(p not in interval(int(k), n) for n, k in enumerate(path, 1)) for path in sums
        )

    # Its own interval: the miss rate may not be shown to exceed 5 %.
    assert clopper_pearson(missed(watched), paths, confidence=0.99).lo <= 0.05
    assert missed(watched) / paths <= 0.06
    assert clopper_pearson(missed(once), paths, confidence=0.99).lo > 0.05


@given(COUNTS, st.floats(0.001, 0.999))
def test_the_sequence_is_the_set_where_the_martingale_is_small(counts, p):
    from scipy.special import betaln

    k, n = counts
    log_m = betaln(0.5 + k, 0.5 + n - k) - betaln(0.5, 0.5)
    log_m -= k * math.log(p) + (n - k) * math.log1p(-p)
    if abs(log_m - math.log(20)) > 1e-6:
        assert (p in anytime(k, n)) == (log_m < math.log(20))


def test_the_sequence_closes_in():
    widths = [anytime(9 * n, 10 * n) for n in (1, 10, 100, 1000)]
    sizes = [w.hi - w.lo for w in widths]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.03


@pytest.mark.parametrize(("hours", "claim"), [(24, 8.0), (300, 100)])
def test_failure_free_hours_support_a_third_of_them(hours, claim):
    assert mtbf_lower(hours, 0) == pytest.approx(claim, rel=0.003)
    assert mtbf_lower(hours, 0) == pytest.approx(hours / -math.log(0.05))


def test_the_mtbf_bound_agrees_with_chi_square_tables():
    # chi2(0.95): 9.488 at 4, 12.592 at 6, 24.996 at 15, 31.410 at 20 degrees of freedom.
    for failures, chi2 in ((1, 9.488), (2, 12.592), (9, 31.410)):
        assert mtbf_lower(100, failures) == pytest.approx(200 / chi2, rel=1e-4)


@given(st.floats(0.1, 1e4), st.integers(0, 60))
def test_the_mtbf_bound_is_where_so_few_failures_become_unlikely(hours, failures):
    mean = hours / mtbf_lower(hours, failures)
    chance = math.fsum(
        math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(failures + 1)
    )
    assert chance == pytest.approx(0.05, rel=1e-6)


def test_mtbf_refuses_negative_time():
    with pytest.raises(ValueError, match="negative"):
        mtbf_lower(-1, 0)


@pytest.mark.parametrize(("rate", "n"), [(0.90, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_trials_without_failure_for_a_claim(rate, n):
    assert zero_failures_needed(rate) == n
    assert rate**n <= 0.05 < rate ** (n - 1)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_no_number_of_trials_proves_certainty(rate):
    with pytest.raises(ValueError, match="between 0 and 1"):
        zero_failures_needed(rate)


def test_a_rate_of_nothing_is_unmeasured():
    assert Rate.of(0, 0) == Rate(0, 0, None, None, None)
    assert Rate.of(0, 20).rate == 0


def test_bootstrap_agrees_with_the_delta_method():
    rng = np.random.default_rng(3)
    hours = rng.uniform(0.01, 0.03, 400)
    units = rng.poisson(300 * hours)
    ratio = units.sum() / hours.sum()
    half = 1.96 * np.std(units - ratio * hours, ddof=1) * math.sqrt(400) / hours.sum()
    bounds = bootstrap_ratio(units, hours, seed=5)
    assert bounds.lo == pytest.approx(ratio - half, rel=0.01)
    assert bounds.hi == pytest.approx(ratio + half, rel=0.01)
    assert bounds == bootstrap_ratio(units, hours, seed=5)
    assert bounds != bootstrap_ratio(units, hours, seed=6)


def test_bootstrap_keeps_pairs_and_knows_when_to_be_silent():
    same = bootstrap_ratio([2, 4, 8], [1, 2, 4], seed=0)
    assert (same.lo, same.hi) == (2, 2)
    assert bootstrap_ratio([2], [1], seed=0) is None
    with pytest.raises(ValueError, match="pairs"):
        bootstrap_ratio([1, 2], [1], seed=0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_is_a_fraction(confidence):
    with pytest.raises(ValueError, match=r"0\.95"):
        wilson(1, 2, confidence=confidence)
