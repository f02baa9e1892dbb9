"""The folders that child processes are given, and what comes back from them, read with suspicion."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import recipe_text
from handgrad.errors import HandgradError
from handgrad.judge.handed_in.files import MOST_CODE, MOST_NOTEBOOK, HandedIn, files_of
from handgrad.judge.network.beyond import Beyond
from handgrad.judge.network.told import Told, read_told
from handgrad.judge.sandbox.frames import Frame
from handgrad.judge.sandbox.limits import MEMORY, Job, Level, Limits, Outcome
from handgrad.judge.sandbox.run import run
from handgrad.judge.verdict import EpochAnswer, Examination, HiddenTensor, SeedResult, UsedLayer, Weight
from handgrad.scratch import scratch_folder
from handgrad.text import one_line

PREPARED = ("handgrad.judge.network.child:prepare",)
CODE = "from handgrad.judge.network.child import main\nmain(folder, answers)"
READING = 120.0
"""Seconds that a file may take to be run and its network to be written down (loading torch included)."""
# The file is shown the first half of them; its rebuilt network is examined with all.
SAMPLE = 64
TOLERANCE = 1e-3
"""How far an output may move with the batch it comes in: other sizes of batch are summed in another order."""
REBUILT = re.compile(r"Rebuilt\._constants\[(\d+)\]")


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
            raise NoVerdictError(_out_of_time(self.clock.limit))
        # The folder was made for its owner alone, and the program runs as a user who owns nothing.
        _open_to_all(job)
        limits = replace(self.limits, seconds=seconds, whole=self.clock.left)
        return run(Job(CODE, job, PREPARED), limits, self.level, on_frame)


def _out_of_time(limit: float) -> str:
    """Say that the judging took too long."""
    return f"the judging did not end within {limit:g} s – give it more with --time-limit"


@contextmanager
def _job_folder(**head: Any) -> Iterator[Path]:
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
            # Read and written anew rather than linked: the job's folder must hold nothing that leads out of it.
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
    """Take the network out of what was handed in and run it, in a child: written down, once a seed.

    Raises `NotMetError`, `NoVerdictError`.
    """
    file = str(handed.path.relative_to(handed.folder))
    with _job_folder(kind="read", file=file, network=handed.network, whole=handed.whole, seeds=list(seeds)) as folder:
        _write_images(folder / "sample.bin", data.train_images[:SAMPLE])
        _copy_files(handed, folder / "file")
        outcome = context.run(folder, READING)
        frames = list(outcome.frames)
        if not any(frame.kind == "ready" for frame in frames[:1]):
            raise NoVerdictError(_not_started(outcome))
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
        "form": "what the file sends is not in the agreed form",
    }
    if outcome.ended == "time" and outcome.seconds < seconds / 2:
        raise NoVerdictError(_out_of_time(context.clock.limit))  # making the enclosure took the time, not the file
    if outcome.ended == "memory":
        _raise_memory("the file", context.limits)
    if outcome.ended in reasons:
        raise NotMetError(reasons[outcome.ended])


def _raise_memory(what: str, limits: Limits) -> NoReturn:
    """Raise that *what* takes too much: its author's fault only where the machine has as much as everybody may take."""
    taken = f"{what} takes more than {limits.memory >> 20:,} MiB of memory"
    if limits.scarce:
        raise NoVerdictError(f"{taken}, all that this machine or its container can give – {MEMORY >> 20:,} are allowed")
    raise NotMetError(taken)


def _not_started(outcome: Outcome) -> str:
    """Say that our own child did not come to life."""
    last = one_line(outcome.text.strip().splitlines()[-1] if outcome.text.strip() else f"status {outcome.status}")
    ended = "" if outcome.ended == "itself" else f" ({outcome.ended} limit)"
    return f"the judging process did not start{ended}: {last}"


def _write_images(path: Path, images: torch.Tensor) -> None:
    """Write *images* (bytes) ``[n, 28, 28]`` as raw bytes."""
    path.write_bytes(images.contiguous().numpy().tobytes())


def _write_network(folder: Path, written: Written) -> None:
    """Put the network that was written down into a job's *folder*."""
    (folder / "network.json").write_text(json.dumps(written.frame.head), encoding="utf-8")
    (folder / "network.bin").write_bytes(written.frame.body)


def examine_network(written: Written, data: Dataset, context: Context) -> Examination:
    """Examine the rebuilt network in a clean child. Raises `NotMetError`, `NoVerdictError`."""
    with _job_folder(kind="examine") as folder:
        _write_images(folder / "sample.bin", data.train_images[:SAMPLE])
        _write_network(folder, written)
        outcome = context.run(folder)
    frames = {frame.kind: frame for frame in outcome.frames}
    _raise_refused(frames, outcome, context)
    # This frame comes from our own code in a clean process; only what it quotes of the file is still a stranger's text.
    head = dict(frames["examination"].head)
    head.pop("kind")
    unused = written.frame.head.get("unused")
    extra = [one_line(path, 80) for path in unused[:100]] if isinstance(unused, list) else []
    problems = [one_line(each) for each in head["problems"]]
    return Examination(
        network=written.name,
        parameters=int(head["parameters"]),
        hidden=tuple(HiddenTensor(_place_of(each["name"]), each["numbers"], each["where"]) for each in head["hidden"]),
        counted=int(head["counted"]),
        layers=tuple(
            UsedLayer(
                each["kind"],
                one_line(each["path"], 80),
                one_line(each["detail"]),
                each["value"],
                after_pooling=bool(each["after_pooling"]),
            )
            for each in head["layers"]
        ),
        defined_unused=tuple(dict.fromkeys([*(one_line(each, 80) for each in head["defined_unused"]), *extra])),
        output_shape=tuple(head["output_shape"]),
        problems=tuple(dict.fromkeys(problems)),
        largest=one_line(head["largest"]),
        idle=tuple((one_line(path, 80), int(count)) for path, count in head["idle"]),
        weights=tuple(
            Weight(one_line(each["path"], 80), each["parameters"], tuple(each["shape"])) for each in head["weights"]
        ),
        remarks=tuple(one_line(each) for each in head["remarks"]),
    )


def _place_of(name: str) -> str:
    """Return where hidden numbers lie; a constant of the rebuilt network has lost the name that it had in the file."""
    return REBUILT.sub(lambda found: f"number {int(found[1]) + 1} of those the file makes by itself", one_line(name))


def _raise_refused(frames: dict[str, Frame], outcome: Outcome, context: Context) -> None:
    """Raise what a clean child that did not come to its end has to say."""
    if "ready" not in frames:
        raise NoVerdictError(_not_started(outcome))
    if "refused" in frames:
        head = frames["refused"].head
        reason = one_line(head.get("reason", ""))
        # The other way round from reading: in a clean process nothing is the author's fault unless our code says so.
        raise NotMetError(reason) if head.get("author") is True else NoVerdictError(reason)
    if outcome.ended == "time":
        raise NoVerdictError(_out_of_time(context.clock.limit))
    if outcome.ended == "memory":
        _raise_memory("the network", context.limits)
    if outcome.ended != "itself" or ("done" not in frames and "diverged" not in frames):
        last = one_line(outcome.text.strip().splitlines()[-1] if outcome.text.strip() else f"status {outcome.status}")
        raise NoVerdictError(f"the judging process ended early ({outcome.ended}): {last}")


def train_network(
    written: Written,
    recipe: Recipe,
    data: Dataset,
    context: Context,
    *,
    on_epoch: Callable[[int, EpochAnswer], None],
    beyond: Beyond | None = None,
) -> tuple[SeedResult, int]:
    """Train the rebuilt network in a clean child, count its answers here, and return them and those before training.

    The child is shown the test images in an order that is drawn here, and never a label of theirs. *on_epoch* is called
    with seed and answer; *beyond* is what its author trains with beside the recipe. Raises `NotMetError`, `NoVerdictError`.
    """
    # Drawn outside: a file that knows the test set by heart must not know which image it is asked.
    order = torch.randperm(len(data.test_labels), generator=torch.Generator().manual_seed(written.seed + 1))
    labels = data.test_labels[order].numpy()
    # Counted here, where the labels are; the child sends scores and is told nothing back.
    counted: list[EpochAnswer] = []

    def on_frame(frame: Frame) -> None:
        if frame.kind == "answers":
            answer = EpochAnswer(len(counted), _count_right(frame.body, labels), len(labels))
            counted.append(answer)
            on_epoch(written.seed, answer)

    more = asdict(beyond) if beyond is not None else {}
    with _job_folder(kind="train", recipe=recipe_text(recipe), seed=written.seed, beyond=more) as folder:
        _write_images(folder / "train.bin", data.train_images)
        (folder / "labels.bin").write_bytes(data.train_labels.to(torch.uint8).numpy().tobytes())
        _write_images(folder / "test.bin", data.test_images[order])
        _write_network(folder, written)
        outcome = context.run(folder, on_frame=on_frame)
    frames = {frame.kind: frame for frame in outcome.frames}
    _raise_refused(frames, outcome, context)
    if "diverged" in frames:
        reason = f"diverged: {one_line(frames['diverged'].head.get('reason', ''))}"
        # Without the first, which are the answers before training: epoch 0 is none.
        return SeedResult(written.seed, tuple(counted[1:]), reason), counted[0].correct
    last = [frame for frame in outcome.frames if frame.kind == "answers"][-1]
    _check_again(_numbers(last.body, len(labels)), frames["again"])
    return SeedResult(written.seed, tuple(counted[1:])), counted[0].correct


def _numbers(body: bytes, count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return raw answers as ``[count, 10]``; raise `NotMetError` for another shape or what is not finite."""
    # Ten numbers of four bytes.
    if len(body) != 40 * count:
        raise NotMetError(f"the network gives {len(body) / 4 / max(count, 1):g} numbers an image – 10 are needed")
    values = np.frombuffer(body, np.float32).reshape(count, 10)
    # argmax of a row with a NaN is that NaN's place: it would be counted as an answer.
    if not np.isfinite(values).all():
        raise NotMetError("the network gives answers that are not finite numbers")
    return values


def _count_right(body: bytes, labels: np.ndarray[Any, Any]) -> int:
    """Return how many of the raw answers in *body* are largest at the label."""
    return int((_numbers(body, len(labels)).argmax(1) == labels).sum())


def _check_again(first: np.ndarray[Any, np.dtype[np.float32]], frame: Frame) -> None:
    """Raise `NotMetError` where images shown again in other company are answered otherwise."""
    order = frame.head["order"]
    second = _numbers(frame.body, len(order))
    # Relative for large scores, absolute for small ones; a NaN was refused before.
    far = np.abs(first[order] - second) > TOLERANCE * (1 + np.abs(second))
    if far.any():
        raise NotMetError(
            f"{int(far.any(1).sum())} of {len(order)} images get another answer when they are shown again in another order "
            "– an answer must depend on its own image alone"
        )


def failed(error: Exception) -> str:
    """Return the one line of an error of our own."""
    return one_line(str(error) if isinstance(error, HandgradError) else f"{type(error).__name__}: {error}")
