"""The same recipe over many seeds: what the accuracy is, and how sure that figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.population.probe import Way, choose_way
from handgrad.digits.population.runs import all_together
from handgrad.digits.prepare import evaluated_each_epoch, looked_up
from handgrad.digits.training.checks import check_batches, check_trains
from handgrad.digits.training.device import Machine, choose_machine, usable_cores
from handgrad.digits.training.loop import Images
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.digits.watcher import Watcher, never
from handgrad.digits.workers import FailedSeed, Task, at_once, in_turn
from handgrad.errors import InterruptedRunError, UsageError
from handgrad.runs import check_root, create_run
from handgrad.runs.record import RunSummary
from handgrad.score import spread

STUDY = "study.json"


@dataclass(frozen=True)
class Study:
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
    way: Way
    """Whether the seeds were trained as populations, and why."""
    path: str
    runs: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


def study(
    recipe: str | Path | Recipe,
    *,
    seeds: Sequence[int],
    data: Path | str | None = None,
    holdout: int = 0,
    out: Path | str = "runs",
    device: str = "auto",
    precision: str = "auto",
    jobs: int | None = None,
    population: bool | None = None,
    overrides: Sequence[str] = (),
    download: bool = True,
    watcher: Callable[[int], Watcher] | None = None,
    done: Callable[[int, RunSummary | FailedSeed], None] = lambda seed, result: None,
    note: Callable[[str], None] = lambda line: None,
    stop: Callable[[], bool] = never,
) -> Study:
    """Train *recipe* once a seed and return the record, which is also written to ``study.json`` beside the runs.

    *jobs* processes train at a time, each with one thread (default: one a usable core; on CUDA one): that finishes more
    networks of this size an hour than one process with all cores. *population* trains many seeds in one go (see
    `handgrad.digits.population.loop`); None lets a probe choose the faster way, unless *jobs* asks for processes. Every seed
    uses the same device and precision. *watcher* makes who looks on at a seed (only where one process trains one seed),
    *done* is told of each seed that ends, *note* what else the user should know. Raises `UsageError` for seeds that are not
    1 to 1000 different numbers and for a population that would not be its seeds alone, and what `train` raises before any
    training begins.
    """
    if population and jobs:
        raise UsageError(f"--population with --jobs {jobs} – a population trains in one process, leave one of them out")
    check_seeds(seeds)
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe), overrides)
    check_root(Path(out))
    fresh = partial(load_network, recipe.network)
    network = fresh()
    check_classes(network, name=recipe.network)
    dataset = looked_up(data, download, watched=watcher is not None)
    seen = evaluated_each_epoch(dataset, recipe, holdout)
    check_batches(len(seen.train_labels), recipe)
    check_trains(network, len(seen.train_labels), recipe)
    asked = Asked(device, precision, jobs, population)
    machine, jobs, way = decided(recipe, fresh, Images(seen.train_images, seen.train_labels), seeds, asked)
    note(way.why)
    folder = create_run(Path(out), f"study-{recipe.name}")
    place = str(data) if data else None
    tasks = [Task(recipe, place, seed, holdout, str(folder.path), machine, download) for seed in seeds]
    results: dict[int, RunSummary | FailedSeed] = {}
    if way.population:
        finished = all_together(tasks, way.population, dataset, note, stop)
    else:
        finished = in_turn(tasks, dataset, watcher, stop) if jobs == 1 else at_once(tasks, jobs, stop)

    def record() -> Study:
        every = [
            (seed, results.get(seed, FailedSeed(seed, "interrupted", InterruptedRunError.status))) for seed in seeds
        ]
        found = summed_up(recipe, count_parameters(network), dataset.name, every, machine, jobs, way, folder.path)
        folder.write_json(STUDY, found.as_json())
        return found

    try:
        for seed, result in finished:
            results[seed] = result
            done(seed, result)
    except InterruptedRunError as error:
        record()
        raise InterruptedRunError(f"{error} ({len(results)} of {len(seeds)} seeds finished)") from error
    return record()


@dataclass(frozen=True)
class Asked:
    """What the user asked of the machine, None where it is left open."""

    device: str
    precision: str
    jobs: int | None
    population: bool | None


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse seeds that are not 1 to 1000 different numbers."""
    if not 1 <= len(seeds) <= 1000 or len(set(seeds)) != len(seeds):
        raise UsageError(f"a study needs 1 to 1000 different seeds – found {len(seeds)}, {len(set(seeds))} different")
    if not all(0 <= seed < 2**31 for seed in seeds):
        raise UsageError(f"a seed must be a whole number from 0 to {2**31 - 1} – found {min(seeds)} to {max(seeds)}")


def decided(
    recipe: Recipe, build: Callable[[], nn.Module], training: Images, seeds: Sequence[int], asked: Asked
) -> tuple[Machine, int, Way]:
    """Return the machine of every process, how many train at a time, and whether they train populations."""
    jobs = min(len(seeds), asked.jobs or usable_cores())
    threads = 1 if jobs > 1 and not asked.population else None
    machine = choose_machine(
        build(), recipe.batch_size, device=asked.device, precision=asked.precision, threads=threads
    )
    jobs = jobs if machine.device == "cpu" else 1
    way = choose_way(
        recipe, build, training, machine, seeds, jobs=jobs, jobs_given=asked.jobs is not None, wanted=asked.population
    )
    return replace(machine, threads=way.threads), 1 if way.population else jobs, way


def summed_up(
    recipe: Recipe,
    parameters: int,
    dataset: str,
    results: Sequence[tuple[int, RunSummary | FailedSeed]],
    machine: Machine,
    jobs: int,
    way: Way,
    folder: Path,
) -> Study:
    """Return the record of a study from what became of each seed."""
    runs = [result for _, result in results if isinstance(result, RunSummary)]
    accuracies = [run.last_epoch.accuracy for run in runs]
    found = spread(accuracies) if runs else None
    return Study(
        recipe=recipe.name,
        network=recipe.network,
        parameters=parameters,
        dataset=dataset,
        epochs=recipe.epochs,
        n=len(runs),
        seeds=tuple(run.seed for run in runs),
        accuracies=tuple(accuracies),
        mean=found.mean if found else None,
        sd=found.sd if found else None,
        lowest=found.lowest if found else None,
        interval95=found.interval95 if found else None,
        failed=tuple(result for _, result in results if isinstance(result, FailedSeed)),
        selected=tuple(run.best_epoch.accuracy for run in runs),
        selected_on=runs[0].best_epoch.selected_on if runs else "test set",
        seconds_training=tuple(run.seconds_training for run in runs),
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        jobs=jobs,
        way=way,
        path=str(folder),
        runs=tuple(run.run for run in runs),
    )
