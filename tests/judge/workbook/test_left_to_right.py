"""A table with its quantities in rows and its steps in columns is judged like one that stands upright."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils import column_index_from_string, get_column_letter

from handgrad.judge.workbook import judge_workbook
from judge.corpus_workbooks import FORMULAS, PUBLISHED, RIGHT, STYLES, WRONG, Layout, Plant, write

CELL = re.compile(r"(\$?)([A-Z]{1,3})(\$?)(\d+)")
QUICK = 6
"""Every so-many-th of the corpus is in the ordinary suite."""


def exchanged(formula: str) -> str:
    return CELL.sub(lambda m: f"{m[3]}{get_column_letter(int(m[4]))}{m[1]}{column_index_from_string(m[2])}", formula)


def turn(path: Path) -> Path:
    """Exchange rows and columns of a workbook, as *paste special, transpose* does."""
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        cells = [(c.row, c.column, c.value) for row in sheet.iter_rows() for c in row if c.value is not None]
        place, title = book.index(sheet), sheet.title
        book.remove(sheet)
        new = book.create_sheet(title, place)
        for row, column, value in cells:
            formula = isinstance(value, str) and value.startswith("=")
            new.cell(column, row, exchanged(value) if formula else value)
    for name in book.defined_names.values():
        name.attr_text = exchanged(name.attr_text)
    book.save(path)
    return path


def some(number: int) -> tuple[pytest.MarkDecorator, ...]:
    return () if number % QUICK == 0 else (pytest.mark.long,)


@pytest.mark.parametrize(
    "layout", [pytest.param(each, id=each.name, marks=some(number)) for number, each in enumerate(RIGHT)]
)
def test_a_right_table_from_left_to_right_is_met(layout: Layout, tmp_path: Path) -> None:
    verdict = judge_workbook(turn(write(layout, tmp_path / "x.xlsx")), office=False)
    assert [(c.name, c.cell, c.mistake, c.explanation) for c in verdict.mistakes] == []
    assert (verdict.verdict, verdict.not_judged) == ("met", ())
    assert any("from left to right" in note for note in verdict.notes)


@pytest.mark.parametrize(
    ("style", "plant"),
    [
        pytest.param(style, plant, id=f"{number} {plant.column}", marks=some(number))
        for number, (style, plant) in enumerate(WRONG)
    ],
)
def test_a_planted_mistake_is_found_in_its_row_with_its_cause(style: str, plant: Plant, tmp_path: Path) -> None:
    verdict = judge_workbook(turn(write(STYLES[style], tmp_path / "x.xlsx", plant)), office=False)
    assert verdict.verdict == "not met"
    assert [c.name for c in verdict.mistakes] == [plant.column]
    assert verdict.mistakes[0].mistake in plant.likely


def test_cells_are_named_as_they_stand_in_the_file(tmp_path: Path) -> None:
    # The table stands from row 6 on before it is turned: names in column F, step 0 in column G.
    slid = Plant("w5", "{<w5}-{eta-}*{<dE/dw5}", ())
    path = turn(write(Layout("x"), tmp_path / "x.xlsx", slid))
    sheet = openpyxl.load_workbook(path).active
    (row,) = [cell.row for cell in sheet["F"] if cell.value == "w5"]
    (mistake,) = judge_workbook(path, office=False).mistakes
    assert mistake.cell == f"Sheet1!F{row}"
    assert re.search(r"I\d+ reads C2 where B2, the learning rate, belongs: a \$ is missing", mistake.explanation)


def test_a_summary_beside_a_table_is_no_table(tmp_path: Path) -> None:
    path = write(Layout("x", steps=6), tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(path)
    summary = book.create_sheet("Summary")
    for row, name in enumerate(("w1", "w2", "w5", "w6", "h1", "E_total"), start=2):
        letter = get_column_letter(1 + PUBLISHED.index(name))
        for column, content in enumerate((name, f"=Sheet1!{letter}7", f"=Sheet1!{letter}13"), start=1):
            summary.cell(row, column, content)
    book.save(path)
    verdict = judge_workbook(path, office=False)
    assert (verdict.verdict, [table.sheet for table in verdict.tables]) == ("met", ["Sheet1"])


def test_a_network_worked_out_once_is_told_why_it_is_not_judged(tmp_path: Path) -> None:
    path = turn(write(Layout("x", steps=0, formulas=FORMULAS), tmp_path / "x.xlsx"))
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "no verdict"
    assert "the names at Sheet1!F1 have one value each" in verdict.notes[-1]
