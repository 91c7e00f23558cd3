"""Success and throughput over the shift end where the headline stands."""

import pytest

from report_examples import entry, manifest, shift
from shopfloor.report.interval import anytime
from shopfloor.report.summary import summarise
from shopfloor.report.trend import success_trend, uph_trend, window_lots


@pytest.mark.parametrize("lots", [1, 2, 7, 300, 700])
def test_the_last_point_is_the_headline(lots):
    run, entries = manifest(), shift(lots, seed=1, failing=0.2)
    s = summarise(run, entries, wall_s=1, ended="complete")
    success, uph = success_trend(run, entries), uph_trend(run, entries)
    assert success.whole[-1] == pytest.approx(s.good.rate)
    assert uph.whole[-1] == pytest.approx(s.uph)
    assert success.time_s[-1] == uph.time_s[-1] == pytest.approx(s.sim_s)
    assert (success.lo[-1], success.hi[-1]) == (s.good_anytime.lo, s.good_anytime.hi)
    assert len(success.time_s) <= 2 * 240
    assert list(success.time_s) == sorted(set(success.time_s))


def test_the_window_forgets():
    bad = {"good": False, "ever": False, "code": "grasp.miss"}
    entries = [entry(i, **(bad if i < 5 else {})) for i in range(10)]
    trend = success_trend(manifest(), entries)
    assert window_lots(10) == 5
    assert trend.window == (0, 0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert trend.whole[-1] == 0.5
    assert trend.lo[-1] == anytime(5, 10).lo


def test_throughput_of_equal_lots_is_flat():
    trend = uph_trend(manifest(), [entry(i) for i in range(12)])
    # 2 units in 10 s of changeover and 20 s of work.
    assert trend.window == pytest.approx([240] * 12)
    assert trend.whole == pytest.approx([240] * 12)
