"""Skills in a model's words: whatever it writes becomes calls that the loop can judge, or a reason
that the model can read."""

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shopfloor import plugins
from shopfloor.brain.chat.answer import MODES, calls_in
from shopfloor.brain.chat.convention import CONVENTIONS, Grounding, convention
from shopfloor.brain.chat.engine import ChatAnswer, ToolCall
from shopfloor.brain.chat.seen import Seen
from shopfloor.brain.chat.tool import FINISH, Misread, Tools
from shopfloor.order import FAILURE_CODES
from shopfloor.types import Finish, SkillCall

LIMBS = ("left", "right")
SEEN = Seen(1280, 960, 1092, 812)
SHOWN = {"overview": SEEN}
SKILLS = {name: plugins.factory("skills", name).schema for name in plugins.names("skills")}
EVERY = pytest.mark.parametrize("name", sorted(CONVENTIONS))
_FAR = "perception.out_of_range"
BOXES = sorted(name for name, one in CONVENTIONS.items() if one.boxes)

GOOD = {
    "pick": {"limb": "left", "camera": "overview", "point": [500, 400]},
    "place": {"limb": "left", "tote": "A"},
    "handover": {"giver": "left", "taker": "right", "camera": "overview", "point": [500, 400]},
    "look": {"camera": "overview", "clear": True},
    "wait": {"limb": "right", "seconds": 2, "clear": True},
}
"""One good call of each skill, in pixels of the picture as it was sent."""


def tools(name="qwen2.5-vl", cameras=("overview",)):
    return Tools(SKILLS, LIMBS, cameras, None if name is None else convention(name))


def call(skill, arguments=None, **more):
    arguments = {**(arguments or {}), **more}
    return ToolCall("x", skill, arguments if isinstance(arguments, str) else json.dumps(arguments))


def read(*calls, name="qwen2.5-vl", first_id=1, cameras=("overview",)):
    return tools(name, cameras).read(calls, SHOWN, first_id)


def said(text="", calls=(), finish="stop"):
    return ChatAnswer(text, tuple(calls), "m", 0.0, finish=finish)


def fits(made):
    """Whether the loop would take a call on, as far as schemas go."""
    return Draft202012Validator(dict(SKILLS[made.skill])).is_valid(dict(made.arguments))


# What a model is told.


@pytest.mark.parametrize("name", [*sorted(CONVENTIONS), None])
def test_all_schemas_are_schemas(name):
    made = tools(name)
    Draft202012Validator.check_schema(made.schema)
    assert {d["function"]["name"] for d in made.definitions} == {*SKILLS, FINISH}
    for definition in made.definitions:
        assert definition["type"] == "function"
        assert definition["function"]["description"]
        parameters = definition["function"]["parameters"]
        Draft202012Validator.check_schema(parameters)
        assert parameters["type"] == "object"
        assert set(parameters["required"]) <= set(parameters["properties"])


@pytest.mark.parametrize("skill", sorted(GOOD))
def test_every_skill_can_be_called_through_tools_and_through_the_schema(skill):
    made = tools()
    function = next(d["function"] for d in made.definitions if d["function"]["name"] == skill)
    Draft202012Validator(function["parameters"]).validate(GOOD[skill])
    Draft202012Validator(made.schema).validate({"calls": [{"skill": skill, **GOOD[skill]}]})
    (taken,) = read(call(skill, GOOD[skill]))
    assert fits(taken)


def test_good_covers_every_skill():
    assert set(GOOD) == set(SKILLS)


@pytest.mark.parametrize(
    "calls",
    [
        [{"skill": "teleport", "limb": "left"}],
        [{"skill": "pick", "camera": "overview", "point": [1, 2]}],
        [{"skill": "pick", "limb": "tail", "camera": "overview", "point": [1, 2]}],
        [{"skill": "pick", "limb": "left", "camera": "wrist", "point": [1, 2]}],
        [{"skill": "pick", "limb": "left", "camera": "overview", "point": [1]}],
        [{"skill": "pick", "limb": "left", "camera": "overview", "point": [1, 2], "speed": 5}],
        [{"skill": "handover", "giver": "left", "camera": "overview", "point": [1, 2]}],
        [{"skill": "wait", "limb": "left"}],
        [{"skill": "finish", "claim": "perfect"}],
        [{"limb": "left"}],
        [{"skill": "look", "camera": "overview"}] * 9,
    ],
)
def test_the_schema_forbids_what_makes_no_sense(calls):
    validator = Draft202012Validator(tools().schema)
    assert not validator.is_valid({"calls": calls})
    assert not validator.is_valid({"calls": [], "limits": {"speed": 5}})
    assert validator.is_valid({"calls": []})


@EVERY
def test_a_model_is_told_its_own_numbers_and_no_box_if_it_has_none(name):
    how = convention(name)
    pick = tools(name).parameters["pick"]["properties"]
    assert how.hint in pick["point"]["description"]
    assert ("box" in pick) is how.boxes


def test_a_model_that_cannot_point_is_not_asked_to():
    for parameters in tools(None).parameters.values():
        assert not {"point", "box"} & set(parameters["properties"])


def test_the_skills_as_text_name_every_argument():
    text = tools().listed()
    assert len(text.splitlines()) == len(SKILLS) + 1
    assert "- pick(limb, camera, [point], [box]" in text
    assert "- handover(giver, taker, camera" in text
    assert "- finish(claim, [note]): " in text


# Calls.


@EVERY
def test_a_point_comes_back_as_the_pixel_that_was_meant(name):
    how, uv = convention(name), (333.0, 777.0)
    point = list(how.encode_point(uv, SEEN))
    for written in (point, json.dumps(point)):
        (made,) = read(call("pick", limb="left", camera="overview", point=written), name=name)
        half = how.half_step(SEEN)
        assert abs(made.arguments["point"][0] - uv[0]) <= half[0] + 1e-6
        assert abs(made.arguments["point"][1] - uv[1]) <= half[1] + 1e-6
        assert fits(made)


@pytest.mark.parametrize("name", BOXES)
def test_a_box_comes_back_as_the_pixels_that_were_meant(name):
    how, box = convention(name), (301.0, 222.0, 410.0, 333.0)
    given_box = list(how.encode_box(box, SEEN))
    for written in (given_box, json.dumps(given_box), how.write([Grounding("it", box=box)], SEEN)):
        (made,) = read(call("pick", limb="left", camera="overview", box=written), name=name)
        half = how.half_step(SEEN) * 2
        near = zip(made.arguments["box"], box, half, strict=True)
        assert all(abs(a - b) <= h + 1e-6 for a, b, h in near)
        assert fits(made)


TAGGED = {
    # After each vendor's documentation; the pixels are worked out by hand.
    "doubao": ("<point>500 250</point>", (640.0, 240.0)),
    "molmo": ('<point x="25.0" y="50.0" alt="cube">cube</point>', (320.0, 480.0)),
    "robopoint": ("[(0.250, 0.500)]", (320.0, 480.0)),
    "qwen3-vl": ('{"point_2d": [500, 250], "label": "cube"}', (640.0, 240.0)),
    "gemini-er": ('[{"point": [250, 500], "label": "cube"}]', (640.0, 240.0)),
}


@pytest.mark.parametrize("name", sorted(TAGGED))
def test_tags_in_an_argument_are_read(name):
    text, uv = TAGGED[name]
    (made,) = read(call("pick", limb="left", camera="overview", point=text), name=name)
    assert made.arguments["point"] == pytest.approx(uv)


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("<point>500 250</point><point>1 2</point>", _FAR, "names 2 points"),
        ("<bbox>1 2 300 400</bbox>", _FAR, "names 0 points"),
        ("[500, 250, 3]", _FAR, "point: got 3 numbers"),
        ("<point>50000 250</point>", _FAR, "allowed: 0 to 1000"),
        ("[50000, 250]", _FAR, "allowed: 0 to 1000"),
        ("the red one", "brain.malformed", "point: "),
        ("", "brain.malformed", "point: "),
        ("[" * 100_000, "brain.malformed", "point: "),
        ("null", "brain.malformed", "point: "),
    ],
)
def test_tags_that_mean_no_single_place_are_told(text, code, told):
    with pytest.raises(Misread, match=told) as error:
        read(call("pick", limb="left", camera="overview", point=text), name="doubao")
    assert error.value.code == code


@pytest.mark.parametrize(
    ("point", "code"),
    [
        *(
            (point, _FAR)
            for point in ([987654, -4321], [-100, 5], [5, 100_000], [math.inf, 1], [10**400, 1])
        ),
        *(
            (point, "brain.malformed")
            for point in (["a", "b"], {"x": 1, "y": 2}, [1], [1, 2, 3], [], 7, True, None,
                          [True, False], [None, 2], [[1, 2]])
        ),
    ],
)  # fmt: skip
def test_a_point_that_is_none_in_the_picture_says_so(point, code):
    with pytest.raises(Misread, match=r"point: ") as error:
        read(call("pick", limb="left", camera="overview", point=point))
    assert error.value.code == code
    assert code in FAILURE_CODES


def test_nan_is_no_pixel():
    with pytest.raises(Misread):
        read(ToolCall("x", "pick", '{"limb": "left", "camera": "overview", "point": [NaN, 1]}'))


@pytest.mark.parametrize("camera", ["front", "", 7, ["overview"], {"a": 1}])
def test_a_point_in_a_picture_that_was_not_shown_is_told(camera):
    with pytest.raises(Misread, match="pictures were shown of: overview"):
        read(call("pick", limb="left", camera=camera, point=[5, 5]))


@pytest.mark.parametrize("skill", ["pick", "place"])
def test_where_there_is_one_camera_it_need_not_be_named(skill):
    (made,) = read(call(skill, limb="left", point=[546, 406]))
    assert made.arguments == {"point": [640.0, 480.0], "camera": "overview"}
    assert fits(made)


def test_where_there_are_two_cameras_one_must_be_named():
    with pytest.raises(Misread, match="camera None"):
        read(call("pick", limb="left", point=[546, 406]), cameras=("overview", "front"))


def test_a_place_in_a_tote_needs_no_camera():
    (made,) = read(call("place", limb="left", tote="A"))
    assert made.arguments == {"tote": "A"}


def test_who_cannot_point_may_not():
    with pytest.raises(Misread, match="in words"):
        read(call("pick", limb="left", camera="overview", point=[5, 5]), name=None)


def test_ids_are_counted_on():
    made = read(call("wait", seconds=1), call("wait", seconds=2), first_id=41)
    assert [one.id for one in made] == ["c41", "c42"]


@pytest.mark.parametrize(
    ("skill", "arguments", "limbs"),
    [
        ("wait", {"limb": "left", "seconds": 1}, ("left",)),
        ("wait", {"seconds": 1}, ()),
        ("handover", {**GOOD["handover"]}, ("left", "right")),
        ("handover", {"taker": "left", "giver": "right", "point": [5, 5]}, ("right", "left")),
        ("look", {"camera": "overview"}, ()),
        ("look", {"camera": "overview", "clear": False}, ()),
        ("look", {"camera": "overview", "clear": True}, LIMBS),
        ("look", {"camera": "overview", "limb": "left"}, ()),
    ],
)
def test_limbs_are_found_where_the_skill_has_them(skill, arguments, limbs):
    (made,) = read(call(skill, arguments))
    assert made.limbs == limbs
    assert fits(made)


def test_a_wait_keeps_its_own_clear():
    (made,) = read(call("wait", limb="left", seconds=1, clear=True))
    assert made.arguments == {"seconds": 1, "clear": True}


@pytest.mark.parametrize(
    ("skill", "arguments", "made"),
    [
        ("teleport", {"limb": "left", "to": "A"}, (("left",), {"to": "A"})),
        ("", {}, ((), {})),
        ("wait", {"limb": 7}, (("7",), {})),
        ("set_limits", {"tool_speed_m_s": 5.0}, ((), {"tool_speed_m_s": 5.0})),
        ("wait", {"limb": "tail", "guard": "off"}, (("tail",), {"guard": "off"})),
    ],
)
def test_what_nobody_offered_goes_on_record_as_it_is(skill, arguments, made):
    assert read(call(skill, arguments)) == (SkillCall("c1", skill, *made),)


@pytest.mark.parametrize("claim", ["done", "gave_up", "refused"])
def test_finish_is_a_claim(claim):
    assert read(call(FINISH, claim=claim, note="so")) == Finish(claim, "so")
    assert read(call(FINISH, claim=claim)) == Finish(claim, "")
    # Whatever else it says: the order is over.
    assert read(call("wait", seconds=1), call(FINISH, claim=claim)) == Finish(claim, "")


@pytest.mark.parametrize("claim", [None, "perfect", 7, ["done"], {"done": True}])
def test_a_claim_that_is_none_is_told(claim):
    with pytest.raises(Misread, match="allowed: done, gave_up, refused"):
        read(call(FINISH, claim=claim))


@pytest.mark.parametrize("note", [7, None, ["a"], {"b": 1}])
def test_a_note_is_text_whatever_was_written(note):
    assert isinstance(read(call(FINISH, claim="done", note=note)).note, str)


def test_too_many_calls_are_told():
    assert len(read(*[call("wait", seconds=1)] * 8)) == 8
    with pytest.raises(Misread, match="9 calls in one answer; up to 8"):
        read(*[call("wait", seconds=1)] * 9)


@pytest.mark.parametrize(
    "arguments",
    ["{", "[12, ", "tote A", '"tote A"', "[]", "7", "null", "[" * 100_000, '{"a":' * 50_000,
     '{"note": "\\ud83d"}'],
)  # fmt: skip
def test_arguments_that_are_no_object_are_told(arguments):
    with pytest.raises(Misread, match="arguments of 'wait'") as error:
        read(ToolCall("x", "wait", arguments))
    assert error.value.code == "brain.malformed"
    assert len(str(error.value)) < 400


def test_no_arguments_are_no_arguments():
    assert read(ToolCall("x", "wait", "")) == (SkillCall("c1", "wait", ()),)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["left", "right", "overview", "A", "done"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = ["limb", "giver", "taker", "camera", "point", "box", "tote", "seconds", "clear", "claim",
        "note", "tries", "skill"]  # fmt: skip
GARBAGE = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), VALUES, max_size=6)
NAMES = st.sampled_from([*SKILLS, FINISH]) | st.text(max_size=8)


@settings(max_examples=250)
@given(
    st.lists(st.tuples(NAMES, GARBAGE.map(json.dumps) | st.text(max_size=40)), max_size=10),
    st.sampled_from([*sorted(CONVENTIONS), None]),
)
def test_no_garbage_raises_anything_but_misread(calls, name):
    try:
        made = read(*(ToolCall("x", *one) for one in calls), name=name)
    except Misread:
        return
    if isinstance(made, Finish):
        assert made.claim in ("done", "gave_up", "refused")
        return
    for one in made:
        assert all(isinstance(limb, str) for limb in one.limbs)
        if "point" in one.arguments:
            u, v = one.arguments["point"]
            assert 0 <= u < 1280
            assert 0 <= v < 960


# Answers.

CALLS = {"calls": [{"skill": "wait", "limb": "left", "seconds": 1}]}
WAIT = (ToolCall("call_0", "wait", '{"limb": "left", "seconds": 1}'),)
TEXT = json.dumps(CALLS)


@pytest.mark.parametrize("mode", MODES)
def test_tool_calls_count_however_it_was_asked(mode):
    assert calls_in(said(calls=WAIT), mode) == WAIT


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("schema", TEXT),
        ("schema", f"\n  {TEXT}\n"),
        ("schema", f"```json\n{TEXT}\n```"),
        ("schema", f"```\n{TEXT}```"),
        ("schema", f"<think>{{}} or ```</think>\n\n{TEXT}"),
        ("tags", f"<calls>{TEXT}</calls>"),
        ("tags", f"I let it wait.\n<calls>\n{TEXT}\n</calls>\nSo."),
        ("tags", f"<calls>```json\n{TEXT}\n```</calls>"),
        ("tags", f"<think>Or <calls>{{}}</calls>?</think><calls>{TEXT}</calls>"),
    ],
)
def test_listed_calls_are_found(mode, text):
    assert calls_in(said(text), mode) == WAIT


def test_an_empty_list_means_to_wait():
    assert calls_in(said('{"calls": []}'), "schema") == ()
    assert calls_in(said('<calls>{"calls": []}</calls>'), "tags") == ()


@pytest.mark.parametrize(
    ("mode", "text", "told"),
    [
        ("tools", "I pick the cube.", "calls no tool"),
        ("tools", f"<calls>{TEXT}</calls>", "calls no tool"),
        ("tags", TEXT, "has 0 <calls> and 0 </calls>"),
        ("tags", f"<calls>{TEXT}</calls>" * 2, "has 2 <calls> and 2 </calls>"),
        ("tags", f"<calls>{TEXT}", "has 1 <calls> and 0 </calls>"),
        ("tags", f"</calls>{TEXT}<calls>", "no JSON"),
        ("tags", "<calls>now</calls>", "no JSON"),
        ("schema", "Sure: " + TEXT, "no JSON"),
        ("schema", TEXT[:-3], "no JSON"),
        ("schema", "[" * 50_000, "no JSON"),
        ("schema", "[]", "no object of the form"),
        ("schema", '{"calls": {}}', "no object of the form"),
        ("schema", '{"calls": [7]}', "call 0 names no skill"),
        ("schema", '{"calls": [{"skill": 7}]}', "call 0 names no skill"),
        ("schema", "", "is empty"),
        ("tools", " \n ", "is empty"),
        ("schema", "x" * 60_001, "60,001 characters"),
    ],
)
def test_an_answer_that_calls_nothing_says_why(mode, text, told):
    with pytest.raises(Misread, match=told) as error:
        calls_in(said(text), mode)
    assert error.value.code == "brain.malformed"


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_was_cut_off_is_told_as_one(mode):
    with pytest.raises(Misread, match="cut off"):
        calls_in(said("Well, first of all", finish="length"), mode)


SPITEFUL = [
    "```" + " " * 59_000 + "x",
    "```" + "\n" * 29_000 + "``" * 10_000,
    "<calls>" * 8_500,
    "<calls>" + "</calls" * 8_000,
    " ```" * 14_000,
]


@pytest.mark.parametrize("text", SPITEFUL, ids=range(len(SPITEFUL)))
@pytest.mark.parametrize("mode", ["schema", "tags"])
def test_no_answer_takes_long_to_read(mode, text):
    began = time.perf_counter()
    with pytest.raises(Misread):
        calls_in(said(text), mode)
    assert time.perf_counter() - began < 0.5


@settings(max_examples=200)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["<calls>", "</calls>", "```", "json", TEXT, "{", '"calls"', " ",
                                "<think>", "</think>"]), max_size=8).map("".join)
    | VALUES.map(json.dumps),
    st.sampled_from(MODES),
    st.sampled_from(["stop", "length", "tool_calls"]),
)  # fmt: skip
def test_no_text_raises_anything_but_misread(text, mode, finish):
    try:
        made = calls_in(said(text, finish=finish), mode)
    except Misread:
        return
    assert all(isinstance(one.name, str) and isinstance(one.arguments, str) for one in made)
