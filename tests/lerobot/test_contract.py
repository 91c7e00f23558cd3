"""What we export, read by LeRobot itself: every frame, every number, and a few steps of training.

LeRobot wants an older PyAV than ours, and torch; it lives in an environment of its own, which
``make test-lerobot`` makes. Its side of each test is a script beside this file.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from shift_examples import make_plan, work
from shopfloor.export import choose, export
from shopfloor.export.job import Options
from shopfloor.export.lerobot import Sizes, write
from shopfloor.record import RunFolder

pytestmark = [pytest.mark.lerobot, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = os.environ.get("LEROBOT_PYTHON", str(ROOT / ".venv-lerobot" / "bin" / "python"))


def worked(out, **plan):
    assert work(make_plan(video=True, **plan), out)[0] == "complete"
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [worked(folder / "a", orders=2, seed=3), worked(folder / "b", orders=2, seed=11)]


def silent(_done, _of):
    """Tell nobody."""


def theirs(script, *arguments, home):
    """Run a script in LeRobot's environment; return what it prints."""
    done = subprocess.run(
        [PYTHON, str(HERE / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "HF_HOME": str(home / "hf")},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def said(runs, path):
    """What the runs themselves say of every frame, in the order of the dataset."""
    found = {"observation.state": [], "action": [], "front": [], "overview": []}
    for run in map(RunFolder.open, runs):
        for entry in run.entries():
            episode = run.episode(entry.lot)
            at = [n["captured_tick"] for n in episode.notes("frame") if n["camera"] == "front"]
            rows = episode.ticks()[at]  # the first tick of a lot is 0
            assert list(rows["tick"]) == at
            found["observation.state"].append(
                np.column_stack(
                    [rows["left.q"], rows["left.jaw_m"], rows["right.q"], rows["right.jaw_m"]]
                )
            )
            found["action"].append(
                np.column_stack(
                    [
                        rows["left.applied"],
                        rows["left.applied_jaw_m"],
                        rows["right.applied"],
                        rows["right.applied_jaw_m"],
                    ]
                )
            )
            for camera in ("front", "overview"):
                found[camera].append(np.stack(list(episode.video(camera))))
    arrays = {key: np.concatenate(values) for key, values in found.items()}
    for camera in ("front", "overview"):
        arrays[f"observation.images.{camera}"] = arrays.pop(camera)
    for key in ("observation.state", "action"):
        arrays[key] = arrays[key].astype(np.float32)
    np.savez(path, **arrays)
    return path


def read(folder, expected, home):
    found = theirs("reader.py", folder, expected, home=home)
    assert found["vectors"] == {"observation.state": 0.0, "action": 0.0}
    assert set(found["nearer_to_a_neighbour"].values()) == {0}
    assert found["last_alone"] == 0
    return found


@pytest.mark.parametrize(
    ("codec", "least_db"), [(None, 45.0), ("h264", 36.0), ("av1", 32.0)], ids=str
)
def test_lerobot_reads_every_frame_and_number(runs, tmp_path, codec, least_db):
    chosen = choose(runs)
    written = export("lerobot", chosen, tmp_path / "data", options=Options(codec=codec))
    found = read(written.path, said(runs, tmp_path / "said.npz"), tmp_path)
    frames = sum(each.entry.frames["front"] for each in chosen)
    assert (found["frames"], found["episodes"], found["fps"]) == (frames, len(chosen), 10)
    assert found["tasks"] == [each.entry.instruction for each in chosen]
    assert found["done"] == len(chosen)
    assert found["success"] == sum(each.entry.good for each in chosen)
    for camera, worst in found["worst_psnr"].items():
        assert worst > least_db, camera
    # LeRobot's own sums over our episodes, and its own statistics of all rows at once; but its
    # quantiles, which come from a histogram that smears what lies apart.
    assert {k: s for k, s in found["added_up"].items() if max(s.values()) > 1e-6} == {}
    for key, stats in found["of_all"].items():
        assert max(stats[name] for name in ("min", "max", "mean", "std")) < 1e-4, (key, stats)
    for camera, stats in found["of_pictures"].items():
        assert max(stats[name] for name in ("mean", "std", "q50")) < 0.02, (camera, stats)


def test_copied_pictures_are_the_recorded_ones_bit_for_bit(runs, tmp_path):
    """Another decoder may round colours differently; the luma that was recorded may not change."""
    import av

    written = export("lerobot", choose(runs), tmp_path / "data")
    for camera in ("front", "overview"):
        recorded = []
        for run in map(RunFolder.open, runs):
            for entry in run.entries():
                with av.open(str(run.episode(entry.lot).path / f"{camera}.mp4")) as container:
                    recorded += [f.to_ndarray().tobytes() for f in container.decode(video=0)]
        path = written.path / f"videos/observation.images.{camera}/chunk-000/file-000.mp4"
        with av.open(str(path)) as container:
            assert [f.to_ndarray().tobytes() for f in container.decode(video=0)] == recorded


def test_lerobot_reads_many_small_files(runs, tmp_path):
    out = tmp_path / "data"
    out.mkdir()
    sizes = Sizes(chunks_size=2, data_files_size_in_mb=0.02, video_files_size_in_mb=0.02)
    write(choose(runs), out, Options(), silent, sizes=sizes)
    assert len(list(out.glob("videos/*/chunk-001/*.mp4"))) == 4
    found = read(out, said(runs, tmp_path / "said.npz"), tmp_path)
    assert min(found["worst_psnr"].values()) > 45.0


def test_lerobot_reads_a_rate_that_is_no_whole_number(tmp_path):
    runs = [worked(tmp_path / "run", orders=2, seed=5, record_fps=12.5)]
    written = export("lerobot", choose(runs), tmp_path / "data")
    found = read(written.path, said(runs, tmp_path / "said.npz"), tmp_path)
    assert found["fps"] == 12.5
    assert min(found["worst_psnr"].values()) > 45.0


def test_act_trains_on_it(runs, tmp_path):
    written = export("lerobot", choose(runs), tmp_path / "data")
    found = theirs("trainer.py", written.path, 6, home=tmp_path)
    assert np.isfinite(found["losses"]).all()
    assert len(found["losses"]) == 6
    assert found["losses"][-1] < found["losses"][0]
    # What only the simulator knows is no input, whatever was exported beside the features.
    assert found["inputs"] == [
        "observation.images.front",
        "observation.images.overview",
        "observation.state",
        "observation.velocity",
        "observation.wrench",
    ]
    tasks = pq.read_table(written.path / "meta" / "tasks.parquet")
    assert tasks.num_rows == len({each.entry.instruction for each in choose(runs)})
