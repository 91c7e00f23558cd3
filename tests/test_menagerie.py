"""Robots of the Menagerie: found on this machine or not at all, attached whole, fitted to work."""

import os
import struct
import urllib.request
import zlib
from pathlib import Path

import mujoco
import mujoco_menagerie
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor import plugins
from shopfloor.body import collection
from shopfloor.body.fitting import ArmFitting
from shopfloor.body.inverse import PathInverse
from shopfloor.body.menagerie import Menagerie
from shopfloor.body.mesh import Shell, cluster, draw_lighter, lighter
from shopfloor.body.portrait import CAMERA, png, stage
from shopfloor.cell.audit import Audit
from shopfloor.cell.scene import TOTE_SLOTS, TRAY
from shopfloor.cell.sorting import SortingCell
from shopfloor.cli.main import main
from shopfloor.errors import SpecMismatch, UnknownName, Unreachable, UsageError
from shopfloor.guard import EnvelopeGuard, load_limits
from shopfloor.shift import Latency, Plan
from shopfloor.shift.hire import Staff
from shopfloor.skill.jump import top_down
from shopfloor.testing import check_body
from shopfloor.types import Action

REAL_ROOT = os.environ.get(collection.ROOT_VARIABLE)

# One leg of a table that can be knocked over: a free base, a hinge in degrees, a mesh, and all
# that a scene does not want from a robot.
POINTER = """
<mujoco model="pointer">
  <compiler angle="degree" meshdir="assets"/>
  <option gravity="0 0 -1" integrator="RK4" timestep="0.01"/>
  <asset>
    <mesh name="wedge" file="wedge.obj"/>
    <texture name="sky" type="skybox" builtin="flat" width="8" height="48"/>
  </asset>
  <worldbody>
    <light name="sun"/>
    <camera name="overview" pos="0 0 3"/>
    <geom name="ground" type="plane" size="1 1 .1"/>
    <body name="post" pos="0 0 .5">
      <freejoint name="float"/>
      <geom name="post" type="capsule" size=".05 .4" mass="3"/>
      <body name="hand" pos="0 0 .5">
        <joint name="nod" axis="0 1 0" range="-90 45"/>
        <geom name="wedge" type="mesh" mesh="wedge" mass=".5"/>
      </body>
    </body>
  </worldbody>
  <actuator><position name="nod" joint="nod" kp="5"/></actuator>
  <keyframe><key name="stand" qpos="0 0 .6 1 0 0 0 .25"/></keyframe>
</mujoco>
"""
WEDGE = "v 0 0 0\nv .2 0 0\nv 0 .1 0\nv 0 0 .3\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def write_robot(root, name="pointer", xml=POINTER, file=None):
    folder = root / name
    (folder / "assets").mkdir(parents=True)
    (folder / "assets" / "wedge.obj").write_text(WEDGE)
    (folder / (file or f"{name}.xml")).write_text(xml)
    return folder


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty MENAGERIE_ROOT and an empty cache, on a machine without a network."""

    def no_network(*args, **kwargs):
        raise AssertionError("a robot was asked for over the network")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv(collection.ROOT_VARIABLE, str(root))
    return root


def real(name):
    """The body of a real robot, or a skip that says what is missing."""
    if not REAL_ROOT or not (Path(REAL_ROOT) / name.partition("/")[0]).is_dir():
        pytest.skip(f"{collection.ROOT_VARIABLE} is not set or has no {name!r}")
    return Menagerie(name)


@pytest.fixture(scope="module")
def aloha():
    return real("aloha")


def attached(body):
    scene = mujoco.MjSpec()
    scene.compiler.degree = False
    scene.option.timestep = 0.002
    scene.worldbody.add_camera(name="overview")
    body.attach(scene)
    return scene.compile()


# Where robots are found.


def test_a_folder_under_the_root_is_a_robot(shelf):
    write_robot(shelf)
    found = collection.find("pointer")
    assert found.name == "pointer"
    assert found.xml == shelf / "pointer" / "pointer.xml"


def test_the_only_file_that_is_no_scene_is_the_robot(shelf):
    folder = write_robot(shelf, file="mk2.xml")
    (folder / "scene.xml").write_text("<mujoco/>")
    assert collection.find("pointer").xml.name == "mk2.xml"


def test_a_robot_of_the_collection_is_found_in_the_cache_without_a_root(shelf, monkeypatch):
    monkeypatch.delenv(collection.ROOT_VARIABLE)
    entry = mujoco_menagerie.get("robotis_op3")
    folder = mujoco_menagerie.Cache().model_path(entry)
    folder.mkdir(parents=True)
    (folder / entry.entry(entry.default_model).file).write_text(POINTER)
    with pytest.raises(UsageError, match="never fetched"):
        collection.find("robotis_op3")  # the package marks what it has fetched completely
    (folder / ".complete").write_text("{}")
    assert collection.find("robotis_op3").folder == folder
    assert [file.name for file in collection.on_this_machine()] == ["robotis_op3"]


def test_the_root_comes_before_the_cache(shelf):
    entry = mujoco_menagerie.get("robotis_op3")
    cached = mujoco_menagerie.Cache().model_path(entry)
    cached.mkdir(parents=True)
    (cached / ".complete").write_text("{}")
    model = entry.entry(entry.default_model).file
    own = write_robot(shelf, "robotis_op3", file=model)
    assert collection.find("robotis_op3").folder == own


@pytest.mark.parametrize("name", ["alhoa", "..", "../pointer", "", "a b", "/etc"])
def test_what_nobody_knows_is_an_unknown_name(shelf, name):
    write_robot(shelf.parent)
    with pytest.raises(UnknownName, match="unknown robot"):
        Menagerie(name)


def test_an_unknown_name_comes_with_the_one_that_was_meant(shelf):
    with pytest.raises(UnknownName, match=r"Did you mean 'aloha'\?"):
        Menagerie("alhoa")


def test_a_robot_that_is_not_here_is_not_fetched_and_the_message_says_how(shelf, monkeypatch):
    with pytest.raises(UsageError) as here:
        Menagerie("aloha")
    message = str(here.value)
    assert "python -m mujoco_menagerie prefetch aloha" in message
    assert "unset MENAGERIE_ROOT and" in message
    monkeypatch.delenv(collection.ROOT_VARIABLE)
    with pytest.raises(UsageError) as unset:
        Menagerie("aloha")
    assert "MENAGERIE_ROOT is not set" in str(unset.value)
    assert "unset" not in str(unset.value)


def test_an_unknown_model_of_a_known_robot_lists_its_models(shelf):
    folder = write_robot(shelf, "shadow_hand", file="left_hand.xml")
    (folder / "right_hand.xml").write_text(POINTER)
    assert Menagerie("shadow_hand/right_hand").name == "menagerie:shadow_hand/right_hand"
    assert Menagerie("shadow_hand/left_hand").name == "menagerie:shadow_hand"
    with pytest.raises(UnknownName, match="known: left_hand, right_hand"):
        Menagerie("shadow_hand/third_hand")


def test_a_folder_without_a_model_says_so_and_is_not_listed(shelf):
    (shelf / "pointer").mkdir()
    with pytest.raises(UsageError, match="holds no MJCF file"):
        collection.find("pointer")
    assert list(collection.on_this_machine()) == []


def test_the_family_lists_what_loads_without_a_download(shelf):
    write_robot(shelf)
    rows = {row.name: row.summary for row in plugins.listing("bodies")}
    assert "menagerie:pointer" in rows
    assert "to look at" in rows["menagerie:pointer"]
    assert "menagerie:aloha" not in rows


def test_a_broken_file_is_named(shelf):
    write_robot(shelf, xml="<mujoco><worldbody><body></worldbody></mujoco>")
    with pytest.raises(UsageError, match=r"pointer\.xml is not a model"):
        Menagerie("pointer").stance()


# How a robot comes into a scene.


def test_a_robot_comes_whole_with_its_names_prefixed(shelf):
    write_robot(shelf)
    model = attached(Menagerie("pointer"))
    assert model.joint("pointer/nod").range == pytest.approx([-np.pi / 2, np.pi / 4])
    assert model.body("pointer/post").mass[0] == pytest.approx(3.0)
    assert model.body("pointer/hand").mass[0] == pytest.approx(0.5)
    assert model.mesh("pointer/wedge").vertnum[0] == 4
    assert model.nu == 1


def test_a_robot_leaves_the_scene_as_it_was(shelf):
    write_robot(shelf)
    model = attached(Menagerie("pointer"))
    assert model.opt.gravity == pytest.approx([0, 0, -9.81])
    assert model.opt.timestep == 0.002
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    assert [model.camera(i).name for i in range(model.ncam)] == ["overview"]
    assert model.nlight == 0
    assert model.nkey == 0
    assert not (model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE).any()


def test_the_stance_is_the_first_keyframe(shelf):
    write_robot(shelf)
    stance = Menagerie("pointer").stance()
    assert stance["pointer/float"] == pytest.approx([0, 0, 0.6, 1, 0, 0, 0])
    assert stance["pointer/nod"] == pytest.approx([0.25])


def test_a_robot_without_a_fitting_is_turned_away_before_a_shift_begins(shelf):
    write_robot(shelf)
    body = Menagerie("pointer")
    for asked in ("spec", "models"):
        with pytest.raises(SpecMismatch, match="1 joints and a base that moves freely"):
            getattr(body, asked)
    with pytest.raises(SpecMismatch, match="can be drawn, but it cannot work in a cell"):
        Staff(
            Plan(
                cell="sorting",
                body="menagerie:pointer",
                brain="classical",
                seed=0,
                orders=1,
                hours=None,
                order_file=None,
                latency=Latency.parse("fixed:40"),
                limits="fenced",
                record_fps=10.0,
                video=False,
                audit=False,
                workers=1,
            )
        )


# Meshes that are lighter to draw.


def sphere(count=48):
    """Vertices and triangles of a sphere of radius 0.1 m."""
    lat, lon = np.linspace(0, np.pi, count), np.linspace(0, 2 * np.pi, 2 * count, endpoint=False)
    a, b = (g.ravel() for g in np.meshgrid(lat, lon, indexing="ij"))
    vertices = 0.1 * np.stack([np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)], axis=1)
    i, j = (g.ravel() for g in np.meshgrid(range(count - 1), range(2 * count), indexing="ij"))
    right, row = (j + 1) % (2 * count), 2 * count
    one = np.stack([i * row + j, (i + 1) * row + j, (i + 1) * row + right], axis=1)
    two = np.stack([i * row + j, (i + 1) * row + right, i * row + right], axis=1)
    return Shell(vertices, np.concatenate([one, two]).astype(np.int32))


def area(shell):
    a, b, c = (shell.vertices[shell.faces[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()


@settings(max_examples=40, deadline=None)
@given(cell_m=st.floats(0.002, 0.03))
def test_clustering_keeps_the_surface_and_loses_triangles(cell_m):
    fine = sphere()
    coarse = cluster(fine, cell_m)
    assert len(coarse.faces) <= len(fine.faces)
    # A vertex moves at most the diagonal of its cell, so the surface stays near the true sphere.
    radius = np.linalg.norm(coarse.vertices, axis=1)
    assert np.abs(radius - 0.1).max() <= np.sqrt(3) * cell_m
    corners = np.sort(coarse.faces, axis=1)
    assert (np.diff(corners, axis=1) > 0).all()
    assert corners.min() >= 0
    assert corners.max() < len(coarse.vertices)


def test_a_clustered_sphere_has_nearly_its_area():
    assert area(cluster(sphere(), 0.008)) == pytest.approx(4 * np.pi * 0.1**2, rel=0.05)


def test_only_what_is_there_to_be_seen_is_drawn_lighter():
    fine = sphere()
    spec = mujoco.MjSpec()
    for name in ("shell", "bumper"):
        spec.add_mesh(name=name, uservert=fine.vertices.ravel() + 0.5, userface=fine.faces.ravel())
    body = spec.worldbody.add_body(name="ball")
    kind = mujoco.mjtGeom.mjGEOM_MESH
    ghost = {"contype": 0, "conaffinity": 0}
    body.add_geom(name="seen", type=kind, meshname="shell", mass=0, **ghost)
    body.add_geom(name="felt", type=kind, meshname="bumper", mass=1)
    before = spec.compile()
    shells = lighter(before)
    assert set(shells) == {"shell", "bumper"}
    draw_lighter(spec, shells)
    after = spec.compile()
    seen, felt = (after.geom(name).dataid[0] for name in ("seen", "felt"))
    assert after.mesh_facenum[seen] == len(shells["shell"].faces) < len(fine.faces)
    assert after.mesh_facenum[felt] == before.mesh("bumper").facenum[0]
    assert after.nmesh == 2
    assert after.body("ball").inertia == pytest.approx(before.body("ball").inertia)
    # The lighter shell is where the mesh was: half a metre off on every axis.
    data = mujoco.MjData(after)
    mujoco.mj_kinematics(after, data)
    middle = (
        data.geom("seen").xpos
        + data.geom("seen").xmat.reshape(3, 3) @ (after.geom_aabb[after.geom("seen").id][:3])
    )
    assert middle == pytest.approx([0.5, 0.5, 0.5], abs=2e-3)


# Inverse kinematics, held against the closed form of a UR5e.


@pytest.fixture(scope="module")
def path_inverse(bench):
    return PathInverse(attached(bench), bench.models["left"])


def bench_path(bench, *, count=40):
    home = bench.spec.limbs["left"].q_home
    s = np.linspace(0, 1, count)
    start, end = np.array([-0.43, 0.0, 0.30, 0.0]), np.array([-0.05, 0.12, 0.05, 0.8])
    return top_down(*(start + s[:, None] * (end - start)).T), home


def test_a_path_is_solved_as_the_closed_form_solves_it(bench, path_inverse):
    poses, home = bench_path(bench)
    truth = bench.inverse("left", poses, home)
    assert path_inverse.solve(poses, truth[0] + 0.02) == pytest.approx(truth, abs=1e-4)


def test_solving_has_no_memory(bench, path_inverse):
    poses, home = bench_path(bench)
    first = path_inverse.solve(poses, home)
    path_inverse.solve(poses[::-1].copy(), first[-1])
    assert np.array_equal(path_inverse.solve(poses, home), first)


def test_out_of_reach_names_the_place(bench, path_inverse):
    poses, home = bench_path(bench)
    poses[-5:, 0, 3] += 2.0
    with pytest.raises(Unreachable, match=r"cannot be at \(1\.9.*\(pose 36 of 40"):
        path_inverse.solve(poses, home)


def test_a_jump_between_two_poses_is_no_path(bench, path_inverse):
    poses, home = bench_path(bench)
    turned = poses[:2].copy()
    turned[1, :3, :3] = turned[1, :3, :3] @ np.diag([-1.0, -1.0, 1.0])
    with pytest.raises(Unreachable):
        path_inverse.solve(turned, home)


# Pictures.


def seen_from(model, data):
    """Corners of everything drawn, in picture coordinates from -1 to 1."""
    camera = model.camera(CAMERA).id
    rotation, position = data.cam_xmat[camera].reshape(3, 3), data.cam_xpos[camera]
    slope = np.tan(np.radians(model.cam_fovy[camera]) / 2)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    points = []
    for geom in range(model.ngeom):
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE or model.geom_group[geom] > 2:
            continue
        box = model.geom_aabb[geom]
        local = box[:3] + corners * box[3:]
        world = data.geom_xpos[geom] + local @ data.geom_xmat[geom].reshape(3, 3).T
        points.append((world - position) @ rotation)
    x, y, z = np.concatenate(points).T
    assert (z < 0).all()  # in front of the camera
    return x / -z / slope, y / -z / slope


@pytest.mark.parametrize("azimuth_deg", [0.0, 115.0, 200.0])
@pytest.mark.parametrize("elevation_deg", [-70.0, -20.0, 15.0])
def test_a_body_fills_its_picture_and_nothing_is_cut_off(bench, azimuth_deg, elevation_deg):
    model, data = stage(
        bench, azimuth_deg=azimuth_deg, elevation_deg=elevation_deg, width=80, height=40
    )
    x, y = seen_from(model, data)
    assert np.abs(x).max() <= 2.0
    assert np.abs(y).max() <= 1.0
    assert max(np.abs(x).max() / 2.0, np.abs(y).max()) > 0.9


def test_a_free_robot_is_drawn_as_in_its_keyframe_on_the_floor(shelf):
    write_robot(shelf)
    model, data = stage(
        Menagerie("pointer"), azimuth_deg=90.0, elevation_deg=-20.0, width=80, height=60
    )
    assert data.joint("pointer/float").qpos[2] == pytest.approx(0.6)
    assert model.geom("floor").pos[2] <= 0.0


def size_of_png(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


def test_a_picture_is_shrunk_by_averaging():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[::2] = 255
    data = png(pixels, 2)
    assert size_of_png(data) == (30, 20)
    start = data.index(b"IDAT")
    length = struct.unpack(">I", data[start - 4 : start])[0]
    raw = zlib.decompress(data[start + 4 : start + 4 + length])
    rows = np.frombuffer(raw, np.uint8).reshape(20, 1 + 30 * 3)
    assert rows[0, 1:4].tolist() in ([127] * 3, [128] * 3)  # first pixel, whatever the filter


def test_the_command_draws_a_body(tmp_path, capsys):
    out = tmp_path / "bench.png"
    with pytest.raises(SystemExit) as done:
        main(["picture", "bench", "--out", str(out), "--size", "96", "72"])
    assert done.value.code == 0
    assert size_of_png(out.read_bytes()) == (96, 72)
    assert "96 x 72" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["picture", "bench", "--out", "bench.jpg"], "give a name with .png"),
        (["picture", "bench", "--out", "no/such/folder/bench.png", "--size", "64", "64"], "--out"),
        (["picture", "menagerie:aloha", "--out", "aloha.png"], "prefetch aloha"),
        (["picture", "bunch", "--out", "bunch.png"], "Did you mean 'bench'?"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(shelf, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(shelf)
    with pytest.raises(SystemExit) as done:
        main(arguments)
    error = capsys.readouterr().err
    assert done.value.code == 2
    assert says in error
    assert error.count("\n") == 1


# Real robots, where they are.


@pytest.mark.parametrize("name", ["unitree_g1", "shadow_hand", "shadow_hand/right_hand"])
def test_a_robot_without_arms_loads_and_is_drawn_but_does_not_work(name):
    body = real(name)
    model, data = stage(body, azimuth_deg=115.0, elevation_deg=-20.0, width=64, height=48)
    assert model.nq > 20
    assert np.isfinite(data.xpos).all()
    with pytest.raises(SpecMismatch, match="nobody has described arms with a jaw"):
        _ = body.spec


def test_aloha_keeps_the_contract(aloha):
    check_body(aloha)


def test_the_fitting_names_only_what_the_model_has(aloha):
    from shopfloor.body.aloha import FITTING

    model = attached(aloha)
    for arm in FITTING.arms.values():
        assert isinstance(arm, ArmFitting)
        for joint in (*arm.joints, *arm.jaw_joints):
            assert model.joint(f"aloha/{joint}").id >= 0
    masses = attached(aloha).body_mass.sum()
    # The model states 4.26 kg an arm; our shapes and lighter shells add nothing.
    assert masses == pytest.approx(2 * 4.2585, rel=1e-3)


@pytest.mark.parametrize("opening_m", [0.0, 0.02, 0.04, 0.0582])
def test_the_jaw_is_as_wide_as_the_finger_meshes_say(aloha, opening_m):
    model = attached(aloha)
    data = mujoco.MjData(model)
    limb = aloha.models["left"]
    for joint in limb.jaw_joints:
        data.joint(joint).qpos[0] = (opening_m - limb.jaw_offset_m) / limb.jaw_gain
    mujoco.mj_kinematics(model, data)
    site = data.site(limb.tool_site)
    tips = []
    for body in limb.finger_bodies:
        link = model.body(body)
        for geom in range(link.geomadr[0], link.geomadr[0] + link.geomnum[0]):
            if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH:
                mesh = model.mesh(model.geom_dataid[geom])
                start, count = mesh.vertadr[0], mesh.vertnum[0]
                world = (
                    data.geom_xpos[geom]
                    + model.mesh_vert[start : start + count] @ data.geom_xmat[geom].reshape(3, 3).T
                )
                in_tool = (world - site.xpos) @ site.xmat.reshape(3, 3)
                tips.append(in_tool[in_tool[:, 2] > -0.003])
    first, second = sorted(tips, key=lambda tip: tip[:, 0].mean())
    assert second[:, 0].min() - first[:, 0].max() == pytest.approx(opening_m, abs=5e-4)
    for tip in tips:  # the tool centre point is at the tips, in the middle
        assert tip[:, 2].max() == pytest.approx(0.0, abs=5e-4)
        assert 0.5 * (tip[:, 1].min() + tip[:, 1].max()) == pytest.approx(0.0, abs=5e-4)
    pads = [model.geom(f"aloha/left/{side}_pad").id for side in ("left", "right")]
    gap = mujoco.mj_geomDistance(model, data, *pads, 1.0, None)
    assert gap == pytest.approx(opening_m, abs=1e-6)


@pytest.mark.parametrize("mode", ["fenced", "collaborative"])
def test_the_limits_of_aloha_lie_inside_what_it_can_do(aloha, mode):
    limits = load_limits("sorting", aloha.spec, mode)
    for name, limb in aloha.spec.limbs.items():
        stated = limits.limbs[name]
        assert (stated.q_lower >= limb.q_lower).all()
        assert (stated.q_upper <= limb.q_upper).all()
        assert (stated.qd_max <= limb.qd_max + 1e-9).all()
        assert (limb.q_home >= stated.q_lower).all()
        assert (limb.q_home <= stated.q_upper).all()


def reach_of(body, name, spots, height_m):
    """Which spots a limb reaches from home, the jaw straight down and turned with the waist."""
    limb = body.spec.limbs[name]
    bx, by = limb.base_in_world[:2, 3]
    facing = np.arctan2(limb.base_in_world[1, 0], limb.base_in_world[0, 0])
    radius, height = 0.16, 0.15  # of the home
    angle = facing + limb.q_home[0]
    s = np.linspace(0, 1, 30)
    for x, y in spots:
        far = np.hypot(x - bx, y - by)
        to = angle + (np.arctan2(y - by, x - bx) - angle + np.pi) % (2 * np.pi) - np.pi
        turn, out = angle + s * (to - angle), radius + s * (far - radius)
        poses = top_down(
            bx + out * np.cos(turn),
            by + out * np.sin(turn),
            height + s * (height_m - height),
            turn + np.pi / 2,
        )
        try:
            body.inverse(name, poses, limb.q_home)
        except Unreachable:
            yield False
        else:
            yield True


@pytest.mark.parametrize("name", ["left", "right"])
def test_aloha_reaches_what_its_workspace_promises(aloha, name):
    limits = load_limits("sorting", aloha.spec, "fenced").limbs[name]
    (low_x, low_y, _), (high_x, high_y, _) = limits.workspace_lower_m, limits.workspace_upper_m
    tray_x, tray_y = TRAY.size_m[0] / 2, TRAY.size_m[1] / 2
    tray = [
        (x, y)
        for x in np.linspace(max(low_x, -tray_x), min(high_x, tray_x), 6)
        for y in (-tray_y, 0.0, tray_y)
    ]
    assert all(reach_of(aloha, name, tray, 0.012))
    totes = [
        (x, y)
        for cx, cy, _ in TOTE_SLOTS
        for x in (cx - 0.045, cx, cx + 0.045)
        for y in (cy - 0.055, cy, cy + 0.055)
        if low_x <= x <= high_x and low_y <= y <= high_y
    ]
    assert len(totes) == 27  # nine spots in each of the two shared totes and in the limb's own
    assert all(reach_of(aloha, name, totes, 0.15))


def test_aloha_follows_a_path_in_the_cell_as_the_guard_lets_it(aloha):
    cell = SortingCell(aloha, render=False)
    limits = load_limits("sorting", aloha.spec, "fenced")
    guard = EnvelopeGuard(aloha, cell.spec.control_dt)
    lot = next(iter(cell.orders(seed=5, count=1).lots()))
    now = cell.reset(lot, seed=5)
    audit, state = Audit(cell, limits), guard.start(limits)
    limb = aloha.spec.limbs["left"]
    bx, by = limb.base_in_world[:2, 3]
    s = np.linspace(0, 1, 90)
    s = 10 * s**3 - 15 * s**4 + 6 * s**5
    turn, out = limb.q_home[0] * (1 - s), 0.16 + s * 0.24
    poses = top_down(
        bx + out * np.cos(turn), by + out * np.sin(turn), 0.15 - 0.09 * s, turn + np.pi / 2
    )
    path = aloha.inverse("left", poses, limb.q_home)
    for seq, row in enumerate([*path, *[path[-1]] * 10]):
        targets = {"left": row, "right": aloha.spec.limbs["right"].q_home}
        asked = Action(targets, {"left": 0.05, "right": 0.0}, now.observation.tick, seq, "skill")
        ruling, state = guard.check(asked, now.observation, cell.hold(), state)
        assert ruling.rule is None
        now = cell.step(ruling.action)
        audit.look()
        assert now.truth.collision_n == 0.0
    assert audit.breaches == 0
    tool = now.observation.limbs["left"].tool_in_world
    assert np.linalg.norm(tool[:3, 3] - poses[-1, :3, 3]) < 0.005
    assert now.observation.limbs["left"].jaw_m == pytest.approx(0.05, abs=0.001)
    # Nothing is in the jaw: what is left after the gripper's weight is taken off is small.
    assert np.abs(now.observation.limbs["left"].wrench[:3]).max() < 1.0
