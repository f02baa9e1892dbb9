"""What a run was made with, kept in ``environment.json``, and whether it is still so when the run goes on."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import pydantic
import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.training.device import Machine, choose_device
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import differences, parse_recipe
from handgrad.errors import DamagedRunError, UsageError
from handgrad.runs import Checkpoint, RunFolder
from handgrad.runs.checkpoints import FORMAT
from handgrad.runs.folder import ENVIRONMENT, RECIPE
from handgrad.version import __version__

NETWORK_SOURCE = "network.py"


@dataclass(frozen=True)
class Origin:
    """What decides every byte of a run besides its recipe."""

    run: str
    seed: int
    dataset: str
    dataset_sha256: str
    data: str | None
    """The folder of the IDX files; None for the cache, the download or drawn digits."""
    holdout: int
    machine: Machine


def environment(origin: Origin) -> dict[str, Any]:
    """Return the content of ``environment.json``: *origin*, and versions and machine for the reader."""
    return {
        "format": FORMAT,
        **asdict(origin),
        "device_name": device_name(origin.machine.device),
        "platform": platform.platform(),
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "handgrad": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
    }


def origin_of(folder: RunFolder) -> tuple[Origin, str]:
    """Return what the run in *folder* was made with, and the version of torch; raise `DamagedRunError` when it is lost."""
    table = folder.read_json(ENVIRONMENT)
    place = folder.path / ENVIRONMENT
    found = table.get("format") if isinstance(table, dict) else None
    if found != FORMAT:
        raise DamagedRunError(f"{place} has format {found}, this version of handgrad reads {FORMAT} – start a new run")
    known = {name: table[name] for name in Origin.__dataclass_fields__ if name in table}
    try:
        return pydantic.TypeAdapter(Origin).validate_python(known), str(table["versions"]["torch"])
    except (pydantic.ValidationError, KeyError, TypeError) as error:
        what = error.errors()[0]["loc"] if isinstance(error, pydantic.ValidationError) else ("versions",)
        raise DamagedRunError(
            f"{place}: {'.'.join(map(str, what))} is missing or wrong – restore the file or start a new run"
        ) from error


def recipe_of(folder: RunFolder, checkpoint: Checkpoint | None) -> Recipe:
    """Return the recipe of the run, which must be the one that *checkpoint* was made with.

    Raises `DamagedRunError` when ``recipe.toml`` is no recipe, `UsageError` when it was edited.
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


def check_data(origin: Origin, found: Dataset) -> None:
    """Refuse to go on with other data than the run began with."""
    if found.sha256 != origin.dataset_sha256:
        raise UsageError(
            f"data changed: the run began with {origin.dataset} {origin.dataset_sha256[:12]}, "
            f"found {found.name} {found.sha256[:12]} – name the first data with --data"
        )


def check_machine(machine: Machine) -> None:
    """Raise `MissingError` when the run's device is not there, `DamagedRunError` when no machine is meant."""
    if machine.device not in ("cpu", "cuda") or machine.precision not in ("fp32", "bf16") or machine.threads < 1:
        raise DamagedRunError(f"{ENVIRONMENT}: {machine} is no machine – restore the file or start a new run")
    choose_device(machine.device)


def network_source(recipe: Recipe) -> bytes | None:
    """Return the source of a network that comes from a user's file, None for a shipped one."""
    file, colon, _ = recipe.network.rpartition(":")
    return Path(file).read_bytes() if colon else None


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
    if hashlib.sha256(folder.read_bytes(NETWORK_SOURCE)).digest() != hashlib.sha256(source).digest():
        raise UsageError(f"{recipe.network} changed since the run began – start a new run or restore it from {copy}")


def device_name(kind: str) -> str:
    """Return the name of the processor or of the CUDA device."""
    if kind == "cuda":
        return torch.cuda.get_device_name()
    return torch.backends.cpu.get_cpu_capability() + " " + (platform.processor() or platform.machine())
