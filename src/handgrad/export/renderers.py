"""The kinds of file that a run is exported as: each rendered from the plan, and run on the test set before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.digits.trained import network_name, trained_module
from handgrad.digits.training.loop import answers_unnormalised, predict
from handgrad.export.c.compiler import Size, compiler_words, find_compiler, run_c, size_of
from handgrad.export.c.file import c_file
from handgrad.export.evaluate import evaluate, probabilities
from handgrad.export.hub import SOURCE, hub_files
from handgrad.export.material import Material
from handgrad.export.onnx_file import onnx_model, run_onnx
from handgrad.export.plan import Plan
from handgrad.export.proof import LossError, Proof, prove
from handgrad.export.quantise import quantise
from handgrad.export.quantised import IntegerPlan, evaluate_integers
from handgrad.export.workbook.book import Source, choose_hundred, workbook_bytes
from handgrad.export.workbook.layers import count_formulas
from handgrad.export.workbook.worked import ask_libreoffice, worked_words
from handgrad.runs.folder import MODEL, RunFolder

# From about here a spreadsheet program is slow to open the book: said before it is written, not refused.
MANY_FORMULAS = 60_000
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Rendered:
    """The files of an export by name, the proof, and what else is to be said."""

    files: Mapping[str, bytes]
    proof: Proof
    size: Size | None = None
    notes: tuple[str, ...] = ()


def render_c(material: Material, int8: bool, tell: Tell) -> Rendered:
    """Return the C file, compiled and run on all test images where a compiler is there, by its numpy twin otherwise."""
    assert material.run.evidence is not None
    plan: Plan | IntegerPlan = material.plan
    if int8:
        plan = quantise(material.plan, material.training_images)
    few, compiler = material.run.evidence.digit_images, find_compiler()
    # Rendered twice: what is proven is the file itself, and the proof then stands in its head, which changes no number.
    draft = c_file(plan, few, material.head)
    size: Size | None = None
    notes: tuple[str, ...] = ()
    if compiler is not None:
        tell(f"compiling it and running it on all {material.expected.total:,} test images")
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
    "void handgrad_predict(const uint8_t image[784], float scores[10]): image is 28 rows of 28 raw bytes, 0 for the "
    "background and 255 for ink, the digit as in MNIST; do not divide or subtract anything. The index of the largest score "
    "is the answer; exp(score) / sum of exp(scores) are probabilities.",
    "cc -std=c99 -DHANDGRAD_SELFTEST FILE -o selftest && ./selftest checks ten images stored at the end of this file.",
)


def render_onnx(material: Material, _: bool, tell: Tell) -> Rendered:
    """Return the ONNX model, run by onnxruntime on all test images where that is installed, else by the plan's numpy twin."""
    draft = onnx_model(material.plan, material.head).SerializeToString()
    tell(f"running it on all {material.expected.total:,} test images")
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
    tell(f"running the network on all {material.expected.total:,} test images")
    module, images = trained_module(material.run), material.dataset.test_images
    proof = prove(predict(module, images).numpy(), material.expected, "the PyTorch module with these weights")
    mistaken = int((answers_unnormalised(module, images).numpy() == material.expected.labels).sum())
    folder = RunFolder(material.run.path)
    own = network_name(folder.path, material.run.network) != material.run.network
    source = folder.read_bytes(SOURCE) if own else None
    return Rendered(hub_files(material.run, folder.read_bytes(MODEL), source, proof, unnormalised=mistaken), proof)


def render_workbook(material: Material, _: bool, tell: Tell) -> Rendered:
    """Return the workbook, its hundred digits worked by LibreOffice where that is installed, all others by the numpy twin."""
    count = count_formulas(material.plan)
    if count > MANY_FORMULAS:
        tell(f"{count:,} formulas: the book will be large and slow to open")
    proof = prove(evaluate(material.plan, material.images), material.expected, "the numpy twin of this book")
    evidence = material.run.evidence
    assert evidence is not None
    hundred = choose_hundred(
        material.images, material.expected.labels, evidence.answers, evidence.mistake_index.tolist()
    )
    logs = material.expected.log_probabilities[hundred.indexes].astype(np.float64)
    facts = [*material.head, f"Before this book was written: {proof.sentence}."]
    tell(f"asking LibreOffice {len(hundred.indexes)} test digits")
    worked = ask_libreoffice(workbook_bytes(Source(material.plan, facts, hundred, logs)), material.plan)
    words = worked_words(worked, probabilities(logs.astype(np.float32)), LossError)
    data = workbook_bytes(Source(material.plan, [*facts, words], hundred, logs))
    return Rendered({"xlsx": data}, proof, notes=(f"{count:,} formulas in the layers", words))


RENDERERS: Mapping[str, Callable[[Material, bool, Tell], Rendered]] = {
    "c": render_c,
    "hub": render_hub,
    "onnx": render_onnx,
    "xlsx": render_workbook,
}
