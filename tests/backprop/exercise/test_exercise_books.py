"""What the files of a task hold, and what a test must not hold; the command that writes them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from functools import cache
from pathlib import Path

import openpyxl
import pytest

from handgrad.backprop import load_network, preset_names
from handgrad.backprop.exercise import Exercise, exam_plan, key_plan, make_exercise, practice_plan, write_exercise
from handgrad.backprop.exercise.layout import ANSWER, ANSWERS, Places
from handgrad.backprop.workbook import Plan, workbook_bytes
from handgrad.cli import main
from handgrad.errors import UsageError
from handgrad.xlsx.writer import address

make = cache(make_exercise)
CELL = r"(?:Task|Answers)!\$[A-Z]+\$\d+"
REPEATS = rf"(?:{CELL}|IF\(ISNUMBER\(({CELL})\),\1,\"\?\"\))"
SHOWN = rf"IF\(ISNUMBER\({CELL}\),{CELL},\"\?\"\)|{CELL}"
NAMED = r"Answers!\$\d+:\$\d+|-?[\d.]+"
HARMLESS = re.compile(
    rf"(?:{REPEATS}|CHOOSE\(sample_shown(?:,(?:{SHOWN}))+\)|COUNT\(Answers!\$D\$\d+:\$D\$\d+\)|{NAMED})"
)
"""All that a test's formulas, names and validations may do: repeat a cell, or that of the sample chosen, count numbers."""
NUMBER = re.compile(r"(?<![\w.])-?\d*\.?\d+(?:[eE][-+]?\d+)?(?![\w.])")


def leaks(book: bytes, exercise: Exercise) -> list[str]:
    """Wherever a file holds a formula that could compute, or a number near an answer (to four digits, either sign).

    Every part is searched, whatever it is: cells, cached values, names, comments, properties, charts. Numbers that are given
    (and the small whole ones that lay out a page) are no leak where an answer happens to be near one of them.
    """
    network = exercise.network
    given = {*network.weights, *network.biases, network.learning_rate, *vars_of(exercise)}
    answers = [a for a in exercise.answers.values() if not any(abs(abs(a) - abs(g)) < 1e-3 * abs(a) for g in given)]
    found: list[str] = []
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode()
            formulas = re.findall(r"<(?:f|formula\d?|c:f|definedName)(?: [^>]*)?>([^<]*)<", text)
            found += [f"{name}: formula {f}" for f in formulas if not HARMLESS.fullmatch(f.replace("&quot;", '"'))]
            shown = NUMBER.findall(re.sub(r"<f[^>]*>[^<]*</f>", "", text))
            found += [f"{name}: number {one}" for one in shown if digits(one) > 2 and near_any(float(one), answers)]
    return found


def digits(number: str) -> int:
    """Significant digits: ``1.0`` (a version) and ``0.75`` (a margin) are no answers to four of them."""
    return len(re.sub(r"[eE].*|[-.]", "", number).lstrip("0"))


def near_any(number: float, answers: list[float]) -> bool:
    return any(abs(abs(number) - abs(answer)) < 5e-4 * abs(answer) for answer in answers)


def vars_of(exercise: Exercise) -> set[float]:
    return {value for sample in exercise.network.samples for value in (*sample.inputs, *sample.targets)}


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("seed", [0, 7])
def test_a_test_holds_no_answer_and_no_formula_that_computes_one(name: str, seed: int) -> None:
    exercise = make(load_network(name), seed)
    book = workbook_bytes(exam_plan(exercise))
    assert leaks(book, exercise) == []
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        names = re.findall(r'<definedName name="([^"]+)"', archive.read("xl/workbook.xml").decode())
        assert "hidden" not in archive.read("xl/workbook.xml").decode()
        assert not [part for part in archive.namelist() if "comment" in part or "chart" in part or "custom" in part]
    assert {"task_id", "answer_1", "learning_rate", "w_1"} <= set(names) and "score" not in names


def test_the_search_finds_what_a_practice_book_and_a_careless_test_hold() -> None:
    exercise = make(load_network("classic"), 7)
    found = leaks(workbook_bytes(practice_plan(exercise)), exercise)
    assert any("formula" in line for line in found) and any("number" in line for line in found)
    clean = workbook_bytes(exam_plan(exercise))
    answer = exercise.answers["delta_h1"]
    for part, old, new in (
        ("docProps/core.xml", "<dc:title>", f"<dc:title>{answer:.6f} "),
        ("xl/worksheets/sheet1.xml", "<v>?</v>", f"<v>{answer!r}</v>"),
        ("xl/workbook.xml", "</definedNames>", f'<definedName name="x">{-answer:.5f}</definedName></definedNames>'),
        ("xl/sharedStrings.xml", "What to do", f"What to do ({answer:.5g})"),
        ("xl/worksheets/sheet2.xml", "<sheetData>", "<sheetData><f>w_1*i_1</f>"),
    ):
        assert leaks(replaced(clean, part, old, new), exercise), part


def replaced(book: bytes, part: str, old: str, new: str) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(result, "w") as target:
        for name in source.namelist():
            text = source.read(name).decode()
            assert name != part or old in text
            target.writestr(name, text.replace(old, new, 1) if name == part else text)
    return result.getvalue()


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("make_plan", [practice_plan, exam_plan])
def test_only_the_blanks_and_what_is_the_learners_own_can_be_typed_into(name: str, make_plan: object) -> None:
    exercise = make(load_network(name), 0)
    assert callable(make_plan)
    plan = make_plan(exercise)
    assert isinstance(plan, Plan)
    practice = make_plan is practice_plan
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(plan)))
    places = Places(exercise, practice)
    blanks = {address(row, ANSWER) for row in places.answer_rows.values()}
    for sheet in book:
        assert sheet.protection.sheet and not sheet.protection.password
        free = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
        if sheet.title != ANSWERS:
            assert len(free) == {"Task": (0 if practice else 2) + places.several, "Marking": 0}[sheet.title]
            continue
        own = {at for at in free if at[0] == ("H" if practice else "E")}
        assert free - own == blanks | ({"D3"} if practice else set()) and len(own) == len(blanks)
        for place in blanks:
            assert sheet[place].value is None and sheet[place].fill.fgColor.rgb == "FFFFF3C4"
    assert [sheet.sheet_state for sheet in book] == (["visible", "visible", "hidden"] if practice else ["visible"] * 2)


def test_the_first_sheet_of_a_test_says_what_to_do_and_how_it_is_judged() -> None:
    exercise = make(load_network("xor"), 7)
    text = " ".join(str(cell.value) for cell in exam_plan(exercise)["Task"].cells.values() if cell.value is not None)
    for said in (
        f"{len(exercise.questions)} numbers", "within 0.1% of the true value", "four significant digits",
        "Round at the end only", exercise.identifier, "seed 7", "σ(x) = 1 / (1 + e^(−x))", "Your name", "both samples",
    ):  # fmt: skip
        assert said in text, said


def test_the_key_has_each_answer_where_the_task_has_its_blank_and_all_as_data() -> None:
    exercise = make(load_network("classic"), 7)
    task = openpyxl.load_workbook(io.BytesIO(workbook_bytes(exam_plan(exercise))))
    key = openpyxl.load_workbook(io.BytesIO(workbook_bytes(key_plan(exercise, test=True))))
    facts = {row[0].value: row[1].value for row in key["Data"][key.defined_names["key_facts"].attr_text.split("!")[1]]}
    assert facts["task_id"] == exercise.identifier and facts["seed"] == 7 and facts["kind"] == "test"
    assert json.loads(str(facts["network"]))["weights"] == list(exercise.network.weights)
    head, *rows = key["Data"][key.defined_names["key_answers"].attr_text.split("!")[1]]
    assert [cell.value for cell in head] == ["number", "name", "sheet", "cell", "value", "tolerance", "base"]
    for number, name, sheet, cell, value, near, _ in ([cell.value for cell in row] for row in rows):
        assert key[sheet][cell].value == value == pytest.approx(exercise.answers[name], rel=1e-14)
        assert task.defined_names[f"answer_{number}"].attr_text.replace("$", "") == f"{sheet}!{cell}"
        assert task[sheet][cell].value is None and 0 < near < abs(value) * 0.0011
    assert len(rows) == len(exercise.questions)
    head, *rows = key["Data"][key.defined_names["key_mistakes"].attr_text.split("!")[1]]
    assert len(rows) == sum(map(len, exercise.mistakes.values()))


def test_the_same_task_is_the_same_file() -> None:
    exercise = make(load_network("classic"), 7)
    assert workbook_bytes(practice_plan(exercise)) == workbook_bytes(
        practice_plan(make_exercise(load_network("classic"), 7))
    )


def test_the_verb_writes_task_and_key_and_nothing_over_what_is_there(tmp_path: Path) -> None:
    done = write_exercise("classic", tmp_path / "task.xlsx", seed=7, test=True)
    assert done.key == tmp_path / "task-key.xlsx" and done.key.exists() and done.task.exists()
    (tmp_path / "mine.xlsx").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.xlsx exists – add --overwrite or choose another name"):
        write_exercise("classic", tmp_path / "new.xlsx", key=tmp_path / "mine.xlsx")
    assert not (tmp_path / "new.xlsx").exists()
    assert write_exercise("classic", tmp_path / "new.xlsx").key is None


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["backprop", *arguments])
    return int(str(ended.value.code))


def test_the_command_writes_a_task_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("classic", "--exercise", "--seed", "7", "--out", "task.xlsx", "--key", "key.xlsx") == 0
    identifier = make(load_network("classic"), 7).identifier
    assert capsys.readouterr().out.splitlines() == [
        f"{identifier}: 32 answers to find, seed 7",
        "task.xlsx: for practice; it marks itself. Open the sheet Task first.",
        "key.xlsx: the key, for the teacher only.",
    ]
    assert run("xor", "--exercise", "--test", "--out", "t.xlsx", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said | {"task": ""} == {
        "task": "", "kind": "test", "seed": 0, "blanks": 40, "file": "t.xlsx", "key": "t-key.xlsx",
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"task.xlsx", "key.xlsx", "t.xlsx", "t-key.xlsx"}
    before = (tmp_path / "task.xlsx").read_bytes()
    assert run("--exercise") == 2 and (tmp_path / "task.xlsx").read_bytes() == before
    assert run("--exercise", "--overwrite") == 0 and (tmp_path / "task.xlsx").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--seed", "3"), "--seed is about a task – found no --exercise – add --exercise"),
        (("--test",), "--test is about a task – found no --exercise – add --exercise"),
        (("--key", "k.xlsx"), "--key is about a task – found no --exercise – add --exercise"),
        (
            ("--exercise", "--steps", "9"),
            "--steps does not go with --exercise (it is one step) – leave one of the two out",
        ),
        (
            ("--exercise", "--weights", "1,2"),
            "--weights does not go with --exercise (its numbers come from --seed) – leave one of the two out",
        ),
        (
            ("--exercise", "--explain", "notes"),
            "--explain does not go with --exercise (they change the network's own numbers) – leave one of the two out",
        ),
        (("--exercise", "--seed", "-1"), "--seed must be a whole number from 0 to 4,294,967,295 – found -1"),
        (
            ("--exercise", "--key", "./task.xlsx"),
            "task.xlsx would be both the task and its key – choose different names",
        ),
    ],
)
def test_what_cannot_be_meant_writes_nothing(
    arguments: tuple[str, ...], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert capsys.readouterr().err.strip() == f"error: {line}"
    assert list(tmp_path.iterdir()) == []


def test_the_answers_of_a_test_are_on_one_page_while_they_can_be_read_there() -> None:
    for name, high in (("classic", 1), ("three-classes", 0)):
        exercise = make_exercise(load_network(name), 3)
        assert exam_plan(exercise)["Answers"].printing.pages_high == high
        assert practice_plan(exercise)["Answers"].printing.pages_high == 0
