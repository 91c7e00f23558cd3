"""Made-up runs to export: small, quick to record, exactly repeatable."""

from dataclasses import replace

import numpy as np

from record_examples import cell_spec, make_lot, manifest, work
from shopfloor.record import LogRecorder, RunFolder, VideoEncoder

SIZE = (48, 32)


def make_run(
    path,
    *,
    ticks=(21, 9, 30),
    period_ticks=2,
    size=SIZE,
    spec=None,
    seed=0,
    instructions=None,
    **changes,
):
    """Record a run with one lot for each number of ticks; return its folder."""
    spec = spec or cell_spec(size=size, period_ticks=period_ticks)
    video = changes.get("video", True)
    fps = 1 / (spec.control_dt * period_ticks)
    made = manifest(**{"record_fps": fps, "orders": len(ticks), **changes})
    encoder = VideoEncoder() if video else None
    with RunFolder.create(path, made) as folder:
        recorder = LogRecorder(folder, spec, encoder=encoder)
        try:
            for index, count in enumerate(ticks):
                lot = make_lot(index, parts=2)
                if instructions:
                    told = replace(lot.orders[0], instruction=instructions[index])
                    lot = replace(lot, orders=(told,))
                folder.index(work(folder, recorder, lot, ticks=count, seed=seed))
        finally:
            if encoder is not None:
                encoder.close()
    return path


def rows_at_frames(run, camera="front"):
    """Return the log's rows at the ticks of a camera's frames, for each episode."""
    found = []
    folder = RunFolder.open(run)
    for entry in folder.entries():
        episode = folder.episode(entry.lot)
        at = [n["captured_tick"] for n in episode.notes("frame") if n["camera"] == camera]
        ticks = episode.ticks()
        found.append(ticks[np.isin(ticks["tick"], at)])
    return found
