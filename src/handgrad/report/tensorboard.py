"""TensorBoard events of a run, made from its folder."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from handgrad.errors import MissingError, UsageError
from handgrad.files import disk_error, write_whole
from handgrad.report.curves import steps_an_epoch
from handgrad.runs.read import Run, read_run
from handgrad.runs.record import EvaluatedOn

RATES = 500
"""At most so many points of the learning rate are written."""

_TAGS = {EvaluatedOn.TEST: "test", EvaluatedOn.HOLDOUT: "holdout", EvaluatedOn.TRAINING: "training_sample"}

Scalar = tuple[float, int, str, float]
"""Wall time (seconds since 1970), step, tag, value."""


def check_tensorboard() -> None:
    """Raise `MissingError` with the line that installs TensorBoard where it is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingError(
            'TensorBoard is not installed – --tensorboard needs it – pip install "handgrad[tensorboard]"'
        )


def write_events(folder: Path) -> Path:
    """Write ``tensorboard/events.out.tfevents.…`` into the run *folder*, in place of an older one, and return its path.

    ``loss/…`` and ``accuracy/…`` (percent) count epochs, ``learning_rate`` counts steps. Raises `MissingError` when
    TensorBoard is not installed, `UsageError` before the first epoch, `DamagedRunError`, `DiskError`.
    """
    check_tensorboard()
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    run = read_run(folder)
    if not run.epochs:
        raise UsageError(f"{folder} has no complete epoch – nothing to write for TensorBoard yet")
    began = datetime.fromisoformat(run.environment.began).timestamp()
    data = io.BytesIO()
    writer = RecordWriter(data)
    writer.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
    for wall_time, step, tag, value in sorted(scalars(run, began)):
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.write(Event(wall_time=wall_time, step=step, summary=summary).SerializeToString())
    # One file of a fixed name, written whole: writing it again does not double the curves.
    path = folder / "tensorboard" / f"events.out.tfevents.{int(began)}.handgrad"
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise disk_error(path, data.tell(), error) from error
    return write_whole(path, data.getvalue())


def scalars(run: Run, began: float) -> Iterator[Scalar]:
    """Yield every scalar of *run*, which began at *began*."""
    evaluation = _TAGS[run.evaluated_on]
    time, ends = began, [began]
    for epoch in run.epochs:
        time += epoch.seconds_training
        yield time, epoch.epoch, "loss/training", epoch.training.loss
        yield time, epoch.epoch, "accuracy/training", epoch.training.accuracy
        time += epoch.seconds_evaluating
        yield time, epoch.epoch, f"loss/{evaluation}", epoch.evaluation.loss
        yield time, epoch.epoch, f"accuracy/{evaluation}", epoch.evaluation.accuracy
        ends.append(time)
    steps = steps_an_epoch(run)
    if run.evidence is None:
        for epoch in run.epochs:
            yield ends[epoch.epoch], steps * epoch.epoch, "learning_rate", epoch.learning_rate
        return
    rates = run.evidence.learning_rates
    for step in sorted({round(part * (len(rates) - 1) / (RATES - 1)) for part in range(RATES)}):
        whole, rest = divmod(step + 1, steps)
        start, end = ends[whole], ends[min(whole + 1, len(ends) - 1)]
        yield start + (end - start) * rest / steps, step + 1, "learning_rate", float(rates[step])
