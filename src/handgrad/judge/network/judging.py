"""Judges one network file: what it computes, how it trains, what comes out; the verdict is made in this process.

1. A child runs the file and writes down what its network computes (`handgrad.transcript.record`).
2. A clean child, in which the file never runs, rebuilds the network from that and examines it.
3. For each seed a clean child trains it with our loop and answers for shuffled test images; the answers are counted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.load import load_dataset
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.errors import MissingError, UsageError
from handgrad.judge.handed_in.files import HandedIn, parted
from handgrad.judge.network.advice import advice
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.assignment_file import load_assignment
from handgrad.judge.network.beyond import Beyond
from handgrad.judge.network.conditions import check, claim, verdict_of
from handgrad.judge.network.jobs import Clock, Context, NotMetError, NoVerdictError, Written, failed, read_network
from handgrad.judge.network.points import NO_ANSWERS, is_worth_training, points_for
from handgrad.judge.network.reached import mean_accuracy
from handgrad.judge.network.rebuilt import examine_network, train_network
from handgrad.judge.network.told import Told, claim_of, recipe_with, said, training_words
from handgrad.judge.sandbox.limits import Level, Limits, limits_here
from handgrad.judge.sandbox.run import isolation_level
from handgrad.judge.verdict import EpochAnswer, Examination, Points, Requirement, SeedResult, Verdict
from handgrad.runs.kind import DIGITS
from handgrad.text import one_line

# For a whole judgement with its trainings on a laptop; a class has the limit for each hand-in.
TIME_LIMIT = 3600.0
RECIPE = "recipe.toml"
UNTRAINED = 50
"""Percent that a network may have right before its first step: more, and its weights were trained before."""

FAULT = "a fault of the judge"
"""How the reason begins where we, or the machine, are at fault and never the author."""

OnEpoch = Callable[[int, EpochAnswer], None]


@dataclass
class Findings:
    """What is known so far of the file under judgement."""

    requirements: tuple[Requirement, ...] = ()
    examination: Examination | None = None
    recipe: Recipe | None = None
    results: list[SeedResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judged: str = ""
    told: Told = field(default_factory=Told)
    own_recipe: bool = False
    """Whether it is trained with what was found in the hand-in."""
    beyond: Beyond | None = None
    """What it is trained with beside the recipe."""


def judge_network(
    file: str,
    assignment: str | Path | Assignment,
    *,
    static: bool = False,
    seeds: Sequence[int] | None = None,
    data: Path | str | Dataset | None = None,
    time_limit: float = TIME_LIMIT,
    require_sandbox: bool = False,
    neighbours: bool = True,
    root: Path | None = None,
    whole: bool = False,
    recipe: Literal["assignment", "found"] = "assignment",
    level: Level | None = None,
    limits: Limits | None = None,
    on_epoch: OnEpoch = lambda seed, answer: None,
) -> Verdict:
    """Judge ``path/to/file.py:Net`` or ``hw.ipynb:Net('bn')`` (or the file alone where it shows which) and return the verdict.

    *assignment*: a shipped name or a TOML file. *static* leaves out the training. *seeds*: as many as the assignment asks for
    where none are given. *data*: a folder of IDX files, a loaded data set, or None for the cache. *time_limit*: seconds for
    everything together. *neighbours*: whether the file may import the Python files below *root*, the folder of all that was
    handed in with it (None: the file's own). *whole*: run the file from top to bottom instead of taking the network out of it.
    *recipe*: train with the assignment's, or with what is found in the hand-in as far as it can be read; the conditions stay in
    force. *level* and *limits*: of the isolation; the best that works here is chosen.

    Raises `UsageError` (no such file or assignment), `MissingError` (data; or no sandbox where one is required). What the
    file does never raises: it is in the verdict.
    """
    clock = Clock.start(time_limit)
    path, network = parted(file)
    handed = HandedIn(path, network, (root or path.parent) if neighbours else None, whole, recipe == "found")
    asked = assignment if isinstance(assignment, Assignment) else load_assignment(assignment)
    seeds = tuple(range(asked.seeds.of)) if seeds is None else tuple(seeds)
    level = sandbox(level or isolation_level(), require_sandbox)
    context = Context(level, limits or limits_here(), clock)
    dataset = judged_data(data)
    findings = Findings()
    if dataset.notice:
        findings.notes.append(one_line(dataset.notice))
    verdict: Literal["met", "not met", "no verdict"]
    try:
        verdict = _judged(
            handed, asked, dataset, context, findings=findings, static=static, seeds=seeds, on_epoch=on_epoch
        )
    except NotMetError as error:
        verdict = "not met"
        reason = Requirement(NO_ANSWERS, "answers for each image by itself", str(error), False)
        findings.requirements = (reason, *findings.requirements)
    except NoVerdictError as error:
        verdict = "no verdict"
        findings.notes.insert(0, str(error))
    # Anything, because this line stands between one hand-in and the rest of the class.
    except Exception as error:  # a fault of ours is never the author's
        verdict = "no verdict"
        findings.notes.insert(0, f"{FAULT}: {failed(error)}")
    # What could not be judged has no requirements; before training only some are open.
    undecided = verdict == "no verdict" and not findings.requirements
    return Verdict(
        verdict=verdict,
        file=file,
        assignment=asked.name,
        requirements=findings.requirements,
        isolation=level.words,
        notes=tuple(findings.notes),
        seconds=round(clock.spent, 3),
        judged=findings.judged,
        **_beside(asked, findings),
        # None and not 0: a grade book leaves the cell empty where nobody could be judged.
        points=None if undecided else _points(asked, findings),
        parameters=findings.examination.counted if findings.examination else None,
        accuracy=mean_accuracy(asked, findings.results),
    )


def judged_data(data: Path | str | Dataset | None) -> Dataset:
    """Return the data to judge with; nothing is downloaded. Raises `MissingError`, `UsageError` for other than digits."""
    found = data if isinstance(data, Dataset) else load_dataset(data or None, download=False)
    if found.kind != DIGITS:
        raise UsageError(
            f"{found.name} ({found.kind.words}) – assignments are about ten classes of 28×28 pixels in grey, "
            "name a folder of such"
        )
    return found


def _beside(asked: Assignment, findings: Findings) -> dict[str, Any]:
    """Return what stands beside the conditions: advice, the training, what the author says."""
    results = findings.results
    lasts = [each.epochs[-1] for each in results if each.epochs and each.failed is None]
    claimed = claim_of(findings.told, results)
    return {
        "advice": advice(asked, findings.requirements, findings.examination, lasts),
        "training": training_words(findings.recipe, results, findings.beyond),
        "claim": claimed,
        "said": tuple(said(findings.told, claimed, findings.examination, results, own=findings.own_recipe)),
    }


def _points(asked: Assignment, findings: Findings) -> Points | None:
    """Return what the findings are worth."""
    counted = findings.examination.counted if findings.examination else None
    return points_for(
        asked, findings.requirements, recipe=findings.recipe, results=findings.results, parameters=counted
    )


def _judged(
    handed: HandedIn,
    asked: Assignment,
    data: Dataset,
    context: Context,
    *,
    findings: Findings,
    static: bool,
    seeds: Sequence[int],
    on_epoch: OnEpoch,
) -> Literal["met", "not met", "no verdict"]:
    """Fill *findings* and return the verdict; see `judge_network`."""
    recipe = findings.recipe = _recipe_for(handed.path, asked, findings)
    # One seed is enough where nothing is trained: what a network computes does not depend on it.
    reading = read_network(handed, seeds[:1] if static else seeds, data, context)
    networks, findings.judged, findings.told = reading.networks, reading.judged, reading.told
    findings.notes += reading.notes
    # A recipe.toml beside the file is the author's own word, and needs no reading between the lines.
    if handed.own_recipe and not (handed.path.parent / RECIPE).is_file():
        recipe, findings.beyond, words = recipe_with(findings.told, recipe)
        findings.recipe, findings.own_recipe = recipe, True
        findings.notes.append(words)
    # Seeds differ in numbers, not in layers, so the first is examined for all.
    findings.examination = examine_network(networks[0], data, context)
    findings.notes += findings.examination.remarks
    # Before training as well: a network that misses what is known already is not trained for half an hour.
    findings.requirements = _conditions(asked, findings)
    missed = verdict_of(findings.requirements) == "not met"
    if static or (missed and not is_worth_training(asked, findings.requirements)):
        if static:
            findings.notes.append("not trained: --static stops before the accuracy is known")
        else:
            findings.notes.append("not trained: a condition that needs no training is not met")
        return verdict_of(findings.requirements)
    findings.notes.append("trained by the judge in fp32 on one CPU thread")
    for written in networks:
        findings.results.append(_trained(written, findings, data, context, on_epoch=on_epoch))
        # After each seed, so that a judgement which runs out of time still shows what was found.
        findings.requirements = _conditions(asked, findings)
    return verdict_of(findings.requirements)


def _conditions(asked: Assignment, findings: Findings) -> tuple[Requirement, ...]:
    """Return every condition, with what is known so far."""
    assert findings.examination is not None
    judged = check(asked, findings.examination, findings.recipe, findings.results)
    return (*judged, *claim(asked, claim_of(findings.told, findings.results)))


def _trained(written: Written, findings: Findings, data: Dataset, context: Context, *, on_epoch: OnEpoch) -> SeedResult:
    """Train one seed; a network that knows the digits before its first step was trained elsewhere."""
    assert findings.recipe is not None
    result, before = train_network(written, findings.recipe, data, context, on_epoch=on_epoch, beyond=findings.beyond)
    total = len(data.test_labels)
    # Chance is 10 %; fresh weights do not reach half.
    if 100 * before > UNTRAINED * total:
        raise NotMetError(
            f"{before:,} of {total:,} test images are right before the first step – its weights were trained before"
        )
    return result


def _recipe_for(path: Path, asked: Assignment, findings: Findings) -> Recipe:
    """Return what the network is trained with: ``recipe.toml`` beside the file, else the assignment's own."""
    own = path.parent / RECIPE
    if own.is_file():
        findings.notes.append(f"trained with the {RECIPE} in its folder")
        try:
            recipe = load_recipe(str(own), ["network=judged"])
        except UsageError as error:
            raise NotMetError(one_line(error)) from error
    else:
        recipe = asked.recipe
    return replace(recipe, network="judged")


def sandbox(level: Level, required: bool) -> Level:
    """Return *level*; raise `MissingError` where a sandbox is required and this is none."""
    if required and not level.sandboxed:
        raise MissingError(
            "no sandbox – namespaces cannot be made here (needs Linux, unshare from util-linux and user namespaces) – "
            "leave out --require-sandbox to judge with limits only"
        )
    return level


__all__ = ["judge_network"]
