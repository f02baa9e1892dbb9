"""What several seeds of one recipe gave, as a study keeps it and as it shows itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handgrad.digits.networks.published import count_parameters
from handgrad.digits.population.probe import TrainingPlan
from handgrad.digits.prepare import Prepared
from handgrad.digits.workers import FailedSeed
from handgrad.errors import InterruptedRunError, counted
from handgrad.runs.environment import Machine
from handgrad.runs.record import EvaluatedOn, RunSummary, chosen_on
from handgrad.score import spread_of_accuracies
from handgrad.shown.record import Shown
from handgrad.shown.view import View


@dataclass(frozen=True, repr=False)
class Study(Shown):
    """What several seeds of one recipe gave. Accuracies are those of the last epoch on the test set, in percent, by seed.

    ``mean`` and ``lowest`` are None when no seed finished, ``sd`` (n - 1) and ``interval95`` (t interval of the mean over
    seeds) with fewer than two. ``selected`` holds each run's best epoch, labelled in the runs with what chose it.
    """

    recipe: str
    network: str
    parameters: int
    dataset: str
    epochs: int
    n: int
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    mean: float | None
    sd: float | None
    lowest: float | None
    interval95: tuple[float, float] | None
    failed: tuple[FailedSeed, ...]
    selected: tuple[float, ...]
    selected_on: str
    seconds_training: tuple[float, ...]
    device: str
    precision: str
    threads: int
    jobs: int
    plan: TrainingPlan
    """Whether the seeds were trained as populations, and why."""
    path: str
    runs: tuple[str, ...]

    @property
    def chosen_on(self) -> EvaluatedOn | None:
        """Return what the epochs of ``selected`` were chosen on; None where the test set was read once per seed."""
        return chosen_on(self.selected_on)

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        table = asdict(self)
        # "way" is the plan's name in files that exist.
        return {"way" if key == "plan" else key: value for key, value in table.items()}

    def view(self) -> View:
        """Return mean, spread and interval, and every seed."""
        mean = "no seed finished" if self.mean is None else f"mean {self.mean:.3f} %"
        spread = (
            ""
            if self.sd is None or self.interval95 is None
            else (
                f", sd {self.sd:.3f}, lowest {self.lowest:.2f} %, 95 % interval of the mean {self.interval95[0]:.3f} to "
                f"{self.interval95[1]:.3f} %"
            )
        )
        failed = tuple(f"seed {each.seed} failed: {each.reason}" for each in self.failed)
        finished = [seed for seed in self.seeds if seed not in {each.seed for each in self.failed}]
        rows = tuple(
            (str(seed), f"{accuracy:.2f} %", f"{seconds:.1f}")
            for seed, accuracy, seconds in zip(finished, self.accuracies, self.seconds_training, strict=False)
        )
        return View(
            title=f"{self.recipe} ({self.network}, {self.parameters:,} parameters, dataset: {self.dataset}): "
            f"{counted(self.n, 'seed')}",
            lines=(f"last epoch ({self.epochs}): {mean}{spread}", *failed),
            head=("seed", "last epoch", "seconds"),
            rows=rows,
            columns={
                "seed": finished,
                "accuracy": list(self.accuracies),
                "seconds_training": list(self.seconds_training),
            },
        )


def summarise_study(
    prepared: Prepared,
    seeds: Sequence[int],
    results: Mapping[int, RunSummary | FailedSeed],
    *,
    machine: Machine,
    jobs: int,
    plan: TrainingPlan,
    path: Path,
) -> Study:
    """Return the record of a study from what became of each seed; a seed without a result was interrupted."""
    interrupted = InterruptedRunError.status
    # All seeds that were asked for: one left out without a message would flatter the mean.
    every = [results.get(seed, FailedSeed(seed, "interrupted", interrupted)) for seed in seeds]
    runs = [result for result in every if isinstance(result, RunSummary)]
    accuracies = [run.last_epoch.accuracy for run in runs]
    found = spread_of_accuracies(accuracies) if runs else None
    return Study(
        recipe=prepared.recipe.name,
        network=prepared.recipe.network,
        parameters=count_parameters(prepared.network),
        dataset=prepared.whole.name,
        epochs=prepared.recipe.epochs,
        n=len(runs),
        seeds=tuple(run.seed for run in runs),
        accuracies=tuple(accuracies),
        mean=found.mean if found else None,
        sd=found.sd if found else None,
        lowest=found.lowest if found else None,
        interval95=found.interval95 if found else None,
        failed=tuple(result for result in every if isinstance(result, FailedSeed)),
        selected=tuple(run.best_epoch.accuracy for run in runs),
        selected_on=runs[0].best_epoch.selected_on if runs else "test set",
        seconds_training=tuple(run.seconds_training for run in runs),
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        jobs=jobs,
        plan=plan,
        path=str(path),
        runs=tuple(Path(run.path).name for run in runs),
    )
