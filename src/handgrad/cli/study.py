"""``handgrad study``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    parse_seeds,
)
from handgrad.cli.signals import stop_on_signals
from handgrad.errors import HandgradError
from handgrad.score import percent

if TYPE_CHECKING:
    from handgrad.digits.study import Study
    from handgrad.digits.workers import FailedSeed
    from handgrad.runs.record import RunSummary


@app.command("study")
def study_command(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a TOML file.")],
    *,
    seeds: Annotated[str, typer.Option(help="Different whole numbers: 0..4, or 1,5,9.")] = "0..4",
    data: DataOption = None,
    holdout: HoldoutOption = 0,
    out: OutOption = Path("runs"),
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Seeds trained at a time; left out, one a core.")
    ] = None,
    population: Annotated[
        bool | None,
        typer.Option(help="Train many seeds in one go, or never; left out, on a GPU."),
    ] = None,
    overrides: SetOption = None,
    offline: Annotated[bool, typer.Option(help="Never download; without files, digits are drawn.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe over many seeds: mean, spread, interval, lowest."""
    chosen = parse_seeds(seeds)
    from handgrad.cli.progress import ProgressLines
    from handgrad.digits.study import study

    with stop_on_signals() as stop:
        found = study(
            recipe,
            seeds=chosen,
            data=data_folder(data),
            holdout=holdout,
            out=out,
            device=device,
            precision=precision,
            jobs=jobs,
            population=population,
            overrides=overrides or (),
            download=not offline,
            watcher=lambda seed: ProgressLines(),
            done=print_seed,
            note=ProgressLines().note,
            stop=stop,
        )
    print(json.dumps(found.as_json())) if as_json else print_study(found)
    if found.n == 0:
        first = found.failed[0]
        kinds: dict[int, type[HandgradError]] = {kind.status: kind for kind in HandgradError.__subclasses__()}
        raise kinds.get(first.status, HandgradError)(
            f"no seed of {found.recipe} finished – seed {first.seed}: {first.reason}"
        )


def print_seed(seed: int, result: RunSummary | FailedSeed) -> None:
    """Print one line for a seed that ended."""
    from handgrad.digits.workers import FailedSeed

    if isinstance(result, FailedSeed):
        line = f"seed {seed}: failed – {result.reason}"
    else:
        last = result.last_epoch
        line = f"seed {seed}: {percent(last.correct, last.total)} in {result.seconds_training:.1f} s of training"
    print(line, file=sys.stderr, flush=True)


def print_study(found: Study) -> None:
    """Print the record of a study as a person reads it."""
    print(f"{found.recipe} ({found.network}, {found.parameters:,} parameters, dataset: {found.dataset})")
    print(f"last epoch ({found.epochs}), {found.n} seeds: {', '.join(f'{value:.2f}' for value in found.accuracies)} %")
    if found.mean is not None:
        spread = "" if found.sd is None else f", standard deviation {found.sd:.3f}"
        print(f"mean {found.mean:.3f} %{spread}, lowest {found.lowest:.2f} %")
    if found.interval95 is not None:
        low, high = found.interval95
        print(f"95 % interval of the mean over seeds: {low:.3f} to {high:.3f} %")
    if found.chosen_on is None:
        print("the test set was read once a seed, after the last epoch")
    elif found.selected:
        best = sum(found.selected) / len(found.selected)
        print(f"mean of each run's best epoch: {best:.3f} % – selected on the {found.chosen_on.words}")
    for failed in found.failed:
        print(f"failed, seed {failed.seed}: {failed.reason}")
    print(f"runs: {found.path}")
