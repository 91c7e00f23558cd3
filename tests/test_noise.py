"""Sensors are as bad as the level says, the same for everybody, and level 0 is none at all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shift_examples import ORDERS, make_plan, order_file, work
from shopfloor.cell.noise import LEVELS, NoisyCell, Timing, noise_level
from shopfloor.cell.noise.calibration import pose_error
from shopfloor.cell.noise.delivery import Delivery
from shopfloor.cell.noise.depth import degrade_depth, incidence, lateral_sigma, stereo_sigma
from shopfloor.cell.noise.draw import Draws, chance, gaussian
from shopfloor.cell.noise.encoder import Encoders
from shopfloor.cell.noise.level import table
from shopfloor.cell.noise.picture import degrade_picture, exposed
from shopfloor.cell.sorting import SortingCell
from shopfloor.cli.bench_noise import _numbers
from shopfloor.cli.results import page
from shopfloor.errors import UsageError
from shopfloor.evidence import score_words, trend
from shopfloor.evidence.paired import Paired
from shopfloor.evidence.slope import Step, corrected, cost, slope
from shopfloor.report import Rate
from shopfloor.testing import check_cell
from shopfloor.types import Frame, Intrinsics, LimbState

NOISY = LEVELS[1:]
DT = 0.02

# As agreed before any of this was written: multiplier, flying %, dropout %; EV, sigma, px, quality;
# mm, deg; deg, ms.
TABLE = {
    1: (0.5, 0.2, 0.5, 0.1, 2, 0, 95, 0.5, 0.05, 0.02, 5),
    2: (1, 0.5, 1, 0.3, 5, 1, 85, 1, 0.1, 0.05, 10),
    3: (2, 1, 3, 0.6, 10, 3, 70, 2, 0.3, 0.1, 20),
    4: (3, 2, 6, 1.0, 18, 6, 50, 4, 0.6, 0.2, 40),
    5: (5, 4, 12, 1.5, 30, 12, 30, 8, 1.2, 0.4, 80),
}


@pytest.fixture(scope="module")
def world(bench):
    cell = SortingCell(bench)
    yield cell
    cell.close()


@pytest.fixture(scope="module")
def lot(world):
    return next(world.orders(seed=11, count=1).lots())


def wall(z=1.0, shape=(300, 400), grey=150):
    """A flat wall at right angles to the view, evenly bright."""
    return np.full(shape, z, np.float32), np.full((*shape, 3), grey, np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


def ids(level):
    return f"level {level.number}"


def test_levels_have_the_parameters_that_were_agreed():
    for number, row in TABLE.items():
        one = noise_level(number)
        got = (
            one.depth.multiplier, 100 * one.depth.flying, 100 * one.depth.dropout,
            one.picture.exposure_ev, one.picture.sigma, one.picture.blur_px,
            one.picture.jpeg_quality, one.hand_eye.shift_mm, one.hand_eye.turn_deg,
            one.encoder.sigma_deg, one.timing.latency_ms,
        )  # fmt: skip
        assert got == pytest.approx(row)
    assert replace(noise_level(0), number=0, name="none") == LEVELS[0]
    assert len({one.sha256 for one in LEVELS}) == len(LEVELS) == 6


@pytest.mark.parametrize("number", [-1, 6, 99])
def test_a_level_that_does_not_exist_is_refused_by_name(number):
    with pytest.raises(UsageError, match=rf"noise level {number} .*0 \(none\).*5 \(nobody"):
        make_plan(noise=number)


def test_stereo_and_kinect_formulas_give_their_published_figures():
    assert stereo_sigma(1.0) == pytest.approx(0.0038, abs=0.00003)  # 0.08 px, 424 px, 50 mm
    assert stereo_sigma(2.0) == pytest.approx(4 * stereo_sigma(1.0))
    assert lateral_sigma(0.0) == pytest.approx(0.8)
    assert lateral_sigma(np.radians(60)) == pytest.approx(0.8 + 0.035 * 60 / 30, rel=1e-5)


def test_incidence_is_the_angle_of_a_plane():
    # z = 1 + x tan(50 deg): along a row of pixels x = (u - cx) z / f.
    slope, focal = np.tan(np.radians(50)), 424.0
    u = np.arange(40, dtype=np.float32) / focal
    z = np.broadcast_to(1 / (1 - slope * u), (40, 40)).astype(np.float32)
    # The slope of depth per pixel is dz/du = z² slope / f, and f/z times that is z slope.
    angle = incidence(np.ascontiguousarray(z), focal)[20, 20]
    assert np.degrees(angle) == pytest.approx(np.degrees(np.arctan(slope * z[20, 20])), abs=0.2)


@pytest.mark.parametrize("level", NOISY, ids=ids)
def test_depth_of_a_wall_has_the_deviation_of_the_model(level):
    z, pixels = wall(1.0)
    seen = degrade_depth(z, pixels, level.depth, rng(1), focal_px=424.0).depth
    error = seen[seen > 0] - 1.0
    wanted = level.depth.multiplier * 0.08 / (424 * 0.05)
    assert error.std() == pytest.approx(wanted, rel=0.03)  # 100,000 numbers, some ten of each alike
    assert abs(error.mean()) < 0.03 * wanted


def test_depth_noise_is_shared_by_neighbours_and_not_by_strangers():
    z, pixels = wall()
    seen = degrade_depth(z, pixels, replace(LEVELS[3].depth, dropout=0), rng(2), focal_px=424.0)
    error = seen.depth - 1.0
    beside = np.corrcoef(error[:, :-1].ravel(), error[:, 1:].ravel())[0, 1]
    apart = np.corrcoef(error[:, :-10].ravel(), error[:, 10:].ravel())[0, 1]
    assert beside > 0.4
    assert abs(apart) < 0.03


@pytest.mark.parametrize("level", NOISY, ids=ids)
def test_so_much_is_lost_and_floats_as_the_level_says(level, world, lot):
    world.reset(lot, seed=lot.seed)
    frame = world.view("overview")
    lost, floats = [], []
    for seed in range(6):
        got = degrade_depth(
            frame.depth, frame.pixels, level.depth, rng(seed), focal_px=frame.intrinsics.fx
        )
        lost.append((got.depth == 0).mean())
        assert not (got.flying & got.dropped).any()
        floats.append(got.flying.mean())
    assert np.mean(lost) == pytest.approx(level.depth.dropout, rel=0.06)
    assert np.mean(floats) == pytest.approx(level.depth.flying, rel=0.06)


def test_dark_and_grazing_surfaces_lose_most():
    z, pixels = wall()
    pixels[:, :100] = 5  # black
    u = np.arange(100, dtype=np.float32) / 424
    z[:, 300:] = 1 / (1 - np.tan(np.radians(75)) * u / 2)
    got = degrade_depth(z, pixels, LEVELS[3].depth, rng(3), focal_px=424.0).dropped
    plain = got[:, 120:280].mean()
    assert got[:, 5:95].mean() > 5 * plain
    assert got[:, 340:395].mean() > 2 * plain
    assert got.mean() == pytest.approx(0.03, rel=0.15)


def test_what_floats_lies_between_two_surfaces():
    z, pixels = wall()
    z[100:200, 100:200] = 0.9
    noise = replace(LEVELS[5].depth, multiplier=0.0, dropout=0.0, flying=0.004)
    got = degrade_depth(z, pixels, noise, rng(4), focal_px=424.0)
    assert got.flying.mean() == pytest.approx(0.004, rel=0.15)
    assert (got.depth >= 0.9 - 1e-6).all()
    assert (got.depth <= 1 + 1e-6).all()
    between = (got.depth > 0.901) & (got.depth < 0.999)
    assert between.mean() > 0.9 * 0.004
    assert not between[:, :90].any()


def test_a_stop_doubles_the_light():
    grey = np.full((1, 1, 3), 100, np.uint8)
    linear = ((100 / 255 + 0.055) / 1.055) ** 2.4
    twice = 255 * (1.055 * (2 * linear) ** (1 / 2.4) - 0.055)
    assert exposed(grey, (1, 1, 1))[0, 0].tolist() == [round(twice)] * 3
    assert exposed(grey, (0, 0, 0))[0, 0].tolist() == [100] * 3
    assert exposed(np.full((1, 1, 3), 250, np.uint8), (1, 1, 1)).max() == 255


@pytest.mark.parametrize("level", NOISY, ids=ids)
def test_exposure_stays_in_its_range_and_uses_it(level):
    noise = replace(level.picture, sigma=0, blur_px=0, jpeg_quality=None)
    _, pixels = wall(shape=(2, 2), grey=70)
    greens = [int(degrade_picture(pixels, noise, rng(s), blur_px=0)[0, 0, 1]) for s in range(200)]
    low, high = (
        int(exposed(pixels, (0, ev, 0))[0, 0, 1]) for ev in (-noise.exposure_ev, noise.exposure_ev)
    )
    assert low <= min(greens) <= low + 0.1 * (high - low) + 1
    assert high >= max(greens) >= high - 0.1 * (high - low) - 1


@pytest.mark.parametrize("level", NOISY, ids=ids)
def test_a_grey_picture_gets_the_noise_that_the_level_says(level):
    noise = replace(level.picture, exposure_ev=0, jpeg_quality=None)
    _, pixels = wall(grey=128)
    seen = degrade_picture(pixels, noise, rng(5), blur_px=0).astype(float)
    assert seen.std() == pytest.approx(level.picture.sigma, rel=0.03, abs=0.1)
    assert seen.mean() == pytest.approx(128, abs=0.2)


def test_motion_blur_smears_a_point_over_its_length():
    point = np.zeros((61, 61, 3), np.uint8)
    point[30, 30] = 255
    noise = replace(LEVELS[5].picture, exposure_ev=0, sigma=0, jpeg_quality=None)
    seen = degrade_picture(point, noise, rng(6), blur_px=12)[..., 0].astype(float)
    rows, columns = np.nonzero(seen > 2)
    spread = np.hypot(np.ptp(rows), np.ptp(columns))
    assert 10 <= spread <= 15
    assert seen.sum() == pytest.approx(255, rel=0.1)
    assert (np.average(rows), np.average(columns)) == pytest.approx((30, 30), abs=0.6)


@given(st.integers(0, 10_000), st.sampled_from(NOISY))
def test_a_pose_is_off_by_exactly_what_the_level_says(seed, level):
    error = pose_error(level.hand_eye, rng(seed))
    angle = np.arccos(np.clip((np.trace(error[:3, :3]) - 1) / 2, -1, 1))
    assert np.degrees(angle) == pytest.approx(level.hand_eye.turn_deg, abs=1e-4)
    assert 1000 * np.linalg.norm(error[:3, 3]) == pytest.approx(level.hand_eye.shift_mm)


def limb(q, tick=0):
    q = np.full(6, float(q))
    return LimbState(q, np.zeros(6), np.eye(4), 0.01 * tick, np.full(6, float(tick)), q)


def encoders(level, geometry, seed=1, dt=DT):
    return Encoders(
        "left",
        level.encoder,
        level.timing,
        control_dt=dt,
        geometry=geometry,
        draws=Draws(seed, 0),
    )


@pytest.mark.parametrize("level", NOISY, ids=ids)
def test_encoders_have_their_deviation_and_the_tool_follows_from_what_they_say(level, geometry):
    sensor, state = encoders(level, geometry), limb(0.3)
    read = [sensor.read(tick, state) for tick in range(1500)]
    error = np.array([one.q for one in read]) - 0.3
    assert np.degrees(error.std()) == pytest.approx(level.encoder.sigma_deg, rel=0.03)
    assert np.degrees(abs(error.mean())) < 0.05 * level.encoder.sigma_deg
    for one in read[::300]:
        assert np.allclose(one.tool_in_world, geometry.tool_pose("left", one.q), atol=1e-12)
        assert (one.q_target == 0.3).all()


@pytest.mark.parametrize("dt", [DT, 0.001, 0.05])
@pytest.mark.parametrize("level", NOISY, ids=ids)
def test_encoders_are_late_by_the_latency_and_its_jitter(level, geometry, dt):
    sensor = encoders(replace(level, encoder=LEVELS[0].encoder), geometry, dt=dt)
    late = []
    for tick in range(1000):  # the joint turns by 1 rad each tick, so its reading is a moment
        q = sensor.read(tick, limb(tick, tick)).q
        if tick >= 200:
            late.append((tick - q[0]) * dt * 1000)
    timing = level.timing
    assert np.mean(late) == pytest.approx(timing.latency_ms, rel=0.03)
    assert min(late) == pytest.approx(timing.latency_ms - timing.jitter_ms, rel=0.02)
    assert max(late) == pytest.approx(timing.latency_ms + timing.jitter_ms, rel=0.02)


def frame(seq, tick):
    lens = Intrinsics(2, 2, 1.0, 1.0, 1.0, 1.0)
    return Frame("overview", np.zeros((2, 2, 3), np.uint8), None, seq, tick, lens, np.eye(4))


@given(st.floats(0, 200), st.floats(0, 1), st.integers(1, 10), st.integers(0, 1000))
def test_pictures_come_late_in_order_and_all(latency_ms, share, period, seed):
    timing = Timing(latency_ms, share * latency_ms)
    wire = Delivery(timing, DT, Draws(seed, 0))
    arrived = []
    for tick in range(40 * period + 20):
        if tick % period == 0 and tick < 40 * period:
            wire.send(frame(tick // period, tick))
        one = wire.newest(tick)
        if one is not None:
            arrived.append((tick, one))
    seqs = [one.seq for _, one in arrived]
    assert seqs == list(range(40))
    assert arrived[0][0] == 0  # a lot begins when its first pictures are there
    for tick, one in arrived[1:]:
        late_ms = (tick - one.captured_tick) * DT * 1000
        assert late_ms >= timing.latency_ms - timing.jitter_ms - 1e-6
        if period > 20:  # no picture waits for the one before
            assert late_ms < timing.latency_ms + timing.jitter_ms + 1000 * DT


@pytest.mark.parametrize(("number", "ticks"), [(1, {1}), (2, {1}), (3, {1, 2}), (4, {2, 3})])
def test_the_stream_of_a_level_is_late_by_whole_ticks_that_its_latency_allows(number, ticks):
    wire = Delivery(LEVELS[number].timing, DT, Draws(1, 0))
    late = set()
    for tick in range(2000):
        if tick % 5 == 0:
            wire.send(frame(tick // 5, tick))
        one = wire.newest(tick)
        if one is not None and one.seq:
            late.add(tick - one.captured_tick)
    assert late == ticks


def test_draws_of_a_quantile_table_are_normal():
    drawn = gaussian(rng(7), (400_000,))
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.005)
    assert (np.abs(drawn) > 1.959964).mean() == pytest.approx(0.05, rel=0.03)
    assert chance(rng(8), 0.03, (400_000,)).mean() == pytest.approx(0.03, rel=0.05)


def test_level_0_is_the_cell_itself_to_the_last_bit(world, bench, lot):
    bare, plain = NoisyCell(world, bench, noise_level(0)), world
    first = bare.reset(lot, seed=lot.seed)
    assert first.observation is not plain.reset(lot, seed=lot.seed).observation
    one = bare.step(bare.hold())
    assert one.observation.frames == world._frames
    assert bare.view("overview") is plain.view("overview")


def test_what_a_frame_shows_depends_on_its_tick_alone(world, bench, lot):
    noisy = NoisyCell(world, bench, noise_level(4))
    noisy.reset(lot, seed=lot.seed)
    for _ in range(3):
        noisy.step(noisy.hold())
    once = noisy.view("overview")
    assert noisy.view("overview") is once
    noisy.reset(lot, seed=lot.seed)
    for _ in range(3):
        noisy.view("overview")  # somebody looks more often
        noisy.step(noisy.hold())
    again = noisy.view("overview")
    assert np.array_equal(again.pixels, once.pixels)
    assert np.array_equal(again.depth, once.depth)
    assert np.array_equal(again.camera_in_world, once.camera_in_world)


def test_truth_passes_untouched(world, bench, lot):
    noisy = NoisyCell(world, bench, noise_level(5))
    truth = noisy.reset(lot, seed=lot.seed).truth
    assert np.array_equal(truth.position, world.reset(lot, seed=lot.seed).truth.position)


def test_hold_keeps_what_a_limb_was_told_and_a_pushed_joint_where_its_encoder_says(
    world, bench, lot
):
    noisy = NoisyCell(world, bench, noise_level(3))
    state = noisy.reset(lot, seed=lot.seed).observation.limbs["left"]
    assert np.array_equal(noisy.hold().targets["left"], state.q_target)
    driver = world._drivers["left"]
    world.data.qpos[driver._q] += [0.3, 0, 0, 0, 0, 0]  # somebody leans on the arm
    held = noisy.hold().targets["left"]
    assert held[0] == noisy._limbs["left"].q[0]
    assert np.array_equal(held[1:], state.q_target[1:])


@pytest.mark.parametrize("number", [2, 5])
def test_a_noisy_cell_keeps_the_contract_within_its_own_noise(number, world, bench, lot):
    level = noise_level(number)
    check_cell(NoisyCell(world, bench, level), [lot], noise=level)


def test_noise_that_is_not_owned_up_to_breaks_the_contract(world, bench, lot):
    with pytest.raises(AssertionError, match="cell"):
        check_cell(NoisyCell(world, bench, noise_level(2)), [lot])


def test_a_noisy_shift_is_the_same_on_one_worker_and_on_two_and_says_its_level(tmp_path):
    plan = make_plan(order_file=order_file(tmp_path, ORDERS[:2]), noise=3)
    _, one = work(plan, tmp_path / "one")
    _, two = work(replace(plan, workers=2), tmp_path / "two")
    assert one.log_sha256 == two.log_sha256
    assert "Sensor noise level 3 of 5 (a decent factory)" in one.notes
    assert (one.guard_limited, one.guard_stopped) == (0, 0)
    assert one.good.k == one.good.n == 2


def test_the_page_says_what_the_code_does():
    page = (Path(__file__).parents[1] / "docs" / "noise.md").read_text(encoding="utf-8")
    written = page.partition("<!-- table -->\n")[2].partition("<!-- end of table -->")[0]
    assert written == table(), "write it anew: python scripts/noise.py"


def test_the_slope_pairs_every_level_with_the_clean_arm_and_goes_on_where_it_was(tmp_path):
    plan = make_plan(order_file=order_file(tmp_path, ORDERS[:2]), noise=5)  # its own is not used
    clean, noisy = slope(plan, [1], tmp_path / "runs", lambda _: None)
    assert (clean.level, noisy.level) == (0, 1)
    assert clean.paired == Paired(both=2, only_a=0, only_b=0, neither=0)
    assert noisy.paired.n == 2
    assert noisy.p == 1
    assert noisy.sha256 == noise_level(1).sha256
    again = list(slope(plan, [1], tmp_path / "runs", lambda _: None))
    assert again == [clean, noisy]  # nothing was worked twice


def step(level, lost, n=10):
    """A level at which so many of the clean arm's orders are lost."""
    p = 1.0 if not lost else min(1.0, 2 * 0.5**lost)
    return Step(
        level=level,
        name=noise_level(level).name,
        sha256=noise_level(level).sha256,
        good=Rate.of(n - lost, n),
        uph=100.0,
        paired=Paired(both=n - lost, only_a=lost, only_b=0, neither=0),
        p=p,
        failures={},
        stopped=0,
        limited=0,
        breaches=None,
        log_sha256=None,
    )


def test_five_levels_against_one_clean_arm_are_five_questions(tmp_path):
    steps = corrected([step(level, lost) for level, lost in enumerate((0, 0, 0, 6, 5, 7))])
    # By Holm: the smallest times 5, the next times 4, the next times 3, and none below the last.
    p = {6: 2 / 2**6, 5: 2 / 2**5, 7: 2 / 2**7}
    assert [each.p_adjusted for each in steps] == [
        None, 1.0, 1.0, pytest.approx(4 * p[6]), pytest.approx(3 * p[5]), pytest.approx(5 * p[7]),
    ]  # fmt: skip
    assert steps[3].p < 0.05 < steps[3].p_adjusted  # one of those that only looked decided
    result = {"brain": "x", "orders": 10, "frame_ms": {"1": {"stream": 1.0, "view": 2.0}}}
    result["steps"] = [each.to_json() for each in steps]
    (tmp_path / "noise.json").write_text(json.dumps(result))
    said = page(tmp_path)
    assert (
        "`make results-noise` → [noise.json](noise.json), measured with 10 orders a level" in said
    )
    assert (
        "| for one view, by level |" in said
    )  # a file of before says no size, and none is made up
    assert "224" not in said.partition("## Speed\n")[0]
    sizes = {"stream": [97, 65], "view": [321, 123]}
    (tmp_path / "noise.json").write_text(json.dumps(result | {"orders": 37, "frame_px": sizes}))
    assert "for one 97 x 65 frame of a stream, by level" in page(tmp_path)
    assert "| for one 321 x 123 view, by level |" in page(tmp_path)
    assert "[noise.json](noise.json), measured with 37 orders a level\n" in page(tmp_path)
    assert "6 lost and 0 won against level 0, p = 0.0312 alone, 0.125 after Holm" in said
    assert "7 lost and 0 won against level 0, p = 0.0156 alone, 0.0781 after Holm" in said


def test_what_noise_costs_says_on_what_it_was_measured(world):
    found = cost([1], seed=5)
    overview = world.spec.cameras["overview"]
    for kind, intrinsics in (("stream", overview.stream), ("view", overview.native)):
        assert found.frame_px[kind] == (intrinsics.width, intrinsics.height)
        assert found.frame_ms["1"][kind] > 0


def test_words_know_the_last_level_of_noise(monkeypatch):
    assert score_words.shown("noise", "3") == f"sensor noise 3 of {len(LEVELS) - 1}"
    assert trend.SCALES["noise"][1].endswith(f"from 0 (none) to {len(LEVELS) - 1}")
    monkeypatch.setattr(score_words, "LEVELS", LEVELS[:4])
    assert score_words.shown("noise", "3") == "sensor noise 3 of 3"
    monkeypatch.setattr("shopfloor.cell.noise.LEVELS", LEVELS[:4])
    with pytest.raises(UsageError, match="numbers from 0 to 3"):
        _numbers("a")


@pytest.mark.parametrize(("levels", "says"), [("a,b", "numbers from 0 to 5"), ("9", "level 9")])
def test_levels_that_are_none_are_refused_before_anything_is_worked(levels, says):
    with pytest.raises(UsageError, match=says):
        _numbers(levels)
