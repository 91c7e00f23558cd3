"""Ctrl-C as a wish that is heard between two ticks, where nothing can be half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupt"]


class Interrupt:
    """Takes SIGINT while it is entered; a second one interrupts at once.

    Python raises ``KeyboardInterrupt`` between any two of its instructions, also inside a callback
    from C or a clean-up, where it turns into another error or is lost.
    """

    def __init__(self) -> None:
        """Nothing has been asked yet."""
        self.asked = False
        self._before: Any = None

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if somebody has asked to stop."""
        if self.asked:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        # Only the main thread is told about signals.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
