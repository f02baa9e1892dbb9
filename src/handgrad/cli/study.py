"""``handgrad study``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.many_machines import print_workers
from handgrad.cli.options import (
    DataOption,
    DeviceOption,
    HoldoutOption,
    JsonOption,
    OnOption,
    OutOption,
    PrecisionOption,
    PrintOption,
    SetOption,
    parse_seeds,
)
from handgrad.cli.signals import stop_on_signals
from handgrad.errors import HandgradError, UsageError, counted
from handgrad.score import percent

if TYPE_CHECKING:
    from handgrad.cluster.engine import Standing
    from handgrad.digits.study_record import Study
    from handgrad.digits.workers import FailedSeed
    from handgrad.runs.record import RunSummary


@app.command("study", short_help="Train a recipe over many seeds: mean, spread, interval.")
def study_command(
    recipe: Annotated[str | None, typer.Argument(help="A shipped recipe or a TOML file.", show_default=False)] = None,
    *,
    seeds: Annotated[str, typer.Option(help="Different whole numbers: 0..4, or 1,5,9.")] = "0..4",
    data: DataOption = None,
    holdout: HoldoutOption = 0,
    out: OutOption = Path("runs"),
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Seeds trained at a time; default: one per core.")
    ] = None,
    population: Annotated[
        bool | None,
        typer.Option(help="Train many seeds together, or never; default: on a GPU."),
    ] = None,
    on: OnOption = "local",
    resume: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Continue the study in this folder.", show_default=False)
    ] = None,
    print_kind: PrintOption = None,
    overrides: SetOption = None,
    offline: Annotated[bool, typer.Option(help="Never download; without files, draw digits.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe over many seeds: mean, spread, interval."""
    if print_kind is not None:
        return print_workers(print_kind)
    if (recipe is None) == (resume is None):
        raise UsageError(
            "a study needs a recipe, or --resume with the folder of one – found " + ("both" if recipe else "none")
        )
    chosen = parse_seeds(seeds)
    from handgrad.cli.progress import ProgressLines
    from handgrad.digits.study import resume_study, study

    told = Told()
    if resume is None:
        told.total = len(chosen)
    with stop_on_signals() as stop:
        look: dict[str, Any] = {
            "on": on,
            "watcher": lambda seed: ProgressLines(),
            "done": told,
            "standing": told.stand,
            "note": ProgressLines().note,
            "stop": stop,
        }
        if resume is not None:
            found = resume_study(resume, data=data, **look)
        else:
            assert recipe is not None
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
                **look,
            )
    print(json.dumps(found.as_json())) if as_json else print_study(found)
    if found.n == 0:
        first = found.failed[0]
        kinds: dict[int, type[HandgradError]] = {kind.status: kind for kind in HandgradError.__subclasses__()}
        raise kinds.get(first.status, HandgradError)(
            f"no seed of {found.recipe} finished – seed {first.seed}: {first.reason}"
        )
    return None


class Told:
    """Prints one line for a seed that ended: how many are done, and about how long the rest takes."""

    def __init__(self, total: int = 0) -> None:
        self.total, self.ended, self.failed = total, 0, 0
        self.began = time.monotonic()
        self.now: Standing | None = None

    def stand(self, now: Standing) -> None:
        """Take note of how many runs are under way, and on how many workers."""
        self.now = now

    def __call__(self, seed: int, result: RunSummary | FailedSeed) -> None:
        """Take note of a seed."""
        from handgrad.digits.workers import FailedSeed

        self.ended += 1
        if isinstance(result, FailedSeed):
            self.failed += 1
            line = f"seed {seed}: failed – {result.reason}"
        else:
            last = result.last_epoch
            line = f"seed {seed}: {percent(last.correct, last.total)} in {result.seconds_training:.1f} s of training"
        print(line + self._progress(), file=sys.stderr, flush=True)

    def _progress(self) -> str:
        """Return how far the study is; nothing where that is not known."""
        total = self.ended + self.now.left if self.now else self.total
        if not total:
            return ""
        # By seeds that ended, not by epochs: workers train several at a time, and only their sum keeps this pace.
        left = (time.monotonic() - self.began) / self.ended * (total - self.ended)
        failed = f", {self.failed} failed" if self.failed else ""
        running = f", {self.now.running} running on {counted(self.now.workers, 'worker')}" if self.now else ""
        return f" ({self.ended} of {total} done{failed}{running}, about {left:.0f} s left)"


def print_study(found: Study) -> None:
    """Print the record of a study as a person reads it."""
    print(f"{found.recipe} ({found.network}, {found.parameters:,} parameters, dataset: {found.dataset})")
    print(
        f"last epoch ({found.epochs}), {counted(found.n, 'seed')}: {', '.join(f'{value:.2f}' for value in found.accuracies)} %"
    )
    if found.mean is not None:
        spread = "" if found.sd is None else f", standard deviation {found.sd:.3f}"
        print(f"mean {found.mean:.3f} %{spread}, lowest {found.lowest:.2f} %")
    if found.interval95 is not None:
        low, high = found.interval95
        print(f"95 % interval of the mean over seeds: {low:.3f} to {high:.3f} %")
    if found.chosen_on is None:
        print("the test set was read once per seed, after the last epoch")
    elif found.selected:
        best = sum(found.selected) / len(found.selected)
        print(f"mean of each run's best epoch: {best:.3f} % – selected on the {found.chosen_on.words}")
    for failed in found.failed:
        print(f"failed, seed {failed.seed}: {failed.reason}")
    print(f"runs: {found.path}")
