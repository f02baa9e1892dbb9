"""What a printed book shows: everything that may be changed, no slivers, titles on every page, working sheets in brief."""

from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from itertools import pairwise

import pytest

from handgrad.backprop import BiasRule, Layer, Network, Sample, UpdateRule, load_network
from handgrad.backprop.workbook import Plan, workbook_bytes, workbook_plan
from handgrad.backprop.workbook.plan import CellKind, SheetPlan
from handgrad.xlsx.writer import address

Area = tuple[int, int, int, int]


def shaped(*sizes: int, samples: int = 1) -> Network:
    layers = tuple(Layer(units, "tanh") for units in sizes[1:])
    sample = Sample((0.1,) * sizes[0], (0.5,) * sizes[-1])
    return Network("-".join(map(str, sizes)), layers, (sample,) * samples, bias=BiasRule.NEURON)


BOOKS = {
    "8-16-3": shaped(8, 16, 3),
    "largest": shaped(8, 16, 16, 16, 16),
    "many samples": shaped(8, 3, 3, samples=16),
    "classic": load_network("classic"),
}


@pytest.fixture(scope="module", params=BOOKS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return workbook_plan(BOOKS[request.param], steps=1, rates=(0.5,))


def areas_of(sheet: SheetPlan) -> list[Area]:
    last = (max(at[0] for at in sheet.cells), max(at[1] for at in sheet.cells))
    first = sheet.printing.area or (0, 0, *last)
    return [first, *sheet.printing.more]


def test_every_cell_of_the_first_sheet_is_printed_once_and_each_area_has_a_page(plan: Plan) -> None:
    sheet = plan["Network"]
    areas = areas_of(sheet)
    assert sheet.printing.pages_high == len(areas)
    for row, column in sheet.cells:
        assert sum(top <= row <= bottom and left <= column <= right for top, left, bottom, right in areas) == 1
    # No page is so long or so wide that the letters would be less than a third of their size (A4 across has about 45 rows).
    for top, left, bottom, right in areas:
        assert bottom - top < 45 * 3
        assert sum(sheet.widths.get(column, 8.43) for column in range(left, right + 1)) < 140 * 3


def test_the_areas_that_are_printed_stand_in_the_file() -> None:
    plan = workbook_plan(BOOKS["largest"], steps=1, rates=(0.5,))
    # A chart would ask for the sheet that it draws.
    alone = dataclasses.replace(plan, sheets=(dataclasses.replace(plan["Network"], charts=()),))
    with zipfile.ZipFile(io.BytesIO(workbook_bytes(alone))) as archive:
        book, sheet = (archive.read(f"xl/{name}.xml").decode() for name in ("workbook", "worksheets/sheet1"))
    (said,) = re.findall(r'name="_xlnm.Print_Area"[^>]*>([^<]*)<', book)
    assert re.fullmatch(r"Network!\$A\$1:\$[A-Z]+\$\d+,Network!\$[A-Z]+\$1:\$[A-Z]+\$\d+", said)
    assert 'fitToHeight="2"' in sheet


def test_a_change_of_any_number_is_counted_wherever_its_piece_of_the_list_stands(plan: Plan) -> None:
    sheet = plan["Network"]
    counted = str(sheet.cells[sheet.names["inputs_changed"][:2]].formula)
    inputs = {at for at, cell in sheet.cells.items() if cell.kind is CellKind.INPUT}
    shown = {place[:2] for name, place in sheet.names.items() if name in ("step_shown", "sample_shown")}
    assert shown < inputs
    for row, column in inputs - shown:
        pieces = re.findall(r"\$([A-Z]+)\$(\d+):\$[A-Z]+\$(\d+)", counted)
        assert any(
            letters == address(0, column)[:-1] and int(first) <= row + 1 <= int(last) for letters, first, last in pieces
        ), address(row, column)


def test_the_title_of_a_long_group_is_seen_on_every_page_of_the_table() -> None:
    sheet = workbook_plan(BOOKS["8-16-3"], steps=1, rates=(0.5,))["Training"]
    titles = sorted(at[1] for at, cell in sheet.cells.items() if at[0] == 3 and at[1] > 0 and cell.span != (0, 0))
    assert max(after - before for before, after in pairwise(titles)) <= 17
    assert all(chart.column > 1 for chart in sheet.charts), "the frame of a chart there is a line down every page"


def test_the_curve_below_the_training_table_is_cut_by_no_page(plan: Plan) -> None:
    sheet = plan["Training"]
    (table,) = sheet.tables
    assert sheet.printing.area is not None
    assert sheet.printing.area[2] == table.top + table.height - 1 < min(chart.row for chart in sheet.charts)
    assert sheet.printing.area[3] == max(column.index for column in table.columns)


def test_working_sheets_take_a_page_each(plan: Plan) -> None:
    for sheet in plan.sheets:
        if sheet.working:
            assert sheet.printing.pages_high == 1 and sheet.printing.area is not None
            assert sheet.printing.area[2] < 50 and sheet.printing.area[3] < 30


def test_a_number_alone_between_brackets_has_no_second_pair() -> None:
    network = dataclasses.replace(load_network("xor"), weights=(-1.0, -1.3, 1.4, -1.4, 1.4, 1.3))
    sheet = workbook_plan(network, steps=1)["Derivation"]
    lines = [str(cell.value) for at, cell in sheet.cells.items() if at[1] == 5]
    assert any(re.search(r"tanh\(−\d", line) for line in lines) and any("(−" in line for line in lines)
    assert not any(re.search(r"\(\(−[\d.]+\)\)", line) for line in lines)


def test_small_numbers_keep_four_digits_in_the_lines() -> None:
    network = load_network("classic")
    adam = dataclasses.replace(network, update=dataclasses.replace(network.update, rule=UpdateRule.ADAM))
    sheet = workbook_plan(adam, steps=1)["Derivation"]
    (row,) = [at[0] for at, cell in sheet.cells.items() if at[1] == 1 and cell.value == "w5⁺"]
    line, value = str(sheet.cells[row, 5].value), float(str(sheet.cells[row, 6].value))
    number = eval(line.removeprefix("= ").replace("·", "*").replace("−", "-").replace("√", "__import__('math').sqrt"))
    assert number == pytest.approx(value, rel=1e-4), line
