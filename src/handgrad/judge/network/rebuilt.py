"""What is asked of a network that was rebuilt, each in a clean child: its examination and its trainings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import recipe_text
from handgrad.judge.network.beyond import Beyond
from handgrad.judge.network.jobs import (
    SAMPLE,
    Context,
    NotMetError,
    NoVerdictError,
    Written,
    job_folder,
    not_started,
    out_of_time,
    raise_memory,
    write_images,
)
from handgrad.judge.sandbox.frames import Frame
from handgrad.judge.sandbox.limits import Outcome
from handgrad.judge.verdict import EpochAnswer, Examination, HiddenTensor, SeedResult, UsedLayer, Weight
from handgrad.text import one_line

TOLERANCE = 1e-3
"""How far an output may move with the batch it comes in: other sizes of batch are summed in another order."""
REBUILT = re.compile(r"Rebuilt\._constants\[(\d+)\]")


def _write_network(folder: Path, written: Written) -> None:
    """Put the network that was written down into a job's *folder*."""
    (folder / "network.json").write_text(json.dumps(written.frame.head), encoding="utf-8")
    (folder / "network.bin").write_bytes(written.frame.body)


def examine_network(written: Written, data: Dataset, context: Context) -> Examination:
    """Examine the rebuilt network in a clean child. Raises `NotMetError`, `NoVerdictError`."""
    with job_folder(kind="examine") as folder:
        write_images(folder / "sample.bin", data.train_images[:SAMPLE])
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
        raise NoVerdictError(not_started(outcome))
    if "refused" in frames:
        head = frames["refused"].head
        reason = one_line(head.get("reason", ""))
        # The other way round from reading: in a clean process nothing is the author's fault unless our code says so.
        raise NotMetError(reason) if head.get("author") is True else NoVerdictError(reason)
    if outcome.ended == "time":
        raise NoVerdictError(out_of_time(context.clock.limit))
    if outcome.ended == "memory":
        raise_memory("the network", context.limits)
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
    with job_folder(kind="train", recipe=recipe_text(recipe), seed=written.seed, beyond=more) as folder:
        write_images(folder / "train.bin", data.train_images)
        (folder / "labels.bin").write_bytes(data.train_labels.to(torch.uint8).numpy().tobytes())
        write_images(folder / "test.bin", data.test_images[order])
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
        raise NotMetError(f"the network gives {len(body) / 4 / max(count, 1):g} numbers per image – 10 are needed")
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
            f"{int(far.any(1).sum())} of {len(order)} images get another answer when they are shown in another order – an "
            f"answer must depend only on its own image"
        )
