"""Somebody's workbook is data: spelled in many ways, refused in one line where unsafe, never executed."""

from __future__ import annotations

import gc
import io
import math
import random
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.formula.translate import Translator

from handgrad.backprop import load_network, trace
from handgrad.backprop.limits import DEFAULT_RATES, MAX_STEPS
from handgrad.backprop.workbook.content import gather
from handgrad.errors import HandgradError, UsageError
from handgrad.judge.workbook import MistakeKind, judge_workbook
from handgrad.judge.workbook.spelling import labelled_number, number_in, spelled
from handgrad.xlsx import libreoffice as office_module
from handgrad.xlsx import others, reader
from handgrad.xlsx.calculation import Calculation
from handgrad.xlsx.formula import FormulaError, parse
from handgrad.xlsx.formula_text import Fill, signature
from handgrad.xlsx.limits import MAX_CELLS_READ
from handgrad.xlsx.reader import read_book
from judge.corpus_workbooks import FORMULAS, PUBLISHED, RIGHT, Layout, Plant, write

SPELLINGS = {
    "E_total": (
        "E_tot",
        "E_total",
        "Etotal",
        "E tot",
        "Total Error",
        "E_TOTAL [-]",
        "Eₜₒₜ",
        "Loss",
        "Error (½ Σ)",
        "E",
    ),
    "dE/dw1": (
        "E∂w1",
        "dE/dw1",
        "∂E/∂w1",
        "dE_dw1",
        "dEt/dw1",
        "grad w1",
        "∇w1",
        "∂E/∂w₁",
        "∂E_total/∂w1",
        "d E / d W 1",
        "gradient(w1)",
        "slope of w1",
        "derivative of E by w1",
        "∂E wrt w1",
        "∂E⁄∂w(1)",
        "dE/d(w1)",
        "∇E_w1",
        "∂E/∂ω1",
        "∂E_total/\n∂w_{1}",
    ),
    "a_h1": (
        "a_h1",
        "out_h1",
        "ah1",
        "σ(h1)",
        "Out H1",
        "OUT_H1",
        "a_h₁",
        "act_h1",
        "sigmoid(h1)",
        "h1 (out)",
        "activation of h1",
        "f(Σ h1)",
    ),
    "net_h1": (
        "net_h1",
        "NetH1",
        "z_h1",
        "net(h1)",
        "zh1",
        "h1 (net)",
        "in(h1)",
        "Σ h1",
        "pre-activation h1",
        "input to h1",
    ),
    "t1": ("t1", "target1", "T1", "Target 1", "t₁", "t_1", "t(1)", "expected 1", "y_true 1"),
    "i1": ("i1", "x1", "input 1", "I1", "in1", "x₁", "x[1]", "Input (i1)"),
    "w3": (
        "w3",
        "W3",
        "w_3",
        "Weight 3",
        "w₃",
        "w3 (hidden)",
        "wt 3",
        "w[3]",
        "weight (w3)",
        "old w3",
        "w_{3}^{(t)}",
        "w3(t)",
    ),
    "w3_next": ("new w3", "w3 (new)", "w3(t+1)", "w_3^{(t+1)}", "updated w3", "w3⁺", "w3'"),
    "p!a_h1/w1": ("∂a_h1/∂w1", "∂σ(h1)/∂w1", "da_h1_dw1", "∂out(h1)/∂w1"),
    "1!net_o1": ("net", "net_o", "z", "o net", "net output"),
    "1!delta_o1": ("δ_o", "delta output"),
    "delta_o2": ("δ_o2", "delta_o2", "dE/dnet_o2", "δo2"),
    "learning_rate": ("η", "lr", "learning rate", "Learning Rate (η)", "alpha", "LEARNING-RATE:", "η (eta)", "α"),
}


@pytest.mark.parametrize(("name", "texts"), SPELLINGS.items())
def test_a_name_is_known_in_its_spellings(name: str, texts: tuple[str, ...]) -> None:
    assert {text: spelled(text) for text in texts} == dict.fromkeys(texts, name)


@pytest.mark.parametrize("text", ["", "step", "epoch", "notes", "w", "w0", "my h1 value", "=1+1", "x" * 500, "w1_2"])
def test_other_texts_are_no_names(text: str) -> None:
    assert spelled(text) is None


def test_numbers_are_read_as_people_type_them() -> None:
    assert number_in("0,000438567734474345123") == 0.000438567734474345123
    assert [number_in(t) for t in ("0,05", "5e-1", "50 %", "−0.5", "abc", "", "1.2.3", "%")] == [
        0.05, 0.5, 0.5, -0.5, None, None, None, None,
    ]  # fmt: skip
    assert labelled_number("η = 0,5") == ("learning_rate", 0.5)
    assert labelled_number("rate of interest = 5") is None


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("1+2*3^2", 19.0), ("-2^2", 4.0), ("2^-1", 0.5), ("50%*4", 2.0), ("2^3^2", 64.0), ("-(1+2)%", -0.03),
        ("EXP(0)+LN(1)", 1.0), ("IF(1>2,5,7)", 7.0), ("SUM(A1:A3)", 6.0), ("SUMPRODUCT(A1:A3,A1:A3)", 14.0),
        ("IFERROR(1/0,3)", 3.0), ("$A$1+A$2+$A3", 6.0), ("'Other one'!A1*2", 20.0), ("AVERAGE(A1:A3)", 2.0),
        ("POWER(A3,2)/2", 4.5), ("1/(1+EXP(-A1))", 1 / (1 + math.exp(-1))), ("SUMXMY2(A1:A2,A2:A3)/2", 1.0),
        ("ROUND(2.345,2)", 2.35), ("rate*2", 0.6),
    ],
)  # fmt: skip
def test_formulas_are_calculated_as_spreadsheets_do(formula: str, value: float, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (1, 2, 3):
        book.active.cell(row, 1, row)
    book.create_sheet("Other one")["A1"] = 10
    book.active["D1"] = 0.3
    book.defined_names["rate"] = openpyxl.workbook.defined_name.DefinedName("rate", attr_text="Sheet!$D$1")
    book.active["B1"] = f"={formula}"
    book.save(tmp_path / "book.xlsx")
    assert Calculation(read_book(tmp_path / "book.xlsx")).value("Sheet", 0, 1) == pytest.approx(value, rel=1e-15)


def test_formulas_of_a_fill_are_calculated_each_in_its_row(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    book.defined_names["first"] = openpyxl.workbook.defined_name.DefinedName("first", attr_text="Sheet!A1")
    for row in range(1, 9):
        sheet.cell(row, 1, row)
        sheet.cell(row, 2, f"=A{row}*A$2+$A{row}+first+LOG10(A{row})*0")
        sheet.cell(row, 3, f"=SUM(A$1:A{row})+B{row}")
        # Each stands in its own row and reads the same cell: no fill, though the words are the same.
        sheet.cell(row, 4, "=A3*10")
        sheet.cell(row, 5, f"=IF(A{row}>3,E{max(1, row - 1)}+1,0)")
    book.save(tmp_path / "book.xlsx")
    calculation = Calculation(read_book(tmp_path / "book.xlsx"))
    found = [[calculation.value("Sheet", row, column) for column in (1, 2, 3, 4)] for row in range(8)]
    assert found == [[3 * n + 1, n * (n + 1) / 2 + 3 * n + 1, 30, max(0, n - 3)] for n in range(1, 9)]


@pytest.mark.parametrize(
    "formula",
    ['SUM(B$2:B9)*10%+IF(A5="%d A1",$C$3,-D4)', "$A$1", "1E5+E5", "Sheet1!B5^2", "Other!$B$7&'a b'!C6"],
)
def test_a_formula_that_is_copied_down_is_the_one_that_openpyxl_writes(formula: str) -> None:
    fill = Fill(formula)
    for down in (0, 1, 7, 1000, -2):
        there = Translator(f"={formula}", origin="C10").translate_formula(f"C{10 + down}")
        assert f"={fill.at(down, 0)}" == there
    assert Fill("A2+B$1").at(-2, 0) == "#REF!+B$1"


def test_formulas_move_as_filling_moves_them_and_fills_have_one_signature() -> None:
    assert Fill('A1+$B$2*C$3-$D4&"A1"').at(2, 1) == 'B3+$B$2*D$3-$D6&"A1"'
    assert signature("F6*$D$6", 6, 3) == signature("F7*$D$6", 7, 3) != signature("F6*$D$6", 7, 3)
    for text in (
        "1+",
        "(",
        "A1:",
        "f(",
        "{1,2}",
        "1 2",
        "=" * 9000,
        "(" * 500 + "1" + ")" * 500,
        "1+" * 4000 + "1",
        "-" * 4000 + "1",
    ):
        with pytest.raises(FormulaError):
            parse(text)


def rebuilt(path: Path, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> Path:
    """The workbook with its parts changed, and others put in."""
    old, new = zipfile.ZipFile(io.BytesIO(path.read_bytes())), io.BytesIO()
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as file:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                file.writestr(name, data)
        for name, data in (more or {}).items():
            file.writestr(name, data)
    path.write_bytes(new.getvalue())
    return path


def sheet_part(name: str) -> bool:
    return name == "xl/worksheets/sheet1.xml"


BOMB = b'<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
OUTSIDE = b'<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
HOSTILE: dict[str, tuple[Callable[[str, bytes], bytes | None], dict[str, bytes], str]] = {
    "entities": (lambda n, d: d.replace(b"<worksheet", BOMB + b"<worksheet") if sheet_part(n) else d, {}, "declares entities"),
    "files": (lambda n, d: d.replace(b"<worksheet", OUTSIDE + b"<worksheet") if sheet_part(n) else d, {}, "declares entities"),
    "utf-16": (lambda n, d: d.decode().encode("utf-16") if sheet_part(n) else d, {}, "not UTF-8"),
    "macros": (lambda n, d: d, {"xl/vbaProject.bin": b"x"}, "macros"),
    "embedded": (lambda n, d: d, {"xl/embeddings/oleObject1.bin": b"x"}, "embedded documents"),
    "no sheet": (lambda n, d: None if sheet_part(n) else d, {}, "is missing"),
    "no book": (lambda n, d: None if n == "xl/workbook.xml" else d, {}, "is missing"),
    "cut xml": (lambda n, d: d[: len(d) // 2] if sheet_part(n) else d, {}, "is not XML"),
    "many parts": (lambda n, d: d, {f"xl/media/{k}.png": b"" for k in range(2_100)}, "parts"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_an_unsafe_or_damaged_workbook_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    change, more, said = HOSTILE[case]
    path = rebuilt(write(Layout("x"), tmp_path / "x.xlsx"), change, more)
    with pytest.raises(UsageError, match=said) as caught:
        judge_workbook(path, office=False)
    assert "\n" not in str(caught.value)
    assert " – " in str(caught.value)


@pytest.mark.parametrize(
    ("part", "said"),
    [("xl/externalLinks/externalLink1.xml", "links to other files"), ("xl/connections.xml", "connections")],
)
def test_links_and_connections_that_no_cell_of_a_table_reads_are_noted_and_left_out(
    part: str, said: str, tmp_path: Path
) -> None:
    path = rebuilt(write(Layout("x"), tmp_path / "x.xlsx"), lambda n, d: d, {part: b"<x/>"})
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "met"
    assert any(said in note for note in verdict.notes)


def test_a_table_that_reads_another_file_is_told_which_cell_does(tmp_path: Path) -> None:
    path = write(Layout("x"), tmp_path / "x.xlsx", Plant("h1", "[1]Sheet1!$A$1*{i1}", (), first=2, last=2))
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "no verdict"
    assert any("I9 reads another file" in note for note in verdict.notes)


def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    huge = lambda n, d: b"<worksheet>" + b" " * 100 * 2**20 if sheet_part(n) else d  # noqa: E731
    path = rebuilt(write(Layout("x"), tmp_path / "x.xlsx"), huge)
    assert path.stat().st_size < 2**20
    with pytest.raises(UsageError, match="unpacks to more than"):
        judge_workbook(path, office=False)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_book_of_more_cells_than_are_read_is_refused_with_what_to_do(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_CELLS_READ", 50)
    monkeypatch.setattr(others, "MAX_CELLS_READ", 50)
    path = write(Layout("x"), tmp_path / "x.xlsx")
    if kind == "csv":
        path = tmp_path / "x.csv"
        path.write_text("\n".join("1,2,3,4" for _ in range(20)))
    with pytest.raises(UsageError, match="more than 50 cells – too large to be read, make it with fewer steps"):
        judge_workbook(path, office=False)


def test_all_steps_that_a_book_of_the_classic_network_can_have_are_few_enough_to_be_read() -> None:
    material = gather(load_network("classic"), MAX_STEPS, DEFAULT_RATES)
    tables = material.table_cells + material.rate_width * (material.rate_steps + 1)
    assert tables < 0.95 * MAX_CELLS_READ  # the other sheets of such a book have some thousand


def test_a_long_book_is_read_without_looking_for_circles_and_they_are_looked_for_again(tmp_path: Path) -> None:
    path = write(Layout("x"), tmp_path / "x.xlsx")
    assert gc.isenabled()
    read_book(path)
    assert gc.isenabled()
    gc.disable()
    try:
        read_book(path)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.xlsx", b"", "not an .xlsx workbook"), ("x.xlsx", b"PK\x03\x04" + b"x" * 300, "not an .xlsx|damaged"),
        ("x.xlsm", b"x", "only .xlsx"), ("x.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
        ("x.ods", b"<encryption-data>", "password|not installed"), ("missing.xlsx", None, "no such file"),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_refused(name: str, data: bytes | None, said: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=said):
        judge_workbook(tmp_path / name)


def test_a_cell_at_the_end_of_the_sheet_costs_nothing_and_loops_end(tmp_path: Path) -> None:
    path = write(Layout("x"), tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book.active
    sheet["XFD1048576"] = "=SUM(A1:XFC1048575)"
    sheet["BA1"], sheet["BA2"], sheet["BA3"] = "=BA2", "=BA1", '=WEBSERVICE("http://localhost/")'
    for row in range(10, 400):
        sheet.cell(row, 60, f'=BH{row + 1}*9^9^9&REPT("x",99999)')
    book.save(path)
    assert judge_workbook(path, office=False).verdict == "met"


def test_nothing_to_judge_is_no_verdict(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "hello"
    book.save(tmp_path / "x.xlsx")
    verdict = judge_workbook(tmp_path / "x.xlsx", office=False)
    assert verdict.verdict == "no verdict"
    assert "no training table" in verdict.notes[0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (tuple(name for name in PUBLISHED if name != "w8" and name != "dE/dw8"), "w1 to w7"),
        (tuple(name for name in PUBLISHED if name[0] != "t"), "no column or labelled cell for t"),
    ],
)
def test_names_that_fit_no_network_are_no_verdict_and_say_why(
    columns: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    whole = write(Layout("x"), tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(whole)
    for cell in book.active[6]:
        if cell.value not in columns:
            cell.value = None
    book.save(whole)
    verdict = judge_workbook(whole, office=False)
    assert verdict.verdict == "no verdict"
    assert said in verdict.notes[-1]


def values_only(path: Path, digits: int | None) -> Path:
    """The table with values where the formulas were, rounded as it may be typed off a screen."""
    read = read_book(path)
    calculation = Calculation(read)
    book = openpyxl.load_workbook(path)
    for row in book.active.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                value = calculation.value(book.active.title, cell.row - 1, cell.column - 1)
                cell.value = round(value, digits) if digits is not None and isinstance(value, float) else value
    book.save(path)
    return path


@pytest.mark.parametrize("digits", [None, 12, 6])
def test_a_table_of_typed_values_is_judged_by_its_values(digits: int | None, tmp_path: Path) -> None:
    right = judge_workbook(values_only(write(Layout("x"), tmp_path / "x.xlsx"), digits), office=False)
    assert (right.verdict, right.values_from) == ("met", "the file")
    assert any("no formulas" in note for note in right.notes)
    plant = Plant("dE/dw5", "-" + FORMULAS["dE/dw5"], (MistakeKind.SIGN,))
    wrong = judge_workbook(values_only(write(Layout("x"), tmp_path / "y.xlsx", plant), digits), office=False)
    assert [(c.name, c.mistake) for c in wrong.mistakes] == [("dE/dw5", MistakeKind.SIGN)]


def test_stored_values_that_are_not_what_the_formulas_give_are_not_believed(tmp_path: Path) -> None:
    zeros = lambda n, d: d.replace(b"</f><v />", b"</f><v>0</v>").replace(b"</f><v></v>", b"</f><v>0</v>")  # noqa: E731
    path = rebuilt(write(Layout("x"), tmp_path / "x.xlsx"), zeros)
    assert all(cell.value == 0 for cell in read_book(path).sheets[0].cells.values() if cell.formula)
    verdict = judge_workbook(path, office=False)
    assert (verdict.verdict, verdict.values_from) == ("met", "handgrad's own calculation")


def test_every_table_of_every_sheet_is_judged(tmp_path: Path) -> None:
    path = write(Layout("x", steps=20), tmp_path / "x.xlsx")
    write(Layout("y", steps=3), tmp_path / "y.xlsx")
    book, other = openpyxl.load_workbook(path), openpyxl.load_workbook(tmp_path / "y.xlsx")
    sheet = book.create_sheet("Try")
    for row in other.active.iter_rows():
        for cell in row:
            if cell.value is not None:
                sheet[cell.coordinate] = cell.value
    book.save(path)
    verdict = judge_workbook(path, office=False)
    assert [(table.where, table.verdict, table.rows) for table in verdict.tables] == [
        ("Sheet1!A6", "met", 21), ("Try!A6", "met", 4),
    ]  # fmt: skip
    assert verdict.verdict == "met"


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_values_come_from_libreoffice_where_it_is_and_it_gets_no_unknown_function(tmp_path: Path) -> None:
    path = write(RIGHT[1], tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(path)
    book.active["BA1"] = '=WEBSERVICE("http://localhost:9/")&"a"'
    book.active["BA2"] = "='file:///etc/passwd'#$Sheet1.A1"
    book.save(path)
    verdict = judge_workbook(path)
    assert (verdict.verdict, verdict.values_from) == ("met", "LibreOffice")
    office_module.write_clean(read_book(path), tmp_path / "clean.xlsx")
    parts = zipfile.ZipFile(tmp_path / "clean.xlsx")
    inside = b"".join(parts.read(name) for name in parts.namelist())
    assert b"WEBSERVICE" not in inside
    assert b"passwd" not in inside
    assert b"EXP(" in inside


def test_a_libreoffice_that_hangs_is_ended_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "soffice"
    program.write_text("#!/bin/sh\nsleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(office_module, "office_program", lambda: str(program))
    assert office_module.recalculated(read_book(write(Layout("x"), tmp_path / "x.xlsx")), limit_s=0.5) is None


def most_memory(path: Path) -> int:
    """Return how many bytes reading a book holds at once."""
    tracemalloc.start()
    try:
        read_book(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_other_elements_cost_no_memory_and_odd_numbers_no_crash(tmp_path: Path) -> None:
    junk = b"<a><b/></a>" * 60_000
    odd = b'<row r="1e400"><c r="nan"><v>nan</v></c><c t="s"><v>1e999</v></c><c t="s"><v>-5</v></c></row>'
    path = write(Layout("x"), tmp_path / "x.xlsx")
    without = most_memory(path)
    rebuilt(path, lambda n, d: d.replace(b"</sheetData>", odd + junk + b"</sheetData>") if sheet_part(n) else d)
    # An element that is kept takes some hundred bytes, 120,000 of them more than 10 MB.
    assert most_memory(path) < without + 2 * 2**20
    assert judge_workbook(path, office=False).verdict == "met"
    deep = b"<a>" * 10_000
    rebuilt(path, lambda n, d: d.replace(b"<sheetData>", deep + b"<sheetData>") if sheet_part(n) else d)
    with pytest.raises(UsageError, match="nested like no workbook"):
        judge_workbook(path, office=False)


def test_a_workbook_with_any_byte_changed_is_judged_or_refused(tmp_path: Path) -> None:
    """Whatever is wrong with a file, it is one line and never a traceback."""
    whole = write(Layout("x", steps=3), tmp_path / "x.xlsx").read_bytes()
    chance = random.Random(7)
    parts = zipfile.ZipFile(io.BytesIO(whole))
    sheet = parts.read("xl/worksheets/sheet1.xml")
    seen = set()
    for number in range(150):
        path = tmp_path / "y.xlsx"
        if number % 3 == 0:
            data = bytearray(whole)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(data))
        else:
            changed = bytearray(sheet)
            for _ in range(chance.randrange(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(32, 127)
            path.write_bytes(whole)
            rebuilt(path, lambda n, d, new=bytes(changed): new if sheet_part(n) else d)  # type: ignore[misc]
        try:
            seen.add(judge_workbook(path, office=False).verdict)
        except HandgradError as error:
            assert "\n" not in str(error)
            seen.add("refused")
    assert {"met", "not met", "refused"} <= seen


def test_a_perceptron_with_a_step_is_told_what_it_is_and_never_accused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["B1"] = "learning rate", 0.5
    for column, head in enumerate(("x1", "x2", "target", "w1", "w2", "b", "net", "output", "error"), start=1):
        sheet.cell(3, column, head)
    for step, (one, two, target) in enumerate(((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)) * 2):
        row = 4 + step
        state = (
            f"=D{row - 1}+$B$1*I{row - 1}*A{row - 1}",
            f"=E{row - 1}+$B$1*I{row - 1}*B{row - 1}",
            f"=F{row - 1}+$B$1*I{row - 1}",
        )
        made = (f"=A{row}*D{row}+B{row}*E{row}+F{row}", f"=IF(G{row}>=0,1,0)", f"=C{row}-H{row}")
        for column, content in enumerate((one, two, target, *(state if step else (0.1, -0.2, 0.05)), *made), start=1):
            sheet.cell(row, column, content)
    book.save(tmp_path / "x.xlsx")
    verdict = judge_workbook(tmp_path / "x.xlsx", office=False)
    assert verdict.verdict == "no verdict"
    assert any("output is a step function" in note for note in verdict.notes)


@pytest.mark.parametrize(("parted", "decimal"), [(";", ","), ("\t", ","), (",", "."), (";", ".")])
def test_columns_are_told_from_decimal_commas_however_few_there_are(tmp_path: Path, parted: str, decimal: str) -> None:
    done = trace(load_network("classic"), 30)
    names = ["t1", "t2", "i1", "i2", *(f"w{number}" for number in range(1, 9)), "E_total", "learning_rate"]
    rows = [[repr(float(done.values[name][row])).replace(".", decimal) for name in names] for row in range(31)]
    lines = [parted.join(row) for row in [[done.graph[name].label for name in names], *rows]]
    (tmp_path / "x.csv").write_text("\n".join(lines), encoding="utf-8")
    assert judge_workbook(tmp_path / "x.csv", office=False).verdict == "met"


def test_a_csv_is_judged_by_its_values_and_a_task_asks_for_its_key(tmp_path: Path) -> None:
    path = values_only(write(Layout("x"), tmp_path / "x.xlsx"), 6)
    rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    text = "\n".join(";".join("" if value is None else str(value).replace(".", ",") for value in row) for row in rows)
    (tmp_path / "x.csv").write_text("\ufeff" + text, encoding="utf-8")
    verdict = judge_workbook(tmp_path / "x.csv", office=False)
    assert (verdict.verdict, verdict.tables[0].holds) == ("met", "typed numbers")
    exercise = openpyxl.Workbook()
    exercise.active.title = "Task"
    exercise.create_sheet("Answers")
    exercise.save(tmp_path / "task.xlsx")
    assert "--key" in judge_workbook(tmp_path / "task.xlsx", office=False).notes[-1]
