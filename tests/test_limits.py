"""Limits files: nothing has a default, and whatever is wrong is named."""

import copy
import tomllib
from datetime import date
from hashlib import sha256
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.errors import LimitsError, UnknownName
from shopfloor.guard import MODES, load_limits

DATA = resources.files("shopfloor.guard") / "data"
TABLE = tomllib.loads((DATA / "sorting.bench.fenced.toml").read_text("utf-8"))
LENGTHS = (
    "tool_speed_m_s",
    "tool_acceleration_m_s2",
    "limb_distance_m",
    "self_distance_m",
    "contact_force_n",
    "contact_release_s",
)
FIELDS = ("name", "dated", *LENGTHS, "command_age_ticks", "servo", "people", "keep_out", "limbs")
LIMB_FIELDS = (
    "q_lower_deg",
    "q_upper_deg",
    "qd_max_deg_s",
    "qdd_max_deg_s2",
    "carry",
    "gain",
    "workspace_lower_m",
    "workspace_upper_m",
)
MISSING = object()


def toml(value):
    """Write a value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace('"', '\\"') + '"'
        case date():
            return value.isoformat()
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f'"{k}" = {toml(v)}' for k, v in value.items()) + "}"
    return repr(value)


@pytest.fixture
def read(bench, tmp_path):
    """Read limits from the shipped table with one place changed: ``read("limbs.left.x", 3)``."""

    def read(place=None, value=MISSING):
        table = copy.deepcopy(TABLE)
        if place is not None:
            *path, last = place.split(".")
            inner = table
            for key in path:
                inner = inner[key]
            if value is MISSING:
                del inner[last]
            else:
                inner[last] = value
        file = tmp_path / "changed.toml"
        file.write_text("\n".join(f"{k} = {toml(v)}" for k, v in table.items()), "utf-8")
        return load_limits("sorting", bench.spec, str(file))

    return read


def test_the_shipped_table_reads_back_as_it_stands(read, fenced):
    assert read().limbs.keys() == {"left", "right"}
    assert fenced.name == "fenced"
    assert fenced.dated == TABLE["dated"].isoformat()
    for name, limb in fenced.limbs.items():
        stated = TABLE["limbs"][name]
        assert np.degrees(limb.q_lower) == pytest.approx(stated["q_lower_deg"])
        assert np.degrees(limb.q_upper) == pytest.approx(stated["q_upper_deg"])
        assert np.degrees(limb.qd_max) == pytest.approx(stated["qd_max_deg_s"])
        assert limb.workspace_lower_m == pytest.approx(stated["workspace_lower_m"])


@pytest.mark.parametrize("mode", MODES)
def test_the_hash_is_that_of_the_file(bench, mode):
    raw = (DATA / f"sorting.bench.{mode}.toml").read_bytes()
    assert load_limits("sorting", bench.spec, mode).sha256 == sha256(raw).hexdigest()


def test_beside_people_tools_are_no_faster_than_the_reduced_speed_of_iso_10218(collaborative):
    assert collaborative.tool_speed_m_s <= 0.25


@pytest.mark.parametrize("mode", MODES)
def test_limits_promise_no_more_than_the_drives_can_do(bench, mode):
    limits = load_limits("sorting", bench.spec, mode)
    for name, spec in bench.spec.limbs.items():
        assert np.all(limits.limbs[name].qd_max <= spec.qd_max + 1e-9)
        assert np.all(limits.limbs[name].q_lower >= spec.q_lower - 1e-9)
        assert np.all(limits.limbs[name].q_upper <= spec.q_upper + 1e-9)


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_named(read, field):
    with pytest.raises(LimitsError, match=f"lacks {field}; safety has no default"):
        read(field)


@pytest.mark.parametrize("limb", ["left", "right"])
@pytest.mark.parametrize("field", LIMB_FIELDS)
def test_a_missing_field_of_a_limb_is_named(read, limb, field):
    with pytest.raises(LimitsError, match=rf"limbs\.{limb} lacks {field}"):
        read(f"limbs.{limb}.{field}")


@pytest.mark.parametrize("limb", ["left", "right"])
def test_a_missing_limb_is_named(read, limb):
    with pytest.raises(LimitsError, match=f"limbs lacks {limb}"):
        read(f"limbs.{limb}")


@pytest.mark.parametrize(
    "place", ["tool_sped_m_s", "limbs.middle", "limbs.left.qdd_max", "servo.lag", "people.k"]
)
def test_an_unknown_field_is_named(read, place):
    with pytest.raises(LimitsError, match=f"unknown {place.split('.')[-1]}; known: "):
        read(place, 1.0)


NOT_POSITIVE = (0, -1.0, float("nan"), float("inf"), -float("inf"), "1.0", True, [1.0], 10**400)


@pytest.mark.parametrize("field", LENGTHS)
@pytest.mark.parametrize("value", NOT_POSITIVE, ids=lambda v: repr(v)[:12])
def test_a_number_that_is_none_is_named(read, field, value):
    with pytest.raises(LimitsError, match=field):
        read(field, value)


@pytest.mark.parametrize("value", [0, -3, 2.5, True, "10", float("nan"), float("inf")])
def test_an_age_that_is_no_whole_number_is_named(read, value):
    with pytest.raises(LimitsError, match="command_age_ticks"):
        read("command_age_ticks", value)


@pytest.mark.parametrize("value", ["2026-11-22", 20261122, True, "today"])
def test_a_date_that_is_none_is_named(read, value):
    with pytest.raises(LimitsError, match=r"dated is .* write a date"):
        read("dated", value)


@pytest.mark.parametrize("value", [3, "", True, ["fenced"]])
def test_a_name_that_is_none_is_named(read, value):
    with pytest.raises(LimitsError, match="name"):
        read("name", value)


BAD_NUMBERS = ("nan", float("nan"), float("inf"), -float("inf"), True, None, 10**400)


@pytest.mark.parametrize("field", LIMB_FIELDS)
@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda v: repr(v)[:12])
def test_a_list_with_something_that_is_no_number_is_named(read, field, value):
    good = list(TABLE["limbs"]["left"][field])
    if value is None:
        value = [1.0]
    for place in (0, len(good) - 1):
        bad = list(good)
        bad[place] = value
        with pytest.raises(LimitsError, match=rf"limbs\.left: {field}"):
            read(f"limbs.left.{field}", bad)


@pytest.mark.parametrize("field", LIMB_FIELDS)
@pytest.mark.parametrize("change", ["short", "long", "number", "table"])
def test_a_list_of_another_length_is_named(read, field, change):
    good = list(TABLE["limbs"]["right"][field])
    bad = {"short": good[:-1], "long": [*good, 1.0], "number": 1.0, "table": {"a": 1.0}}[change]
    with pytest.raises(LimitsError, match=rf"limbs\.right: {field}"):
        read(f"limbs.right.{field}", bad)


@pytest.mark.parametrize(
    ("lower", "upper", "count"),
    [("q_lower_deg", "q_upper_deg", 6), ("workspace_lower_m", "workspace_upper_m", 3)],
)
@pytest.mark.parametrize("gap", [0.0, -0.1])
def test_limits_that_contradict_each_other_are_named(read, lower, upper, count, gap):
    for place in range(count):
        table = TABLE["limbs"]["left"]
        bad = list(table[lower])
        bad[place] = table[upper][place] - gap
        with pytest.raises(LimitsError, match=f"{lower} must be below {upper}"):
            read(f"limbs.left.{lower}", bad)


@pytest.mark.parametrize("value", [0, -180])
def test_a_joint_that_may_not_move_is_named(read, value):
    with pytest.raises(LimitsError, match="qd_max_deg_s must be above 0"):
        read("limbs.left.qd_max_deg_s", [180, 180, 180, value, 180, 180])


def test_limits_beyond_what_the_body_can_do_are_named(read):
    # Whoever writes 2000 deg/s or a range of 30 turns has mistaken a unit.
    with pytest.raises(LimitsError, match="q_upper_deg"):
        read("limbs.left.q_upper_deg", [360, 360, 360, 360, 360, 9999])
    with pytest.raises(LimitsError, match="q_lower_deg"):
        read("limbs.left.q_lower_deg", [-9999, -360, -360, -360, -360, -360])
    for field in ("qd_max_deg_s", "qdd_max_deg_s2"):
        with pytest.raises(LimitsError, match=field):
            read(f"limbs.left.{field}", [180, 180, 180, 180, 180, 9999])


@pytest.mark.parametrize(
    "place",
    [
        *(f"servo.{field}" for field in TABLE["servo"]),
        *(f"people.{field}" for field in TABLE["people"]),
        *(f"keep_out.table.{field}" for field in ("lower_m", "upper_m")),
    ],
)
def test_a_missing_field_of_servo_people_or_box_is_named(read, place):
    table, field = place.rsplit(".", 1)
    with pytest.raises(LimitsError, match=rf"{table} lacks {field}; safety has no default"):
        read(place)


@pytest.mark.parametrize("value", NOT_POSITIVE, ids=lambda v: repr(v)[:12])
@pytest.mark.parametrize("place", ["servo.tracking_m", "people.approach_m_s"])
def test_a_number_of_servo_or_people_that_is_none_is_named(read, place, value):
    with pytest.raises(LimitsError, match=place.split(".")[1]):
        read(place, value)


@pytest.mark.parametrize("place", ["servo.tool_overshoot", "servo.joint_overshoot"])
def test_a_share_of_one_or_more_is_named(read, place):
    with pytest.raises(LimitsError, match="a share below 1"):
        read(place, 1.0)


def test_a_keep_out_box_that_is_inside_out_is_named(read):
    with pytest.raises(LimitsError, match=r"keep_out\.table: lower_m must be below upper_m"):
        read("keep_out.table.lower_m", [2.0, -0.65, -0.04])


def test_no_keep_out_box_is_allowed_if_it_is_said(read):
    assert read("keep_out", {}).keep_out == ()


@pytest.mark.parametrize("value", [[0, 0, 0, 0, 0, 1], [0, 0, 0, -0.1, 0, 0]])
@pytest.mark.parametrize("field", ["carry", "gain"])
def test_a_servo_number_that_is_no_share_is_named(read, field, value):
    with pytest.raises(LimitsError, match=f"{field} is .*shares from 0"):
        read(f"limbs.left.{field}", value)


@pytest.mark.parametrize("place", ["servo", "people", "keep_out", "limbs", "limbs.left"])
def test_a_table_that_is_none_is_named(read, place):
    with pytest.raises(LimitsError, match=place.replace(".", r"\.")):
        read(place, 3)


@pytest.mark.parametrize(
    "text", ["a = ", "= 3", "\x00", "name = 'a'\nname = 'b'", "a = " + "9" * 5000]
)
def test_a_file_that_is_no_toml_is_named(bench, tmp_path, text):
    file = tmp_path / "odd.toml"
    file.write_text(text)
    with pytest.raises(LimitsError, match=r"odd\.toml is not TOML"):
        load_limits("sorting", bench.spec, str(file))


def test_a_file_that_is_no_text_is_named(bench, tmp_path):
    file = tmp_path / "odd.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LimitsError, match=r"odd\.toml is not TOML"):
        load_limits("sorting", bench.spec, str(file))


def test_a_file_that_is_not_there_is_named(bench):
    with pytest.raises(LimitsError, match=r"no limits file nowhere\.toml"):
        load_limits("sorting", bench.spec, "nowhere.toml")


def test_an_unknown_mode_lists_the_modes(bench):
    with pytest.raises(UnknownName, match=r"collaborative, fenced.*Did you mean 'fenced'"):
        load_limits("sorting", bench.spec, "fence")


def test_a_cell_nobody_answered_for_has_no_limits(bench):
    with pytest.raises(LimitsError, match="nobody has stated limits for cell 'forge'"):
        load_limits("forge", bench.spec, "fenced")


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(["left", "right"]), st.sampled_from(LIMB_FIELDS), JSON_LIKE)
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_field_gives_limits_or_a_named_error(bench, limb, field, value):
    from shopfloor.guard.limits import _limits

    table = copy.deepcopy(TABLE)
    table["limbs"][limb][field] = value
    try:
        limits = _limits(table, bench.spec, "fuzz", "0" * 64)
    except LimitsError as error:
        said = str(error)
    else:
        said = f"limbs.{limb}"
        for part in limits.limbs.values():
            assert np.all(np.isfinite(part.q_lower))
            assert np.all(part.q_lower < part.q_upper)
            assert np.all(part.workspace_lower_m < part.workspace_upper_m)
    assert f"limbs.{limb}" in said
