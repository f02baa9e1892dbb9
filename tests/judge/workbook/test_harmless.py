"""What is harmless accuses nobody: copies, other kinds of file, another label, functions that are not calculated here."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest

from handgrad.cli import main
from handgrad.judge.workbook import judge_workbook
from handgrad.xlsx.calculation import Calculation
from handgrad.xlsx.reader import read_book
from judge.corpus_workbooks import FORMULAS, PUBLISHED, Layout, Plant, write

TOO_LARGE = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 100), nn.Linear(100, 10))
"""


def with_typed_copy(path: Path, right: int, *, spoil: str | None = None) -> Path:
    """Put the values of the table, as *paste values* does, so many columns further to the right."""
    calculation = Calculation(read_book(path))
    book = openpyxl.load_workbook(path)
    sheet = book.active
    spoilt = next((cell.column for cell in sheet[6] if cell.value == spoil), None)
    for row in list(sheet.iter_rows(min_row=6)):
        for cell in row:
            if cell.value is None:
                continue
            value = calculation.value(sheet.title, cell.row - 1, cell.column - 1)
            wrong = cell.column == spoilt and isinstance(value, float)
            sheet.cell(cell.row, cell.column + right, -value if wrong and isinstance(value, float) else value)
    book.save(path)
    return path


def test_a_typed_copy_beside_formulas_is_judged_too_and_each_is_said_to_be_what_it_is(tmp_path: Path) -> None:
    verdict = judge_workbook(with_typed_copy(write(Layout("x"), tmp_path / "x.xlsx"), 40), office=False)
    assert [(table.verdict, table.holds) for table in verdict.tables] == [("met", "formulas"), ("met", "typed numbers")]
    spoilt = with_typed_copy(write(Layout("x"), tmp_path / "y.xlsx"), 40, spoil="dE/dw5")
    verdict = judge_workbook(spoilt, office=False)
    assert [table.verdict for table in verdict.tables] == ["met", "not met"]
    assert [c.name for c in verdict.mistakes] == ["dE/dw5"]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("kind", ["ods", "xls"])
def test_other_kinds_of_file_are_judged_through_libreoffice(kind: str, tmp_path: Path) -> None:
    for name, plants in (("right", ()), ("wrong", (Plant("dE/dw5", "-" + FORMULAS["dE/dw5"], ()),))):
        given = write(Layout("x"), tmp_path / f"{name}.xlsx", *plants)
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        command = ["soffice", profile, "--headless", "--convert-to", kind, "--outdir", str(tmp_path), str(given)]
        subprocess.run(command, check=True, capture_output=True, timeout=170)
    assert judge_workbook(tmp_path / f"right.{kind}").verdict == "met"
    wrong = judge_workbook(tmp_path / f"wrong.{kind}")
    assert (wrong.verdict, [(c.name, str(c.mistake)) for c in wrong.mistakes]) == ("not met", [("dE/dw5", "sign")])


def test_a_label_that_says_another_rate_than_the_updates_read_is_said_once(tmp_path: Path) -> None:
    def beside(book: openpyxl.Workbook) -> None:
        # The updates read K1, which nothing labels.
        book.active["K1"] = 0.3

    path = write(Layout("x", eta=0.5, eta_written="$K$1", before=beside), tmp_path / "x.xlsx")
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "met"
    assert verdict.learning_rate == "0.3, from Sheet1!K1, which the updates read"
    said = [note for note in verdict.notes if "0.5" in note]
    assert said == ["The cell labelled as learning rate, Sheet1!B2, holds 0.5; the updates read Sheet1!K1, 0.3."]


def test_a_function_that_is_not_calculated_here_is_no_mistake(tmp_path: Path) -> None:
    layout = Layout("x", formulas={"a_h1": "0.5*(1+TANHX({h1}/2))"})
    path = write(layout, tmp_path / "x.xlsx")
    true = Calculation(read_book(write(Layout("x"), tmp_path / "true.xlsx")))
    assert true.value("Sheet1", 6, 0) == 0.01
    # The program that wrote the file knows the function and stored its values: the judge has only these.
    stored = store_values(path, true)
    verdict = judge_workbook(stored, office=False)
    assert [(c.name, c.explanation) for c in verdict.mistakes] == []
    assert any("their functions are not calculated here: a_h1" in note for note in verdict.notes)


@pytest.mark.parametrize("formula", ["LET(x,{h1},1/(1+EXP(-x)))", "_xlfn.SIGMOID({h1})", "1/(1+EXP(-INDEX({h1},1)))"])
def test_a_function_without_a_stored_value_is_not_judged_and_no_mistake(formula: str, tmp_path: Path) -> None:
    verdict = judge_workbook(write(Layout("x", formulas={"a_h1": formula}), tmp_path / "x.xlsx"), office=False)
    assert (verdict.verdict, verdict.mistakes) == ("no verdict", ())
    assert verdict.not_judged == verdict.not_calculated == ("a_h1",)
    assert "a_h1" not in [column.name for column in verdict.columns]
    assert "open the file in a spreadsheet program and save it" in verdict.text()


def store_values(path: Path, values: Calculation) -> Path:
    """Store a value for each formula, as spreadsheet programs do."""
    import re
    import zipfile

    parts = {}
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    name = "xl/worksheets/sheet1.xml"

    def stored(match: re.Match[str]) -> str:
        cell = openpyxl.utils.cell.coordinate_from_string(match[1])
        column = openpyxl.utils.column_index_from_string(cell[0])
        return (
            match[0]
            .replace("<v />", f"<v>{values.value('Sheet1', cell[1] - 1, column - 1)!r}</v>")
            .replace("<v></v>", f"<v>{values.value('Sheet1', cell[1] - 1, column - 1)!r}</v>")
        )

    text = re.sub(r'<c r="([A-Z]+[0-9]+)"[^>]*><f>.*?</c>', stored, parts[name].decode())
    parts[name] = text.encode()
    with zipfile.ZipFile(path, "w") as new:
        for part, data in parts.items():
            new.writestr(part, data)
    return path


@pytest.mark.long
def test_a_class_of_a_workbook_and_a_network_has_a_row_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "class"
    folder.mkdir()
    write(Layout("x"), folder / "anna.xlsx")
    write(Layout("x"), folder / "ben.xlsx", Plant("dE/dw5", "-" + FORMULAS["dE/dw5"], ()))
    # Too large for what is asked, so that nothing is trained.
    (folder / "carl.py").write_text(TOO_LARGE, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["judge", "class", "--assignment", "under-20k", "--csv", "class.csv"])
    rows = list(csv.DictReader((tmp_path / "class.csv").read_text(encoding="utf-8").splitlines()))
    words = {Path(row["file"]).name: row["verdict"] for row in rows}
    assert (words["anna.xlsx"], words["ben.xlsx"]) == ("met", "not met")
    assert words["carl.py"] in ("not met", "no verdict")
    assert words.keys() == {"anna.xlsx", "ben.xlsx", "carl.py"}


def test_a_class_takes_tables_of_values_and_says_of_a_protected_file_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "class"
    folder.mkdir()
    true = Calculation(read_book(write(Layout("x", steps=3), tmp_path / "x.xlsx")))
    table = [[true.value("Sheet1", row, column) for column in range(len(PUBLISHED))] for row in range(5, 10)]
    with (folder / "anna.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["learning rate", 0.5], [], *table])
    # A list of the teacher's is nobody's hand-in.
    (folder / "grades.csv").write_text("name,grade\nanna,1\n", encoding="utf-8")
    protected = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le")
    (folder / "dora.xlsx").write_bytes(protected)
    with pytest.raises(SystemExit):
        main(["judge", "class", "--csv", "class.csv"])
    text = (tmp_path / "class.csv").read_text(encoding="utf-8-sig")
    rows = {Path(row["file"]).name: row for row in csv.DictReader(text.splitlines())}
    assert {name: row["verdict"] for name, row in rows.items()} == {"anna.csv": "met", "dora.xlsx": "no verdict"}
    assert "protected by a password" in text
    assert "fault of the judge" not in text
