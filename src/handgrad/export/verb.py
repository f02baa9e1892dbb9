"""The verb ``export``: a finished run becomes a file that answers as the run does, proven on the run's own test set."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from handgrad.digits.trained import check_digits, trained_module
from handgrad.errors import UsageError, known
from handgrad.export.c.compiler import Size
from handgrad.export.from_module import plan_of
from handgrad.export.hub import upload_line
from handgrad.export.material import material_of
from handgrad.export.onnx_file import check_onnx
from handgrad.export.proof import Proof, check_loss
from handgrad.export.renderers import RENDERERS, Rendered, Tell
from handgrad.files import TEMPORARY, check_free, check_free_folder, make_folder, write_whole
from handgrad.runs.find import find_run
from handgrad.runs.folder import EXPORTED, EXPORTS, harmless
from handgrad.runs.read import Run, read_run

Target = Literal["c", "hub", "onnx", "xlsx"]
TARGETS: tuple[str, ...] = get_args(Target)


@dataclass(frozen=True)
class Exported:
    """What was written: the file or folder, the proof, the size where it was compiled, and notes that a person should read."""

    to: str
    path: str
    run: str
    bytes: int
    proof: Proof
    size: Size | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self) | {"sentence": self.proof.sentence}


def export(
    run: str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    int8: bool = False,
    data: str | Path | None = None,
    accept_loss: bool = False,
    overwrite: bool = False,
    download: bool = True,
    tell: Tell = lambda _: None,
) -> Exported:
    """Write the network of *run* as a file of the kind *to* (`TARGETS`), proven on the run's test set before it is kept.

    *run* is a run folder or the name of a recipe, the newest run of which is taken. *out* is the file (for ``hub`` the folder)
    to write, by default in the folder ``export`` of the run. *int8* writes C in 8-bit whole numbers. *tell* is given lines
    for the user meanwhile. Raises `UsageError` (what cannot be exported, or a file that exists), `DamagedRunError`,
    `MissingError` (data or a package), `LossError` where more than 0.05 points are lost without *accept_loss*.
    """
    known("--to", to, TARGETS)
    if int8 and to != "c":
        raise UsageError(f"--int8 is for --to c – {to} is written in float32, leave it out")
    path, which = find_run(run)
    if which:
        tell(which)
    found = read_run(path)
    check_digits(found, "an export", names=True)
    module = trained_module(found)
    target = target_path(found, to, int8, out)
    prepare_target(found, target, to, out, overwrite=overwrite)
    # Before the data are loaded: a missing package is told at once.
    if to == "onnx":
        check_onnx()
    material = material_of(found, plan_of(module, found.network), data, download)
    rendered = RENDERERS[to](material, int8, tell)
    # Before anything is written.
    check_loss(rendered.proof, accept_loss)
    written = keep(target, to, rendered.files)
    exported = Exported(
        to, str(target), str(found.path), written, rendered.proof, rendered.size, notes_of(rendered, to, target, found)
    )
    if out is None:
        remember(found, exported, target)
    return exported


def target_path(run: Run, to: str, int8: bool, out: str | Path | None) -> Path:
    """Return the file or folder to write."""
    if out is not None:
        return Path(out)
    name = harmless(run.network.rpartition(":")[2])
    ends = {"c": "-int8.c" if int8 else ".c", "hub": "-hub", "onnx": ".onnx", "xlsx": ".xlsx"}
    return run.path / EXPORTS / f"{name}{ends[to]}"


def prepare_target(run: Run, target: Path, to: str, out: str | Path | None, *, overwrite: bool) -> None:
    """Refuse a place that is taken before any work is done, and make the folder ``export`` of the run."""
    if out is None:
        make_folder(run.path / EXPORTS)
    if to != "hub":
        return check_free(target, overwrite=overwrite)
    return check_free_folder(target, overwrite=overwrite)


def keep(target: Path, to: str, files: Mapping[str, bytes]) -> int:
    """Write the files and return how many bytes they hold."""
    if to != "hub":
        (data,) = files.values()
        write_whole(target, data)
        return len(data)
    if target.exists():
        for name, data in files.items():
            write_whole(target / name, data)
    else:
        # Under another name first: a folder that is there is whole.
        half = target.parent / f"{TEMPORARY}{os.getpid()}-{target.name}"
        make_folder(half)
        for name, data in files.items():
            write_whole(half / name, data)
        half.rename(target)
    return sum(len(data) for data in files.values())


def notes_of(rendered: Rendered, to: str, target: Path, run: Run) -> tuple[str, ...]:
    """Return the notes, with the line that uploads a folder for a hub."""
    if to != "hub":
        return rendered.notes
    line = f"nothing is uploaded; to do it: {upload_line(shlex.quote(str(target)), run)}"
    return (*rendered.notes, line, "choose a licence for the card: it has none yet")


def remember(run: Run, exported: Exported, target: Path) -> None:
    """Write into the run's folder ``export`` what was exported, for the report: an entry per file, the newest of each."""
    place = run.path / EXPORTS / EXPORTED
    before: Sequence[dict[str, Any]] = []
    if place.is_file():
        try:
            before = [each for each in json.loads(place.read_text(encoding="utf-8")) if each["file"] != target.name]
        except (ValueError, TypeError, KeyError):
            before = []  # a list of what lies beside it, not a record: it begins again
    entry = {"file": target.name, "to": exported.to, "bytes": exported.bytes, "sentence": exported.proof.sentence}
    write_whole(place, (json.dumps([*before, entry], indent=2, ensure_ascii=False) + "\n").encode())
