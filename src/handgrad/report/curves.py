"""The three charts of one run: accuracy, loss and learning rate."""

from __future__ import annotations

import math

from handgrad.report.chart import Chart, Line, accuracy_chart, loss_chart, rate_chart, thinned
from handgrad.runs.read import Run

# Steps of a long run are thousands; more points than pixels only make the page heavy.
RATES = 400


def charts(run: Run) -> list[Chart]:
    """Return the charts of *run*; none before its first epoch."""
    if not run.epochs:
        return []
    return [accuracy(run), loss(run), learning_rate(run)]


def accuracy(run: Run) -> Chart:
    """Return training and evaluation accuracy after each epoch."""
    lines: list[Line] = [
        (run.evaluated_on.words, 0, [(epoch.epoch, epoch.evaluation.accuracy) for epoch in run.epochs]),
        ("training", 1, [(epoch.epoch, epoch.training.accuracy) for epoch in run.epochs]),
    ]
    first, last = run.epochs[0], run.epochs[-1]
    text = (
        f"Accuracy on the {run.evaluated_on.words} from {first.evaluation.accuracy:.2f} % after epoch 1 "
        f"to {last.evaluation.accuracy:.2f} % after epoch {last.epoch}; "
        f"while training from {first.training.accuracy:.2f} % to {last.training.accuracy:.2f} %."
    )
    return accuracy_chart("accuracy", "Accuracy", text, lines, run.planned)


def loss(run: Run) -> Chart:
    """Return training and evaluation loss after each epoch."""
    lines: list[Line] = [
        (run.evaluated_on.words, 0, [(epoch.epoch, epoch.evaluation.loss) for epoch in run.epochs]),
        ("training", 1, [(epoch.epoch, epoch.training.loss) for epoch in run.epochs]),
    ]
    first, last = run.epochs[0], run.epochs[-1]
    text = (
        f"Loss on the {run.evaluated_on.words} from {first.evaluation.loss:.4f} after epoch 1 "
        f"to {last.evaluation.loss:.4f} after epoch {last.epoch}; "
        f"while training from {first.training.loss:.4f} to {last.training.loss:.4f}."
    )
    return loss_chart("loss", "Loss", text, lines, run.planned)


def learning_rate(run: Run) -> Chart:
    """Return the learning rate of every step (thinned), or of each epoch's last step while the run is not complete."""
    if run.evidence is None:
        points = [(float(epoch.epoch), epoch.learning_rate) for epoch in run.epochs]
        kind = "at the last step of each epoch"
    else:
        rates = [float(rate) for rate in run.evidence.learning_rates]
        # A step's rate stands where the step ended, so that both axes of a run agree on what epoch 1 is.
        points = [((step + 1) * run.planned / len(rates), rates[step]) for step in thinned(rates, RATES)]
        kind = "at each step"
    values = [value for _, value in points]
    text = f"Learning rate {kind}: first {values[0]:.3g}, highest {max(values):.3g}, last {values[-1]:.3g}."
    return rate_chart("learning-rate", "Learning rate", text, [(kind, 0, points)], epochs=run.planned)


def steps_an_epoch(run: Run) -> int:
    """Return how many steps an epoch of *run* has; a last, short batch that was left out is not among the images seen."""
    return math.ceil(run.epochs[0].training.total / int(run.recipe["batch_size"]))
