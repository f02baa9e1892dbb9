"""What a run was made with, kept in ``environment.json``, and whether it is still so when the run goes on."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy
import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.prepare import Prepared
from handgrad.digits.training.device import choose_device
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import differences, parse_recipe
from handgrad.errors import DamagedRunError, UsageError
from handgrad.runs import Checkpoint, RunFolder
from handgrad.runs.environment import FORMAT, Environment, Machine
from handgrad.runs.folder import ENVIRONMENT, RECIPE
from handgrad.runs.kind import DIGITS
from handgrad.runs.read import read_environment
from handgrad.version import __version__

NETWORK_SOURCE = "network.py"
IN_PYTHON = "python:"
"""What stands before the name of a network whose source no file holds: such a run needs its module again."""


def environment_of(
    folder: RunFolder, prepared: Prepared, seed: int, machine: Machine, *, population: int | None = None
) -> Environment:
    """Return what the run that begins in *folder* is made with; *population* seeds are trained in one go, None: this alone."""
    whole, seen = prepared.whole, prepared.seen
    return Environment(
        format=FORMAT,
        run=folder.path.name,
        seed=seed,
        dataset=whole.name,
        dataset_sha256=whole.sha256,
        data=prepared.place,
        holdout=len(whole.train_labels) - len(seen.train_labels),
        machine=machine,
        device_name=_device_name(machine.device),
        platform=platform.platform(),
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={
            "handgrad": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        population=population,
        ancestry=None if prepared.start is None else prepared.start.record,
        kind=None if whole.kind == DIGITS else whole.kind,
    )


def made_with(folder: RunFolder) -> Environment:
    """Return what the run in *folder* was made with; raises `DamagedRunError` when it is lost, or no machine can be meant."""
    found = folder.read_json(ENVIRONMENT)
    place, form = folder.path / ENVIRONMENT, found.get("format") if isinstance(found, dict) else None
    # Before the record is read: another format may have other keys, and "lacks seed" would mislead.
    if form != FORMAT:
        raise DamagedRunError(f"{place} has format {form}, this version of handgrad reads {FORMAT} – start a new run")
    environment = read_environment(folder)
    machine = environment.machine
    # "auto" and "probe" are questions; a run that goes on needs what was answered.
    if machine.device not in ("cpu", "cuda") or machine.precision not in ("fp32", "bf16") or machine.threads < 1:
        raise DamagedRunError(f"{place}: {machine} is not a machine – restore the file or start a new run")
    if "torch" not in environment.versions:
        raise DamagedRunError(f"{place}: versions.torch is missing – restore the file or start a new run")
    return environment


def recipe_of(folder: RunFolder, checkpoint: Checkpoint | None) -> Recipe:
    """Return the recipe of the run, which must be the one that *checkpoint* was made with.

    Raises `DamagedRunError` when ``recipe.toml`` is not a recipe, `UsageError` when it was edited.
    """
    try:
        recipe = parse_recipe(folder.read(RECIPE), str(folder.path / RECIPE))
    except UsageError as error:
        raise DamagedRunError(f"{error} – restore the file or start a new run") from error
    if checkpoint is not None:
        check_unchanged(stored_recipe(checkpoint), recipe, checkpoint.epoch)
    return recipe


def stored_recipe(checkpoint: Checkpoint) -> Recipe:
    """Return the recipe stored in a checkpoint."""
    import tomli_w

    try:
        # Through TOML, so that it passes the same checks as a file and differences are those of two recipes.
        return parse_recipe(tomli_w.dumps(checkpoint.record["recipe"]), "the checkpoint's recipe")
    except (UsageError, KeyError, TypeError, AttributeError) as error:
        raise DamagedRunError(f"checkpoint/{checkpoint.path.name} holds no recipe – start a new run") from error


def check_unchanged(before: Recipe, now: Recipe, epoch: int) -> None:
    """Refuse to go on with a recipe that is not the one the checkpoint was made with."""
    changed = differences(before, now)
    if changed:
        raise UsageError(
            f"recipe changed since epoch {epoch}: {', '.join(changed)} – start a new run or restore the recipe"
        )


def check_data(made: Environment, found: Dataset) -> None:
    """Refuse to go on with other data than the run began with."""
    # By content and not by name or path: data may be moved, and another set may bear the same name.
    if found.sha256 != made.dataset_sha256:
        raise UsageError(
            f"data changed: the run began with {made.dataset} {made.dataset_sha256[:12]}, "
            f"found {found.name} {found.sha256[:12]} – name the first data with --data"
        )


def check_device(machine: Machine) -> None:
    """Raise `MissingError` when the run's device is not there."""
    choose_device(machine.device)


def network_source(recipe: Recipe) -> bytes | None:
    """Return the source of a network that comes from a user's file, None for a shipped one."""
    file, colon, _ = recipe.network.rpartition(":")
    return Path(file).read_bytes() if colon and not recipe.network.startswith(IN_PYTHON) else None


def check_named(network: str, folder: Path) -> None:
    """Refuse to look for a network by its name that Python handed in and whose source no file holds; raises `UsageError`."""
    if network.startswith(IN_PYTHON):
        name = network.removeprefix(IN_PYTHON)
        raise UsageError(
            f"{folder}: its network {name} was given in Python and no file holds its source – give it again: "
            f'handgrad.resume("{folder}", network={name}(…))'
        )


def check_source(folder: RunFolder, recipe: Recipe) -> None:
    """Refuse to go on when the user's network file is no longer the one the run began with."""
    copy = folder.path / NETWORK_SOURCE
    try:
        source = network_source(recipe)
    except OSError as error:
        file = recipe.network.rpartition(":")[0]
        raise UsageError(
            f"{file} cannot be read: {error.strerror} – resume from the folder where the run began, or restore it from {copy}"
        ) from error
    if source is None:
        return
    # Byte for byte: whether an edit changes what is computed cannot be told from a text.
    if hashlib.sha256(folder.read_bytes(NETWORK_SOURCE)).digest() != hashlib.sha256(source).digest():
        raise UsageError(f"{recipe.network} changed since the run began – start a new run or restore it from {copy}")


def _device_name(kind: str) -> str:
    """Return the name of the processor or of the CUDA device."""
    if kind == "cuda":
        return torch.cuda.get_device_name()
    return torch.backends.cpu.get_cpu_capability() + " " + (platform.processor() or platform.machine())
