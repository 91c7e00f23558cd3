"""What a good unit costs: sums by hand, inputs that are replaced, and what is missing."""

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from record_examples import manifest as small_manifest
from report_examples import entry, manifest, shift
from shopfloor.cli.report import command
from shopfloor.errors import UnknownName, UsageError
from shopfloor.record import RunFolder
from shopfloor.report.cost import Effort, cost_of
from shopfloor.report.panel import cost_bars, cost_rows, cost_unit
from shopfloor.report.price import Prices
from shopfloor.report.summary import summarise

EFFORT = Effort(
    brain="classical",
    good_units=1000,
    hours=8.0,
    scheduled_hours=7.5,
    assists=3,
    repair_h=0.05,
    changeovers=120,
    decisions=2000,
    tokens=None,
    uncounted=2000,
    model_usd=None,
    unpriced=2000,
)


def lines(cost, column=0):
    return {line.name: line.usd for line in cost.columns[column].lines}


def test_a_shift_by_hand():
    cost = cost_of(EFFORT, Prices.default())
    assert [c.robot_price_usd for c in cost.columns] == [20_000, 80_000]
    by_hand = {
        "robot": 20_000 / (5 * 4000 * 0.85) * 7.5,
        "maintenance": 20_000 * 0.05 / (4000 * 0.85) * 7.5,
        "power": 0.5 * 8.0 * 0.15,
        "assists": (3.0 + 3 * 2) / 60 * 30,
        "changeovers": 120 * 0.5 / 60 * 30,
        "model": 0.0,
    }
    assert lines(cost) == pytest.approx(by_hand)
    assert cost.columns[0].usd == pytest.approx(sum(by_hand.values()))
    assert cost.columns[0].per_unit_usd == pytest.approx(sum(by_hand.values()) / 1000)
    assert lines(cost, 1)["robot"] == pytest.approx(4 * by_hand["robot"])
    assert lines(cost, 1)["power"] == pytest.approx(by_hand["power"])


def test_every_default_says_where_it_is_from_and_none_claims_a_source_it_has_not():
    prices = Prices.default()
    for each in prices.inputs.values():
        assert each.unit
        assert each.source.startswith("assumption" if each.values else "no default")


def test_a_model_without_a_price_is_not_measured_and_not_free():
    cost = cost_of(replace(EFFORT, brain="qwen@x"), Prices.default())
    column = cost.columns[0]
    assert (column.usd, column.per_unit_usd) == (None, None)
    assert column.lacks == ("model",)
    assert column.known_per_unit_usd > 0
    assert column.to_json()["per_good_unit_usd"] is None


@pytest.mark.parametrize(
    ("effort", "given", "usd"),
    [
        ({"tokens": (2_000_000, 100_000), "uncounted": 0}, {"in": 3.0, "out": 15.0}, 7.5),
        ({"tokens": (2_000_000, 100_000), "uncounted": 1}, {"in": 3.0, "out": 15.0}, None),
        ({"tokens": (2_000_000, 100_000), "uncounted": 0}, {"in": 3.0}, None),
        ({"model_usd": 1.25, "unpriced": 0}, {}, 1.25),
        ({"model_usd": 1.25, "unpriced": 4}, {}, None),
        ({"decisions": 0, "tokens": None, "uncounted": 0}, {"in": 3.0, "out": 15.0}, None),
    ],
)
def test_the_price_of_a_model(effort, given, usd):
    prices = Prices.default()
    for way, value in given.items():
        prices = prices.given(f"model_usd_per_mtok_{way}", value, "test")
    cost = cost_of(replace(EFFORT, brain="qwen@x", **effort), prices)
    assert lines(cost)["model"] == (usd if usd is None else pytest.approx(usd))


def test_a_gpu_is_paid_for_the_whole_shift():
    prices = Prices.default().given("gpu_usd_per_h", 2.0, "test")
    assert lines(cost_of(replace(EFFORT, brain="local:x"), prices))["model"] == 16.0


def test_a_robot_s_own_price_joins_the_pair():
    prices = Prices.default().given("robot_price_usd", 45_000, "test")
    assert prices.robot_prices == (20_000, 45_000, 80_000)
    assert "45,000 test" in prices.inputs["robot_price_usd"].source
    assert len(cost_of(EFFORT, prices).columns) == 3


def test_a_file_replaces_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "ours.toml"
    path.write_text("wage_usd_per_h = 48\npower_usd_per_kwh = 0.31\n")
    prices = Prices.default().read(path)
    assert prices.get("wage_usd_per_h") == 48
    assert prices.inputs["wage_usd_per_h"].source == "given in ours.toml"
    kept = {
        n: i for n, i in prices.inputs.items() if n not in {"wage_usd_per_h", "power_usd_per_kwh"}
    }
    assert kept == {n: i for n, i in Prices.default().inputs.items() if n in kept}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("wage = 3", "unknown input of the cost 'wage'"),
        ('wage_usd_per_h = "30"', "wage_usd_per_h is '30'"),
        ("wage_usd_per_h = -1", "wage_usd_per_h is -1"),
        ("wage_usd_per_h = nan", "wage_usd_per_h is nan"),
        ("wage_usd_per_h = inf", "wage_usd_per_h is inf"),
        ("wage_usd_per_h = true", "wage_usd_per_h is True"),
        ("robot_price_usd = [1, 2]", "robot_price_usd is [1, 2]"),
        ("life_years = 0", "life_years is 0"),
        ("utilisation = 1.2", "utilisation is 1.2"),
        ("utilisation = 0", "utilisation is 0"),
        ("hours_per_year = 0.0", "hours_per_year is 0.0"),
        ("power_w =", "is not TOML"),
        ("dated = 2026-01-01", "unknown input of the cost 'dated'"),
    ],
)
def test_a_wrong_cost_file_is_refused_and_the_key_named(tmp_path, line, says):
    path = tmp_path / "ours.toml"
    path.write_text(line + "\n")
    with pytest.raises(UsageError) as caught:
        Prices.default().read(path)
    assert says in str(caught.value)


def test_a_cost_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Prices.default().read(tmp_path / "gone.toml")
    with pytest.raises(UnknownName, match="Did you mean"):
        Prices.default().given("wage_usd_per_hour", 3, "test")


@given(st.integers(0, 8), st.integers(0, 30), st.floats(0, 1))
def test_the_parts_add_up_and_the_dearer_robot_costs_more(lots, seed, failing):
    run = manifest(brain="classical")
    s = summarise(run, shift(lots, seed=seed, failing=failing), wall_s=None, ended="complete")
    cheap, dear = s.cost.columns
    assert cheap.usd == pytest.approx(sum(line.usd for line in cheap.lines))
    if s.units.good:
        assert cheap.per_unit_usd * s.units.good == pytest.approx(cheap.usd)
        assert dear.per_unit_usd > cheap.per_unit_usd
        assert sum(float(row.per_unit[0].replace(",", "")) for row in cost_rows(s.cost)) == (
            pytest.approx(cheap.per_unit_usd * cost_unit(s.cost)[1], abs=0.004)
        )
    else:
        assert (cheap.per_unit_usd, dear.per_unit_usd) == (None, None)
        assert cost_bars(s.cost) == ()
    json.dumps(s.to_json(), allow_nan=False)


DEGENERATE = {
    "no order": (),
    "one order": (entry(0),),
    "all failed": tuple(
        entry(
            i, good=False, ever=False, code="grasp.miss", code_tick=1, units=(), cycles_s=(),
            delivered=(), picks=(3, 0), repair_ticks=2000,
        )
        for i in range(4)
    ),
    "no time": (entry(0, ticks=0, segments=(), units=(), cycles_s=(), picks=(0, 0)),),
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("planned", [None, 2.0])
@pytest.mark.parametrize("brain", ["classical", "qwen@x"])
def test_nothing_divides_by_zero_and_nothing_is_made_up(name, planned, brain):
    from shopfloor.report.page import render
    from shopfloor.report.table import shift_table

    run = manifest(
        brain=brain, planned_cycle_s=planned, planned_cycle_source="test",
        changeover_s=0.0 if name == "no time" else 10.0,
    )  # fmt: skip
    lots = DEGENERATE[name]
    s = summarise(run, lots, wall_s=None, ended="complete")
    told = json.loads(json.dumps(s.to_json(), allow_nan=False))
    page = render(run, lots, s)
    assert not re.search(r"\b(nan|inf)\b", page.split("</style>")[1], re.IGNORECASE)
    shift_table(s)
    if name in {"no order", "no time"}:
        for figure in ("uph", "availability", "effectiveness", "quality", "oee", "mttr_s"):
            assert told[figure] is None, figure
        assert set(told["states"].values()) == {None}
    if name == "all failed":
        assert (told["good"]["rate"], told["uph"], told["quality"]) == (0.0, 0.0, None)
        assert told["oee"] is None
        assert told["cost"]["columns"][0]["per_good_unit_usd"] is None
        assert told["mttr"]["repairs"] == 4
    if name == "one order":
        assert told["uph_interval"] is None
        assert told["quality"] == 1.0


def test_the_command_takes_a_file_and_flags_and_says_where_they_are_from(tmp_path):
    run = tmp_path / "run"
    RunFolder.create(run, small_manifest(brain="classical")).close()
    ours = tmp_path / "ours.toml"
    ours.write_text("life_years = 7\n")
    options = ["--cost", str(ours), "--robot-price", "45000", "--wage", "50", "--json"]
    done = CliRunner().invoke(command, [str(run), *options])
    assert done.exit_code == 0, done.output
    cost = json.loads(done.stdout)["cost"]
    inputs = {each["name"]: each for each in cost["inputs"]}
    assert inputs["life_years"]["values"] == [7.0]
    assert inputs["life_years"]["source"] == "given in ours.toml"
    assert inputs["wage_usd_per_h"]["source"] == "given with --wage"
    assert [c["robot_price_usd"] for c in cost["columns"]] == [20000, 45000, 80000]
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "given with --wage" in page
    body = page.split("<body>")[1]
    assert body.index("This is a simulation result") < body.index("<h1>")
