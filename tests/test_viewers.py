"""Runs in Rerun and in Foxglove, as those tools' own readers find them."""

import json
import resource
import sys
from contextlib import contextmanager
from fractions import Fraction
from hashlib import sha256
from itertools import chain, pairwise
from types import SimpleNamespace

import av
import jsonschema
import mujoco
import numpy as np
import pytest
import rerun as rr
from mcap.reader import make_reader
from rerun.chunk import McapReader

from shopfloor.body import ur5e
from shopfloor.body.bench import Bench
from shopfloor.errors import RunCorrupt, RunUnwritable, UsageError
from shopfloor.export import Only, choose, export
from shopfloor.export.job import Options
from shopfloor.export.packet import packets
from shopfloor.export.robot import z_axis
from shopfloor.export.scene import Scene, starts, stems
from shopfloor.export.speed import measure
from shopfloor.export.story import states, story
from shopfloor.record import RunFolder
from viewer_examples import (
    Recording,
    Tape,
    decode,
    hostile_run,
    made_up_run,
    real_run,
    rotation,
    tool_in_world,
)

LIMBS = ("left", "right")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return RunFolder.open(real_run(tmp_path_factory.mktemp("real")))


@pytest.fixture(scope="module")
def episode(run):
    return run.episode(1)


@pytest.fixture(scope="module")
def written(run, tmp_path_factory):
    """The run in both formats, without and with truth."""
    out = tmp_path_factory.mktemp("out")
    return {
        (to, truth): export(
            to, choose([run.path]), out / f"{to}{truth}", options=Options(None, truth)
        )
        for to in ("mcap", "rerun")
        for truth in (False, True)
    }


@pytest.fixture(scope="module")
def tape(written):
    return Tape(written["mcap", False].path / "run-000001.mcap")


@pytest.fixture(scope="module")
def recording(written):
    return Recording(written["rerun", False].path / "run-000001.rrd")


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    return made_up_run(tmp_path_factory.mktemp("made-up") / "run")


def keyframes(annex_b):
    """Return the places of pictures that carry an SPS, a PPS and an IDR slice."""

    def kinds(data):
        return {data[i + 3] & 31 for i in range(len(data) - 3) if data[i : i + 3] == b"\0\0\1"}

    return [place for place, data in enumerate(annex_b) if {7, 8, 5} <= kinds(data)]


# Both


@pytest.mark.parametrize("to", ["mcap", "rerun"])
def test_an_export_says_what_it_wrote(run, written, to):
    said = written[to, False]
    end = {"mcap": "mcap", "rerun": "rrd"}[to]
    assert sorted(path.name for path in said.path.iterdir()) == [
        f"run-000000.{end}",
        f"run-000001.{end}",
    ]
    views = sum(len(run.episode(lot).notes("view")) for lot in (0, 1))
    assert views > 0
    assert said.episodes == 2
    assert said.frames == sum(sum(entry.frames.values()) for entry in run.entries()) + views
    assert said.notes == ()


def test_films_are_the_recorded_pictures_bit_by_bit(episode, tape, recording):
    ways = {"front": "", "overview": "", "overview.views": "/views"}
    for video, views in ways.items():
        camera = video.partition(".")[0]
        shown = list(episode.video(video))
        in_mcap = [m.data for m in tape.just(f"/camera/{camera}{views}/video")]
        path = f"/{'views' if views else 'cameras'}/{camera}"
        samples = recording.values(path, "VideoStream:sample")
        in_rrd = [bytes(one) for (one,) in samples]
        assert in_mcap == in_rrd
        got, kinds = decode(in_mcap)
        assert len(got) == len(shown)
        assert all(np.array_equal(a, b) for a, b in zip(got, shown, strict=True))
        assert "B" not in kinds
        keys = keyframes(in_mcap)
        assert keys == [place for place, kind in enumerate(kinds) if kind == "I"]
        flags = recording.values(path, "VideoStream:is_keyframe")
        assert keys == [place for place, (key,) in enumerate(flags) if key]
        # A viewer that is thrown into the middle begins at the keyframe before.
        again, _ = decode(in_mcap[keys[-1] :])
        assert all(np.array_equal(a, b) for a, b in zip(again, got[keys[-1] :], strict=True))


@pytest.mark.parametrize("limb", LIMBS)
def test_tools_are_where_the_closed_form_puts_them(episode, tape, recording, limb):
    ticks = episode.ticks()
    wanted = tool_in_world(limb, ticks[f"{limb}.q"])
    at, turned = tape.frame(f"tool/{limb}")
    assert at == pytest.approx(wanted[:, :3, 3], abs=1e-9)
    assert turned == pytest.approx(wanted[:, :3, :3], abs=1e-9)
    at = np.array(recording.values(f"/tool/{limb}", "Transform3D:translation"))[:, 0]
    quat = np.array(recording.values(f"/tool/{limb}", "Transform3D:quaternion"))[:, 0]
    assert at == pytest.approx(wanted[:, :3, 3], abs=1e-6)  # Rerun keeps single precision
    assert np.array([rotation(q) for q in quat]) == pytest.approx(wanted[:, :3, :3], abs=1e-6)


@pytest.mark.parametrize("limb", LIMBS)
def test_the_plan_lies_beside_what_was_done(episode, tape, recording, limb):
    ticks = episode.ticks()
    entities = {entity.id: entity for m in tape.just("/path") for entity in m.entities}
    for what, column in (("done", "q"), ("requested", "requested")):
        wanted = tool_in_world(limb, ticks[f"{limb}.{column}"])[:, :3, 3]
        (line,) = entities[f"{what}/{limb}"].lines
        assert np.array([(p.x, p.y, p.z) for p in line.points]) == pytest.approx(wanted, abs=1e-9)
        strips = np.array(recording.values(f"/path/{limb}/{what}", "LineStrips3D:strips"))[:, 0]
        assert strips[:, 0] == pytest.approx(wanted[:-1], abs=1e-6)
        assert strips[:, 1] == pytest.approx(wanted[1:], abs=1e-6)


def test_links_have_the_shape_of_the_arm(tape, recording):
    robot = {entity.id: entity for m in tape.just("/robot") for entity in m.entities}
    # The long shells of a UR5e lie 0.12 m and 0.01 m beside the plane of its link table.
    for link, length, beside, radius in (
        ("link2", ur5e.A[1], 0.12, 0.055),
        ("link3", ur5e.A[2], 0.01, 0.045),
    ):
        ends = [(0, 0, beside), (length, 0, beside)]
        entity = robot[f"left/{link}"]
        assert entity.frame_id == f"left/{link}"
        assert entity.frame_locked
        balls = [(s.pose.position.x, s.pose.position.y, s.pose.position.z) for s in entity.spheres]
        assert sorted(balls) == [pytest.approx(end, abs=1e-9) for end in sorted(ends)]
        assert [s.size.x for s in entity.spheres] == pytest.approx([2 * radius] * 2)
        tube = entity.cylinders[0]
        middle = np.mean(ends, axis=0)
        assert (tube.pose.position.x, tube.pose.position.y, tube.pose.position.z) == pytest.approx(
            middle
        )
        assert tube.size.z == pytest.approx(abs(length))
        path = f"/robot/left/{link}/0"
        (begin,) = recording.values(path, "Capsules3D:translations")[0]
        (quat,) = recording.values(path, "Capsules3D:quaternions")[0]
        (reach,) = recording.values(path, "Capsules3D:lengths")[0]
        end = np.array(begin) + reach * rotation(quat)[:, 2]
        assert sorted([begin, end.tolist()]) == [pytest.approx(e, abs=1e-6) for e in sorted(ends)]
    assert {entity.id for entity in robot.values()} == {
        f"{limb}/{link}"
        for limb in LIMBS
        for link in ("base", *(f"link{i}" for i in range(1, 7)), "tool", "finger1", "finger2")
    }


def test_fingers_are_as_far_apart_as_the_jaw_is_open(episode, tape):
    for limb in LIMBS:
        one, two = (tape.frame(f"{limb}/finger{i}")[0] for i in (1, 2))
        gap = np.linalg.norm(one - two, axis=1)
        assert gap == pytest.approx(episode.ticks()[f"{limb}.jaw_m"], abs=1e-9)


def test_cameras_see_what_the_calibration_says(episode, tape, recording):
    """A station's centre must appear in the picture where the exported pinhole puts it."""
    for name, camera in episode.begin()["cameras"].items():
        (lens,) = tape.just(f"/camera/{name}/calibration")
        k = np.array(lens.K).reshape(3, 3)
        (at,), (turned,) = tape.frame(f"camera/{name}")
        pose = np.array(camera["camera_in_world"])
        assert turned == pytest.approx(pose[:3, :3], abs=1e-9)
        assert at == pytest.approx(pose[:3, 3], abs=1e-9)
        stream = camera["stream"]
        assert (lens.width, lens.height) == (stream["width"], stream["height"])
        point = turned.T @ (np.zeros(3) - at)
        u, v, w = k @ point
        by_hand = stream["fx"] * point[0] / point[2] + stream["cx"]
        assert u / w == pytest.approx(by_hand)
        assert 0 < u / w < lens.width
        assert 0 < v / w < lens.height
        (matrix,) = recording.values(f"/cameras/{name}", "Pinhole:image_from_camera")[0]
        by_columns = np.array(matrix).reshape(3, 3).T
        assert by_columns == pytest.approx(k, abs=1e-4)


def test_everything_that_happened_is_told(episode, tape, recording):
    events, exchanges = episode.notes("event"), episode.notes("exchange")
    told = [m["kind"] for topic in ("/skills", "/events") for m in tape.just(topic)]
    assert sorted(told) == sorted(event["kind"] for event in events)
    assert [m["answer"] for m in tape.just("/exchanges")] == [e["answer"] for e in exchanges]
    (outcome,) = tape.just("/outcome")
    assert outcome["good"] is True
    assert len(outcome["units"]) == 2
    (order,) = tape.just("/order")
    assert order["instruction"] == "把蓝色零件放进乙箱"
    lines = tape.just("/log")
    assert len(lines) == len(events) + len(exchanges) + 2
    assert {line.name for line in lines} == {"order", "skills", "events", "exchanges", "outcome"}
    texts = {
        path: [text for (text,) in recording.values(path, "TextLog:text")]
        for path in recording.entities
        if path.startswith("/log/")
    }
    assert sorted(line.message for line in lines) == sorted(chain.from_iterable(texts.values()))
    assert texts["/log/outcome"] == ["good"]
    assert recording.ticks("/log/outcome") == [episode.ticks()["tick"][-1]]
    assert recording.ticks("/log/exchanges") == [e["tick"] for e in exchanges]


def test_truth_goes_along_only_when_it_is_asked_for(episode, written, tape, recording):
    assert not [topic for topic in tape.messages if "truth" in topic]
    assert not [path for path in recording.entities if "truth" in path]
    truth = episode.truth()
    parts = [part["id"] for part in episode.begin()["lot"]["parts"]]
    told = Tape(written["mcap", True].path / "run-000001.mcap")
    scrubbed = Recording(written["rerun", True].path / "run-000001.rrd")
    for k, part in enumerate(parts):
        at, _ = told.frame(f"truth/{part}")
        assert at == pytest.approx(truth["position"][:, k], abs=1e-12)
        path = f"/truth/parts/{part}"
        at = np.array(scrubbed.values(path, "Transform3D:translation"))[:, 0]
        assert at == pytest.approx(truth["position"][:, k], abs=1e-6)
    forces = [m["collision_n"] for m in told.just("/truth/state")]
    assert forces == truth["collision_n"].tolist()
    (bar, _cube) = told.just("/truth/parts")[0].entities
    assert (bar.cubes[0].size.x, bar.cubes[0].size.y) == pytest.approx((0.050, 0.022))
    assert {t.partition("/truth")[1] for t in set(told.messages) - set(tape.messages)} == {"/truth"}


class Pedestal(Bench):
    """A bench with a wedge of a mesh, a ball, an egg and an invisible block beside it."""

    CORNERS = np.array([(0, 0, 0), (0.2, 0, 0), (0, 0.1, 0), (0, 0, 0.3)])
    FACES = np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    AT, QUAT = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.5, 0.5, 0.5])  # x to y to z

    def attach(self, scene):
        super().attach(scene)
        seen = {"contype": 0, "conaffinity": 0}
        kinds = mujoco.mjtGeom
        scene.add_mesh(name="wedge", uservert=self.CORNERS.ravel(), userface=self.FACES.ravel())
        scene.add_material(name="blue", rgba=[0, 0, 1, 1])
        scene.worldbody.add_geom(
            type=kinds.mjGEOM_MESH,
            meshname="wedge",
            pos=self.AT,
            quat=self.QUAT,
            material="blue",
            **seen,
        )
        for kind, size, group in (
            (kinds.mjGEOM_SPHERE, [0.05, 0, 0], 0),
            (kinds.mjGEOM_ELLIPSOID, [0.1, 0.2, 0.3], 0),
            (kinds.mjGEOM_BOX, [0.5, 0.5, 0.5], 3),
            (kinds.mjGEOM_PLANE, [1, 1, 1], 0),
        ):
            scene.worldbody.add_geom(type=kind, size=size, group=group, **seen)


def test_meshes_balls_and_what_never_moves(run, tmp_path, monkeypatch):
    monkeypatch.setattr("shopfloor.plugins.factory", lambda _kind, _name: Pedestal)
    chosen = choose([run.path])[:1]
    tape = Tape(export("mcap", chosen, tmp_path / "fox").path / "run-000000.mcap")
    (world,) = (e for m in tape.just("/robot") for e in m.entities if e.id == "world")
    assert world.frame_id == "world"
    assert "world" not in {t.child_frame_id for m in tape.just("/tf") for t in m.transforms}
    assert [(b.size.x, b.size.y, b.size.z) for b in world.spheres] == [
        pytest.approx((0.1, 0.1, 0.1)),
        pytest.approx((0.2, 0.4, 0.6)),
    ]
    assert not world.cubes
    (mesh,) = world.triangles
    assert (mesh.color.r, mesh.color.b) == (0, 1)
    # The compiler moves a mesh to its centre of mass and axes of inertia; it must end up where
    # it was put: turned by a third of a turn about (1, 1, 1), which takes x to y and y to z.
    wanted = sorted((Pedestal.CORNERS[:, [2, 0, 1]] + Pedestal.AT).tolist())
    turn, at = mesh.pose.orientation, mesh.pose.position
    points = np.array([(p.x, p.y, p.z) for p in mesh.points])
    points = points @ rotation([turn.x, turn.y, turn.z, turn.w]).T + [at.x, at.y, at.z]
    assert sorted(np.round(points, 6).tolist()) == [pytest.approx(p, abs=1e-5) for p in wanted]
    assert len(mesh.indices) == 12
    shown = Recording(export("rerun", chosen, tmp_path / "scrub").path / "run-000000.rrd")
    path = "/robot/world/0"
    points = np.array(shown.values(path, "Mesh3D:vertex_positions")[0])
    (quat,) = shown.values(path, "Transform3D:quaternion")[0]
    (moved,) = shown.values(path, "Transform3D:translation")[0]
    points = points @ rotation(quat).T + moved
    assert sorted(np.round(points, 6).tolist()) == [pytest.approx(p, abs=1e-5) for p in wanted]
    assert shown.values("/robot/world/2", "Ellipsoids3D:half_sizes")[0] == [
        pytest.approx((0.1, 0.2, 0.3))
    ]


# MCAP


def test_every_message_is_in_its_place_in_time(run, episode, tape):
    assert all(a <= b for a, b in pairwise(tape.times))
    first = run.entries()[0]
    # Each lot is charged its changeover first; lot 0 took its ticks and needed no repair.
    begin_s = 2 * run.manifest.changeover_s + first.ticks * run.manifest.control_dt
    assert first.repair_ticks == 0
    assert tape.times[0] == round(begin_s * 1e9)
    ticks = episode.ticks()["tick"]
    wanted = [round((begin_s + tick * 0.02) * 1e9) for tick in ticks]
    for topic in ("/tf", "/joints", "/joints/requested", "/joints/applied", "/wrench"):
        assert [now for now, _ in tape.messages[topic]] == wanted
    for camera, count in episode.entry.frames.items():
        times = [now for now, _ in tape.messages[f"/camera/{camera}/video"]]
        assert len(times) == count
        assert set(np.diff(times)) == {100_000_000}  # 10 Hz
    assert tape.summary.statistics.message_count == len(tape.times)
    stamps = [m.timestamp.seconds * 10**9 + m.timestamp.nanos for m in tape.just("/joints")]
    assert stamps == wanted


def test_joints_and_wrench_are_the_logged_numbers(episode, tape):
    ticks = episode.ticks()
    names = [f"{limb}/joint{i}" for limb in LIMBS for i in range(1, 7)]
    jaws = [f"{limb}/jaw" for limb in LIMBS]
    for topic, column, jaw in (
        ("/joints", "q", "jaw_m"),
        ("/joints/requested", "requested", "requested_jaw_m"),
        ("/joints/applied", "applied", "applied_jaw_m"),
    ):
        messages = tape.just(topic)
        assert {tuple(joint.name for joint in m.joints) for m in messages} == {(*names, *jaws)}
        got = np.array([[joint.position for joint in m.joints] for m in messages])
        columns = [*(ticks[f"{x}.{column}"] for x in LIMBS), *(ticks[f"{x}.{jaw}"] for x in LIMBS)]
        assert np.array_equal(got, np.column_stack(columns))
    speeds = np.array([[j.velocity for j in m.joints][:12] for m in tape.just("/joints")])
    assert np.array_equal(speeds, np.column_stack([ticks[f"{limb}.qd"] for limb in LIMBS]))
    assert not tape.just("/joints")[0].joints[-1].HasField("velocity")  # nobody measures it
    for limb in LIMBS:
        got = [m[limb] for m in tape.just("/wrench")]
        assert np.array_equal(got, ticks[f"{limb}.wrench"])


def test_json_topics_keep_to_their_schemas(tape):
    seen = 0
    for topic, schema in tape.schemas.items():
        if schema.encoding == "jsonschema":
            rules = json.loads(schema.data)
            jsonschema.Draft202012Validator.check_schema(rules)
            for message in tape.just(topic):
                jsonschema.validate(message, rules)
                seen += 1
        else:
            assert schema.encoding == "protobuf"
            assert schema.name.startswith("foxglove.")
    assert seen > 100


def test_a_file_says_which_run_it_is_from(run, episode, tape):
    manifest = json.loads((run.path / "manifest.json").read_text())
    told = tape.metadata["manifest"]
    assert set(told) == set(manifest)
    for key, value in manifest.items():
        assert told[key] == value if isinstance(value, str) else json.loads(told[key]) == value
    assert tape.metadata["episode"]["log_sha256"] == episode.entry.log_sha256
    assert tape.attachments["episode.json"] == (episode.path / "episode.json").read_bytes()


def test_another_mcap_reader_finds_the_same(episode, tape):
    """Rerun reads MCAP files with a library of its own, in another language."""
    rows = {}
    for chunk in McapReader(tape.path).stream():
        if not chunk.is_static:
            rows[chunk.entity_path] = rows.get(chunk.entity_path, 0) + chunk.num_rows
    for camera, count in episode.entry.frames.items():
        assert rows[f"/camera/{camera}/video"] == count
    assert rows["/log"] == len(tape.just("/log"))


# Rerun


def test_a_recording_is_one_episode_with_two_clocks(episode, recording):
    assert recording.names == ["run-000001"]
    assert recording.blueprints == 1
    timelines = {name for _, name in recording.index}
    assert timelines == {"tick", "time"}
    for path, name in recording.index:
        if name == "time":
            seconds = [each.total_seconds() for each in recording.index[path, "time"]]
            wanted = np.array(recording.ticks(path)) * 0.02
            assert seconds == pytest.approx(wanted, abs=1e-6)
    told = recording.still["/__properties/episode"]
    assert told["lot"] == [[1]]
    assert told["good"] == [[True]]
    assert told["log_sha256"] == [[episode.entry.log_sha256]]
    assert recording.still["/__properties"]["RecordingInfo:name"] == [["run-000001 good"]]


def test_curves_are_the_logged_numbers(episode, recording):
    ticks = episode.ticks()
    for limb in LIMBS:
        for what, wanted in (
            ("position", ticks[f"{limb}.q"]),
            ("velocity", ticks[f"{limb}.qd"]),
            ("force", ticks[f"{limb}.wrench"][:, :3]),
            ("torque", ticks[f"{limb}.wrench"][:, 3:]),
        ):
            path = f"/sensors/{limb}/{what}"
            assert np.array_equal(recording.values(path, "Scalars:scalars"), wanted)
            assert recording.ticks(path) == ticks["tick"].tolist()
            assert len(recording.values(path, "SeriesLines:names")[0]) == wanted.shape[1]


def test_stations_stand_on_their_floors(episode, recording):
    (note,) = episode.notes("stations")
    assert {station["name"] for station in note["stations"]} == {"A", "B", "tray"}
    for station in note["stations"]:
        (centre,) = recording.values(f"/stations/{station['name']}", "Boxes3D:centers")[0]
        (half,) = recording.values(f"/stations/{station['name']}", "Boxes3D:half_sizes")[0]
        assert 2 * np.array(half) == pytest.approx(station["size_m"], abs=1e-6)
        assert centre[2] - half[2] == pytest.approx(station["center_m"][2], abs=1e-6)


def test_strict_mode_is_left_as_it_was(run, tmp_path):
    before = rr.strict_mode()
    export("rerun", choose([run.path]), tmp_path / "out")
    assert rr.strict_mode() == before


# What is not as it should be


@pytest.mark.parametrize(("to", "end"), [("mcap", "mcap"), ("rerun", "rrd")])
def test_a_body_that_cannot_be_built_leaves_its_bases(made_up, tmp_path, to, end):
    said = export(to, choose([made_up]), tmp_path / "out")
    note, caution = said.notes
    assert "is not whole: 1 of 3 orders" in caution
    assert "'made-up' cannot be built here" in note
    assert "only the bases" in note
    path = said.path / f"run-000000.{end}"
    if to == "mcap":
        tape = Tape(path)
        assert "/tf" not in tape.messages
        assert {t.child_frame_id for m in tape.just("/tf/static") for t in m.transforms} == {
            *(f"base/{limb}" for limb in LIMBS),
            *(f"camera/{camera}" for camera in ("front", "wrist")),
        }
    else:
        recording = Recording(path)
        assert {"/base/left", "/base/right"} <= recording.entities
        assert not [each for each in recording.entities if each.startswith("/robot")]


def test_what_does_not_fit_the_body_is_told_and_not_drawn(tmp_path):
    chosen = choose([hostile_run(tmp_path / "run")])
    tape = Tape(export("mcap", chosen, tmp_path / "fox").path / "run-000000.mcap")
    assert len(tape.just("/joints")) == len(tape.just("/joints/applied")) == 10
    assert len(tape.just("/joints/requested")) == 9
    ruling, malformed = tape.just("/rulings")
    assert (ruling["tick"], ruling["verdict"], ruling["rule"]) == (3, "stop", "joint.velocity")
    assert malformed["requested"]["left"] == "float64 (99,)"
    errors = [line.message for line in tape.just("/log") if line.level == 4]
    assert errors[0].startswith("stop by joint.velocity")
    assert [m["state"] for m in tape.just("/state/guard")] == ["stop", ""]
    assert [m["verdict"] for m in tape.just("/control")] == ["pass", "stop", "pass"]
    shown = Recording(export("rerun", chosen, tmp_path / "scrub").path / "run-000000.rrd")
    assert shown.values("/log/rulings", "TextLog:level") == [["ERROR"], ["ERROR"]]
    assert shown.ticks("/log/rulings") == [3, 3]


def test_cameras_may_have_any_name(tmp_path):
    chosen = choose([made_up_run(tmp_path / "run", cameras=("front (new)", "手腕 .1"))])
    tape = Tape(export("mcap", chosen, tmp_path / "fox").path / "run-000000.mcap")
    assert len(tape.just("/camera/手腕 .1/video")) == 6
    shown = Recording(export("rerun", chosen, tmp_path / "scrub").path / "run-000000.rrd")
    cameras = {rr.new_entity_path(["cameras", name]) for name in ("front (new)", "手腕 .1")}
    assert cameras <= shown.entities


@pytest.mark.parametrize("to", ["mcap", "rerun"])
def test_a_run_without_pictures_says_so(tmp_path, to):
    run = made_up_run(tmp_path / "run", video=False)
    said = export(to, choose([run]), tmp_path / "out")
    assert said.frames == 0
    assert any("recorded without pictures" in note for note in said.notes)


def test_another_body_of_the_same_name_is_noted(run, tmp_path, monkeypatch):
    monkeypatch.setitem(run.manifest.sha256, "body", "0" * 64)
    chosen = choose([run.path])
    monkeypatch.setitem(chosen[0].run.manifest.sha256, "body", "0" * 64)
    said = export("mcap", chosen, tmp_path / "out")
    assert [note for note in said.notes if "not the one that the run was recorded with" in note]


@pytest.mark.parametrize(("to", "module"), [("mcap", "mcap.writer"), ("rerun", "rerun")])
def test_a_missing_library_names_the_extra(run, tmp_path, monkeypatch, to, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"not installed; next: pip install 'shopfloor\[export\]'"):
        export(to, choose([run.path]), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["mcap", "rerun"])
def test_pictures_are_not_encoded_anew(run, tmp_path, to):
    with pytest.raises(UsageError, match="takes the recorded h264 as it is"):
        export(to, choose([run.path]), tmp_path / "out", options=Options(codec="av1"))
    assert export(to, choose([run.path]), tmp_path / "out", options=Options(codec="h264")).frames


def test_a_rerun_sdk_that_is_switched_off_is_noticed(run, tmp_path, monkeypatch):
    monkeypatch.setenv("RERUN", "off")
    with pytest.raises(UsageError, match="unset RERUN"):
        export("rerun", choose([run.path]), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@contextmanager
def files_up_to(size_bytes):
    """Refuse to let any file grow beyond a size, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("to", ["mcap", "rerun"])
def test_a_full_disk_leaves_nothing(run, tmp_path, to):
    chosen = choose([run.path])
    with files_up_to(30_000), pytest.raises(RunUnwritable, match="Nothing was left behind"):
        export(to, chosen, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["mcap", "rerun"])
def test_a_video_that_lost_its_end_stops_the_export(tmp_path, to):
    run = made_up_run(tmp_path / "run", lots=2)
    video = run / "episodes" / "000001" / "front.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(RunCorrupt, match=r"front\.mp4"):
        export(to, choose([run]), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_a_video_of_another_length_than_its_log_stops_the_export(tmp_path):
    run = made_up_run(tmp_path / "run", lots=2)
    shelf = run / "episodes"
    (shelf / "000001" / "front.mp4").unlink()
    _video(shelf / "000001" / "front.mp4", count=5)
    with pytest.raises(RunCorrupt, match="has 5 pictures, its log says 6"):
        export("mcap", choose([run]), tmp_path / "out")


def _video(path, *, count=12, codec="libx264", b_frames=0):
    with av.open(path, "w") as container:
        options = {"x264-params": "b-adapt=0"} if b_frames else {}
        stream = container.add_stream(codec, rate=Fraction(10), options=options)
        stream.codec_context.max_b_frames = b_frames
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
        for k in range(count):
            pixels = np.roll(picture, k, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def test_packets_that_need_their_successors_are_refused(tmp_path):
    _video(tmp_path / "b.mp4", b_frames=2)
    with pytest.raises(RunCorrupt, match="not stored in the order they are shown in"):
        packets(tmp_path / "b.mp4")
    _video(tmp_path / "other.mp4", codec="mpeg4")
    with pytest.raises(RunCorrupt, match="it is mpeg4, not h264"):
        packets(tmp_path / "other.mp4")
    with pytest.raises(RunCorrupt, match="cannot be read as a video"):
        packets(tmp_path / "none.mp4")


# The parts


def test_stems_tell_runs_of_one_name_apart(run, made_up):
    both = choose([run.path, made_up])
    assert stems(both) == ("run.0-000000", "run.0-000001", "run.1-000000")
    assert stems(choose([made_up])) == ("run-000000",)


def test_a_lot_begins_where_those_before_it_ended(run):
    first, second = run.entries()
    changeover = round(run.manifest.changeover_s / run.manifest.control_dt)
    assert starts(run) == {
        first.lot: changeover,
        second.lot: 2 * changeover + first.ticks + first.repair_ticks,
    }


def test_an_export_of_one_episode_keeps_its_place_in_the_shift(run, tape, tmp_path):
    chosen = [each for each in choose([run.path], Only()) if each.entry.lot == 1]
    said = export("mcap", chosen, tmp_path / "out")
    assert Tape(said.path / "run-000001.mcap").times == tape.times


def test_speed_counts_the_pictures_of_whole_exports(made_up):
    told = []
    speed = measure("mcap", choose([made_up]), rounds=2, say=told.append)
    (entry,) = RunFolder.open(made_up).entries()
    assert speed.images == sum(entry.frames.values())
    assert len(told) == speed.rounds + 1
    # Every round took some of the time between then and now, and no processor runs backwards.
    assert 0 < speed.images_per_s < 1e6
    assert 0 < speed.images_per_cpu_s < 1e6


def _scene(**notes):
    entry = SimpleNamespace(segments=(("PRD", 30), ("SBY", 10)))
    return Scene(
        episode=SimpleNamespace(entry=entry),
        control_dt=0.02,
        start=0,
        limbs=dict.fromkeys(LIMBS),
        films=(),
        stations=(),
        ticks=np.zeros(0, [("tick", float)]),
        lot={"orders": []},
        notes=notes,
    )


def _event(tick, kind, call, limbs=("left",), **data):
    named = {"id": call, "skill": "pick", "limbs": list(limbs), **data}
    return {"tick": tick, "kind": kind, "data": named}


def test_states_last_from_start_to_end():
    scene = _scene(
        event=(
            _event(2, "skill.started", "c1", LIMBS),
            _event(3, "skill.dropped", "c2"),  # it only waited in the queue
            _event(5, "skill.finished", "c1", LIMBS, ok=True),
            _event(6, "skill.started", "c3"),
            _event(9, "skill.dropped", "c3"),
        ),
        ruling=tuple(
            {"tick": tick, "verdict": verdict, "rule": "joint.velocity", "detail": {"got": 3.5}}
            for tick, verdict in ((10, "limit"), (11, "limit"), (20, "stop"))
        ),
    )
    assert states(scene) == {
        "shift": [(0, "PRD"), (30, "SBY")],
        "guard": [(10, "limit"), (11, "limit"), (12, ""), (20, "stop"), (21, "")],
        "left": [(2, "pick"), (5, ""), (6, "pick"), (9, "")],
        "right": [(2, "pick"), (5, "")],
    }


def test_lines_say_how_bad_it_is():
    scene = _scene(
        event=(
            _event(1, "skill.refused", "c1", reason="no such tote"),
            _event(2, "skill.finished", "c2", ok=False, code="grasp.slip"),
            {"tick": 3, "kind": "fault", "data": {"what": "camera"}},
        ),
        ruling=({"tick": 4, "verdict": "stop", "rule": "limbs.near", "detail": {"got": 0.01}},),
        malformed=({"tick": 5, "requested": {"left": "str"}},),
        exchange=(
            {"tick": 6, "model_id": "m", "request": "x" * 500, "answer": "短", "latency_s": 1.0},
        ),
        outcome=({"ticks": 7, "good": False, "code": "grasp.slip", "units": []},),
    )
    lines = story(scene)
    assert [(line.tick, line.topic, line.level) for line in lines] == [
        (1, "skills", "WARN"),
        (2, "skills", "WARN"),
        (3, "events", "ERROR"),
        (4, "rulings", "ERROR"),
        (5, "rulings", "ERROR"),
        (6, "exchanges", "INFO"),
        (7, "outcome", "ERROR"),
    ]
    assert lines[0].text == "c1 pick left refused no such tote"
    assert lines[1].text == "c2 pick left finished grasp.slip"
    assert lines[3].text == "stop by limbs.near: got 0.01"
    assert "(500 characters)" in lines[5].text
    assert lines[6].text == "failed: grasp.slip"


@pytest.mark.parametrize("axis", range(3))
def test_the_z_axis_of_a_turned_frame(axis, rng):
    angle = rng.uniform(-np.pi, np.pi)
    quat = np.zeros(4)
    quat[0], quat[1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    assert z_axis(quat) == pytest.approx(rotation([*quat[1:], quat[0]])[:, 2])


def test_an_order_with_documents_is_exported_and_they_are_named(tmp_path):
    run = made_up_run(tmp_path / "run", video=False, documents=(b"all to A",))
    for to in ("mcap", "rerun"):
        export(to, choose([run]), tmp_path / to)
    (path,) = (tmp_path / "mcap").glob("*.mcap")
    with path.open("rb") as file:
        said = b"".join(message.data for _, _, message in make_reader(file).iter_messages())
    assert sha256(b"all to A").hexdigest().encode() in said
