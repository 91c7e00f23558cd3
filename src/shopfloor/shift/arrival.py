"""Frames numbered as they arrived: a film has no gaps, whatever a camera's own count says."""

from __future__ import annotations

from dataclasses import replace

from shopfloor.types import Frame, Timestep

__all__ = ["Arrivals"]


class Arrivals:
    """Counts the frames of one lot. Where nothing is wrong with a camera this changes nothing."""

    def __init__(self) -> None:
        """Begin a lot."""
        self._last: dict[str, tuple[Frame, Frame]] = {}  # as it came, and as it is numbered

    def number(self, timestep: Timestep) -> Timestep:
        """Return the timestep with each camera's frames numbered from 0 without gaps."""
        frames = timestep.observation.frames
        numbered = {name: self._numbered(name, frame) for name, frame in frames.items()}
        if all(numbered[name] is frame for name, frame in frames.items()):
            return timestep
        observation = replace(timestep.observation, frames=numbered)
        return replace(timestep, observation=observation)

    def _numbered(self, name: str, frame: Frame) -> Frame:
        came, known = self._last.get(name, (None, None))
        if known is not None and frame is came:
            return known
        seq = 0 if known is None else known.seq + 1
        known = frame if frame.seq == seq else replace(frame, seq=seq)
        self._last[name] = frame, known
        return known
