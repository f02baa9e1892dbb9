"""What a hand-in is worth: points for each condition that is met, steps of accuracy, a bonus for fewer parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from handgrad.digits.training.recipe import Recipe
from handgrad.judge.network.assignment import Assignment, spoken
from handgrad.judge.network.conditions import accuracy
from handgrad.judge.verdict import Points, PointsRow, Requirement, SeedResult


def points_for(
    assignment: Assignment,
    requirements: Sequence[Requirement],
    *,
    recipe: Recipe | None = None,
    results: Sequence[SeedResult] = (),
    parameters: int | None = None,
) -> Points | None:
    """Return the points for what was found, None where the assignment gives none.

    A condition that could not be reached because the network itself failed is worth nothing; one that is only not decided
    yet (before training) leaves the total open.
    """
    table = assignment.points
    if not table.any:
        return None
    rows = [*_conditions(assignment, requirements)]
    if table.accuracy:
        rows.append(_accuracy(assignment, requirements, recipe, results))
    if table.bonus:
        rows.append(_bonus(assignment, requirements, parameters))
    decided = [row.points for row in rows if row.points is not None]
    # No total from parts: it would be read as a grade.
    return Points(tuple(rows), sum(decided) if len(decided) == len(rows) else None, table.most)


def _conditions(assignment: Assignment, requirements: Sequence[Requirement]) -> Iterator[PointsRow]:
    """Return a row for each condition that points are given for."""
    found = {spoken(each.name): each for each in requirements}
    for name, most in assignment.points.conditions.items():
        requirement = found.get(spoken(name))
        if requirement is None or (requirement.met is None and _failed(requirements)):
            yield PointsRow(name, 0.0, most, _why_failed(requirements))
        else:
            points = None if requirement.met is None else most if requirement.met else 0.0
            yield PointsRow(name, points, most, requirement.found)


def _accuracy(
    assignment: Assignment, requirements: Sequence[Requirement], recipe: Recipe | None, results: Sequence[SeedResult]
) -> PointsRow:
    """Return the row for the highest step of accuracy that is reached."""
    # By points, not by percent: a table may be written in any order, and the dearest step that is reached counts.
    steps = sorted(assignment.points.accuracy, key=lambda step: step.points, reverse=True)
    most = steps[0].points
    if not results:
        failed = _failed(requirements)
        return PointsRow(
            "accuracy", 0.0 if failed else None, most, _why_failed(requirements) if failed else "not trained"
        )
    found = next((each.found for each in requirements if each.name == "accuracy"), "")
    for step in steps:
        asked = replace(assignment.accuracy, at_least=step.at_least)
        # Each step by the very rule of the condition, so that 99.4 % held in the last epochs means the same for points.
        met = accuracy(replace(assignment, accuracy=asked), recipe, results).met
        if met is None:
            return PointsRow("accuracy", None, most, found)
        if met:
            return PointsRow("accuracy", step.points, most, f"at least {step.at_least:g} %: {found}")
    return PointsRow("accuracy", 0.0, most, f"below {min(step.at_least for step in steps):g} %: {found}")


def _bonus(assignment: Assignment, requirements: Sequence[Requirement], parameters: int | None) -> PointsRow:
    """Return the row for few parameters; a network that does not do what is asked can be as small as it likes."""
    steps = sorted(assignment.points.bonus, key=lambda step: step.points, reverse=True)
    if any(each.met is False for each in requirements) or parameters is None:
        return PointsRow("bonus", 0.0, 0.0, "only if all conditions are met")
    step = next((step for step in steps if parameters < step.fewer_than), None)
    if step is None:
        return PointsRow("bonus", 0.0, 0.0, f"{parameters:,} parameters, not fewer than {steps[-1].fewer_than:,}")
    open_still = any(each.met is None for each in requirements)
    return PointsRow("bonus", None if open_still else step.points, 0.0, f"fewer than {step.fewer_than:,} parameters")


def _failed(requirements: Sequence[Requirement]) -> bool:
    """Whether the network itself gives no answers that could be counted, so that training it would show nothing."""
    return any(each.met is False and each.name in ANSWERS for each in requirements)


def _why_failed(requirements: Sequence[Requirement]) -> str:
    return next((each.found for each in requirements if each.met is False and each.name in ANSWERS), "not judged")


NO_ANSWERS = "a network that answers"
"""The condition that a network misses which cannot be run at all."""
ANSWERS = (NO_ANSWERS, "output", "answers")


def is_worth_training(assignment: Assignment, requirements: Sequence[Requirement]) -> bool:
    """Whether accuracy earns points although another condition is not met already."""
    counted = assignment.points.accuracy or "accuracy" in assignment.points.conditions
    return bool(counted) and not _failed(requirements)
