"""Which episodes a page shows, and how large they may be."""

import base64

import pytest

from report_examples import entry, manifest
from shopfloor.report.clip import clips


def lot(index, code=None):
    return entry(index, good=code is None, ever=code is None, code=code)


def put(folder, index, camera, size):
    path = folder / "episodes" / f"{index:06d}" / f"{camera}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))


def test_the_first_good_order_and_the_first_of_each_failure(tmp_path):
    lots = [lot(0, "grasp.miss"), lot(1), lot(2, "grasp.slip"), lot(3, "grasp.slip"), lot(4)]
    shown = clips(tmp_path, manifest(), lots, budget=0)
    assert [clip.entry.lot for clip in shown] == [1, 2, 0]
    assert clips(tmp_path, manifest(), [], budget=10) == ()


def test_videos_arrive_whole(tmp_path):
    put(tmp_path, 0, "overhead", 10)
    (tmp_path / "episodes/000000/overhead.mp4").write_bytes(bytes(range(10)))
    overhead, front = clips(tmp_path, manifest(), [lot(0)], budget=1000)[0].videos
    head, data = overhead.uri.split(",")
    assert head == "data:video/mp4;base64"
    assert base64.b64decode(data) == bytes(range(10))
    assert front.uri is None
    assert front.why == "no video was recorded"


@pytest.mark.parametrize("budget", [0, 500, 1500, 3000, 10_000])
def test_the_budget_holds_and_every_episode_gets_one_camera_first(tmp_path, budget):
    lots = [lot(0), lot(1, "grasp.slip"), lot(2, "grasp.miss")]
    for entry_ in lots:
        put(tmp_path, entry_.lot, "overhead", 700)
        put(tmp_path, entry_.lot, "front", 700)
    shown = clips(tmp_path, manifest(), lots, budget=budget)
    videos = [video for clip in shown for video in clip.videos]
    size = sum(len(video.uri) for video in videos if video.uri)
    assert size <= budget
    assert size + len("data:video/mp4;base64,") + 936 > min(budget, 6 * 958)
    first = [clip.videos[0].uri for clip in shown]
    second = [clip.videos[1].uri for clip in shown]
    assert not any(second) or all(first)
    assert all("left out" in video.why for video in videos if not video.uri)


def test_a_cameras_name_does_not_reach_out_of_the_folder(tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    run = tmp_path / "run"
    (run / "episodes/000000").mkdir(parents=True)
    hostile = manifest(camera_names=("../../../secret",))
    assert clips(run, hostile, [lot(0)], budget=1000)[0].videos[0].uri is None
