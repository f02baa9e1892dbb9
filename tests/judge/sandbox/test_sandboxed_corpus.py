"""The two corpora through the whole judge: read, written down, rebuilt in a clean process and examined there.

By default the jobs of every fourteenth network run in this process, and those of a few in the sandbox; ``make proofs`` sends
every one through the sandbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from handgrad.digits.networks.load import import_file
from handgrad.judge.network.judging import judge_network
from handgrad.judge.sandbox.run import Level
from handgrad.judge.verdict import Requirement, Verdict
from judge.here import judging_here
from judge.hostile_run import small_data

HERE = Path(__file__).parents[1]
HONEST = import_file(HERE / "corpus_honest.py").HONEST
MISSES = import_file(HERE / "corpus_near_misses.py").MISSES
FEW_HONEST = ("AllFunctions", "norm_without_weights", "lazy", "spectrally_normed")
FEW_MISSES = ("NumbersInABuffer", "NormTimesZero")
DATA = small_data()
EVERY = 14
TRAINED = ("accuracy",)
"""What is not known before training."""


def static(corpus: str, name: str, assignment: str, level: Level | None = None) -> Verdict:
    """Judge one network of *corpus* by what needs no training."""
    return judge_network(f"{HERE / corpus}.py:{name}", assignment, static=True, data=DATA, level=level)


def wanting(verdict: Verdict) -> list[object]:
    """Return what keeps *verdict* from saying that everything known before training is met: nothing, for honest ones."""
    if not verdict.requirements:
        return [verdict.verdict, *verdict.notes]
    return [each for each in verdict.requirements if not (each.met or (each.met is None and each.name in TRAINED))]


def missed(requirements: Sequence[Requirement]) -> list[str]:
    """Return the names of the conditions that are not met; one that cannot be followed at all has no answers."""
    names = [each.name for each in requirements if each.met is False]
    return ["answers" if name == "a network that answers" else name for name in names]


@pytest.mark.parametrize("name", list(HONEST)[::EVERY])
def test_an_honest_network_that_was_written_down_meets_every_condition(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wanting(static("corpus_honest", name, HONEST[name], judging_here(monkeypatch))) == []


@pytest.mark.parametrize("name", list(MISSES)[::EVERY])
def test_a_near_miss_that_was_written_down_fails_on_the_condition_that_it_misses(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment, condition = MISSES[name]
    verdict = static("corpus_near_misses", name, assignment, judging_here(monkeypatch))
    assert (verdict.verdict, missed(verdict.requirements)) == ("not met", [condition])


@pytest.mark.parametrize("name", FEW_HONEST)
def test_an_honest_network_meets_every_condition_through_the_sandbox(name: str) -> None:
    assert wanting(static("corpus_honest", name, HONEST[name])) == []


@pytest.mark.parametrize("name", FEW_MISSES)
def test_a_near_miss_fails_through_the_sandbox(name: str) -> None:
    assignment, condition = MISSES[name]
    verdict = static("corpus_near_misses", name, assignment)
    assert (verdict.verdict, missed(verdict.requirements)) == ("not met", [condition])


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in HONEST if name not in FEW_HONEST])
def test_every_honest_network_meets_every_condition_through_the_sandbox(name: str) -> None:
    assert wanting(static("corpus_honest", name, HONEST[name])) == []


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in MISSES if name not in FEW_MISSES])
def test_every_near_miss_fails_through_the_sandbox(name: str) -> None:
    assignment, condition = MISSES[name]
    verdict = static("corpus_near_misses", name, assignment)
    assert (verdict.verdict, missed(verdict.requirements)) == ("not met", [condition])


def test_the_check_sees_a_false_not_met_and_a_network_left_undecided() -> None:
    open_accuracy = Requirement("accuracy", "99.4 %", "not trained", None)
    unmet = Requirement("parameters", "fewer", "more", False)
    undecided = Requirement("parameters", "fewer", "unknown", None)
    assert wanting(Verdict("no verdict", "f", "a", (open_accuracy,), "none", (), 1.0)) == []
    assert wanting(Verdict("not met", "f", "a", (unmet, open_accuracy), "none", (), 1.0)) == [unmet]
    assert wanting(Verdict("no verdict", "f", "a", (undecided,), "none", (), 1.0)) == [undecided]
    assert wanting(Verdict("no verdict", "f", "a", (), "none", ("unknown operation",), 1.0)) == [
        "no verdict",
        "unknown operation",
    ]
