"""What a program under watch sends and prints, read as it comes, each stream with a cap."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable

from handgrad.judge.sandbox.frames import Frame, FrameError, FrameReader
from handgrad.judge.sandbox.limits import Ended, Limits

ENCLOSED = "enclosed"
"""The kind of the frame that says that the program is isolated, sent before it begins."""
# What a pipe holds on Linux: a larger read would return no more.
CHUNK = 1 << 16
# What a person would scroll through; the rest is counted and dropped.
TEXT_KEPT = 20_000


class Pipes:
    """The two streams of a program under watch, each with a cap: frames it sends, text it prints."""

    def __init__(self, answers: int, text: int, limits: Limits, on_frame: Callable[[Frame], None] | None) -> None:
        self.answers, self.limits, self.on_frame = answers, limits, on_frame
        self.numbers = (answers, text)
        self.reader, self.frames, self.text = FrameReader(), list[Frame](), bytearray()
        self.sent = self.printed = 0
        self.over: Ended | None = None
        self.enclosed: float | None = None
        """When the program was isolated, by the clock that only moves forward."""
        self.selector = selectors.DefaultSelector()
        self.listening: socket.socket | None = None
        for number in self.numbers:
            # select may say "ready" where another reader was quicker; a read that then waits would stop the clock of
            # every limit.
            os.set_blocking(number, False)
            self.selector.register(number, selectors.EVENT_READ)

    def read(self, seconds: float, beside: socket.socket | None = None) -> bool:
        """Read what is there, waiting at most *seconds* for it or for word on the socket *beside*; return whether it came."""
        self._listen(beside)
        # Nothing is left to wait on, and the caller counts on the pause: it would turn without a rest.
        if not self.selector.get_map():
            time.sleep(seconds)
            return False
        something = False
        for key, _ in self.selector.select(seconds):
            # It only ends the wait: what it says is read by whoever watches.
            if key.fileobj is beside:
                continue
            data = os.read(key.fd, CHUNK)
            if not data:
                self.selector.unregister(key.fd)
                continue
            something = True
            if key.fd == self.answers:
                self._take(data)
            else:
                self.printed += len(data)
                # Counted in full and kept in part: a program that prints without end must be noticed, not stored.
                self.text += data[: TEXT_KEPT - len(self.text)]
        if self.sent > self.limits.answers or self.printed > self.limits.text:
            self.over = "output"
        return something

    def read_rest(self) -> None:
        """Read on until nothing more is there, or too much."""
        while not self.over and self.read(0.0):
            pass

    def close(self) -> None:
        """Close both streams."""
        self.selector.close()
        for number in self.numbers:
            os.close(number)

    def _listen(self, beside: socket.socket | None) -> None:
        if beside is not self.listening:
            if self.listening is not None:
                self.selector.unregister(self.listening)
            if beside is not None:
                self.selector.register(beside, selectors.EVENT_READ)
            self.listening = beside

    def _take(self, data: bytes) -> None:
        self.sent += len(data)
        try:
            frames = self.reader.feed(data)
        except FrameError:
            # Frames that came before stay: they were in the agreed form.
            self.over = "form"
            return
        if self.enclosed is None and frames and frames[0].kind == ENCLOSED:
            # Only the first frame can say so, and the guard's copy writes it before the program's first line.
            self.enclosed, frames = time.monotonic(), frames[1:]
        self.frames += frames
        for frame in frames:
            # As they come, not at the end: a training's epochs are shown while it runs.
            if self.on_frame:
                self.on_frame(frame)
