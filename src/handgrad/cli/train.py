"""``handgrad train``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.errors import UsageError
from handgrad.score import percent

if TYPE_CHECKING:
    from handgrad.digits.records import RunSummary

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder with the four IDX files.", show_default=False)]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
PrecisionOption = Annotated[str, typer.Option(help="auto, fp32 or bf16.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, max=256, help="CPU threads; left out, a probe chooses.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe.")
]
HoldoutOption = Annotated[int, typer.Option(min=0, help="Training images kept apart; epochs are then judged on them.")]
OutOption = Annotated[Path, typer.Option(help="Where run folders go.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the record as JSON.")]


@app.command("train")
def train_command(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a TOML file.")] = "quick",
    data: DataOption = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Everything random follows from it.")] = 0,
    holdout: HoldoutOption = 0,
    out: OutOption = Path("runs"),
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    overrides: SetOption = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with this run.", show_default=False)] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="Show all recipes and stop.")] = False,
    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard events into the run folder as well.")] = False,
    offline: Annotated[bool, typer.Option(help="Never download; without files, digits are drawn.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe, show progress, and leave a run folder with a report."""
    if list_recipes:
        return print_recipes(as_json)
    from handgrad.cli.progress import ProgressLines
    from handgrad.digits import run
    from handgrad.report.page import write_report
    from handgrad.report.tensorboard import check_tensorboard, write_events

    if tensorboard:
        check_tensorboard()
    if resume is not None:
        check_nothing_else(context)
    with stop_on_signals() as stop:
        if resume is not None:
            # Not $HANDGRAD_DATA: the run knows the folder that it began with.
            summary = run.resume(resume, data=data, download=not offline, watcher=ProgressLines(), stop=stop)
        else:
            summary = run.train(
                recipe,
                data=data_folder(data),
                seed=seed,
                holdout=holdout,
                out=out,
                device=device,
                precision=precision,
                threads=threads,
                overrides=overrides or (),
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


def check_nothing_else(context: typer.Context) -> None:
    """Refuse what would be ignored: a run that goes on has its recipe, seed and machine already."""
    kept = {"context", "resume", "data", "tensorboard", "offline", "as_json"}
    names = {"overrides": "--set", "recipe": "a recipe"}
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in kept and source is not None and source.name == "COMMANDLINE":
            given = names.get(name, f"--{name}")
            raise UsageError(f"--resume goes on with the run as it began – leave out {given}, or start a new run")


def print_summary(summary: RunSummary, page: Path, as_json: bool) -> None:
    """Print the finished run: its headline with interval, its best epoch with how that was chosen, the page."""
    from handgrad.digits.records import NOT_SELECTED

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
    if best.selected_on == NOT_SELECTED:
        print("the test set was read once, after the last epoch")
    else:
        print(f"best epoch ({best.epoch}): {percent(best.correct, best.total)} – selected on the {best.selected_on}")
    print(
        f"{summary.seconds_training:.1f} s of training ({summary.device}, {summary.precision}, {summary.threads} threads)"
    )
    print(f"report: {page}")


def print_recipes(as_json: bool) -> None:
    """Print every shipped recipe with its network, parameters and epochs."""
    from handgrad.digits.load import load_network
    from handgrad.digits.networks import count_parameters
    from handgrad.digits.recipe_file import load_recipe, shipped_recipes

    rows: list[dict[str, Any]] = []
    for name in shipped_recipes():
        recipe = load_recipe(name)
        parameters = count_parameters(load_network(recipe.network))
        row = {"recipe": name, "network": recipe.network, "parameters": parameters, "epochs": recipe.epochs}
        rows.append(row | {"note": recipe.note})
    if as_json:
        print(json.dumps(rows))
        return
    width = max(len(row["recipe"]) for row in rows)
    print(f"{'recipe':{width}}  {'network':14}  parameters  epochs")
    for row in rows:
        print(f"{row['recipe']:{width}}  {row['network']:14}  {row['parameters']:>10,}  {row['epochs']:>6}")


class Stop:
    """Turns the first Ctrl-C or SIGTERM into a stop between two steps; the second ends the process at once.

    Ending at once is safe: files appear whole by a rename or not at all. Until the training first asks whether to stop there
    is nothing to save (data are read, or downloaded), and the first signal ends the command.
    """

    def __init__(self) -> None:
        self.asked = self.listening = False

    def __call__(self) -> bool:
        """Whether a stop was asked for; from the first call on, the training is listening."""
        self.listening = True
        return self.asked

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.asked:
            os._exit(130)
        self.asked = True
        if not self.listening:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM ask for a `Stop` for as long as the context lasts."""
    stop = Stop()
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def parse_seeds(text: str) -> list[int]:
    """Return the seeds in ``0..4``, ``1,5,9`` or a mix; raise `UsageError` unless they are 1 to 1000 different ones."""
    try:
        seeds = [seed for part in text.split(",") for seed in seed_range(part.strip())]
    except (ValueError, OverflowError):
        seeds = []
    if not 1 <= len(seeds) <= 1000 or len(set(seeds)) != len(seeds):
        raise UsageError(f'--seeds needs 1 to 1000 different whole numbers – found "{text}"')
    return seeds


def seed_range(part: str) -> list[int]:
    """Return the seeds of one part, ``3`` or ``0..4``; raise ValueError for anything else."""
    first, dots, last = part.partition("..")
    if not all(
        bound.isascii() and bound.isdecimal() and int(bound) < 2**31 for bound in ((first, last) if dots else (first,))
    ):
        raise ValueError(part)
    start, end = int(first), int(last) if dots else int(first)
    if end - start > 1000:
        raise ValueError(part)
    return list(range(start, end + 1))
