"""The top of a run's page: what came out, how sure it is, and how it was chosen."""

from __future__ import annotations

import math
import shlex

from handgrad.errors import counted
from handgrad.html.markup import Markup, joined, tag
from handgrad.report.numbers import dataset_name, duration, interval, share
from handgrad.runs.read import Run
from handgrad.runs.record import BestEpoch, EvaluatedOn, LastEpoch
from handgrad.score import wilson_interval


def headline(run: Run) -> Markup:
    """Return the figures that a reader looks for first, or how far the run came."""
    if run.result is not None:
        cards = last_epoch(run, run.result.last_epoch), best_epoch(run.result.best_epoch)
        return joined(tag("div", *cards, class_="cards"), meaning(run))
    return diverged(run) if run.state == "diverged" else unfinished(run)


def last_epoch(run: Run, last: LastEpoch) -> Markup:
    """Return the headline proper: the last epoch with its interval."""
    return tag(
        "div",
        tag(
            "div",
            tag("h2", f"Last epoch ({run.planned})"),
            tag("p", share(last), class_="figure"),
            tag("p", f"{last.correct:,} of {last.total:,} test images"),
        ),
        tag(
            "div",
            tag("p", "95 % interval ", tag("b", interval(last.interval95))),
            strip(last.interval95, last.accuracy),
        ),
        class_="card first",
    )


def best_epoch(best: BestEpoch) -> Markup:
    """Return the best epoch, smaller, labelled with what chose it."""
    if best.chosen_on is None:
        said = "The test set was read once, after the last epoch: nothing was chosen with it, not even the epoch."
        return tag("div", tag("h2", "Read once"), tag("p", said, class_="quiet"), class_="card")
    return tag(
        "div",
        tag("h2", f"Best epoch ({best.epoch})"),
        tag("p", share(best), class_="figure"),
        tag("p", f"{best.correct:,} of {best.total:,} test images"),
        tag("p", f"selected on the {best.chosen_on.words}", class_="chosen"),
        tag("p", choice(best.chosen_on), class_="quiet"),
        class_="card",
    )


def choice(chosen_on: EvaluatedOn) -> str:
    """Return what the way of choosing is worth."""
    if chosen_on is EvaluatedOn.HOLDOUT:
        return "Chosen on training images that were kept apart; the test set was not used."
    return "Chosen by looking at the test set, so it looks too good: it is not an estimate for other images."


def meaning(run: Run) -> Markup:
    """Return in sentences what the headline says, and what it does not."""
    said, *warning = sentences(run)
    return joined(tag("p", said, class_="lead"), *map(_notice, warning))


def sentences(run: Run) -> list[str]:
    """Return what the headline of a complete *run* means, and what must be known of the data where there is something."""
    assert run.result is not None
    last = run.result.last_epoch
    low, high = last.interval95
    wrong = last.total - last.correct
    said = (
        f"After {counted(run.planned, 'epoch')} the network reads {last.correct:,} of the "
        f"{last.total:,} test images of {dataset_name(run.dataset)} and misreads {wrong:,}. From this count, its accuracy on "
        f"other images of the same kind is estimated to be between {low:.2f} and {high:.2f} % (95 % Wilson interval). Another "
        f"seed gives another figure; the interval does not include this."
    )
    if run.holdout:
        said += f" {run.holdout:,} training images were kept apart for choosing; the network did not learn from them."
    return [said, *_warnings(run)]


def _notice(text: str) -> Markup:
    """Return what must be known of the data as it stands on a page."""
    return tag("p", text, class_="notice")


def _warnings(run: Run) -> list[str]:
    """Return what must be known of the data: digits that were drawn, or another set than MNIST."""
    if run.dataset == "drawn":
        return [
            "dataset: drawn – these digits were drawn by the program itself, because no others were available. "
            "The figures say that training works; they say nothing about how well the network reads handwriting."
        ]
    if run.dataset == "mnist":
        return []
    # A hash at the end says that nobody else knows the set by this name.
    known = "-" not in run.dataset or run.dataset == "emnist-digits"
    what = "not MNIST" if known else "no published set, named by the hash of its content"
    return [f"dataset: {run.dataset} – {what}; the figures hold for these images only."]


def strip(bounds: tuple[float, float], accuracy: float) -> Markup:
    """Return the interval as a bar on a number line, the accuracy as a dot on it."""
    low, high = bounds
    # An interval of next to nothing, as of 100 %, still needs a line to lie on.
    span = max(high - low, 0.05)
    # Not far beyond 100 %, where no accuracy is.
    start, end = low - span * 0.6, min(high + span * 0.6, 100 + span * 0.1)

    def x(value: float) -> float:
        return round(8 + 284 * (value - start) / (end - start), 1)

    step = 10.0 ** math.floor(math.log10(span))
    # Ticks at 1, 2 or 5 of a power of ten, at most six of them: more would touch.
    step = next(s for s in (step / 5, step / 2, step, step * 2, step * 5) if (end - start) / s <= 6)
    first, last = math.ceil(start / step), math.floor(min(end, 100) / step + 1e-9)
    ticks = [round(count * step, 6) for count in range(first, last + 1)]
    return tag(
        "svg",
        tag("title", f"{accuracy:.2f} % with its 95 % interval, {low:.2f} to {high:.2f} %"),
        tag("line", x1=8, x2=292, y1=18, y2=18, class_="grid"),
        *(
            joined(
                tag("line", x1=x(tick), x2=x(tick), y1=18, y2=23, class_="grid"),
                tag("text", f"{tick:g}", x=x(tick), y=36, text_anchor="middle"),
            )
            for tick in ticks
        ),
        tag("rect", x=x(low), y=14, width=round(x(high) - x(low), 1), height=8, rx=4, class_="range"),
        tag("circle", cx=x(accuracy), cy=18, r=6.5, class_="here"),
        viewBox="0 0 300 40",
        role="img",
        class_="strip",
    )


def diverged(run: Run) -> Markup:
    """Return what is known of a run that ended without finite numbers."""
    done = f"{len(run.epochs)} of {run.planned} epochs were complete" if run.epochs else "no epoch was complete"
    return joined(
        tag(
            "div",
            tag("h2", "This run diverged"),
            tag("p", run.reason, class_="reason"),
            tag(
                "p",
                f"It has no result: {done} when the numbers stopped being finite. A mean over seeds counts it as failed.",
            ),
            tag("p", "Try a lower ", tag("code", "optimizer.learning_rate"), "."),
            class_="card alarm",
        ),
        so_far(run),
        *map(_notice, _warnings(run)),
    )


def unfinished(run: Run) -> Markup:
    """Return what is known of a run that has not ended yet."""
    line = f"handgrad train --resume {shlex.quote(str(run.path))}"
    return joined(
        tag(
            "div",
            tag("h2", "This run is not finished"),
            tag(
                "p",
                f"Complete: {len(run.epochs)} of {counted(run.planned, 'epoch')}. If nothing trains it now, continue with:",
            ),
            tag("pre", tag("code", line)),
            class_="card alarm",
        ),
        so_far(run),
        *map(_notice, _warnings(run)),
    )


def so_far(run: Run) -> Markup | None:
    """Return the newest figures of a run without a result."""
    if not run.epochs:
        return None
    newest = run.epochs[-1]
    count = newest.evaluation
    bounds = wilson_interval(count.correct, count.total)
    spent = sum(epoch.seconds_training for epoch in run.epochs)
    text = (
        f"Newest epoch ({newest.epoch}): {share(count)} on the {run.evaluated_on.words} ({count.correct:,} of {count.total:,}, "
        f"95 % interval {interval(bounds)}) after {duration(spent)} of training. This is not a final figure."
    )
    return tag("p", text, class_="lead")
