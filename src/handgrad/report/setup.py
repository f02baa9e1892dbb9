"""What a run was made with: recipe, layers, epochs in figures, machine, and the line that runs it again."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handgrad.digits.training.recipe import Recipe
from handgrad.html.markup import Markup, joined, table, tag
from handgrad.report.numbers import duration, number, share
from handgrad.runs.environment import Ancestry
from handgrad.runs.folder import RECIPE
from handgrad.runs.kind import DataKind
from handgrad.runs.layers import LayerTable
from handgrad.runs.read import Run
from handgrad.toml_records import flat

CLASSES_NAMED = 30
UNMARKED = {"name", "network", "note"}
"""Every recipe states these: that they differ from a default says nothing."""
OWN = {"dropout": "the network’s own"}
"""What a value that is left out means."""


def recipe_values(recipe: dict[str, Any]) -> list[tuple[str, Any, Any, bool]]:
    """Return (key, value, default, whether they differ) of every value of *recipe*, in the order of the record."""
    # Through JSON, in which a list is one, whether a record or a file holds it.
    defaults = flat(json.loads(json.dumps(asdict(Recipe(network="")))))
    stated = flat(recipe)
    keys = [key for key in defaults if key not in UNMARKED] + [key for key in stated if key not in defaults]
    rows = [(key, stated.get(key, defaults.get(key)), defaults.get(key)) for key in keys]
    return [(key, value, default, value != default) for key, value, default in rows]


def recipe_section(run: Run) -> Markup:
    """Return the recipe in full, what differs from the defaults marked."""
    rows: list[list[object]] = []
    for key, value, default, changed in recipe_values(run.recipe):
        shown, usual = (OWN.get(key, "–") if each is None else number(each) for each in (value, default))
        rows.append([tag("b", key) if changed else key, tag("mark", shown) if changed else shown, usual])
    note = str(run.recipe.get("note", ""))
    return joined(
        tag("p", note) if note else None,
        tag("p", "Marked values differ from the defaults.", class_="quiet"),
        table(["value", "here", "default"], rows, class_="facts"),
    )


LAYER_HEAD = ["layer", "output", "parameters", "multiply-adds", "receptive field"]


def layer_rows(layers: LayerTable) -> list[list[str]]:
    """Return the layer table in words and figures, below `LAYER_HEAD`; the last row holds the totals."""
    rows = []
    for row in layers.rows:
        work, field = row.multiply_adds, row.receptive_field
        shape = "×".join(str(size) for size in row.output)
        size = "×".join(str(side) for side in field) if isinstance(field, tuple) else str(field or "–")
        rows.append([row.layer, shape, f"{row.parameters:,}", "–" if work is None else f"{work:,}", size])
    return [*rows, ["total", "", f"{layers.total_parameters:,}", f"{layers.multiply_adds:,}", ""]]


def layer_section(run: Run) -> Markup | None:
    """Return the layer table, None where the run has none."""
    if run.layers is None:
        return None
    *rows, total = layer_rows(run.layers)
    last = [tag("b", text) if text else "" for text in total]
    notes = [tag("p", note, class_="quiet") for note in run.layers.notes]
    return joined(table([*LAYER_HEAD], [*map(list[object], rows), [*last]], class_="numbers"), *notes)


def epoch_head(run: Run) -> list[str]:
    """Return what stands above `epoch_rows`."""
    on = run.evaluated_on.words
    return ["epoch", f"{on} loss", f"{on} accuracy", "training loss", "training accuracy", "last rate", "seconds"]


def epoch_rows(run: Run) -> list[list[str]]:
    """Return every epoch in figures."""
    return [
        [
            str(epoch.epoch),
            f"{epoch.evaluation.loss:.4f}",
            share(epoch.evaluation),
            f"{epoch.training.loss:.4f}",
            share(epoch.training),
            f"{epoch.learning_rate:.3g}",
            f"{epoch.seconds_training:.1f}",
        ]
        for epoch in run.epochs
    ]


def epoch_table(run: Run) -> Markup:
    """Return every epoch in figures, folded until it is asked for."""
    figures = table([*epoch_head(run)], [*map(list[object], epoch_rows(run))], class_="numbers")
    return tag("details", tag("summary", "Every epoch in figures"), figures)


def environment_section(run: Run) -> Markup:
    """Return machine, versions, data and durations."""
    made = run.environment
    rows: list[list[object]] = [
        ["run", run.name],
        ["began", made.began],
        ["dataset", f"{run.dataset}, SHA-256 {made.dataset_sha256}"],
        ["images and classes", kind_words(run.kind)],
        ["hold-out", f"{run.holdout:,} training images" if run.holdout else "none"],
        ["seed", run.seed],
        ["device", f"{made.machine.device} – {made.device_name}"],
        ["precision", made.machine.precision],
        ["threads", made.machine.threads],
        ["system", made.platform],
        ["versions", ", ".join(f"{name} {version}" for name, version in made.versions.items())],
    ]
    if made.ancestry is not None:
        rows.append(["begun with", ancestry_words(made.ancestry)])
    if run.epochs:
        training = sum(epoch.seconds_training for epoch in run.epochs)
        evaluating = sum(epoch.seconds_evaluating for epoch in run.epochs)
        each = f"{training / len(run.epochs):.1f} s per epoch"
        rows.append(["time", f"{duration(training)} training ({each}), {duration(evaluating)} evaluating"])
    return table(["", ""], rows, class_="facts plain")


def kind_words(kind: DataKind) -> str:
    """Return the shape of the images and the names of the classes, as many as a line takes."""
    if not kind.named:
        return kind.words
    names = ", ".join(kind.classes[:CLASSES_NAMED])
    more = f" and {kind.count - CLASSES_NAMED:,} more" if kind.count > CLASSES_NAMED else ""
    return f"{kind.words}: {names}{more}"


def trained_words(run: Run) -> str:
    """Return after a number of parameters how many of them were trained, nothing where all were."""
    ancestry = run.environment.ancestry
    if ancestry is None or ancestry.trained is None:
        return ""
    return f", of which {ancestry.trained:,} {'is' if ancestry.trained == 1 else 'are'} trained"


def ancestry_words(ancestry: Ancestry) -> str:
    """Return what a run began with and what was frozen, in words."""
    parts = []
    if ancestry.run is not None:
        new = f", new weights for {', '.join(ancestry.new)}" if ancestry.new else ""
        parts.append(f"the weights of {ancestry.run} (SHA-256 {ancestry.weights_sha256}){new}")
    if ancestry.freeze:
        parts.append(f"frozen: {', '.join(ancestry.freeze)}")
    if ancestry.rates:
        parts.append(f"learning rates: {', '.join(f'{name} × {factor:g}' for name, factor in ancestry.rates.items())}")
    return "; ".join(parts)


def place_of(ancestry: Ancestry, folder: Path) -> Path:
    """Return where the run lies that the one in *folder* began with: beside it, where it lay then, or its name alone."""
    beside = folder.parent / str(ancestry.run)
    if beside.is_dir() or ancestry.folder is None:
        return beside
    return Path(ancestry.folder)


def command(run: Run) -> str:
    """Return the line that runs the same recipe again with the same seed on the same kind of machine."""
    words = ["handgrad", "train", str(run.path / RECIPE), "--seed", str(run.seed)]
    if run.holdout:
        words += ["--holdout", str(run.holdout)]
    if run.environment.data:
        words += ["--data", run.environment.data]
    ancestry = run.environment.ancestry
    if ancestry is not None:
        words += ["--from", str(place_of(ancestry, run.path))] if ancestry.run else []
        words += [word for pattern in ancestry.freeze for word in ("--freeze", pattern)]
        words += [word for name, factor in ancestry.rates.items() for word in ("--rate", f"{name}={factor:g}")]
    for option, value in asdict(run.environment.machine).items():
        words += [f"--{option}", str(value)]
    # It is made to be copied into a shell: a path with a space in it must stay one word.
    return shlex.join(words)
