"""Videos: every picture is there, at its time, and looks like what was seen."""

import os
import resource
import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from record_examples import Ticks, cell_spec, make_lot, manifest, outcome, picture, work
from shopfloor.errors import RunCorrupt, RunError, RunUnwritable, SpecMismatch
from shopfloor.record import LogRecorder, RunFolder, Stream, VideoEncoder, read_video, streams
from shopfloor.record.film import depth_pixels
from shopfloor.record.video import read_depth


@pytest.fixture
def encoder():
    encoder = VideoEncoder(slots=8, deadline_s=10)
    yield encoder
    encoder.close()


def psnr_db(a, b):
    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return 10 * np.log10(255**2 / error)


@pytest.mark.parametrize("count", [0, 1, 2, 37])
@pytest.mark.parametrize("size", [(224, 224), (64, 48), (96, 96), (226, 130)])
def test_every_picture_is_there_and_looks_alike(encoder, tmp_path, count, size):
    width, height = size
    rng = np.random.default_rng(count)
    pictures = [picture(rng, width, height, shift=k) for k in range(count)]
    encoder.start(tmp_path, {"front": Stream(width, height, Fraction(1, 25))})
    for pixels in pictures:
        encoder.add("front", pixels)
    assert encoder.finish() == ({"front": count} if count else {})
    decoded = list(read_video(tmp_path / "front.mp4")) if count else []
    assert [d.shape for d in decoded] == [(height, width, 3)] * count
    assert all(psnr_db(a, b) > 30 for a, b in zip(decoded, pictures, strict=True))


def test_colours_of_parts_come_back(encoder, tmp_path):
    colours = [(200, 40, 40), (230, 130, 40), (220, 200, 60), (50, 150, 70), (50, 80, 180)]
    pixels = np.zeros((96, 96, 3), np.uint8)
    encoder.start(tmp_path, {"front": Stream(96, 96, Fraction(1, 25))})
    for colour in colours:
        pixels[:] = colour
        encoder.add("front", pixels)  # the same memory again: it must have been copied
    encoder.finish()
    for colour, seen in zip(colours, read_video(tmp_path / "front.mp4"), strict=True):
        np.testing.assert_allclose(seen[48, 48], colour, atol=6)


@pytest.mark.parametrize(
    ("control_dt", "period_ticks"), [(0.02, 1), (0.02, 2), (0.02, 3), (0.02, 50), (1 / 60, 2)]
)
def test_the_time_of_a_picture_is_its_number_over_the_rate(
    encoder, tmp_path, control_dt, period_ticks
):
    spec = replace(cell_spec(cameras=("front",), period_ticks=period_ticks), control_dt=control_dt)
    stream = streams(spec)["front"]
    fps = 1 / (control_dt * period_ticks)
    assert float(1 / stream.period_s) == pytest.approx(fps, rel=1e-4)
    encoder.start(tmp_path, {"front": stream})
    for k in range(25):
        encoder.add("front", picture(np.random.default_rng(k), 64, 48, shift=k))
    encoder.finish()
    with av.open(tmp_path / "front.mp4") as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
        keys = [p.is_keyframe for p in _packets(tmp_path / "front.mp4")]
    np.testing.assert_allclose(times, np.arange(25) / fps, atol=1e-4)
    assert [k for k, key in enumerate(keys) if key] == [0, 10, 20]


def _packets(path):
    with av.open(path) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def test_one_encoder_serves_many_cameras_and_lots(encoder, tmp_path):
    both = {name: Stream(64, 48, Fraction(1, 25)) for name in ("front", "wrist")}
    for lot in range(3):
        path = tmp_path / str(lot)
        path.mkdir()
        encoder.start(path, both)
        for k in range(5 + lot):
            for camera in both:
                encoder.add(camera, picture(np.random.default_rng(k), 64, 48))
        if lot == 1:
            encoder.abandon()
        else:
            assert encoder.finish() == {"front": 5 + lot, "wrist": 5 + lot}
            assert len(list(read_video(path / "wrist.mp4"))) == 5 + lot
    assert _children() == {encoder.pid}


def _children():
    """Processes of this one that encode videos."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
            if int(fields[1]) == os.getpid() and b"shopfloor.record.encoding" in command:
                found.add(int(stat.parent.name))
    return found


def test_a_slow_encoder_slows_the_loop_and_drops_nothing(tmp_path):
    encoder = VideoEncoder(slots=4)
    encoder.start(tmp_path, {"front": Stream(16, 16, Fraction(1, 25))})
    rng = np.random.default_rng(0)
    encoder.add("front", picture(rng, 16, 16))
    ended = threading.Event()

    def hesitate():
        """Let the encoder work for a moment, now and then."""
        while not ended.wait(0.01):
            os.kill(encoder.pid, signal.SIGSTOP)
            time.sleep(0.05)
            os.kill(encoder.pid, signal.SIGCONT)

    hesitating = threading.Thread(target=hesitate)
    hesitating.start()
    start = time.perf_counter()
    for k in range(199):
        encoder.add("front", picture(np.random.default_rng(k), 16, 16))
    slow = time.perf_counter() - start
    ended.set()
    hesitating.join()
    assert encoder.finish() == {"front": 200}
    assert slow > 0.05  # it waited, where four slots were all there were
    encoder.close()


@pytest.mark.parametrize("size", [(225, 224), (224, 33), (8, 8)])
def test_sizes_that_cannot_be_encoded_are_refused_before_the_first_step(tmp_path, size):
    spec = cell_spec(cameras=("front",), size=size)
    with (
        RunFolder.create(tmp_path / "run", manifest()) as folder,
        pytest.raises(SpecMismatch, match=f"{size[0]} x {size[1]}.*even.*16"),
    ):
        LogRecorder(folder, spec, encoder=VideoEncoder())
    with pytest.raises(SpecMismatch, match="rename"):
        streams(cell_spec(cameras=("../front",)))


@pytest.mark.parametrize(
    "pixels", [np.zeros((48, 66, 3), np.uint8), np.zeros((48, 64, 3)), np.zeros((48, 64), np.uint8)]
)
def test_a_picture_of_another_size_is_refused(encoder, tmp_path, pixels):
    encoder.start(tmp_path, {"front": Stream(64, 48, Fraction(1, 25))})
    with pytest.raises(SpecMismatch, match=r"spec allows.*\(48, 64, 3\)"):
        encoder.add("front", pixels)
    with pytest.raises(SpecMismatch, match="'back'"):
        encoder.add("back", np.zeros((48, 64, 3), np.uint8))
    encoder.abandon()


@contextmanager
def largest_file(encoder, size):
    """Let no file of the encoder grow beyond ``size`` [bytes]: a real error of a real disk."""
    soft, hard = resource.prlimit(encoder.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(encoder.pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(encoder.pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_under_a_video_stops_the_lot(encoder, tmp_path):
    rng = np.random.default_rng(0)
    stream = {"front": Stream(64, 48, Fraction(1, 25))}
    (tmp_path / "full").mkdir()
    encoder.start(tmp_path / "full", stream)
    with largest_file(encoder, 20_000):
        added = 0

        def add():
            nonlocal added
            for _ in range(2000):
                encoder.add("front", rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
                added += 1

        with pytest.raises(RunUnwritable, match="File too large"):
            add()
        assert added < 500
        with pytest.raises(RunUnwritable, match="File too large"):
            encoder.finish()
    # The same encoder goes on with the next lot.
    (tmp_path / "next").mkdir()
    encoder.start(tmp_path / "next", stream)
    encoder.add("front", picture(rng, 64, 48))
    assert encoder.finish() == {"front": 1}


def test_a_disk_that_is_full_at_the_end_of_a_video_is_noticed(encoder, tmp_path):
    encoder.start(tmp_path, {"front": Stream(16, 16, Fraction(1, 25))})
    for k in range(10):
        encoder.add("front", picture(np.random.default_rng(k), 16, 16))
    with largest_file(encoder, 100), pytest.raises(RunUnwritable, match="File too large"):
        encoder.finish()


def test_a_folder_that_is_not_there_is_named(encoder, tmp_path):
    encoder.start(tmp_path / "missing", {"front": Stream(16, 16, Fraction(1, 25))})
    encoder.add("front", np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(RunUnwritable, match=r"missing.*No such file"):
        encoder.finish()


def test_an_encoder_that_hangs_is_an_error_with_a_deadline(tmp_path):
    encoder = VideoEncoder(slots=2, deadline_s=0.3)
    encoder.start(tmp_path, {"front": Stream(16, 16, Fraction(1, 25))})
    os.kill(encoder.pid, signal.SIGSTOP)
    pixels = np.zeros((16, 16, 3), np.uint8)
    encoder.add("front", pixels)
    encoder.add("front", pixels)
    start = time.perf_counter()
    with pytest.raises(RunError, match=r"within 0\.3 s"):
        encoder.add("front", pixels)
    with pytest.raises(RunError, match="code -9"):  # what hangs is ended
        encoder.finish()
    assert time.perf_counter() - start < 2
    encoder.close()


def test_an_encoder_that_was_killed_is_an_error_and_the_next_lot_gets_a_new_one(tmp_path):
    encoder = VideoEncoder(slots=4, deadline_s=10)
    stream = {"front": Stream(64, 48, Fraction(1, 10))}
    (tmp_path / "first").mkdir()
    encoder.start(tmp_path / "first", stream)
    killed = encoder.pid

    def film():
        for k in range(200):
            encoder.add("front", picture(np.random.default_rng(k), 64, 48))
            if k == 70:
                os.kill(killed, signal.SIGKILL)

    with pytest.raises(RunError, match=r"ended \(code -9\).*--resume"):
        film()
    # What it had filmed up to its last fragment can be watched.
    watched = list(read_video(tmp_path / "first" / "front.mp4"))
    assert 66 <= len(watched) <= 71  # those that still waited in a slot are lost
    for k, pixels in enumerate(watched):
        assert psnr_db(pixels, picture(np.random.default_rng(k), 64, 48)) > 30
    encoder.abandon()
    (tmp_path / "next").mkdir()
    encoder.start(tmp_path / "next", stream)
    assert encoder.pid not in {None, killed}
    encoder.add("front", picture(np.random.default_rng(0), 64, 48))
    assert encoder.finish() == {"front": 1}
    encoder.close()


def test_what_lies_in_the_current_folder_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "msgpack.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    encoder = VideoEncoder(slots=4, deadline_s=10)
    (tmp_path / "lot").mkdir()
    encoder.start(tmp_path / "lot", {"front": Stream(16, 16, Fraction(1, 25))})
    encoder.add("front", np.zeros((16, 16, 3), np.uint8))
    assert encoder.finish() == {"front": 1}
    encoder.close()


def test_a_full_disk_is_known_before_the_slots_are_full(encoder, tmp_path):
    encoder.start(tmp_path / "missing", {"front": Stream(16, 16, Fraction(1, 25))})
    encoder.add("front", np.zeros((16, 16, 3), np.uint8))

    def film():
        for _ in range(5):  # and there are eight slots
            time.sleep(0.8)  # the process has had time to try
            encoder.add("front", np.zeros((16, 16, 3), np.uint8))

    with pytest.raises(RunUnwritable, match="No such file"):
        film()


def test_a_disk_that_fills_up_while_a_film_is_made_whole_leaves_what_was_filmed(tmp_path):
    encoder = VideoEncoder(slots=8, deadline_s=10)
    encoder.start(tmp_path, {"front": Stream(64, 48, Fraction(1, 10))})
    for k in range(30):
        encoder.add("front", picture(np.random.default_rng(k), 64, 48))
    while not (tmp_path / "front.mp4.part").exists():
        time.sleep(0.01)
    (tmp_path / "front.mp4.tmp").mkdir()  # where the whole film would be made
    with pytest.raises((RunUnwritable, RunError)):
        encoder.finish()
    encoder.close()
    assert not (tmp_path / "front.mp4").exists()
    assert len(list(read_video(tmp_path / "front.mp4"))) == 30


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_lots(tmp_path):
    encoder = VideoEncoder(slots=4, deadline_s=0.5)
    stream = {"front": Stream(16, 16, Fraction(1, 25))}
    for name in ("first", "next"):
        (tmp_path / name).mkdir()
    encoder.start(tmp_path / "first", stream)
    encoder.add("front", np.zeros((16, 16, 3), np.uint8))
    stopped = encoder.pid
    os.kill(stopped, signal.SIGSTOP)
    with pytest.raises(RunError, match="did not come round"):
        encoder.finish()
    encoder._deadline_s = 10.0
    with suppress(RunError):
        encoder.abandon()
    encoder.start(tmp_path / "next", stream)
    for _ in range(5):
        encoder.add("front", np.zeros((16, 16, 3), np.uint8))
    assert encoder.finish() == {"front": 5}
    encoder.close()


def test_a_limit_on_the_size_of_files_is_named(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(RunUnwritable, match="ulimit -f"):
            VideoEncoder().start(tmp_path, {"front": Stream(224, 224, Fraction(1, 10))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_when_who_films_is_gone_the_films_are_made_whole(tmp_path):
    encoder = VideoEncoder(slots=4, deadline_s=10)
    encoder.start(tmp_path, {"front": Stream(64, 48, Fraction(1, 10))})
    for k in range(33):
        encoder.add("front", picture(np.random.default_rng(k), 64, 48))
    encoder.close()  # as a death does, it ends the pipe
    assert [item.name for item in tmp_path.iterdir()] == ["front.mp4"]
    assert len(list(read_video(tmp_path / "front.mp4"))) == 33


def test_depth_comes_back_to_a_tenth_of_a_millimetre(encoder, tmp_path):
    rng = np.random.default_rng(3)
    depths = rng.uniform(0.2, 6.5, (12, 48, 64)).astype(np.float32)
    depths[0, 0, :4] = (np.nan, np.inf, -1.0, 7.0)
    encoder.start(tmp_path, {"front.depth": Stream(64, 48, Fraction(1, 10), "depth")})
    for depth in depths:
        encoder.add("front.depth", depth_pixels(depth))
    assert encoder.finish() == {"front.depth": 12}
    seen = list(read_depth(tmp_path / "front.depth.mkv"))
    np.testing.assert_allclose(seen[0][0, :4], [0.0, 0.0, 0.0, 6.5535], atol=1e-6)
    for kept, depth in zip(seen[1:], depths[1:], strict=True):
        assert np.abs(kept - depth).max() <= 0.5e-4 + 1e-6
    for kept, depth in zip(seen, depths, strict=True):  # the coding itself loses nothing
        np.testing.assert_array_equal(depth_pixels(kept), depth_pixels(depth))


def test_a_file_that_is_no_video_is_corrupt(tmp_path):
    path = tmp_path / "front.mp4"
    for content in (b"", b"no video" * 100):
        path.write_bytes(content)
        with pytest.raises(RunCorrupt, match="as a video"):
            list(read_video(path))
    with pytest.raises(RunCorrupt, match="as a video"):
        list(read_video(tmp_path / "missing.mp4"))


def test_a_lot_is_recorded_with_its_videos(encoder, tmp_path):
    spec = cell_spec()
    with RunFolder.create(tmp_path / "run", manifest()) as folder:
        recorder = LogRecorder(folder, spec, encoder=encoder)
        with_video = work(folder, recorder, make_lot(0), ticks=21)
        folder.index(with_video)
        episode = folder.episode(0)
        assert sorted(episode.files) == ["front.mp4", "log.bin", "truth.bin", "wrist.mp4"]
        make = Ticks(spec, make_lot(0))
        seen = [make(tick)[0].observation.frames for tick in range(21)][::2]
        for camera in ("front", "wrist"):
            videos = list(episode.video(camera))
            assert len(videos) == with_video.frames[camera] == 11
            for picture_seen, frames in zip(videos, seen, strict=True):
                assert psnr_db(picture_seen, frames[camera].pixels) > 30
        with pytest.raises(RunCorrupt, match=r"only of: front\.mp4, wrist\.mp4"):
            episode.video("back")
    with RunFolder.create(tmp_path / "blind", manifest()) as folder:
        recorder = LogRecorder(folder, spec)
        without = work(folder, recorder, make_lot(0), ticks=21)
    assert (without.log_sha256, without.frames) == (with_video.log_sha256, with_video.frames)


def test_a_video_that_lost_a_picture_is_never_committed(encoder, tmp_path, monkeypatch):
    spec = cell_spec(cameras=("front",))
    with RunFolder.create(tmp_path / "run", manifest()) as folder:
        recorder = LogRecorder(folder, spec, encoder=encoder)
        make = Ticks(spec, make_lot(0))
        recorder.begin(make_lot(0), {})
        for tick in range(10):
            recorder.step(*make(tick))
        finish = encoder.finish
        monkeypatch.setattr(encoder, "finish", lambda: {"front": finish()["front"] - 1})
        with pytest.raises(RunCorrupt, match=r"its videos have \{'front': 4\} frames"):
            recorder.end(outcome())
        recorder.abandon()
        assert folder.in_flight() == ()


def test_an_error_during_a_lot_leaves_nothing_open(encoder, tmp_path):
    spec = cell_spec()
    with RunFolder.create(tmp_path / "run", manifest()) as folder:
        recorder = LogRecorder(folder, spec, encoder=encoder)
        recorder.begin(make_lot(0), {})
        recorder.step(*Ticks(spec, make_lot(0))(0))
        recorder.abandon()
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            recorder.begin(make_lot(0), {})
            recorder.step(*Ticks(spec, make_lot(0))(0))
            recorder.abandon()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        assert folder.in_flight() == ()
