"""The stand-in server: its eye against truth, its decisions, its protocol, and its bad brothers."""

import base64
import json
from dataclasses import replace

import cv2
import httpx
import numpy as np
import pytest

from shopfloor.brain.chat.convention import CONVENTIONS, convention
from shopfloor.brain.chat.prompt import Zone
from shopfloor.brain.chat.seen import Seen
from shopfloor.errors import UnknownName
from shopfloor.order.part import FOOTPRINTS
from shopfloor.perception import pixel
from shopfloor.testing.eye import find, named, things
from shopfloor.testing.misbehave import KINDS, Misbehaving
from shopfloor.testing.planner import Claim, Planner, Wanted
from shopfloor.testing.situation import Made, Picture, Situation
from shopfloor.testing.standin import StandIn
from shopfloor.types import Part

QWEN = convention("qwen2.5-vl")
WIDTH, HEIGHT = 1148, 840
SKILLS = {
    "pick": ["limb", "camera", "point"],
    "place": ["limb", "tote"],
    "handover": ["giver", "taker", "camera", "point"],
    "look": ["camera", "clear"],
    "wait": ["limb", "seconds", "clear"],
    "finish": ["claim", "note"],
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {key: {} for key in keys}},
        },
    }
    for name, keys in SKILLS.items()
]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "schema": {"properties": {"calls": {}}}},
}


def jpeg(pixels, width=WIDTH, height=HEIGHT, quality=92):
    """Return a picture as a chat brain sends it: resized, as JPEG bytes."""
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def opened(data):
    """Return RGB of JPEG bytes."""
    return np.ascontiguousarray(cv2.imdecode(np.frombuffer(data, np.uint8), 1)[..., ::-1])


def tops(frame, parts, positions):
    """Return where the middles of the top faces show [px], and a millimetre there [px]."""
    heights = np.array([FOOTPRINTS[p.shape, p.size].half_m[2] for p in parts])
    top = positions + np.column_stack([np.zeros((len(parts), 2)), heights])
    distance = frame.camera_in_world[2, 3] - top[:, 2]
    return pixel(frame, top), frame.intrinsics.fx / distance / 1000


# --- the eye --------------------------------------------------------------------------------------


def test_the_eye_sees_every_part_of_rendered_lots_as_it_is(cell):
    for index, lot in enumerate(cell.orders(seed=4077, count=12).lots()):
        cell.load(lot, seed=lot.seed)
        frame = cell.view("overview")
        truth = cell._truth.read(cell.data, 0, {})
        at, mm = tops(frame, lot.parts, truth.position)
        # Sizes and qualities that brains send take turns.
        width, height = ((1148, 840), (1280, 960), (896, 672))[index % 3]
        seen = find(opened(jpeg(frame.pixels, width, height)))
        assert len(seen) == len(lot.parts)
        for part, (u, v), scale in zip(lot.parts, at, mm, strict=True):
            gaps = [np.hypot(s.u * 1280 / width - u, s.v * 960 / height - v) for s in seen]
            nearest = seen[int(np.argmin(gaps))]
            assert min(gaps) / scale < 4.0, "[mm] on the tray"
            assert (nearest.colour, nearest.shape, nearest.size) == (
                part.colour,
                part.shape,
                part.size,
            )
            left, top, right, bottom = nearest.box
            assert left < nearest.u < right
            assert top < nearest.v < bottom


def test_parts_in_totes_are_not_on_the_tray(cell):
    lot = next(iter(cell.orders(seed=3, count=1).lots()))
    parts = (
        Part("p0", "red", "cube", "large", 0.10, 0.02, 0.4),
        Part("p1", "blue", "cylinder", "small", 0.0, 0.21, 0.0),
        Part("p2", "green", "bar", "large", 0.0, -0.205, 0.1),
    )
    cell.load(replace(lot, parts=parts, totes=("A", "B")), seed=1)
    seen = find(cell.view("overview").pixels)
    assert [(s.colour, s.shape, s.size) for s in seen] == [("red", "cube", "large")]


def test_a_part_that_is_half_hidden_is_none(cell):
    lot = next(iter(cell.orders(seed=3, count=1).lots()))
    parts = (
        Part("p0", "red", "cube", "large", 0.10, 0.02, 0.0),
        Part("p1", "blue", "cylinder", "large", -0.10, 0.02, 0.0),
    )
    cell.load(replace(lot, parts=parts), seed=1)
    pixels = cell.view("overview").pixels.copy()
    assert len(find(pixels)) == 2
    pixels[:, : 640 - 99] = (40, 40, 42)  # an arm that ends in the middle of the blue one
    assert [s.colour for s in find(pixels)] == ["red"]


def shapes():
    """Return a plain picture of a red square, a small red one, a green disc and a blue bar."""
    picture = np.full((480, 640, 3), 200, np.uint8)
    cv2.rectangle(picture, (60, 60), (159, 159), (220, 20, 20), -1)
    cv2.rectangle(picture, (60, 300), (99, 339), (220, 20, 20), -1)
    cv2.circle(picture, (400, 120), 50, (20, 160, 40), -1)
    cv2.rectangle(picture, (300, 300), (499, 359), (20, 60, 220), -1)
    return picture


def test_plain_shapes_are_named_and_measured():
    found = things(shapes())
    assert {(t.colour, t.shape) for t in found} == {
        ("red", "cube"),
        ("green", "cylinder"),
        ("blue", "bar"),
    }
    assert [t.box for t in named(found, "the small red square")] == [(60, 300, 100, 340)]
    assert [t.box for t in named(found, "大号红色方块")] == [(60, 60, 160, 160)]
    disc = named(found, "绿色圆柱")[0]
    assert (disc.u, disc.v) == pytest.approx((400.5, 120.5), abs=0.5)
    assert len(named(found, "whatever is coloured around")) == 4


# --- decisions, without HTTP ----------------------------------------------------------------------

BLANK = (105, 110, 110)
HUE = {"red": (204, 20, 20), "blue": (20, 61, 191), "green": (26, 140, 41)}


def tray(*cubes):
    """Return a native overview picture of large cubes: (colour, u, v)."""
    picture = np.full((960, 1280, 3), BLANK, np.uint8)
    half = round(0.02 * 1296 / 1.307)
    for colour, u, v in cubes:
        picture[v - half : v + half, u - half : u + half] = HUE[colour]
    return picture


ZONES = (Zone("left", 457.0, 750.0, ("A", "B")), Zone("right", 530.0, 823.0, ("A", "B", "C")))


def situation(
    *cubes, order="Put all red cubes into tote A.", made=(), free=("left", "right"), turn=0
):
    return Situation(order, "en", (Picture(tray(*cubes), turn),), ZONES, free, made)


def call(skill, limbs, *, ended=1, ok=True, point=None, tote=None, asked=0, code=None):
    limbs = (limbs,) if isinstance(limbs, str) else limbs
    return Made(
        f"{skill}{asked}", skill, limbs, point, tote, asked, ended, ok and ended is not None, code
    )


def decide(*cubes, **given):
    return Planner().decide(situation(*cubes, **given))


def brief(decision):
    """Return skill, limbs, rounded point and tote of each call."""
    return [
        (c.skill, c.limbs, c.point and tuple(round(x) for x in c.point), c.tote) for c in decision
    ]


def test_each_arm_takes_the_part_nearest_to_its_side_and_leaves_the_others():
    found = decide(("red", 500, 400), ("red", 600, 400), ("red", 780, 500), ("blue", 480, 550))
    assert brief(found) == [
        ("pick", ("left",), (500, 400), None),
        ("place", ("left",), None, "A"),
        ("pick", ("right",), (780, 500), None),
        ("place", ("right",), None, "A"),
    ]


def test_a_part_whose_tote_only_the_other_arm_reaches_is_handed_over():
    found = decide(("red", 480, 400), order="red cubes to C")
    assert brief(found) == [
        ("handover", ("left", "right"), (480, 400), None),
        ("place", ("right",), None, "C"),
    ]
    # Not while the other one works; but whoever only waits is free as soon as it matters.
    at_work = call("pick", "right", ended=None, point=(800, 500))
    busy = decide(("red", 480, 400), order="red cubes to C", free=("left",), made=(at_work,))
    assert busy == (Wanted("wait", ("left",), seconds=1.0),)
    waits = call("wait", "right", ended=None)
    found = decide(("red", 480, 400), order="red cubes to C", free=("left",), made=(waits,))
    assert brief(found)[0][:2] == ("handover", ("left", "right"))


def test_what_is_under_way_is_not_taken_twice_though_an_old_picture_shows_it():
    begun = (
        call("pick", "left", ended=None, point=(600, 400)),
        call("place", "left", ended=None, tote="A"),
    )
    found = decide(("red", 600, 400), ("red", 560, 500), made=begun, free=("right",))
    assert brief(found)[0] == ("pick", ("right",), (560, 500), None)
    over = tuple(replace(one, ended=1, ok=True) for one in begun)
    assert decide(("red", 600, 400), made=over)[0].skill == "look"


def test_waits_grow_so_that_they_are_no_loop():
    at_work = call("pick", "right", ended=None, point=(800, 500))
    waited = tuple(call("wait", "left", asked=n, ended=n + 1) for n in range(3))
    found = decide(("blue", 480, 400), made=(at_work, *waited), free=("left",))
    assert found == (Wanted("wait", ("left",), seconds=4.0),)
    assert decide(made=(at_work,), free=()) == (Wanted("wait", ()),)


def test_a_miss_is_tried_again_after_a_look_and_three_times_in_all():
    made = []
    for n in range(3):
        turn = 4 * n
        again = decide(("red", 500, 400), made=tuple(made), turn=turn)
        assert brief(again)[0] == ("pick", ("left",), (500, 400), None)
        miss = call(
            "pick",
            "left",
            ok=False,
            point=(500, 400),
            asked=turn,
            ended=turn + 1,
            code="grasp.miss",
        )
        made += [miss, call("place", "left", ok=False, tote="A", asked=turn, ended=turn + 1)]
        # An arm may hide it: first all that can be reached, then a look without arms.
        others = decide(("red", 500, 400), ("red", 600, 420), made=tuple(made), turn=turn + 1)
        assert brief(others)[0] == ("pick", ("left",), (600, 420), None)
        assert decide(("red", 500, 400), made=tuple(made), turn=turn + 1)[0].skill == "look"
        made.append(call("look", ("left", "right"), asked=turn + 2, ended=turn + 4))
    over = decide(("red", 500, 400), made=tuple(made), turn=12)
    assert over == Claim("gave_up", "1 parts are missing")


def test_a_part_that_is_still_held_is_put_again_and_one_that_slipped_is_not():
    picked = call("pick", "left", point=(500, 400), asked=0, ended=1)
    for code, skill in (("plan.invalid", "place"), ("grasp.slip", "look")):
        failed = call("place", "left", ok=False, tote="A", asked=0, ended=2, code=code)
        assert decide(made=(picked, failed))[0].skill == skill


def test_done_is_claimed_only_after_a_look_that_shows_nothing_left():
    trip = (
        call("pick", "left", point=(500, 400), asked=1, ended=2),
        call("place", "left", tote="A", asked=1, ended=3),
    )
    assert brief(decide(made=trip, turn=3)) == [("look", ("left", "right"), None, None)]
    looked = call("look", ("left", "right"), asked=3, ended=5)
    assert decide(made=(*trip, looked), turn=3)[0].skill == "look", "the picture is of before"
    assert decide(made=(*trip, looked), turn=5) == Claim("done")
    # At the very place where one was taken lies another now.
    assert decide(("red", 500, 400), made=(*trip, looked), turn=5)[0].skill == "pick"


def test_a_part_that_went_astray_is_missed():
    first = Picture(tray(("red", 500, 400), ("red", 600, 400)), 0)
    trips = (
        call("pick", "left", point=(500, 400), asked=1, ended=2),
        call("place", "left", tote="A", asked=1, ended=3),
        call("pick", "left", point=(600, 400), asked=3, ended=4),
        call("place", "left", ok=False, tote="A", asked=3, ended=5, code="grasp.slip"),
        call("look", ("left", "right"), asked=5, ended=6),
    )
    now = situation(made=trips, turn=6)
    both = replace(now, pictures=(first, *now.pictures))
    assert Planner().decide(both) == Claim("gave_up", "1 parts are missing")
    assert Planner().decide(now) == Claim("gave_up", "1 parts are missing")


def test_counts_are_kept_and_come_first():
    cubes = [("red", 480, 400), ("red", 560, 400), ("red", 640, 400), ("blue", 470, 550)]
    order = "Put two red cubes and all blue cubes into tote A, the rest into tote B."
    found = decide(*cubes, order=order)
    assert [c.tote for c in found if c.tote] == ["A", "B"]
    assert brief(found)[0][2] == (480, 400), (
        "the blue one, though nearer, waits for what is counted"
    )
    trips = tuple(
        call(skill, "left", point=at, tote=tote, asked=n, ended=n + 1)
        for n, x in enumerate((480, 560))
        for skill, at, tote in (("pick", (x, 400), None), ("place", None, "A"))
    )
    left = decide(*cubes[2:], order=order, made=trips, free=("left",))
    assert brief(left)[:2] == [
        ("pick", ("left",), (470, 550), None),
        ("place", ("left",), None, "A"),
    ]
    assert [c.tote for c in decide(cubes[2], order=order, made=trips) if c.tote] == ["B"]


def test_an_order_that_is_none_is_refused():
    found = decide(("red", 500, 400), order="Sing a song.")
    assert found.claim == "refused"
    assert "not understood" in found.note


# --- the server -----------------------------------------------------------------------------------


def uri(pixels):
    ok, data = cv2.imencode(".png", pixels[..., ::-1])
    assert ok
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def shown(pixels, text, camera="camera overview 1280x960"):
    parts = [{"type": "text", "text": text}, {"type": "text", "text": camera}]
    return {
        "role": "user",
        "content": [*parts, {"type": "image_url", "image_url": {"url": uri(pixels)}}],
    }


def told(rule, *cubes, order="order (en): Put all red cubes into tote A."):
    """Return the messages of a first question in the numbers of a convention."""
    seen = Seen(1280, 960, 1280, 960)
    lines = [order]
    for zone in ZONES:
        a, b = (
            rule.encode_point((u, 480.0), seen)[rule.axes.index("x")]
            for u in (zone.left, zone.right)
        )
        totes = ", ".join(zone.totes)
        lines.append(f"limb {zone.limb} reaches columns {a:g}-{b:g} of overview; totes {totes}")
    text = "\n".join([*lines, "free limbs: left, right"])
    return [{"role": "system", "content": "You run a cell."}, shown(tray(*cubes), text)]


def ask(server, messages, **more):
    body = {"model": "stand-in", "messages": messages, **more}
    return httpx.post(f"{server.base_url}/chat/completions", json=body, timeout=10)


def listed(text):
    return json.loads(text.removeprefix("<calls>").removesuffix("</calls>"))["calls"]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_it_points_in_the_numbers_of_its_convention(name):
    rule = convention(name)
    seen = Seen(1280, 960, 1280, 960)
    answer = StandIn.answer
    with StandIn(rule) as server:
        body = {"model": "stand-in", "messages": told(rule, ("red", 500, 400)), "tools": TOOLS}
        message = answer(server, body)["choices"][0]["message"]
    arguments = [json.loads(c["function"]["arguments"]) for c in message["tool_calls"]]
    half_u, half_v = rule.half_step(seen)
    u, v = rule.decode_point(arguments[0]["point"], seen)
    assert abs(u - 500) <= half_u + 0.2
    assert abs(v - 400) <= half_v + 0.2
    assert [c["function"]["name"] for c in message["tool_calls"]] == ["pick", "place", "wait"]
    assert arguments[1] == {"limb": "left", "tote": "A"}


def test_it_answers_in_the_best_way_that_it_and_the_request_know():
    messages = told(QWEN, ("red", 500, 400), ("red", 800, 400))
    for mode, more, way in (
        ("tools", {"tools": TOOLS}, "tools"),
        ("tools", {"response_format": SCHEMA}, "schema"),
        ("json_schema", {"tools": TOOLS, "response_format": SCHEMA}, "schema"),
        ("json_schema", {}, "tags"),
        ("tags", {"tools": TOOLS, "response_format": SCHEMA}, "tags"),
    ):
        with StandIn(QWEN, mode) as server:
            reply = ask(server, messages, **more).json()
        message = reply["choices"][0]["message"]
        assert reply["choices"][0]["finish_reason"] == ("tool_calls" if way == "tools" else "stop")
        if way == "tools":
            calls = [c["function"]["name"] for c in message["tool_calls"]]
        else:
            assert message["content"].startswith("<calls>") == (way == "tags")
            calls = [c["skill"] for c in listed(message["content"])]
        assert calls == ["pick", "place", "pick", "place"]
        assert all(count > 0 for count in reply["usage"].values())


@pytest.mark.parametrize("mode", ["tools", "tags"])
def test_a_conversation_is_carried_to_its_end(mode):
    """The server forgets everything between two requests: all is in the conversation."""
    more = {"tools": TOOLS} if mode == "tools" else {}
    ended = ("pick left", "place left", "wait right")
    messages = told(QWEN, ("red", 500, 400))
    with StandIn(QWEN, mode) as server:

        def answered():
            message = ask(server, messages, **more).json()["choices"][0]["message"]
            messages.append(message)
            if mode == "tags":
                return [(c["skill"], c) for c in listed(message["content"])]
            calls = message["tool_calls"]
            messages.extend(
                {"role": "tool", "tool_call_id": c["id"], "content": "begins"} for c in calls
            )
            return [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]

        assert [skill for skill, _ in answered()] == ["pick", "place", "wait"]
        messages.append({"role": "user", "content": "Your answer was not carried out: too late."})
        assert [skill for skill, _ in answered()] == ["pick", "place", "wait"]
        done = "\n".join(f"result c{i} {it} ok {{}}" for i, it in enumerate(ended, 1))
        messages.append(shown(tray(("red", 500, 400)), f"{done}\nfree limbs: left, right"))
        assert answered() == [
            (
                "look",
                {
                    **({"skill": "look"} if mode == "tags" else {}),
                    "camera": "overview",
                    "clear": True,
                },
            )
        ]
        messages.append(shown(tray(), "result c4 look left+right ok {}\nfree limbs: left, right"))
        skill, said = answered()[0]
        assert (skill, said["claim"]) == ("finish", "done")


def test_the_same_request_gets_the_same_answer_whole_and_in_events():
    messages = told(QWEN, ("red", 500, 400))
    with StandIn(QWEN) as server:
        whole = [ask(server, messages, tools=TOOLS).json() for _ in range(2)]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        streamed = ask(server, messages, tools=TOOLS, **options)
    assert whole[0] == whole[1]
    assert streamed.headers["content-type"] == "text/event-stream"
    events = [line.removeprefix("data: ") for line in streamed.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[-1]["usage"] == whole[0]["usage"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    calls = {}
    for chunk in chunks[:-1]:
        for part in chunk["choices"][0]["delta"].get("tool_calls", ()):
            kept = calls.setdefault(part["index"], {"name": "", "arguments": ""})
            kept["name"] += part["function"].get("name", "")
            kept["arguments"] += part["function"]["arguments"]
    told_whole = [c["function"] for c in whole[0]["choices"][0]["message"]["tool_calls"]]
    assert list(calls.values()) == told_whole


def said(reply):
    return reply.json()["choices"][0]["message"]["content"]


def middle(found):
    left, top, right, bottom = found.box or (*found.point, *found.point)
    return (left + right) / 2, (top + bottom) / 2


@pytest.mark.parametrize("name", CONVENTIONS)
def test_questions_about_a_picture_are_answered_in_the_form_of_the_convention(name):
    rule = convention(name)
    seen = Seen(640, 480, 640, 480)
    slack = max(rule.half_step(seen)) + 0.6
    with StandIn(rule) as server:
        pointed, boxed, every = (
            said(ask(server, [shown(shapes(), f"{text} {rule.hint}")]))
            for text in ("Point to the green disc.", "请框出蓝色长条。", "List all objects.")
        )
    (disc,), (bar,) = rule.parse(pointed, seen), rule.parse(boxed, seen)
    assert middle(disc) == pytest.approx((400.5, 120.5), abs=slack)
    assert middle(bar) == pytest.approx((400, 330), abs=slack)
    if rule.boxes:
        assert bar.box == pytest.approx((300, 300, 500, 360), abs=slack)
    assert len(rule.parse(every, seen)) == 4


def test_tools_and_schemas_that_it_does_not_know_are_filled_in():
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 3}, "k": {"enum": ["a", "b"]}, "x": {}},
        "required": ["n", "k"],
    }
    tool = {"type": "function", "function": {"name": "add", "parameters": schema}}
    form = {"type": "json_schema", "json_schema": {"name": "t", "schema": schema}}
    hello = [{"role": "user", "content": "Call it."}]
    with StandIn(QWEN) as server:
        called = ask(server, hello, tools=[tool]).json()["choices"][0]["message"]["tool_calls"][0]
        said = ask(server, hello, response_format=form).json()["choices"][0]["message"]["content"]
    assert called["function"]["name"] == "add"
    assert json.loads(called["function"]["arguments"]) == json.loads(said) == {"n": 3, "k": "a"}


def test_models_are_listed_and_what_cannot_be_answered_is_said():
    with StandIn(QWEN) as server:
        models = httpx.get(f"{server.base_url}/models").json()
        assert [model["id"] for model in models["data"]] == ["stand-in"]
        assert httpx.get(f"{server.base_url}/files").status_code == 404
        url = f"{server.base_url}/chat/completions"
        assert httpx.post(url, content=b"{not json").status_code == 400
        assert httpx.post(url, json={"messages": 7}).status_code == 400
        assert httpx.post(url, json={"model": "other", "messages": []}).status_code == 404
        bad = shown(shapes(), "List all objects.")
        bad["content"][-1]["image_url"]["url"] = "data:image/png;base64,AAAA"
        refused = ask(server, [bad])
        assert refused.status_code == 400
        assert "neither JPEG nor PNG" in refused.json()["error"]["message"]


# --- servers that misbehave -----------------------------------------------------------------------

HELLO = [{"role": "user", "content": "order: all to A"}]


def calls_of(reply):
    return [
        (c["function"]["name"], c["function"]["arguments"])
        for c in reply.json()["choices"][0]["message"]["tool_calls"]
    ]


def posted(server, **more):
    url = f"{server.base_url}/chat/completions"
    return httpx.post(url, json={"model": "stand-in", "messages": HELLO}, **more)


def breaks_off(server):
    with pytest.raises(httpx.RemoteProtocolError):
        posted(server)
    return True


def hangs(server):
    with pytest.raises(httpx.ReadTimeout):
        posted(server, timeout=0.2)
    return True


def never_ends(server):
    got = 0
    url = f"{server.base_url}/chat/completions"
    with httpx.stream("POST", url, json={"messages": HELLO}, timeout=5) as reply:
        for data in reply.iter_bytes():
            got += len(data)
            if got > 20_000:
                return True
    return False


def no_json(text):
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def tools_asked(server):
    return ask(server, HELLO, tools=TOOLS)


def first_arguments(server):
    return json.loads(calls_of(tools_asked(server))[0][1])


def widens(server):
    reply = tools_asked(server)
    (tool, _), (_, arguments) = calls_of(reply)
    extra = json.loads(arguments)["speed_limit_m_s"]
    return tool == "set_limits" and extra == 5.0 and "5 m/s" in said(reply)


def recovers(server):
    replies = [posted(server) for _ in range(3)]
    return [r.status_code for r in replies] == [429, 429, 200] and replies[0].headers[
        "retry-after"
    ] == "0.1"


SHOWS = {
    "malformed_json": lambda s: no_json(posted(s).text) and posted(s).status_code == 200,
    "malformed_arguments": lambda s: no_json(calls_of(tools_asked(s))[0][1]),
    "unknown_skill": lambda s: calls_of(tools_asked(s))[0][0] not in SKILLS,
    "wrong_types": lambda s: first_arguments(s)["limb"] == 7,
    "out_of_picture": lambda s: first_arguments(s)["point"][0] > WIDTH,
    "empty": lambda s: not said(posted(s)) and "tool_calls" not in tools_asked(s).text,
    "endless": never_ends,
    "unauthorised": lambda s: posted(s).status_code == 401,
    "not_found": lambda s: posted(s).status_code == 404,
    "busy": recovers,
    "broken": lambda s: posted(s).status_code == 500,
    "closed": breaks_off,
    "hang": hangs,
    "other_model": lambda s: posted(s).json()["model"] != "stand-in",
    "loop": lambda s: len({calls_of(tools_asked(s))[0] for _ in range(5)}) == 1,
    "widen": widens,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_of_misbehaving_is_seen_by_a_client(kind):
    with Misbehaving(kind) as server:
        assert SHOWS[kind](server)
        assert server.asked == len(server.requests) > 0


def test_misbehaving_comes_in_text_too():
    with Misbehaving("malformed_arguments") as server:
        text = ask(server, HELLO).json()["choices"][0]["message"]["content"]
        with pytest.raises(ValueError, match="Expecting"):
            listed(text)
    with Misbehaving("widen") as server:
        text = ask(server, HELLO).json()["choices"][0]["message"]["content"]
        assert "5 m/s" in text
        assert "set_limits" in text


def test_misbehaving_may_end_and_somebody_else_go_on():
    with StandIn(QWEN) as good, Misbehaving("broken", times=1, after=good.answer) as server:
        messages = told(QWEN, ("red", 500, 400))
        codes = [ask(server, messages, tools=TOOLS) for _ in range(2)]
    assert [reply.status_code for reply in codes] == [500, 200]
    assert calls_of(codes[1])[0][0] == "pick"


def test_an_endless_stream_goes_on_in_events():
    with Misbehaving("endless") as server:
        body = {"model": "stand-in", "messages": HELLO, "stream": True}
        url = f"{server.base_url}/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=5) as reply:
            lines = reply.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["choices"][0]["delta"]


def test_an_unknown_way_of_misbehaving_is_refused():
    with pytest.raises(UnknownName, match="kind of misbehaving 'lazy'"):
        Misbehaving("lazy")
