"""Runs the judge's jobs in this process: the same program and the same frames, without a process and its start for each."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable

import pytest

from handgrad.judge.network import jobs
from handgrad.judge.network.child import main
from handgrad.judge.sandbox.frames import Frame, FrameReader
from handgrad.judge.sandbox.run import LEVELS, Job, Level, Limits, Outcome


def run_here(
    job: Job, limits: Limits, level: Level | None = None, on_frame: Callable[[Frame], None] | None = None
) -> Outcome:
    """Do what `handgrad.judge.sandbox.run.run` does for an honest *job*, without isolation and limits."""
    assert job.folder is not None
    # An empty home of its own, as in a sandbox: settings that were handed in are laid out there.
    with tempfile.TemporaryFile() as file, tempfile.TemporaryDirectory() as home, contextlib.chdir(home):
        main(str(job.folder), file.fileno())
        file.seek(0)
        frames = tuple(FrameReader().feed(file.read()))
    for frame in frames:
        if on_frame:
            on_frame(frame)
    return Outcome("itself", 0, frames, "", 0.0)


def judging_here(monkeypatch: pytest.MonkeyPatch) -> Level:
    """Let judgements run their jobs in this process, and return the level to give them."""
    monkeypatch.setattr(jobs, "run", run_here)
    return LEVELS[-1]
