"""``handgrad sweep``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.many_machines import print_workers
from handgrad.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    OnOption,
    PrecisionOption,
    PrintOption,
    SetOption,
    parse_seeds,
)
from handgrad.cli.signals import stop_on_signals
from handgrad.cli.study import Told
from handgrad.errors import HandgradError, UsageError, counted

if TYPE_CHECKING:
    from handgrad.runs.sweep import Sweep, Trial


@app.command("sweep", short_help="Try many settings, choose one on hold-out images, train it.")
def sweep_command(
    recipe: Annotated[str | None, typer.Argument(help="A shipped recipe or a TOML file.", show_default=False)] = None,
    *,
    over: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUES", help="a,b,c or 0.1..0.3 or log:0.003..0.1 or int:8..64; may be repeated."),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Number of settings to try.", show_default="20")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of every trial.")] = "0",
    final_seeds: Annotated[int, typer.Option(min=0, max=1000, help="New seeds for the chosen setting.")] = 5,
    sampler: Annotated[str, typer.Option(help="tpe, random, grid or cmaes.")] = "tpe",
    sampler_seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="The settings that are tried depend on it.")
    ] = 0,
    prune: Annotated[
        bool, typer.Option("--prune", help="Stop trials that are below the median of the others.")
    ] = False,
    holdout: Annotated[int, typer.Option(min=1, help="Training images kept apart to choose on.")] = 5000,
    data: DataOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Trainings at a time; default: one per core.")
    ] = None,
    on: OnOption = "local",
    overrides: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="The sweep's own folder.", show_default=False)] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="SWEEP", help="Continue the sweep in this folder.", show_default=False)
    ] = None,
    print_kind: PrintOption = None,
    offline: Annotated[bool, typer.Option(help="Never download; without files, draw digits.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try many settings of a recipe, choose one on a hold-out, and train it with new seeds."""
    if print_kind is not None:
        print_workers(print_kind, "handgrad sweep quick --over batch_size=64,128,256 --out sweep")
        return
    from handgrad.cli.progress import ProgressLines
    from handgrad.digits.sweep.sweep import Look, resume_sweep, sweep
    from handgrad.report.sweep_page import write_sweep_page

    with stop_on_signals() as stop:
        look = Look(trial=print_trial, final=Told(), note=ProgressLines().note, stop=stop)
        if resume is not None:
            if recipe is not None or over or out is not None:
                raise UsageError("--resume continues the sweep as it began – leave out recipe, --over and --out")
            found = resume_sweep(resume, trials=trials, on=on, look=look)
        elif recipe is None or out is None:
            missing = "a recipe" if recipe is None else "--out"
            raise UsageError(
                f"a sweep needs a recipe, --over and --out, or --resume – found no {missing.removeprefix('a ')}"
            )
        else:
            found = sweep(
                recipe,
                over=over or (),
                trials=trials or 20,
                out=out,
                seeds=parse_seeds(seeds),
                final_seeds=final_seeds,
                sampler=sampler,
                sampler_seed=sampler_seed,
                prune=prune,
                holdout=holdout,
                data=data_folder(data),
                device=device,
                precision=precision,
                jobs=jobs,
                on=on,
                overrides=overrides or (),
                download=not offline,
                look=look,
            )
    page = write_sweep_page(Path(found.path))
    print(json.dumps(found.as_json() | {"report": str(page)})) if as_json else print_sweep(found, page)
    if found.best is None:
        first = next(trial for trial in found.trials)
        reason = first.reason or next((seed.reason for seed in first.failed), "pruned")
        raise HandgradError(f"no trial finished – trial {first.number}: {reason}")


def settings_in_words(trial: Trial) -> str:
    """Return the settings of *trial* as one would type them."""
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in trial.settings.items()
    )


def print_trial(trial: Trial) -> None:
    """Print one line for a trial that ended."""
    if trial.mean is None:
        reason = trial.reason or next((seed.reason for seed in trial.failed), "")
        result = f"{trial.state} – {reason}"
    else:
        result = f"{trial.mean:.3f} % on the hold-out" + ("" if trial.state == "complete" else f", {trial.state}")
    print(f"trial {trial.number}: {settings_in_words(trial)}: {result}", file=sys.stderr, flush=True)


def print_sweep(found: Sweep, page: Path) -> None:
    """Print what a sweep found as a person reads it."""
    states = [trial.state for trial in found.trials]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in ("complete", "pruned", "failed") if state in states
    )
    print(f"{counted(len(states), 'trial')} ({counts}), chosen on {found.holdout:,} training images kept apart")
    best = found.chosen
    if best is not None:
        print(f"best: trial {best.number}, {settings_in_words(best)}: {best.mean:.3f} % on the hold-out")
    if found.flattery is not None:
        print(f"choosing the best of {states.count('complete')} flatters by up to about {found.flattery:.2f} points")
    final = found.final
    if final is not None and final["mean"] is not None:
        low, high = final["interval95"] or (final["mean"], final["mean"])
        print(
            f"trained on everything with {final['n']} new seeds, test set read once each: mean {final['mean']:.3f} % "
            f"(95 % interval {low:.3f} to {high:.3f} %)"
        )
    for key, share in sorted(found.importances.items(), key=lambda item: -item[1]):
        print(f"importance of {key}: {100 * share:.0f} %")
    print(f"report: {page}")
