"""The page of a finished run: its network as a plan, proven on the run's own test set, and digits to choose from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from handgrad.digits.trained import check_digits, trained_module
from handgrad.errors import counted
from handgrad.export.evaluate import evaluate
from handgrad.export.from_module import plan_of
from handgrad.export.material import Material, material_of
from handgrad.export.proof import Proof, prove
from handgrad.files import check_free
from handgrad.page.digits import DigitsSubject, write_digits
from handgrad.page.digits_data import Sample, halved, hundred_digits
from handgrad.runs.find import find_run
from handgrad.runs.folder import PAGE
from handgrad.runs.read import Run, read_run

BY = "its plan in numpy, which the script of this page repeats"


def write_run_page(
    run: str | Path,
    out: str | Path | None = None,
    *,
    data: str | Path | None = None,
    overwrite: bool = False,
    download: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Path, Proof]:
    """Write the page of a finished run, by default ``digits.html`` in its folder; return its path and what was proven.

    *run* is a run folder or the name of a recipe, the newest run of which is taken. The page holds its weights as float16
    where all answers to the test set are then the run's own, else as float32. Raises `UsageError` (a network that no plan
    can express, a file that exists), `DamagedRunError`, `MissingError` where the run's test set cannot be had.
    """
    folder, which = find_run(run)
    if which:
        tell(which)
    found = read_run(folder)
    check_digits(found, "the page to draw on")
    module = trained_module(found)
    # Before the work, which takes half a minute. The page in the run's own folder is made again like the report.
    path = folder / PAGE if out is None else Path(out)
    check_free(path, overwrite=overwrite or out is None)
    material = material_of(found, plan_of(module, found.network), data, download)
    tell(f"running it on all {material.expected.total:,} test images")
    subject, proof = subject_of(material)
    return write_digits(subject, path, overwrite=True), proof


def subject_of(material: Material) -> tuple[DigitsSubject, Proof]:
    """Return what the page of a run shows, and what was proven of the plan in it."""
    run, images = material.run, material.images
    small = halved(material.plan)
    proof = prove(evaluate(small, images), material.expected, BY)
    half = proof.same == proof.total
    if not half:
        proof = prove(evaluate(material.plan, images), material.expected, BY)
    samples = hundred_digits(images, material.expected.labels)
    facts = (facts_of(run), f"{sentence(proof)}. The page holds the weights as {'float16' if half else 'float32'}.")
    subject = DigitsSubject(run.network, material.plan, facts, samples, mistakes_of(run), half)
    return subject, proof


def facts_of(run: Run) -> str:
    """Return what the network is and how it was trained, in a line."""
    return (
        f"{run.parameters or 0:,} parameters, recipe {run.title}, {counted(run.planned, 'epoch')}"
        f", seed {run.seed}, dataset: {run.dataset}"
    )


def sentence(proof: Proof) -> str:
    """Return what was proven, without the differences that nobody sees on a page."""
    return (
        f"Last epoch: {proof.run_correct:,} of {proof.total:,} test images right; this page gives the run's answer to "
        f"{proof.same:,} of {proof.total:,}"
    )


def mistakes_of(run: Run) -> list[Sample]:
    """Return the run's surest mistakes with the answers that it gave."""
    evidence = run.evidence
    if evidence is None:
        return []
    answers = evidence.answers
    return [
        Sample(image, int(at), int(evidence.labels[at]), int(answers[at]))
        for at, image in zip(evidence.mistake_index, evidence.mistake_images, strict=True)
    ]
