"""A task that was handed in is marked against its key, also by what follows from earlier answers."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from handgrad.backprop.exercise import WrittenExercise, write_exercise
from handgrad.errors import UsageError
from handgrad.judge.workbook import BookVerdict, judge_workbook, lines


@pytest.fixture(scope="module", params=[True, False], ids=["test", "practice"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> WrittenExercise:
    folder = tmp_path_factory.mktemp("task")
    return write_exercise("classic", folder / "task.xlsx", seed=7, test=request.param, key=folder / "key.xlsx")


def answered(written: WrittenExercise, answers: dict[str, object], path: Path) -> BookVerdict:
    """The verdict on the task with these answers typed in, where the names of its blanks are."""
    book = openpyxl.load_workbook(written.task)
    for question in written.exercise.questions:
        _, _, cell = book.defined_names[f"answer_{question.number}"].attr_text.partition("!")
        book["Answers"][cell.replace("$", "")] = answers.get(question.name)
    book.save(path)
    assert written.key is not None
    return judge_workbook(path, key=written.key, office=False)


def test_all_right_answers_meet_it(written: WrittenExercise, tmp_path: Path) -> None:
    rounded: dict[str, object] = {name: float(f"{value:.5g}") for name, value in written.exercise.answers.items()}
    verdict = answered(written, rounded, tmp_path / "done.xlsx")
    assert (verdict.verdict, verdict.task) == ("met", written.exercise.identifier)
    assert verdict.points == (len(rounded), len(rounded))


def test_a_mistake_is_named_and_what_follows_from_it_counts(written: WrittenExercise, tmp_path: Path) -> None:
    answers: dict[str, object] = dict(written.exercise.answers)
    mistake = written.exercise.mistakes["delta_o1"][0]
    answers["delta_o1"] = written.exercise.mistake_values["delta_o1"][0]
    answers["dE/dw5"] = answers["delta_o1"] * written.exercise.values["a_h1"]  # type: ignore[operator]
    verdict = answered(written, answers, tmp_path / "done.xlsx")
    said = {column.name: column for column in verdict.columns}
    assert verdict.verdict == "not met"
    assert said["delta_o1"].mistake == str(mistake.kind)
    assert (said["dE/dw5"].right, said["dE/dw5"].mistake) == (False, "consequence")
    assert said["h1"].right
    assert "dE/dw5" not in {column.name for column in verdict.mistakes}


def test_blanks_and_words_are_no_answers(written: WrittenExercise, tmp_path: Path) -> None:
    verdict = answered(written, {"h1": "a lot"}, tmp_path / "done.xlsx")
    said = {column.name: column.mistake for column in verdict.columns}
    assert said["h1"] == "no number"
    assert set(said.values()) == {"no number", "no answer"}
    assert verdict.points == (0, len(said))
    assert any("0 of" in line for line in lines(verdict))


def test_the_key_of_another_task_and_no_key_are_refused(written: WrittenExercise, tmp_path: Path) -> None:
    other = write_exercise("classic", tmp_path / "other.xlsx", seed=8, test=True)
    assert other.key is not None
    with pytest.raises(UsageError, match="not the task"):
        judge_workbook(written.task, key=other.key, office=False)
    with pytest.raises(UsageError, match="no key"):
        judge_workbook(written.task, key=other.task, office=False)
