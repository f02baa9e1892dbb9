"""``handgrad.train``, ``resume`` and ``study``: networks, recipes and data in every form in which Python has them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack, cast

from torch import nn

from handgrad.cluster.engine import LOCAL
from handgrad.digits import run as runs
from handgrad.digits.data.arrays import dataset_from
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.handed import Handed, Network, handed, named
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.provenance import IN_PYTHON
from handgrad.digits.study import study as study_seeds
from handgrad.digits.study_record import Study
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import as_recipe, shipped_recipes
from handgrad.digits.training.recipe_values import RecipeValues, with_values
from handgrad.digits.watcher import Watcher, never
from handgrad.errors import InterruptedRunError, UsageError
from handgrad.runs.record import RunSummary
from handgrad.verbs.result import TrainedRun
from handgrad.verbs.watching import NotebookDisplay, StoppedRun, in_notebook, stop_button

BASE = "quick"
"""The recipe whose settings hold for a network that is handed in, unless another is named."""
Data = str | Path | Dataset | Sequence[Any] | None


class DrawnDigitsWarning(UserWarning):
    """The digits are drawn by the program, because MNIST was not found: figures say nothing about handwriting."""


def train(
    what: str | Path | Recipe | Network = BASE,
    *,
    data: Data = None,
    network: Network | None = None,
    seed: int = 0,
    holdout: int = 0,
    out: Path | str = "runs",
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    overrides: Sequence[str] = (),
    download: bool = True,
    watcher: Watcher | None = None,
    stop: Callable[[], bool] = never,
    weights_of: str | Path | TrainedRun | None = None,
    freeze: Sequence[str] = (),
    rates: Mapping[str, float] | None = None,
    class_names: Sequence[str] | None = None,
    **values: Unpack[RecipeValues],
) -> TrainedRun:
    """Train once and return the finished run: its figures, its network, its answers, its report.

    *what*: the name of a recipe or a TOML file; or a network, as ``file.py:Net``, a class, a function that makes one, or a
    module, which is trained with the recipe `BASE` (a module starts from its own weights and does not change; the trained copy
    is ``result.module``). *network* replaces the network of the named recipe. *data*: the name of a known set (see
    `handgrad.datasets`), a folder or file, a loaded `Dataset`, or what `handgrad.digits.data.arrays.dataset_from` takes
    (arrays, tensors, torch datasets; *class_names* then names the classes); None for MNIST. *values* are those of the recipe
    by name (``epochs=3, optimizer="adam", learning_rate=0.01``), *overrides* the same as ``"key=value"``. *weights_of* is a
    finished run whose weights are used at the start, *freeze* names layers whose weights do not change, *rates* multiplies the
    learning rate of layers
    (``{"conv1": 0.1}``). The other arguments, and the errors, are those of `handgrad.digits.run.train`.

    A run of a class, function or module keeps its source below *out* if it is available; otherwise only ``resume(run,
    network=…)`` continues it. In a notebook each epoch is shown when it is done, and ■ stops the training after the current
    batch: the run is saved, and the function returns a `StoppedRun` for `resume`.
    """
    asked = asked_for(what, network, overrides=overrides, values=values, root=Path(out))
    found = loaded(data, download, class_names)

    def begin(looks_on: Watcher | None, stopped: Callable[[], bool]) -> RunSummary:
        return runs.train(
            asked.recipe,
            data=found,
            seed=seed,
            holdout=holdout,
            out=out,
            device=device,
            precision=precision,
            threads=threads,
            download=download,
            watcher=looks_on,
            stop=lambda: stop() or stopped(),
            made=asked.make,
            weights_of=weights_of.path if isinstance(weights_of, TrainedRun) else weights_of,
            freeze=freeze,
            rates=rates,
        )

    return _watched(begin, watcher, asked.make)


def resume(
    run: Path | str | TrainedRun | StoppedRun,
    *,
    network: Network | None = None,
    data: Data = None,
    class_names: Sequence[str] | None = None,
    download: bool = True,
    watcher: Watcher | None = None,
    stop: Callable[[], bool] = never,
) -> TrainedRun:
    """Continue the run in the folder *run*; see `handgrad.digits.run.resume`.

    *network* is the class, function or module of the run; it is needed if no file holds its source.
    """
    make = None if network is None or isinstance(network, str) else handed(network).make
    found = loaded(data, download, class_names) if data is not None else None
    path = run.path if isinstance(run, TrainedRun | StoppedRun) else run

    def go_on(looks_on: Watcher | None, stopped: Callable[[], bool]) -> RunSummary:
        either = lambda: stop() or stopped()  # noqa: E731
        return runs.resume(path, data=found, download=download, watcher=looks_on, stop=either, made=make)

    return _watched(go_on, watcher, make)


def _watched(
    work: Callable[[Watcher | None, Callable[[], bool]], RunSummary],
    watcher: Watcher | None,
    make: Callable[[], nn.Module] | None,
) -> TrainedRun:
    """Return what *work* leaves; in a notebook it is looked at by a display of one output, and ■ gives back a `StoppedRun`."""
    if watcher is not None or not in_notebook():
        return TrainedRun.of(work(watcher, never), make)
    display = NotebookDisplay()
    with stop_button() as stop:
        try:
            return TrainedRun.of(work(display, stop), make)
        except InterruptedRunError as error:
            # Whoever pressed ■ reads a notebook, and wants no traceback; nothing after it in a cell is about a finished run.
            return cast(TrainedRun, StoppedRun(str(display.folder), str(error)))


def study(
    what: str | Path | Recipe | Network = BASE,
    *,
    seeds: Sequence[int] = range(5),
    data: Data = None,
    network: Network | None = None,
    holdout: int = 0,
    out: Path | str = "runs",
    device: str = "auto",
    precision: str = "auto",
    jobs: int | None = None,
    population: bool | None = None,
    on: str = LOCAL,
    overrides: Sequence[str] = (),
    download: bool = True,
    class_names: Sequence[str] | None = None,
    **values: Unpack[RecipeValues],
) -> Study:
    """Train over many seeds and return the record; *what*, *network*, *data*, *class_names* and *values* are those of `train`.

    A module has one set of weights, so a study takes its class, or a function that makes it. The other arguments, and the
    errors, are those of `handgrad.digits.study.study`.
    """
    asked = asked_for(what, network, overrides=overrides, values=values, root=Path(out))
    if asked.own_weights:
        raise UsageError(
            f"{asked.recipe.network} is one module with one set of weights – a study draws them for each seed: hand in its "
            "class, or a function that makes it"
        )
    found = data if isinstance(data, str | Path) else loaded(data, download, class_names) if data is not None else None
    if found is None:
        warn_of_drawn(load_dataset(None, download=download))
    return study_seeds(
        asked.recipe,
        seeds=list(seeds),
        data=found,
        holdout=holdout,
        out=out,
        device=device,
        precision=precision,
        jobs=jobs,
        population=population,
        on=on,
        download=download,
        made=asked.make,
    )


@dataclass(frozen=True, eq=False)
class Asked:
    """The recipe that is meant, and what makes its network where Python handed it in and no file can."""

    recipe: Recipe
    make: Callable[[], nn.Module] | None
    own_weights: bool = False


def asked_for(
    what: str | Path | Recipe | Network,
    network: Network | None,
    *,
    overrides: Sequence[str],
    values: RecipeValues,
    root: Path,
) -> Asked:
    """Return the recipe that *what* and *network* mean, with *overrides* and *values* in it."""
    # A network in the first place means "this one, by the usual recipe".
    if network is None and not is_recipe(what):
        what, network = BASE, what
    recipe = as_recipe(what if isinstance(what, str | Path | Recipe) else BASE, overrides)
    given: Handed | None = None
    if network is not None:
        if isinstance(network, str):
            place, name = network, network.rpartition(":")[2]
        else:
            given = handed(network)
            place, name = named(given, root) or f"{IN_PYTHON}{given.name}", given.name
        own_name = any(override.partition("=")[0].strip() == "name" for override in overrides)
        recipe = replace(recipe, network=place, name=recipe.name if own_name else recipe_name(name))
    recipe = with_values(recipe, values)
    if given is None:
        return Asked(recipe, None)
    # With a source on disk the recipe names the file, and every process can make it again.
    make = given.make if given.source is None or given.own_weights else None
    return Asked(recipe, make, given.own_weights)


def is_recipe(what: object) -> bool:
    """Return whether *what* names or is a recipe; what a file or the registry of networks alone holds is none."""
    if isinstance(what, Recipe | Path):
        return True
    if not isinstance(what, str):
        return False
    # Four published recipes bear the name of their network: to train it means to train it as published.
    if what in shipped_recipes():
        return True
    return what not in NETWORKS and ":" not in Path(what).name and not what.endswith(".py")


def recipe_name(name: str) -> str:
    """Return what a recipe may be called after a network."""
    return re.sub(r"[^\w .+-]+", "-", name).strip("-. +")[:60] or "network"


def loaded(data: Data, download: bool, class_names: Sequence[str] | None = None) -> Dataset | str | Path:
    """Return *data* as the loop takes it; what was drawn instead of MNIST is warned of."""
    if class_names is not None and (data is None or isinstance(data, str | Path | Dataset)):
        raise UsageError(
            "class_names goes with arrays, tensors or torch datasets – leave it out, or hand those in as data"
        )
    if isinstance(data, str | Path | Dataset):
        return data
    if data is not None:
        return dataset_from(data, class_names)
    found = load_dataset(None, download=download)
    warn_of_drawn(found)
    return found


def warn_of_drawn(found: Dataset) -> None:
    """Warn where the digits are drawn because there was no other data."""
    if found.name == "drawn":
        # Up to the line of the user's own script.
        warnings.warn(f"{found.notice}; figures say nothing about handwriting", DrawnDigitsWarning, stacklevel=4)
