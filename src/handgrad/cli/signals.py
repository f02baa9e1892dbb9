"""Ctrl-C and SIGTERM: the first asks for a stop, the second ends the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Turns the first Ctrl-C or SIGTERM into a stop between two steps; the second ends the process at once.

    Ending at once is safe: files appear whole by a rename or not at all. Until the training first asks whether to stop there
    is nothing to save (data are read, or downloaded), and the first signal ends the command.
    """

    def __init__(self) -> None:
        self.asked = self.listening = False

    def __call__(self) -> bool:
        """Whether a stop was asked for; from the first call on, the training is listening."""
        self.listening = True
        return self.asked

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.asked:
            # Without any clean-up: whoever presses twice has waited for that already.
            os._exit(130)
        self.asked = True
        if not self.listening:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM ask for a `Stop` for as long as the context lasts."""
    stop = Stop()
    # SIGTERM as well, which is how batch systems end a job before its time is up.
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
