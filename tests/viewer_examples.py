"""A short real run, and the viewers' own readers, for tests of what is exported for them."""

import json
from collections import defaultdict
from dataclasses import dataclass, replace

import av
import numpy as np
from av.video.frame import PictureType
from mcap.decoder import DecoderFactory
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory as ProtobufDecoder
from rerun.chunk import RrdReader

from record_examples import Ticks, cell_spec, entry_of, make_lot, manifest, outcome, work
from shift_examples import make_plan, order_file, silent
from shopfloor.body import ur5e
from shopfloor.body.bench import TOOL_LENGTH_M
from shopfloor.record import LogRecorder, RunFolder, VideoEncoder
from shopfloor.shift import run_shift


def real_run(folder):
    """Work two small orders with pictures."""
    plan = make_plan(order_file=order_file(folder), orders=2, video=True)
    run_shift(plan, folder / "run", resume=False, progress=silent)
    return folder / "run"


def made_up_run(path, *, video=True, ticks=12, lots=1, cameras=("front", "wrist"), documents=()):
    """Record made-up ticks of a body that nobody can build."""
    with RunFolder.create(path, manifest(body="made-up", video=video)) as folder:
        encoder = VideoEncoder() if video else None
        recorder = LogRecorder(folder, cell_spec(cameras=cameras), encoder=encoder)
        for lot in range(lots):
            made = make_lot(lot)
            order = replace(made.orders[0], documents=documents)
            made = replace(made, orders=(order,))
            folder.index(work(folder, recorder, made, ticks=ticks))
        if encoder is not None:
            encoder.close()
    return path


def hostile_run(path):
    """Record ten ticks: at the fourth the action does not fit the body and the guard stops it."""
    with RunFolder.create(path, manifest(body="made-up", video=False)) as folder:
        recorder = LogRecorder(folder, cell_spec())
        lot = make_lot()
        make = Ticks(cell_spec(), lot)
        recorder.begin(lot, {})
        for tick in range(10):
            timestep, requested, ruling = make(tick, verdict="stop" if tick == 3 else "pass")
            if tick == 3:
                requested = replace(requested, targets={"left": np.zeros(99)})
            recorder.step(timestep, requested, ruling)
        sealed = recorder.end(outcome(ticks=10))
        folder.index(recorder.commit(entry_of(lot, sealed, ticks=10)))
    return path


def tool_in_world(limb, q):
    """Return ``(n, 4, 4)`` by the closed form of a UR5e: nothing that is exported went this way."""
    base = np.eye(4)
    side = -1.0 if limb == "left" else 1.0
    base[0, 3] = 0.76 * side
    base[:2, :2] = side * np.eye(2)
    tool = base @ ur5e.forward(q)
    tool[:, :3, 3] += TOOL_LENGTH_M * tool[:, :3, 2]
    return tool


def rotation(quat_xyzw):
    """Return the ``(3, 3)`` rotation of a unit quaternion."""
    x, y, z, w = quat_xyzw
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


def decode(packets):
    """Decode Annex B packets one by one, as a viewer does; return the pictures and their types."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for data in packets for frame in decoder.decode(av.Packet(data))]
    frames += decoder.decode(None)
    return [f.to_ndarray(format="rgb24") for f in frames], [
        PictureType(f.pict_type).name for f in frames
    ]


class _JsonDecoder(DecoderFactory):
    def decoder_for(self, message_encoding, schema):
        if message_encoding != "json" or schema is None:
            return None
        return json.loads


@dataclass
class Tape:
    """An MCAP file as its own reader reads it."""

    path: object

    def __post_init__(self):
        self.messages = defaultdict(list)
        self.schemas, self.times = {}, []
        with self.path.open("rb") as file:
            reader = make_reader(
                file, validate_crcs=True, decoder_factories=[ProtobufDecoder(), _JsonDecoder()]
            )
            for schema, channel, raw, message in reader.iter_decoded_messages(log_time_order=False):
                self.messages[channel.topic].append((raw.log_time, message))
                self.schemas[channel.topic] = schema
                self.times.append(raw.log_time)
                assert raw.publish_time == raw.log_time
            self.metadata = {each.name: each.metadata for each in reader.iter_metadata()}
            self.attachments = {each.name: each.data for each in reader.iter_attachments()}
            self.summary = reader.get_summary()

    def just(self, topic):
        return [message for _, message in self.messages[topic]]

    def frame(self, child):
        """Return where a frame stood: ``(n, 3)`` and ``(n, 3, 3)``."""
        found = [
            one
            for topic in sorted(self.messages)
            if "tf" in topic.split("/")
            for message in self.just(topic)
            for one in message.transforms
            if one.child_frame_id == child
        ]
        assert {one.parent_frame_id for one in found} == {"world"}
        at = [(f.translation.x, f.translation.y, f.translation.z) for f in found]
        turn = [(f.rotation.x, f.rotation.y, f.rotation.z, f.rotation.w) for f in found]
        return np.array(at), np.array([rotation(each) for each in turn])


@dataclass
class Recording:
    """An .rrd file as Rerun's own reader reads it."""

    path: object

    def __post_init__(self):
        reader = RrdReader(self.path)
        self.names = [entry.recording_id for entry in reader.recordings()]
        self.blueprints = len(reader.blueprints())
        self.columns, self.still = defaultdict(dict), defaultdict(dict)
        self.index = {}
        for chunk in reader.stream():
            into = self.still if chunk.is_static else self.columns
            batch = chunk.to_record_batch()
            for name in batch.schema.names:
                column = batch.column(name).to_pylist()
                if name in {"tick", "time"}:
                    self.index.setdefault((chunk.entity_path, name), []).extend(column)
                elif name != "rerun.controls.RowId":
                    into[chunk.entity_path].setdefault(name, []).extend(column)

    def values(self, path, component):
        """Return one component of an entity, a list a row."""
        return (self.columns[path] | self.still[path])[component]

    def ticks(self, path):
        return self.index[path, "tick"]

    @property
    def entities(self):
        return set(self.columns) | set(self.still)
