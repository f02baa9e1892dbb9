"""Verdicts in the forms that graders read: Gradescope's results.json, Classroom 50's result.json, JUnit's XML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import quoteattr

from handgrad.errors import UsageError
from handgrad.judge.network.grading import Gradescope
from handgrad.judge.verdict import Requirement, Verdict
from handgrad.text import one_line, visible

AFTER_TRAINING = ("accuracy", "bonus")
"""What is known only after the training, and can be shown to learners later than the rest."""
# Hours, not the date: no one gains an attempt by handing in at midnight, in whatever time zone.
DAY = timedelta(hours=24)
STATUS = {True: "passed", False: "failed"}
CONTEXT = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}
"""Fields of Classroom 50's result, and the variables of its runner that hold them."""


def gradescope_results(verdict: Verdict, settings: Gradescope) -> dict[str, Any]:
    """Return what Gradescope's autograder reads, by its documented format (Gradescope Autograder Documentation).

    Without a verdict there is no score at all: Gradescope then shows that the grader failed, and nobody gets a zero that
    is not theirs. Where the assignment gives no points each condition counts one.
    """
    notes = "\n".join(one_line(note, None) for note in verdict.notes)
    whole: dict[str, Any] = {
        "output": f"{verdict.file}: {verdict.word}\n{notes}".strip(),
        "output_format": "text",
        "execution_time": round(verdict.seconds, 1),
        "stdout_visibility": "hidden",
    }
    if verdict.verdict == "no verdict" and not verdict.requirements:
        return whole
    whole["tests"] = [_test(verdict, each, settings) for each in _listed(verdict)]
    if settings.leaderboard and verdict.parameters is not None:
        board: list[dict[str, Any]] = [{"name": "parameters", "value": verdict.parameters, "order": "asc"}]
        if verdict.accuracy is not None and settings.accuracy == "visible":
            board.insert(0, {"name": "accuracy (%)", "value": round(verdict.accuracy, 2), "order": "desc"})
        whole["leaderboard"] = board
    return whole


def _listed(verdict: Verdict) -> list[tuple[str, Requirement | None, float | None, float, str]]:
    """Return name, condition, points, maximum and reason of everything that is shown."""
    conditions = {each.name.replace("_", " "): each for each in verdict.requirements}
    if verdict.points is None:
        return [
            (each.name, each, None if each.met is None else float(each.met), 1.0, f"{each.asked}: {each.found}")
            for each in verdict.requirements
        ]
    listed = [
        (row.name, conditions.get(row.name.replace("_", " ")), row.points, row.most, row.reason)
        for row in verdict.points.rows
    ]
    named = {name.replace("_", " ") for name, *_ in listed}
    # A condition without points can still decide the verdict, and is shown with none.
    rest = [(each.name, each, 0.0, 0.0, f"{each.asked}: {each.found}") for each in verdict.requirements]
    return [*listed, *(each for each in rest if each[0].replace("_", " ") not in named)]


def _test(
    verdict: Verdict, listed: tuple[str, Requirement | None, float | None, float, str], settings: Gradescope
) -> dict[str, Any]:
    """Return one test of Gradescope's results; what is not decided has no points yet."""
    name, condition, points, most, reason = listed
    test: dict[str, Any] = {
        "name": one_line(name),
        "max_score": most,
        "output": visible(reason),
        "output_format": "text",
    }
    # The format has no "not yet": 0 with the word "open" before its reason.
    test["score"] = 0.0 if points is None else points
    met = condition.met if condition is not None else None if points is None else points >= most
    if met is not None:
        test["status"] = STATUS[met]
    elif points is None:
        test["output"] = f"open: {test['output']}"
    test["visibility"] = settings.accuracy if name in AFTER_TRAINING else "visible"
    return test


def attempts_used_up(metadata: Mapping[str, Any], settings: Gradescope) -> dict[str, Any] | None:
    """Return the results to show instead of judging, where a learner has had the day's attempts; else None.

    *metadata* is Gradescope's ``submission_metadata.json``. The last results stay, with a line on top; a hand-in that was
    refused so itself is no attempt.
    """
    now = _time(metadata.get("created_at"))
    previous = metadata.get("previous_submissions")
    if not settings.attempts_a_day or now is None or not isinstance(previous, list):
        return None
    times = []
    last: dict[str, Any] | None = None
    for each in previous:
        results = each.get("results") if isinstance(each, dict) else None
        when = _time(each.get("submission_time")) if isinstance(each, dict) else None
        # Or each refusal would itself use up an attempt, and nobody could ever hand in again.
        if when is None or not isinstance(results, dict) or REFUSED in str(results.get("output", "")):
            continue
        last = results
        if now - when < DAY:
            times.append(when)
    if len(times) < settings.attempts_a_day or last is None:
        return None
    wait = min(times) + DAY
    line = f"{REFUSED}: {settings.attempts_a_day} in 24 hours – the next is judged from {wait:%Y-%m-%d %H:%M} ({wait:%Z}) on"
    return {**last, "output": f"{line}; these are the results of the last one\n{last.get('output', '')}".strip()}


REFUSED = "not judged, all attempts are used"


def _time(text: object) -> datetime | None:
    """Return the time that Gradescope wrote, None for anything else."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def classroom50_result(verdict: Verdict, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return Classroom 50's ``result.json`` (schema ``classroom50/result/v1``): whole points alone, and tests that add up.

    *environment* holds what its runner says of the submission. Raises `UsageError` where that is missing, where points are no
    whole numbers, or without a verdict: the runner takes an exit other than 0 for a fault of the grader, never of a learner.
    """
    if verdict.verdict == "no verdict":
        why = one_line(verdict.notes[0]) if verdict.notes else "a condition is not decided"
        raise UsageError(f"{verdict.file}: no verdict – {why} – no result is written")
    missing = [name for field, name in CONTEXT.items() if field != "review" and not environment.get(name)]
    if missing:
        raise UsageError(f"${missing[0]} is not set – found no runner of Classroom 50 – run it inside one")
    tests = []
    for name, condition, points, most, _ in _listed(verdict):
        if most != int(most) or (points or 0) != int(points or 0):
            raise UsageError(f"points for {name}: {points:g} of {most:g} – Classroom 50 takes whole points alone")
        met = condition.met if condition is not None else (points or 0) >= most
        tests.append(
            {"test-name": one_line(name), "passed": bool(met), "score": int(points or 0), "max-score": int(most)}
        )
    result: dict[str, Any] = {"schema": "classroom50/result/v1"}
    result |= {field: environment.get(name, "") for field, name in CONTEXT.items()}
    result["review"] = result["review"] or result["commit"]
    result["datetime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result["score"] = sum(test["score"] for test in tests)
    result["max-score"] = sum(test["max-score"] for test in tests)
    return {**result, "tests": tests}


def junit_xml(verdicts: Sequence[Verdict]) -> str:
    """Return JUnit's XML: a suite a hand-in and a case a condition; no verdict is an error, what is open is skipped."""
    suites = [_suite(verdict) for verdict in verdicts]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>", ""])


def _suite(verdict: Verdict) -> str:
    """Return one ``testsuite``."""
    name = verdict.person or verdict.file
    cases = [_case(name, each) for each in verdict.requirements]
    errors = int(verdict.verdict == "no verdict" and not verdict.requirements)
    if errors:
        why = verdict.notes[0] if verdict.notes else "no verdict"
        cases.append(
            f'    <testcase classname={_xml(name)} name="verdict" time="0"><error message={_xml(why)}/></testcase>'
        )
    counts = [sum(each.met is met for each in verdict.requirements) for met in (False, None)]
    head = f'  <testsuite name={_xml(name)} tests="{len(cases)}" failures="{counts[0]}" errors="{errors}" skipped="{counts[1]}"'
    return "\n".join([f'{head} time="{verdict.seconds:.3f}">', *cases, "  </testsuite>"])


def _case(name: str, requirement: Requirement) -> str:
    """Return one ``testcase``."""
    head = f'    <testcase classname={_xml(name)} name={_xml(requirement.name)} time="0"'
    why = _xml(f"{requirement.asked}: {requirement.found}")
    inner = {True: "", False: f"<failure message={why}/>", None: f"<skipped message={why}/>"}[requirement.met]
    return f"{head}>{inner}</testcase>" if inner else f"{head}/>"


def _xml(text: str) -> str:
    """Return *text* as an attribute; characters that XML may not hold are replaced."""
    return quoteattr(one_line(text, None))


def as_text(result: Mapping[str, Any]) -> str:
    """Return a result as JSON, letters outside ASCII escaped: readers differ in the encoding that they take."""
    return json.dumps(result, indent=1) + "\n"
