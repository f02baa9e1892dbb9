"""A sweep as one page: every trial, what mattered, accuracy against size and time, and how much choosing flatters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from handgrad.errors import counted
from handgrad.files import write_whole
from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, table, tag
from handgrad.report.page import titled
from handgrad.runs.sweep import Over, Sweep, Trial, Value, read_sweep, settings_in_words

PAGE = "report.html"
WIDTH, HEIGHT, MARGIN = 440.0, 290.0, 46.0
PAIRS_SHOWN = 12
"""Trials nearest to the chosen one that are compared with it seed by seed."""


def write_sweep_page(folder: Path) -> Path:
    """Make the page of the sweep in *folder* from its record, and return its path; raises what `read_sweep` does."""
    return write_whole(folder / PAGE, sweep_page(read_sweep(folder)).encode())


def sweep_page(found: Sweep) -> str:
    """Return the whole page."""
    title = f"{Path(found.recipe).stem}: {counted(len(found.trials), 'setting')} tried"
    body = joined(
        tag("header", tag("p", "Handgrad – a sweep", class_="over"), tag("h1", title)),
        *(tag("p", line) for line in sentences(found)),
        titled("What mattered", importances(found)),
        titled("Settings and what they reached", parallel(found)),
        titled("Accuracy against size and time", paretos(found)),
        titled("The chosen setting against others, seed by seed", paired(found)),
        titled("Every trial", every_trial(found)),
    )
    return document(title, body)


def sentences(found: Sweep) -> list[str]:
    """Return what came out, in sentences."""
    best, final = found.chosen, found.final
    counts = {state: sum(trial.state == state for trial in found.trials) for state in ("complete", "pruned", "failed")}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    seeds = counted(len(found.seeds), "seed")
    lines = [
        f"Every setting trained with {seeds} on all but {found.holdout:,} training images, and was judged by those "
        f"({told}; sampler {found.sampler}, seed {found.seed}). The test set was out of reach meanwhile."
    ]
    if found.pruned_early:
        lines.append("Trials below the median of the others were given up before all their seeds.")
    if best is None or best.mean is None:
        return [*lines, "No trial finished, so nothing was chosen."]
    lines.append(f"Chosen: trial {best.number} ({settings_in_words(best)}), {best.mean:.3f} % on the hold-out.")
    if found.flattery is not None:
        lines.append(
            f"Were all {counts['complete']} settings equally good, the best of them would by chance alone look about "
            f"{found.flattery:.2f} points better than it is: so much the hold-out figure may flatter."
        )
    if final is not None and final.get("mean") is not None:
        interval = final.get("interval95")
        bounds = f", 95 % interval of the mean {interval[0]:.3f} to {interval[1]:.3f} %" if interval else ""
        lines.append(
            f"Trained on all images with {counted(final['n'], 'seed')} that no trial had, and the test set read once each: "
            f"mean {final['mean']:.3f} %{bounds}. This figure was not chosen by."
        )
    return lines


def shown(value: Value) -> str:
    """Return a value in few digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def importances(found: Sweep) -> Markup | None:
    """Return how much of the differences each key explains; None where too few trials finished."""
    if not found.importances:
        return None
    ordered = sorted(found.importances.items(), key=lambda item: -item[1])
    rows: list[list[object]] = [[key, f"{100 * share:.0f} %"] for key, share in ordered]
    text = "How much a key decides whether a trial is among the better ones (PED-ANOVA); with few trials a rough guide."
    return joined(table(["key", "importance"], rows, class_="facts"), tag("p", text, class_="quiet"))


def every_trial(found: Sweep) -> Markup:
    """Return a row per trial, the best first; what failed or was given up is among them, with the reason."""
    keys = [over.key for over in found.over]
    ordered = sorted(found.trials, key=lambda trial: (trial.state != "complete", -(trial.mean or 0.0), trial.number))
    rows: list[list[object]] = [
        [
            trial.number,
            trial.state,
            *(shown(trial.settings[key]) if key in trial.settings else "–" for key in keys),
            "–" if trial.mean is None else f"{trial.mean:.3f} %",
            ", ".join(f"{value:.2f}" for value in trial.accuracies) or "–",
            "–" if trial.parameters is None else f"{trial.parameters:,}",
            "–" if trial.seconds_training is None else f"{trial.seconds_training:.1f}",
            "; ".join(
                [trial.reason] * bool(trial.reason) + [f"seed {seed.seed}: {seed.reason}" for seed in trial.failed]
            ),
        ]
        for trial in ordered
    ]
    head = ["trial", "state", *keys, "mean, hold-out", "each seed", "parameters", "seconds", "why"]
    return table(list(head), rows, class_="runs")


def paired(found: Sweep) -> Markup | None:
    """Return the chosen trial's advantage over those nearest to it."""
    if not found.paired:
        return None
    rows: list[list[object]] = []
    for pair in found.paired[:PAIRS_SHOWN]:
        interval = "–" if pair.interval95 is None else f"{pair.interval95[0]:+.3f} to {pair.interval95[1]:+.3f}"
        rows.append([f"over trial {pair.other}", f"{pair.difference:+.3f}", interval, pair.seeds])
    text = "Points of accuracy on the hold-out, on the seeds that both have. Where the interval holds 0, the two may be equal."
    return joined(
        table(["", "difference", "95 % interval (t)", "seeds"], rows, class_="runs"), tag("p", text, class_="quiet")
    )


def finished(found: Sweep) -> list[Trial]:
    """Return the trials that have every seed."""
    return [trial for trial in found.trials if trial.state == "complete" and trial.mean is not None]


def paretos(found: Sweep) -> Markup | None:
    """Return accuracy against parameters and against seconds; None without two trials."""
    trials = finished(found)
    if len(trials) < 2:
        return None
    by_size = scatter(trials, "parameters", lambda trial: float(trial.parameters or 0), found.best)
    by_time = scatter(trials, "seconds of training", lambda trial: trial.seconds_training or 0.0, found.best)
    text = "The line joins the trials that no other beats in both. The chosen one has a ring."
    return joined(tag("div", by_size, by_time, class_="charts"), tag("p", text, class_="quiet"))


def scatter(trials: Sequence[Trial], label: str, cost: Callable[[Trial], float], best: int | None) -> Markup:
    """Return a dot per trial, accuracy upwards and *cost* to the right, with the front of those that none beats."""
    across, up = _Scale([cost(trial) for trial in trials]), _Scale([trial.mean or 0.0 for trial in trials])
    place = {
        trial.number: (MARGIN + across.part(cost(trial)) * (WIDTH - 60), HEIGHT - 40 - up.part(trial.mean or 0.0) * 230)
        for trial in trials
    }
    front, top = [], -math.inf
    # From the cheapest up, the best of equally cheap ones first: whoever exceeds all before is beaten by none.
    for trial in sorted(trials, key=lambda trial: (cost(trial), -(trial.mean or 0.0))):
        if (trial.mean or 0.0) > top:
            front.append(trial)
            top = trial.mean or 0.0
    line = " ".join(f"{place[trial.number][0]:.1f},{place[trial.number][1]:.1f}" for trial in front)
    dots = [
        tag(
            "circle",
            tag("title", f"trial {trial.number}: {trial.mean:.3f} %"),
            cx=f"{x:.1f}",
            cy=f"{y:.1f}",
            r=3,
            class_="mark s0",
        )
        for trial in trials
        for x, y in [place[trial.number]]
    ]
    ring = None
    if best in place:
        ring = tag("circle", cx=f"{place[best][0]:.1f}", cy=f"{place[best][1]:.1f}", r=7, class_="curve s1")
    words = f"Accuracy on the hold-out against {label}, {counted(len(trials), 'trial')}"
    drawing = tag(
        "svg",
        tag("title", words),
        tag("line", x1=MARGIN, x2=WIDTH - 8, y1=HEIGHT - 34, y2=HEIGHT - 34, class_="base"),
        *(
            tag("text", f"{value:.2f}", x=MARGIN - 6, y=HEIGHT - 36 - up.part(value) * 230, text_anchor="end")
            for value in up.ends
        ),
        *(
            tag(
                "text",
                f"{value:,.4g}",
                x=f"{MARGIN + across.part(value) * (WIDTH - 60):.1f}",
                y=HEIGHT - 18,
                text_anchor=side,
            )
            for value, side in zip(across.ends, ("start", "end"), strict=False)
        ),
        tag("text", label, x=WIDTH / 2, y=HEIGHT - 4, text_anchor="middle", class_="label"),
        tag("polyline", points=line, class_="curve s0"),
        *dots,
        ring,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        class_="chart",
    )
    return tag("figure", tag("figcaption", f"Accuracy (%) against {label}"), drawing, class_="chart")


def parallel(found: Sweep) -> Markup | None:
    """Return a line per trial through all that was varied to what it reached; None without two trials."""
    trials = finished(found)
    if len(trials) < 2:
        return None
    means = _Scale([trial.mean or 0.0 for trial in trials])
    axes = [(over.key, _positions(over, trials)) for over in found.over]
    step = 700 / max(1, len(axes))
    drawn = []
    # The best last, so that it lies on top.
    for trial in sorted(trials, key=lambda trial: (trial.number == found.best, trial.mean or 0.0)):
        heights = [places[trial.number] for _, places in axes] + [means.part(trial.mean or 0.0)]
        points = " ".join(f"{60 + index * step:.1f},{250 - 220 * height:.1f}" for index, height in enumerate(heights))
        chosen = trial.number == found.best
        # Fainter the worse: of hundreds of lines the good ones are what one looks for.
        opacity = 1 if chosen else round(0.15 + 0.5 * means.part(trial.mean or 0.0), 2)
        title = tag("title", f"trial {trial.number}: {settings_in_words(trial)}: {trial.mean:.3f} %")
        drawn.append(tag("polyline", title, points=points, class_=f"curve {'s1' if chosen else 's0'}", opacity=opacity))
    labels = [*(key for key, _ in axes), "accuracy"]
    lines = [
        joined(
            tag("line", x1=60 + index * step, x2=60 + index * step, y1=26, y2=254, class_="base"),
            tag("text", label, x=60 + index * step, y=272, text_anchor="middle", class_="label"),
        )
        for index, label in enumerate(labels)
    ]
    ends = [_ends(over) for over in found.over] + [tuple(f"{value:.2f}" for value in means.ends)]
    marks = [
        joined(
            tag("text", low, x=60 + index * step + 4, y=250),
            tag("text", high, x=60 + index * step + 4, y=24),
        )
        for index, (low, high) in enumerate((pair[0], pair[-1]) for pair in ends)
    ]
    drawing = tag(
        "svg",
        tag("title", f"{counted(len(trials), 'trial')}, one line each through {', '.join(labels)}"),
        *lines,
        *drawn,
        *marks,
        viewBox="0 0 820 284",
        role="img",
        class_="chart",
    )
    return tag("figure", tag("figcaption", "A line per trial; the chosen one stands out"), drawing, class_="chart")


def _positions(over: Over, trials: Sequence[Trial]) -> dict[int, float]:
    """Return how high each trial stands on the axis of *over*, 0 to 1."""
    if over.kind == "list":
        # As texts: a list may mix numbers, words and truth values, and 1 is not True here.
        known = [str(value) for value in over.values]
        most = max(1, len(known) - 1)
        return {trial.number: known.index(str(trial.settings[over.key])) / most for trial in trials}
    change = math.log if over.kind == "log" else float
    low, high = change(over.low), change(over.high)
    return {trial.number: (change(float(trial.settings[over.key])) - low) / (high - low) for trial in trials}


def _ends(over: Over) -> tuple[str, ...]:
    """Return what stands at the ends of an axis."""
    if over.kind == "list":
        return tuple(shown(value) for value in over.values)
    return f"{over.low:.4g}", f"{over.high:.4g}"


class _Scale:
    """From the least to the largest of some values."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low, self.high = min(values), max(values)

    def part(self, value: float) -> float:
        """Return where *value* lies, 0 to 1; the middle where all are equal."""
        return 0.5 if self.high == self.low else (value - self.low) / (self.high - self.low)

    @property
    def ends(self) -> tuple[float, ...]:
        """Return both ends, once where they are equal."""
        return (self.low, self.high) if self.high > self.low else (self.low,)
