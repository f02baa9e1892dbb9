"""The same recipe over many seeds: what the accuracy is, and how sure that figure is."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from handgrad.allowance import usable_cores
from handgrad.cluster.engine import LOCAL, LostEngineError, Standing
from handgrad.cluster.where import check_engine, open_engine
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.population.probe import TrainingPlan, choose_plan
from handgrad.digits.population.runs import all_together
from handgrad.digits.prepare import Prepared, prepare
from handgrad.digits.run import LARGEST_SEED
from handgrad.digits.study_plan import PLAN, StudyPlan, make_plan, read_plan
from handgrad.digits.study_record import Study, summarise_study
from handgrad.digits.training.device import choose_machine, in_words
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import as_recipe
from handgrad.digits.watcher import Watcher, never
from handgrad.digits.workers import FailedSeed, Task, by_engine, in_turn
from handgrad.errors import InterruptedRunError, UsageError, counted
from handgrad.runs import RunFolder, check_root, create_run
from handgrad.runs.environment import Machine
from handgrad.runs.record import RunSummary

STUDY = "study.json"
# A range typed wrong (0..99999) would train for weeks.
MOST_SEEDS = 1000


def study(
    recipe: str | Path | Recipe,
    *,
    seeds: Sequence[int],
    data: Path | str | Dataset | None = None,
    holdout: int = 0,
    out: Path | str = "runs",
    device: str = "auto",
    precision: str = "auto",
    jobs: int | None = None,
    population: bool | None = None,
    on: str = LOCAL,
    overrides: Sequence[str] = (),
    download: bool = True,
    watcher: Callable[[int], Watcher] | None = None,
    done: Callable[[int, RunSummary | FailedSeed], None] = lambda seed, result: None,
    standing: Callable[[Standing], None] = lambda now: None,
    note: Callable[[str], None] = lambda line: None,
    stop: Callable[[], bool] = never,
    made: Callable[[], nn.Module] | None = None,
) -> Study:
    """Train *recipe* once per seed and return the record, which is also written to ``study.json`` beside the runs.

    *jobs* processes train at a time, each with one thread (default: one a usable core; on CUDA one): that finishes more
    networks of this size an hour than one process with all cores. *population* trains many seeds in one go (see
    `handgrad.digits.population.loop`); None does so on CUDA, unless *jobs* asks for processes. *on* is where the seeds are
    trained: "local", "cluster" (Dask on this machine), or a Dask scheduler's address or file (docs/many-machines.md).

    Every seed uses the same device and precision. A script needs no ``if __name__ == "__main__"``: the processes do not run
    it again. *watcher* makes who looks on at a seed (only where one process trains one seed), *done* is told of each seed
    that ends, *standing* of how many are left and under way, *note* what else the user should know. *made* makes the network
    where Python handed it in; that and a loaded `Dataset` stay in this process. Raises `UsageError` for seeds that are not 1 to
    1000 different numbers and for a population that would not be its seeds alone, and what `train` raises before any training
    begins.
    """
    if population and jobs:
        raise UsageError(f"--population with --jobs {jobs} – a population trains in one process, leave one of them out")
    if population and on != LOCAL:
        raise UsageError(f"--population with --on {on} – a population trains in one process, leave one of them out")
    check_seeds(seeds)
    check_engine(on)
    recipe = as_recipe(recipe, overrides)
    check_root(Path(out))
    if made is not None or isinstance(data, Dataset):
        if on != LOCAL:
            raise UsageError(f"--on {on} – a network or data from Python stays in this process, name files instead")
        # What Python holds cannot be sent to another process.
        jobs = None if population else 1
    prepared = prepare(recipe, data=data, holdout=holdout, download=download, watched=watcher is not None, made=made)
    asked = _Asked(device, precision, jobs, population if on == LOCAL else False)
    # Before the folder is made: what cannot be trained so leaves nothing behind.
    machine, jobs, plan = _decide(prepared, seeds, asked, away=on != LOCAL)
    note(f"{in_words(machine)}; {plan.why}")
    folder = create_run(Path(out), f"study-{recipe.name}")
    kept = make_plan(
        recipe,
        seeds=tuple(seeds),
        data=prepared.place,
        data_sha256=prepared.whole.sha256,
        holdout=holdout,
        machine=machine,
        jobs=jobs,
        download=download,
    )
    # Before the first seed: a study that is killed at any moment can go on.
    folder.write_json(PLAN, kept.as_json())
    tasks = kept.tasks(folder.path)
    if plan.population:
        ended = all_together(tasks, prepared, size=plan.population, note=note, stop=stop)
    elif jobs == 1 and on == LOCAL:
        ended = in_turn(tasks, prepared, watcher, stop)
    else:
        ended = _elsewhere(tasks, _Where(on, jobs, folder.path, standing), note, stop)
    return _record(prepared, kept, plan, folder, told=_Told(ended, done, on))


def resume_study(
    path: Path | str,
    *,
    data: Path | str | None = None,
    on: str = LOCAL,
    watcher: Callable[[int], Watcher] | None = None,
    done: Callable[[int, RunSummary | FailedSeed], None] = lambda seed, result: None,
    standing: Callable[[Standing], None] = lambda now: None,
    note: Callable[[str], None] = lambda line: None,
    stop: Callable[[], bool] = never,
) -> Study:
    """Go on with the study in the folder *path*: seeds that ended stay as they are, the others go on from their checkpoints.

    Machine and threads are those that the study began with. Seeds that were begun as a population go on alone. Raises what
    `study` does, `UsageError` where the data is no longer that of the study.
    """
    folder = RunFolder(Path(path))
    kept = read_plan(folder)
    prepared = prepare(
        kept.parsed(), data=data or kept.data, holdout=kept.holdout, download=kept.download, watched=watcher is not None
    )
    if prepared.whole.sha256 != kept.data_sha256:
        raise UsageError(f"{path} began with other data – found {prepared.whole.name} – name the first with --data")
    # The data may have moved since; their hash has just been compared.
    kept = replace(kept, data=prepared.place)
    plan = TrainingPlan(0, "each seed continues alone", kept.machine.threads)
    note(f"{in_words(kept.machine)}; {plan.why}")
    tasks = kept.tasks(folder.path)
    if kept.jobs == 1 and on == LOCAL:
        ended = in_turn(tasks, prepared, watcher, stop)
    else:
        ended = _elsewhere(tasks, _Where(on, kept.jobs, folder.path, standing), note, stop)
    return _record(prepared, kept, plan, folder, told=_Told(ended, done, on))


Ended = Iterator[tuple[int, RunSummary | FailedSeed]]


@dataclass(frozen=True)
class _Told:
    """Seeds as they end, who is told of each, and on what engine they are trained."""

    ended: Ended
    done: Callable[[int, RunSummary | FailedSeed], None]
    on: str


@dataclass(frozen=True)
class _Where:
    """Where tasks run: an engine by its name, how many at a time on this machine, the folder for their runs, who is told."""

    on: str
    jobs: int
    folder: Path
    standing: Callable[[Standing], None]


def _elsewhere(tasks: Sequence[Task], where: _Where, note: Callable[[str], None], stop: Callable[[], bool]) -> Ended:
    """Train the seeds on the engine that *where* names."""
    with open_engine(where.on, where.jobs, where.folder, note) as engine:
        for ended, (task, result) in enumerate(by_engine(tasks, engine, stop), 1):
            where.standing(engine.standing(len(tasks) - ended))
            yield task.seed, result


def _record(prepared: Prepared, kept: StudyPlan, plan: TrainingPlan, folder: RunFolder, *, told: _Told) -> Study:
    """Take every seed that ends, and return the record of all, written to the study's folder."""
    results: dict[int, RunSummary | FailedSeed] = {}

    def record() -> Study:
        found = summarise_study(
            prepared, kept.seeds, results, machine=kept.machine, jobs=kept.jobs, plan=plan, path=folder.path
        )
        folder.write_json(STUDY, found.as_json())
        return found

    try:
        for seed, result in told.ended:
            # Noted before anybody is told: who is told may raise, and the result must be in the record all the same.
            results[seed] = result
            told.done(seed, result)
    except LostEngineError as error:
        record()
        line = f"handgrad study --resume {shlex.quote(str(folder.path))}"
        raise LostEngineError(
            f"{error} – all finished runs are kept, continue with: {line} --on {shlex.quote(told.on)}"
        ) from error
    except InterruptedRunError as error:
        record()
        raise InterruptedRunError(f"{error} ({len(results)} of {counted(len(kept.seeds), 'seed')} finished)") from error
    return record()


@dataclass(frozen=True)
class _Asked:
    """What the user asked of the machine, None where it is left open."""

    device: str
    precision: str
    jobs: int | None
    population: bool | None


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse seeds that are not 1 to 1000 different numbers."""
    if not 1 <= len(seeds) <= MOST_SEEDS or len(set(seeds)) != len(seeds):
        different = f"found {len(seeds)}, {len(set(seeds))} different"
        raise UsageError(f"a study needs 1 to {MOST_SEEDS} different seeds – {different}")
    if not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        raise UsageError(f"a seed must be a whole number from 0 to {LARGEST_SEED} – found {min(seeds)} to {max(seeds)}")


def _decide(
    prepared: Prepared, seeds: Sequence[int], asked: _Asked, *, away: bool
) -> tuple[Machine, int, TrainingPlan]:
    """Return the machine of every process, how many train at a time, and whether they train populations."""
    recipe = prepared.recipe
    # No more processes than seeds: one without work would still load torch.
    jobs = min(len(seeds), asked.jobs or usable_cores())
    # Elsewhere one thread each too, whatever cores the workers have: the bytes of a run depend on its threads.
    threads = 1 if (jobs > 1 or away) and not asked.population else None
    network = prepared.build()
    machine = choose_machine(
        network,
        recipe.batch_size,
        device=asked.device,
        precision=asked.precision,
        threads=threads,
        data=prepared.whole.kind,
    )
    jobs = jobs if machine.device == "cpu" else 1
    plan = choose_plan(
        prepared,
        machine,
        seeds,
        jobs=jobs,
        jobs_asked=asked.jobs is not None or away,
        wanted=asked.population,
        timed=asked.precision == "probe",
    )
    return replace(machine, threads=plan.threads), 1 if plan.population else jobs, plan
