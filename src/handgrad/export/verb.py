"""The verb ``export``: a finished run becomes a file that answers as the run does, proven on the run's own test set."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.dataset import Dataset, dataset_of
from handgrad.digits.trained import network_name, trained_module
from handgrad.digits.training.loop import predict
from handgrad.errors import DamagedRunError, UsageError, known
from handgrad.export.c.compiler import Size, compiler_words, find_compiler, run_c, size_of
from handgrad.export.c.file import c_file
from handgrad.export.evaluate import evaluate
from handgrad.export.from_module import plan_of
from handgrad.export.hub import SOURCE, hub_files, upload_line
from handgrad.export.onnx_file import check_onnx, onnx_model, run_onnx
from handgrad.export.plan import Plan
from handgrad.export.proof import Expected, Proof, check_loss, prove
from handgrad.export.quantise import quantise
from handgrad.export.quantised import IntegerPlan, evaluate_integers
from handgrad.files import TEMPORARY, check_free, make_folder, write_whole
from handgrad.runs.find import find_run
from handgrad.runs.folder import EXPORTS, MODEL, RunFolder, harmless
from handgrad.runs.read import Run, read_run
from handgrad.version import __version__

Target = Literal["c", "hub", "onnx"]
TARGETS: tuple[str, ...] = get_args(Target)
CALIBRATION = 1000
"""Training images from which the scales of 8-bit numbers are read."""
RECORD = "exported.json"
Tell = Callable[[str], None]


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


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that a rendering may need: the run, its plan, its data, and its own answers."""

    run: Run
    plan: Plan
    dataset: Dataset
    expected: Expected

    @property
    def images(self) -> NDArray[np.uint8]:
        """The test images, bytes ``[n, 28, 28]``."""
        return self.dataset.test_images.numpy()

    @property
    def training_images(self) -> NDArray[np.uint8]:
        """The first training images, enough to read scales from."""
        return self.dataset.train_images[:CALIBRATION].numpy()

    @property
    def head(self) -> list[str]:
        """What it is, in a sentence for the head of the file."""
        run = self.run
        return [
            f"{run.network}, trained by handgrad {__version__}: recipe {run.title}, seed {run.seed}, dataset {run.dataset}, "
            f"run {run.name}. {self.plan.numbers:,} numbers; BatchNorm and the normalisation of the input are inside them."
        ]


@dataclass(frozen=True, eq=False)
class Rendered:
    """The files of an export by name, the proof, and what else is to be said."""

    files: Mapping[str, bytes]
    proof: Proof
    size: Size | None = None
    notes: tuple[str, ...] = ()


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
    module = trained_module(found)
    target = target_path(found, to, int8, out)
    prepare_target(found, target, to, out, overwrite)
    if to == "onnx":
        check_onnx()
    material = material_of(found, plan_of(module, found.network), data, download)
    rendered = RENDERERS[to](material, int8, tell)
    check_loss(rendered.proof, accept_loss)
    written = keep(target, to, rendered.files)
    exported = Exported(
        to, str(target), str(found.path), written, rendered.proof, rendered.size, notes_of(rendered, to, target, found)
    )
    if out is None:
        remember(found, exported, target)
    return exported


def material_of(run: Run, plan: Plan, data: str | Path | None, download: bool) -> Material:
    """Return all that a rendering of *run* needs; raises `MissingError` where the run's own test set cannot be had."""
    assert run.evidence is not None and run.result is not None
    dataset = dataset_of(
        run.dataset,
        run.environment.dataset_sha256,
        data if data is not None else run.environment.data,
        download=download,
    )
    expected = Expected(run.evidence.log_probabilities, run.evidence.labels, run.result.last_epoch.correct)
    if not np.array_equal(dataset.test_labels.numpy(), expected.labels):
        raise DamagedRunError(f"{run.path}: its evidence is of other test images than {dataset.name} – train again")
    return Material(run, plan, dataset, expected)


def target_path(run: Run, to: str, int8: bool, out: str | Path | None) -> Path:
    """Return the file or folder to write."""
    if out is not None:
        return Path(out)
    name = harmless(run.network.rpartition(":")[2])
    ends = {"c": "-int8.c" if int8 else ".c", "hub": "-hub", "onnx": ".onnx"}
    return run.path / EXPORTS / f"{name}{ends[to]}"


def prepare_target(run: Run, target: Path, to: str, out: str | Path | None, overwrite: bool) -> None:
    """Refuse a place that is taken before any work is done, and make the folder ``export`` of the run."""
    if out is None:
        make_folder(run.path / EXPORTS)
    if to != "hub":
        return check_free(target, overwrite=overwrite)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file – choose the name of a folder")
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise UsageError(f"{target} exists – add --overwrite or choose another name")
    if not target.parent.is_dir():
        raise UsageError(f"{target}: no such folder – make {target.parent} first")
    return None


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
    return (*rendered.notes, line, "choose a licence for the card: none is written in it")


def render_c(material: Material, int8: bool, tell: Tell) -> Rendered:
    """Return the C file, compiled and run on all test images where a compiler is there, by its numpy twin otherwise."""
    assert material.run.evidence is not None
    plan: Plan | IntegerPlan = material.plan
    if int8:
        plan = quantise(material.plan, material.training_images)
    few, compiler = material.run.evidence.digit_images, find_compiler()
    draft = c_file(plan, few, material.head)
    size: Size | None = None
    notes: tuple[str, ...] = ()
    if compiler is not None:
        tell(f"compiling it and asking it all {material.expected.total:,} test images")
        size = size_of(draft, compiler)
        scores = run_c(draft, material.images, material.plan.classes, compiler)
        by = f"this file, compiled with {compiler_words(compiler)}"
    else:
        scores = (
            evaluate_integers(plan, material.images)
            if isinstance(plan, IntegerPlan)
            else evaluate(plan, material.images)
        )
        by = "the numpy twin of this file"
        notes = ("no C compiler was found (cc, gcc, clang): the file itself was not run, its numpy twin was",)
    proof = prove(scores, material.expected, by)
    head = [*material.head, f"Before this file was written: {proof.sentence}.", *size_words(size), *C_WORDS]
    return Rendered({"c": c_file(plan, few, head).encode("ascii")}, proof, size, notes)


def size_words(size: Size | None) -> list[str]:
    """Return the sentence on flash and RAM."""
    if size is None:
        return []
    return [
        f"Flash {size.flash:,} B, RAM {size.ram:,} B ({size.words}; code, constants and static memory, without the stack)."
    ]


C_WORDS = (
    "void handgrad_predict(const uint8_t image[784], float scores[10]): image is 28 rows of 28 raw bytes, 0 for the ground and "
    "255 for ink, the digit as in MNIST; nothing is to be divided or subtracted. The place of the largest score is the "
    "answer; exp(score) / sum of exp(scores) are probabilities.",
    "cc -std=c99 -DHANDGRAD_SELFTEST FILE -o selftest && ./selftest checks ten images stored at the end of this file.",
)


def render_onnx(material: Material, _: bool, tell: Tell) -> Rendered:
    """Return the ONNX model, run by onnxruntime on all test images where that is installed, else by the plan's numpy twin."""
    draft = onnx_model(material.plan, material.head).SerializeToString()
    tell(f"asking it all {material.expected.total:,} test images")
    answered = run_onnx(draft, material.images)
    notes: tuple[str, ...] = ()
    if answered is None:
        answered = evaluate(material.plan, material.images), "the numpy twin of this file"
        notes = ('onnxruntime is not installed: the file itself was not run – pip install "handgrad[export]"',)
    proof = prove(answered[0], material.expected, answered[1])
    words = "images: uint8 [n, 28, 28], raw bytes, ink 255 on ground 0. scores and probabilities: float32 [n, 10]."
    model = onnx_model(material.plan, [*material.head, f"Before this file was written: {proof.sentence}.", words])
    return Rendered({"onnx": model.SerializeToString()}, proof, notes=notes)


def render_hub(material: Material, _: bool, tell: Tell) -> Rendered:
    """Return the folder for a hub: the weights are the run's own, so the module itself is asked."""
    tell(f"asking the network all {material.expected.total:,} test images")
    answers = predict(trained_module(material.run), material.dataset.test_images).numpy()
    proof = prove(answers, material.expected, "the PyTorch module with these weights")
    folder = RunFolder(material.run.path)
    own = network_name(folder.path, material.run.network) != material.run.network
    source = folder.read_bytes(SOURCE) if own else None
    return Rendered(hub_files(material.run, folder.read_bytes(MODEL), source, proof), proof)


RENDERERS: Mapping[str, Callable[[Material, bool, Tell], Rendered]] = {
    "c": render_c,
    "hub": render_hub,
    "onnx": render_onnx,
}


def remember(run: Run, exported: Exported, target: Path) -> None:
    """Write into the run's folder ``export`` what was exported, for the report: an entry a file, the newest of each."""
    place = run.path / EXPORTS / RECORD
    before: Sequence[dict[str, Any]] = []
    if place.is_file():
        try:
            before = [each for each in json.loads(place.read_text(encoding="utf-8")) if each["file"] != target.name]
        except (ValueError, TypeError, KeyError):
            before = []  # a list of what lies beside it, not a record: it begins anew
    entry = {"file": target.name, "to": exported.to, "bytes": exported.bytes, "sentence": exported.proof.sentence}
    write_whole(place, (json.dumps([*before, entry], indent=2, ensure_ascii=False) + "\n").encode())
