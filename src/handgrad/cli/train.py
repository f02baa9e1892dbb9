"""``handgrad train``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import (
    DataOption,
    DeviceOption,
    HoldoutOption,
    JsonOption,
    OutOption,
    PrecisionOption,
    SetOption,
    ThreadsOption,
)
from handgrad.cli.signals import stop_on_signals
from handgrad.errors import UsageError, counted
from handgrad.score import percent

if TYPE_CHECKING:
    from handgrad.runs.record import RunSummary


@app.command("train", short_help="Train a recipe or your own network; leave a report.")
def train_command(
    context: typer.Context,
    *,
    recipe: Annotated[
        str,
        typer.Argument(metavar="[RECIPE | FILE:NET]", help="A shipped recipe, a TOML file, or your own file.py:Net."),
    ] = "quick",
    data: DataOption = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Everything random follows from it.")] = 0,
    holdout: HoldoutOption = 0,
    out: OutOption = Path("runs"),
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    overrides: SetOption = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Continue this run.", show_default=False)] = None,
    weights_of: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="Begin with the weights of this run.", show_default=False),
    ] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(metavar="LAYER", help="Keep these weights fixed: conv1, 'blocks.0.*'.")
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(metavar="LAYER=FACTOR", help="Multiply the learning rate of a layer: conv1=0.1."),
    ] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="Show all recipes and stop.")] = False,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard events into the run folder.")] = False,
    offline: Annotated[bool, typer.Option(help="Never download; without files, draw digits.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe, show progress, and leave a run folder with a report."""
    if list_recipes:
        return print_recipes(as_json)
    from handgrad.cli.progress import ProgressLines
    from handgrad.digits import run
    from handgrad.report.page import write_report
    from handgrad.report.tensorboard import check_tensorboard, write_events
    from handgrad.runs.find import find_run
    from handgrad.runs.folder import RECIPE
    from handgrad.verbs.training import asked_for

    if tensorboard:
        check_tensorboard()
    if resume is not None:
        check_nothing_else(context)
    with stop_on_signals() as stop:
        if resume is not None:
            # Not $HANDGRAD_DATA: the run knows the folder that it began with.
            summary = run.resume(resume, data=data, download=not offline, watcher=ProgressLines(), stop=stop)
        else:
            if weights_of is not None:
                weights_of = str(find_run(weights_of)[0])
                # That run's recipe unless one was typed: by its value alone the default cannot be told from a typed
                # word.
                source = context.get_parameter_source("recipe")
                recipe = (
                    recipe if source is not None and source.name == "COMMANDLINE" else str(Path(weights_of) / RECIPE)
                )
            summary = run.train(
                asked_for(recipe, None, overrides=overrides or (), values={}, root=out).recipe,
                weights_of=weights_of,
                freeze=freeze or (),
                rates=parse_rates(rate or ()),
                data=data_folder(data),
                seed=seed,
                holdout=holdout,
                out=out,
                device=device,
                precision=precision,
                threads=threads,
                download=not offline,
                watcher=ProgressLines(),
                stop=stop,
            )
    folder = Path(resume) if resume is not None else Path(summary.path)
    page = write_report(folder)
    if tensorboard:
        write_events(folder)
    print_summary(summary, page, as_json)
    return None


def parse_rates(texts: Sequence[str]) -> dict[str, float]:
    """Return the factors of learning rates in texts like ``conv1.*=0.1``, by what they mean; raises `UsageError`."""
    found = {}
    for text in texts:
        pattern, equals, factor = text.rpartition("=")
        try:
            found[pattern.strip()] = float(factor)
        except ValueError:
            equals = ""
        if not equals or not pattern.strip():
            raise UsageError(f'--rate "{text}" – write LAYER=FACTOR, as in conv1.*=0.1')
    return found


def check_nothing_else(context: typer.Context) -> None:
    """Refuse what would be ignored: a run that goes on has its recipe, seed and machine already."""
    kept = {"context", "resume", "data", "tensorboard", "offline", "as_json"}
    names = {"overrides": "--set", "recipe": "a recipe", "weights_of": "--from"}
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in kept and source is not None and source.name == "COMMANDLINE":
            given = names.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(f"--resume continues the run as it began – leave out {given}, or start a new run")


def print_summary(summary: RunSummary, page: Path, as_json: bool) -> None:
    """Print the finished run: its headline with interval, its best epoch with how that was chosen, the page."""
    if as_json:
        print(json.dumps(summary.as_json() | {"report": str(page)}))
        return
    last, best = summary.last_epoch, summary.best_epoch
    low, high = last.interval95
    name = f"dataset: {summary.dataset}"
    print(f"{summary.recipe} ({summary.network}, {summary.parameters:,} parameters, seed {summary.seed}, {name})")
    print(
        f"last epoch ({summary.epochs}): {percent(last.correct, last.total)} "
        f"({last.correct:,} of {last.total:,}; 95 % interval {low:.2f} to {high:.2f} %)"
    )
    if best.chosen_on is None:
        print("the test set was read once, after the last epoch")
    else:
        print(
            f"best epoch ({best.epoch}): {percent(best.correct, best.total)} – selected on the {best.chosen_on.words}"
        )
    print(
        f"{summary.seconds_training:.1f} s of training "
        f"({summary.device}, {summary.precision}, {counted(summary.threads, 'thread')})"
    )
    print(f"report: {page}")


def print_recipes(as_json: bool) -> None:
    """Print every shipped recipe with its network, parameters and epochs."""
    from handgrad.digits.networks.sizes import PARAMETERS
    from handgrad.digits.training.recipe_file import load_recipe, shipped_recipes

    rows: list[dict[str, Any]] = []
    for name in shipped_recipes():
        recipe = load_recipe(name)
        row = {
            "recipe": name,
            "network": recipe.network,
            "parameters": PARAMETERS[recipe.network],
            "epochs": recipe.epochs,
        }
        rows.append(row | {"note": recipe.note})
    if as_json:
        print(json.dumps(rows))
        return
    width = max(len(row["recipe"]) for row in rows)
    print(f"{'recipe':{width}}  {'network':14}  parameters  epochs")
    for row in rows:
        print(f"{row['recipe']:{width}}  {row['network']:14}  {row['parameters']:>10,}  {row['epochs']:>6}")
