"""The recorder: writes down everything about a lot while it is worked.

How a loop uses it, one recorder a worker process, one lot at a time:

    recorder = LogRecorder(folder, cell.spec, encoder=VideoEncoder())
    recorder.begin(lot, stamp)
    recorder.step(timestep, requested, ruling)      # every tick from the first on
    recorder.event(event); recorder.exchange(tick, exchange); recorder.view(frame)
    sealed = recorder.end(outcome)                  # frames and log_sha256
    entry = recorder.commit(Entry(..., **sealed))   # now, and only now, it is committed
    folder.index(entry)                             # the parent, in whatever order

or ``recorder.abandon()`` after any error.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from shopfloor.errors import RunCorrupt, RunError, SpecMismatch
from shopfloor.record.canonical import plain
from shopfloor.record.decision import decision_note
from shopfloor.record.digest import LogDigest, frame_digest
from shopfloor.record.entry import FORMAT, Entry
from shopfloor.record.facts import cameras, limbs
from shopfloor.record.film import depth_pixels
from shopfloor.record.flight import Flight
from shopfloor.record.folder import RunFolder
from shopfloor.record.layout import TickLayout, TruthLayout
from shopfloor.record.log import LogWriter
from shopfloor.record.recording import LOG_FILE, TRUTH_FILE
from shopfloor.record.rows import RowStream
from shopfloor.record.video import DEPTH, VIEWS, FrameSink, streams
from shopfloor.types import (
    Action,
    CellSpec,
    Decision,
    Event,
    Exchange,
    Frame,
    Lot,
    Outcome,
    Ruling,
    Timestep,
)

__all__ = ["LogRecorder"]

_FLUSH_TICKS = 50


class _Recording:
    """What is open while one lot is recorded."""

    def __init__(self, lot: Lot, flight: Flight, ticks: TickLayout, flush_ticks: int) -> None:
        self.lot = lot
        self.flight = flight
        self.digest = LogDigest()
        self.log = LogWriter(flight.path / LOG_FILE)
        self.rows = RowStream(
            self.log, width=ticks.width, rows=flush_ticks, digest=self.digest.rows
        )
        self.truth_layout = TruthLayout(tuple(ticks.limbs), len(lot.parts))
        self.truth_log: LogWriter | None = None
        self.truth: RowStream | None = None
        self.flush_ticks = flush_ticks
        self.next_tick: int | None = None
        self.seen: dict[str, int] = {}
        self.views: dict[str, int] = {}
        self.broken: str | None = None
        self.sealed: dict[str, Any] | None = None

    def note(self, kind: str, body: Any) -> None:
        body = plain(body, f"a record of the kind {kind!r}")
        self.digest.note(kind, body, self.log.append(kind, body))

    def begin_truth(self) -> RowStream:
        """Open the truth's own log when there is a truth: on a real cell there is none."""
        self.truth_log = LogWriter(self.flight.path / TRUTH_FILE)
        self.truth_log.append(
            "begin",
            {
                "format": FORMAT,
                "lot": self.lot.index,
                "parts": [part.id for part in self.lot.parts],
                "columns": [[name, list(shape)] for name, shape in self.truth_layout.columns],
            },
        )
        self.truth = RowStream(
            self.truth_log,
            width=self.truth_layout.width,
            rows=self.flush_ticks,
            digest=self.digest.truth,
        )
        return self.truth

    def flush(self) -> None:
        self.rows.flush()
        if self.truth is not None:
            self.truth.flush()

    def close(self) -> None:
        self.log.close()
        if self.truth_log is not None:
            self.truth_log.close()


class LogRecorder:
    """Records lots into a run's folder; implements ``types.Recorder``.

    Args:
        folder: The run, opened as writer or worker.
        spec: The cell that is recorded.
        encoder: Takes the pixels of new frames; None records no video, only the frames'
            hashes.
        depth: Whether the depth of the streams is recorded, too.
        flush_ticks: The log is handed to the operating system after so many ticks. A disk
            that is full or gone ends the lot within as many.

    Raises:
        SpecMismatch: A camera's pictures cannot be encoded.
    """

    def __init__(
        self,
        folder: RunFolder,
        spec: CellSpec,
        *,
        encoder: FrameSink | None = None,
        depth: bool = False,
        flush_ticks: int = _FLUSH_TICKS,
    ) -> None:
        if flush_ticks < 1:
            raise SpecMismatch(f"flush_ticks is {flush_ticks}; it must be 1 or more")
        self._folder = folder
        self._spec = spec
        self._encoder = encoder
        self._flush_ticks = flush_ticks
        self._layout = TickLayout.of(spec)
        self._depth = depth and encoder is not None
        self._streams = streams(spec, depth=self._depth) if encoder is not None else {}
        self._now: _Recording | None = None

    def begin(self, lot: Lot, stamp: Mapping[str, str]) -> None:
        """Open the log of a lot.

        Args:
            lot: What is to be worked.
            stamp: What else a reader should know; logged, but not part of ``log_sha256``.

        Raises:
            RunBusy: The lot is committed already.
            RunUnwritable: The folder cannot be written.
            RunError: Another lot is still being recorded.
        """
        if self._now is not None:
            raise RunError(
                f"lot {self._now.lot.index} is still being recorded; commit or abandon it before "
                f"lot {lot.index} begins"
            )
        flight = self._folder.begin(lot.index)
        try:
            now = self._now = _Recording(lot, flight, self._layout, self._flush_ticks)
            now.note(
                "begin",
                {
                    "format": FORMAT,
                    "lot": asdict(lot),
                    "cell": {"name": self._spec.name, "sha256": self._spec.sha256},
                    "control_dt": self._spec.control_dt,
                    "limbs": limbs(self._spec),
                    "cameras": cameras(self._spec),
                    "columns": [[name, list(shape)] for name, shape in self._layout.columns],
                    "stamp": dict(stamp),
                },
            )
            now.log.flush()
            if self._encoder is not None:
                self._encoder.start(flight.path, self._streams)
        except BaseException:
            self.abandon()
            flight.abandon()
            raise

    def step(self, timestep: Timestep, requested: Action, ruling: Ruling) -> None:
        """Log one tick and its new frames.

        Raises:
            RunUnwritable: The folder cannot be written; nothing may move any more.
            SpecMismatch: The cell does not give what its spec says.
        """
        now = self._now or self._nothing()
        observation = timestep.observation
        tick = observation.tick
        if tick != now.next_tick:
            self._first_or_gap(now, timestep)
        now.next_tick = tick + 1
        rows = now.rows
        if not self._layout.fill(rows.row, timestep, requested, ruling):
            now.note("malformed", {"tick": tick, "requested": TickLayout.describe(requested)})
        if ruling.verdict != "pass":
            now.note(
                "ruling",
                {
                    "tick": tick,
                    "verdict": ruling.verdict,
                    "rule": ruling.rule,
                    "detail": ruling.detail,
                },
            )
        seen = now.seen
        for camera, frame in observation.frames.items():
            if seen.get(camera) != frame.seq:
                self._frame(now, frame, tick)
        if (truth := timestep.truth) is not None:
            truth_rows = now.truth or now.begin_truth()
            now.truth_layout.fill(truth_rows.row, truth)
            if truth_rows.advance():
                truth_rows.flush()
        if rows.advance():
            now.flush()

    def event(self, event: Event) -> None:
        """Log an event.

        Raises:
            SpecMismatch: Its data holds something else than plain JSON values.
        """
        now = self._now or self._nothing()
        now.note("event", {"tick": event.tick, "kind": event.kind, "data": event.data})

    def exchange(
        self,
        tick: int,
        exchange: Exchange,
        *,
        decision: Decision | None = None,
        due: int | None = None,
    ) -> None:
        """Log what was asked of the brain and what it answered, and all that came of it.

        ``decision`` and ``due`` are what it takes to work the lot again without the brain.
        """
        now = self._now or self._nothing()
        said = None if decision is None else decision_note(decision)
        now.note("exchange", {"tick": tick, "due": due, "decision": said, **asdict(exchange)})

    def view(self, frame: Frame) -> None:
        """Log that a native-resolution picture was taken for the brain, and keep it."""
        now = self._now or self._nothing()
        now.views[frame.camera] = now.views.get(frame.camera, 0) + 1
        now.note(
            "view",
            {
                "camera": frame.camera,
                "seq": frame.seq,
                "captured_tick": frame.captured_tick,
                "size": [frame.intrinsics.width, frame.intrinsics.height],
                "camera_in_world": frame.camera_in_world,
                "xxh3_128": frame_digest(frame),
            },
        )
        if self._encoder is not None:
            self._encoder.add(f"{frame.camera}{VIEWS}", frame.pixels)

    def end(self, outcome: Outcome) -> Mapping[str, Any]:
        """End the log; ``commit`` is what makes it part of the run.

        Returns:
            What only the recorder knows of the entry: ``frames`` and ``log_sha256``.

        Raises:
            RunCorrupt: A tick or a frame is missing, or a video has another number of frames
                than were seen; the lot must be worked again.
            RunUnwritable: The folder cannot be written.
        """
        now = self._now or self._nothing()
        if now.broken is not None:
            raise RunCorrupt(
                f"lot {now.lot.index} cannot be committed: {now.broken}; work it again"
            )
        frames = {name: now.seen.get(name, -1) + 1 for name in self._spec.cameras}
        if self._encoder is not None:
            encoded = dict(self._encoder.finish())
            taken = {name: count for name, count in frames.items() if count}
            if self._depth:
                taken |= {f"{name}{DEPTH}": count for name, count in taken.items()}
            taken |= {f"{name}{VIEWS}": count for name, count in now.views.items()}
            if encoded != taken:
                raise RunCorrupt(
                    f"lot {now.lot.index} cannot be committed: its videos have {encoded} frames, "
                    f"but {taken} were recorded; work it again"
                )
        now.flush()
        now.note("outcome", asdict(outcome))
        log_sha256 = now.digest.hexdigest()
        if now.truth is not None and now.truth_log is not None:
            now.truth_log.append("end", {"rows": now.truth.total})
            now.truth_log.flush()
        now.log.append("end", {"rows": now.rows.total, "frames": frames, "log_sha256": log_sha256})
        now.log.flush()
        now.close()
        now.sealed = {"frames": frames, "log_sha256": log_sha256}
        return dict(now.sealed)

    def commit(self, entry: Entry) -> Entry:
        """Make the lot part of the run.

        Raises:
            RunCorrupt: The entry is not about this recording.
            RunUnwritable: The folder cannot be written.
            RunBusy: Another process has committed this lot.
        """
        now = self._now or self._nothing()
        said = (entry.lot, {"frames": dict(entry.frames), "log_sha256": entry.log_sha256})
        if said != (now.lot.index, now.sealed):
            raise RunCorrupt(
                f"the entry of lot {entry.lot} does not fit what was recorded of lot "
                f"{now.lot.index}; call end first and put what it returns into the entry"
            )
        now.flight.commit(entry)
        self._now = None
        return entry

    def abandon(self) -> None:
        """Give the lot up; what happened in it is kept apart. Without a lot, do nothing."""
        now, self._now = self._now, None
        if now is None:
            return
        with suppress(RunError):  # a disk that is full takes no more
            now.flush()
        now.close()
        if self._encoder is not None:
            # Its files lie in a folder that is going anyway; the first error is the one to tell.
            with suppress(RunError):
                self._encoder.abandon()
        now.flight.abandon()

    def _first_or_gap(self, now: _Recording, timestep: Timestep) -> None:
        tick = timestep.observation.tick
        if now.next_tick is None:
            self._layout.check(timestep.observation)
            stations = timestep.observation.stations.values()
            now.note("stations", {"tick": tick, "stations": [asdict(each) for each in stations]})
        else:
            now.broken = now.broken or f"after tick {now.next_tick - 1} came tick {tick}"

    def _frame(self, now: _Recording, frame: Frame, tick: int) -> None:
        camera = frame.camera
        expected = now.seen.get(camera, -1) + 1
        if frame.seq != expected:
            now.broken = now.broken or (
                f"camera {camera!r} gave frame {frame.seq} at tick {tick}, but frame {expected} "
                "was due"
            )
        if camera not in self._spec.cameras:
            raise SpecMismatch(
                f"the cell gives frames of camera {camera!r}; its spec names "
                f"{', '.join(sorted(self._spec.cameras))}. Mend the cell"
            )
        now.seen[camera] = frame.seq
        now.note(
            "frame",
            {
                "camera": camera,
                "seq": frame.seq,
                "captured_tick": frame.captured_tick,
                "tick": tick,
                "xxh3_128": frame_digest(frame),
            },
        )
        if self._encoder is not None:
            self._encoder.add(camera, frame.pixels)
            if self._depth:
                if frame.depth is None:
                    raise SpecMismatch(
                        f"depth is to be recorded, and camera {camera!r} gives none; leave "
                        "--record-depth out"
                    )
                self._encoder.add(f"{camera}{DEPTH}", depth_pixels(frame.depth))

    @staticmethod
    def _nothing() -> _Recording:
        raise RunError("no lot is being recorded; call begin first")
