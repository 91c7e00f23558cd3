"""Recording: the run folder, the durable log of each lot, its videos, and their readers."""

from shopfloor.record.encoder import VideoEncoder
from shopfloor.record.entry import E10_STATES, FORMAT, Entry, Manifest, Session
from shopfloor.record.episode import Episode
from shopfloor.record.film import Stream
from shopfloor.record.folder import RunFolder
from shopfloor.record.follow import Follower
from shopfloor.record.interrupted import Interrupted
from shopfloor.record.layout import SOURCES, VERDICTS, TickLayout, TruthLayout
from shopfloor.record.log import LogWriter, Record, Recovered, read_log, recover
from shopfloor.record.recorder import LogRecorder
from shopfloor.record.recording import Recording
from shopfloor.record.video import FrameSink, read_video, streams

__all__ = [
    "E10_STATES",
    "FORMAT",
    "SOURCES",
    "VERDICTS",
    "Entry",
    "Episode",
    "Follower",
    "FrameSink",
    "Interrupted",
    "LogRecorder",
    "LogWriter",
    "Manifest",
    "Record",
    "Recording",
    "Recovered",
    "RunFolder",
    "Session",
    "Stream",
    "TickLayout",
    "TruthLayout",
    "VideoEncoder",
    "read_log",
    "read_video",
    "recover",
    "streams",
]
