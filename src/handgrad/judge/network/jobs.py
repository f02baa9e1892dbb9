"""The folders that child processes are given, and what comes back from them, read with suspicion."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.errors import HandgradError
from handgrad.judge.handed_in.files import MOST_CODE, MOST_NOTEBOOK, HandedIn, files_of
from handgrad.judge.network.told import Told, read_told
from handgrad.judge.sandbox.frames import Frame
from handgrad.judge.sandbox.limits import MEMORY, Job, Level, Limits, Outcome
from handgrad.judge.sandbox.run import run
from handgrad.scratch import scratch_folder
from handgrad.text import one_line

PREPARED = ("handgrad.judge.network.child:prepare",)
CODE = "from handgrad.judge.network.child import main\nmain(folder, answers)"
READING = 120.0
"""Seconds that a file may take to be run and its network to be written down (loading torch included)."""
# The file is shown the first half of them; its rebuilt network is examined with all.
SAMPLE = 64


class NotMetError(Exception):
    """The file itself is at fault: the verdict is *not met*, for the reason given."""


class NoVerdictError(Exception):
    """Nothing can be said, and the file is not to blame: the verdict is *no verdict*, for the reason given."""


@dataclass
class Clock:
    """The time that one judgement may take, over all its processes."""

    limit: float
    began: float

    @classmethod
    def start(cls, limit: float) -> Clock:
        """Return a clock that starts now."""
        return cls(limit, time.monotonic())

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds that remain."""
        return self.limit - self.spent


@dataclass(frozen=True)
class Written:
    """A network as it was written down, for one seed: the frame that the reading process sent."""

    seed: int
    frame: Frame

    @property
    def name(self) -> str:
        """What its class is called, fit to be shown."""
        return one_line(self.frame.head.get("name", ""), 80)


@dataclass(frozen=True)
class Reading:
    """What came of reading a hand-in: the network for each seed, which part of the hand-in it is, and what is to be said."""

    networks: list[Written]
    judged: str
    notes: tuple[str, ...]
    told: Told
    """What the author says of the training."""


@dataclass(frozen=True)
class Context:
    """What all jobs of one judgement share."""

    level: Level
    limits: Limits
    clock: Clock

    def run(self, job: Path, most: float | None = None, on_frame: Callable[[Frame], None] | None = None) -> Outcome:
        """Run the job in the folder *job* for the time that is left, at most *most* seconds."""
        seconds = min(self.clock.left, most or self.clock.left)
        # Asked here as well, because a process that gets no time at all would be reported as the file's slowness.
        if seconds <= 0:
            raise NoVerdictError(out_of_time(self.clock.limit))
        # The folder was made for its owner alone, and the program runs as a user who owns nothing.
        _open_to_all(job)
        limits = replace(self.limits, seconds=seconds, whole=self.clock.left)
        return run(Job(CODE, job, PREPARED), limits, self.level, on_frame)


def out_of_time(limit: float) -> str:
    """Say that the judging took too long."""
    return f"the judging did not end within {limit:g} s – give it more with --time-limit"


@contextmanager
def job_folder(**head: Any) -> Iterator[Path]:
    """Yield a folder with ``job.json`` in it, removed afterwards."""
    with scratch_folder("job") as folder:
        (folder / "job.json").write_text(json.dumps(head), encoding="utf-8")
        yield folder


def _open_to_all(folder: Path) -> None:
    """Let the unprivileged user of the sandbox read what lies in *folder*."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _copy_files(handed: HandedIn, target: Path) -> None:
    """Copy what was handed in below the folder *target*: the file to be judged, and what it may import or what tells of it."""
    for path, place in files_of(handed):
        try:
            # Read and written again rather than linked: the job's folder must hold nothing that leads out of it.
            data = path.read_bytes()
        except OSError as error:
            if path == handed.path:
                raise NoVerdictError(f"{place} cannot be read: {error.strerror}") from error
            # What lies beside it and cannot be read is missing for the file as well; its own import will say so.
            continue
        most = MOST_NOTEBOOK if path.suffix.lower() == ".ipynb" else MOST_CODE
        if path == handed.path and len(data) > most:
            raise NotMetError(f"the file has {len(data):,} bytes – at most {most:,} are read")
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        (target / place).write_bytes(data)


def read_network(handed: HandedIn, seeds: Sequence[int], data: Dataset, context: Context) -> Reading:
    """Take the network out of what was handed in and run it, in a child: written down, once per seed.

    Raises `NotMetError`, `NoVerdictError`.
    """
    file = str(handed.path.relative_to(handed.folder))
    with job_folder(kind="read", file=file, network=handed.network, whole=handed.whole, seeds=list(seeds)) as folder:
        write_images(folder / "sample.bin", data.train_images[:SAMPLE])
        _copy_files(handed, folder / "file")
        outcome = context.run(folder, READING)
        frames = list(outcome.frames)
        if not any(frame.kind == "ready" for frame in frames[:1]):
            raise NoVerdictError(not_started(outcome))
        # Only what was sent before any line of the hand-in ran is believed.
        taken = frames[1].head if len(frames) > 1 and frames[1].kind == "taken" else {}
        # Before how it ended: a program that was refused also ends, and the reason is worth more than a status.
        refused = next((frame for frame in frames if frame.kind == "refused"), None)
        if refused is not None:
            reason = one_line(str(refused.head.get("reason", "")).replace(f"{folder / 'file'}/", ""))
            # Everything but a plain False is the author's. The frame may be forged; no verdict is the most that wins.
            raise NotMetError(reason) if refused.head.get("author") is not False else NoVerdictError(reason)
        check_ended(outcome, context, min(READING, context.clock.limit))
    found = {frame.head.get("seed"): frame for frame in frames if frame.kind == "network"}
    # In order and complete: exit() after the first answer would otherwise be judged by fewer seeds than asked.
    if list(found) != list(seeds) or frames[-1].kind != "done":
        raise NotMetError("the file ends the program before its network has answered")
    notes = [one_line(str(each)) for each in taken.get("notes", [])]
    written = [Written(seed, found[seed]) for seed in seeds]
    if written and written[0].frame.head.get("first_part") is True:
        notes.append("the network returns a tuple; judged by its first part, the scores")
    judged = one_line(str(taken.get("judged", "")), 300)
    return Reading(written, judged, tuple(notes), read_told(taken.get("told")))


def check_ended(outcome: Outcome, context: Context, seconds: float) -> None:
    """Raise `NotMetError` where a stranger's program had to be ended."""
    reasons = {
        "time": f"the file did not give a network within {seconds:g} s",
        "processes": f"the file starts more than {context.limits.processes} processes",
        "output": "the file prints or sends without end",
        "form": "the data that the file sends has a wrong form",
    }
    if outcome.ended == "time" and outcome.seconds < seconds / 2:
        raise NoVerdictError(out_of_time(context.clock.limit))  # making the enclosure took the time, not the file
    if outcome.ended == "memory":
        raise_memory("the file", context.limits)
    if outcome.ended in reasons:
        raise NotMetError(reasons[outcome.ended])


def raise_memory(what: str, limits: Limits) -> NoReturn:
    """Raise that *what* takes too much: its author's fault only where the machine has as much as everybody may take."""
    taken = f"{what} takes more than {limits.memory >> 20:,} MiB of memory"
    if limits.scarce:
        raise NoVerdictError(f"{taken}, all that this machine or its container can give – {MEMORY >> 20:,} are allowed")
    raise NotMetError(taken)


def not_started(outcome: Outcome) -> str:
    """Say that our own child did not come to life."""
    last = one_line(outcome.text.strip().splitlines()[-1] if outcome.text.strip() else f"status {outcome.status}")
    ended = "" if outcome.ended == "itself" else f" ({outcome.ended} limit)"
    return f"the judging process did not start{ended}: {last}"


def write_images(path: Path, images: torch.Tensor) -> None:
    """Write *images* (bytes) ``[n, 28, 28]`` as raw bytes."""
    path.write_bytes(images.contiguous().numpy().tobytes())


def failed(error: Exception) -> str:
    """Return the one line of an error of our own."""
    return one_line(str(error) if isinstance(error, HandgradError) else f"{type(error).__name__}: {error}")
