"""The workbook as data and as a file: headers, values, names, protection, refusals."""

from __future__ import annotations

import dataclasses
import io
import math
import re
import subprocess
import sys
import zipfile
from itertools import combinations, pairwise
from pathlib import Path

import openpyxl
import pytest

from handgrad.backprop import (
    BiasRule,
    Layer,
    Network,
    Sample,
    UpdateOrder,
    UpdateRule,
    load_network,
    preset_names,
    trace,
)
from handgrad.backprop.network.network import first_weights
from handgrad.backprop.workbook import CellKind, Page, Plan, workbook_bytes, workbook_plan, write_plan, write_workbook
from handgrad.backprop.workbook.content import gather
from handgrad.backprop.workbook.looks import TEXT
from handgrad.errors import HandgradError, UsageError
from handgrad.xlsx.writer import Book, Look, SheetError, address
from oracle.libreoffice import formulas_of, planned_formulas

HEADER = "t1 t2 i1 i2 w1 w2 w3 w4 w5 w6 w7 w8 h1 a_h1 h2 a_h2 o1 a_o1 o2 a_o2 E1 E2 E_total"
SHEETS = ["Network", "Derivation", "Training", "Learning rates", "Checks", "Conventions"]
WORKING = ["Rates working", "Checks working", "Chart data"]
PUBLISHED = {  # rate: E after 1, 32, 67, 100 updates
    0.1: (0.2411090388, 0.2004425265, 0.1622154235, 0.1335106073),
    0.2: (0.2397011434, 0.1650817050, 0.1102520615, 0.07916642312),
    0.5: (0.2354953779, 0.09576988437, 0.04635706130, 0.02916668024),
    0.8: (0.2313172864, 0.06154744650, 0.02669791950, 0.01638662848),
    1.0: (0.2285477653, 0.04832400490, 0.02030695831, 0.01239512418),
    2.0: (0.2149015988, 0.02111693945, 0.008506281715, 0.005160108602),
}


def large_network(samples: int) -> Network:
    """The largest that the descriptions allow, but for the number of samples."""
    layers = tuple(Layer(16, "tanh") for _ in range(4))
    sample = Sample((0.1,) * 8, (0.5,) * 16)
    return Network("large", layers, (sample,) * samples, bias=BiasRule.NEURON)


@pytest.fixture(scope="module")
def classic() -> Plan:
    return workbook_plan(load_network("classic"))


@pytest.fixture(scope="module")
def book(classic: Plan) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook_bytes(classic)))


def test_the_training_header_of_the_classic_network_is_the_published_one(book: openpyxl.Workbook) -> None:
    gradients = [f"∂E/∂w{number}" for number in range(1, 9)]
    sheet = book["Training"]
    found = [cell.value for cell in sheet[5]]
    assert found[1:32] == [*HEADER.split(), *gradients]
    assert found[32] is None
    assert {"δ_o1", "δ_o2", "δ_h1", "δ_h2"} <= set(found[33:])
    (area,) = [book.defined_names["training_header"].attr_text]
    assert area == "Training!$B$5:$AF$5"


def test_the_sheets_stand_in_their_order_and_the_workings_last(book: openpyxl.Workbook) -> None:
    assert book.sheetnames == [*SHEETS, *WORKING]


@pytest.mark.parametrize("name", preset_names())
def test_what_is_a_formula_in_the_plan_is_one_in_the_file_and_nothing_else_is(name: str) -> None:
    plan = workbook_plan(load_network(name), steps=12)
    assert formulas_of(workbook_bytes(plan)) == planned_formulas(plan)


def test_every_formula_carries_the_value_that_the_program_found(classic: Plan) -> None:
    network = load_network("classic")
    run = trace(network, 100)
    read = openpyxl.load_workbook(io.BytesIO(workbook_bytes(classic)), data_only=True)
    training, labels = read["Training"], run.graph.labels
    columns = {cell.value: cell.column for cell in training[5]}
    for step in range(101):
        assert training.cell(6 + step, 1).value == step
        for name in classic_columns(run.names, labels, columns):
            assert training.cell(6 + step, columns[labels[name]]).value == run[name][step], (step, name)


def classic_columns(names: tuple[str, ...], labels: dict[str, str], columns: dict[object, int]) -> list[str]:
    found = [name for name in names if labels[name] in columns]
    assert len(found) == 31 + 12
    return found


def test_the_compared_rates_meet_the_published_numbers(classic: Plan) -> None:
    sheet = classic["Learning rates"]
    for number, (rate, errors) in enumerate(PUBLISHED.items()):
        assert sheet.cells[4, 1 + number].value == rate
        for step, expected in zip((1, 32, 67, 100), errors, strict=True):
            assert sheet.cells[5 + step, 1 + number].value == pytest.approx(expected, rel=1e-9)


def test_what_may_be_changed_has_a_name_and_is_unlocked_and_nothing_else_is(book: openpyxl.Workbook) -> None:
    names = ["learning_rate", "step_shown"]
    names += [
        f"{letter}_{n}" for letter, count in (("t", 2), ("i", 2), ("w", 8), ("rate", 6)) for n in range(1, count + 1)
    ]
    named = set()
    for name in names:
        sheet, cell = book.defined_names[name].attr_text.replace("'", "").split("!")
        named.add((sheet, cell.replace("$", "")))
    unlocked = {
        (sheet.title, cell.coordinate)
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if not cell.protection.locked
    }
    assert unlocked == named
    for sheet in book.worksheets:
        assert sheet.protection.sheet and not sheet.protection.password


def test_sheets_are_frozen_and_set_up_for_print(book: openpyxl.Workbook) -> None:
    for sheet in book.worksheets:
        assert sheet.freeze_panes, sheet.title
        assert sheet.page_setup.orientation == "landscape" and sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.oddFooter.right.text == "Page &P of &N"
    assert book["Training"].print_title_rows == "$4:$5"
    assert book["Learning rates"].print_title_rows == "$4:$5"
    assert book["Derivation"].print_title_rows == "$4:$4"


def test_charts_have_titles_on_both_axes_and_one_of_them_is_logarithmic(classic: Plan) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook_bytes(classic))) as archive:
        charts = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/charts/chart")]
    assert len(charts) == 4
    for chart in charts:
        texts = re.findall(r"<a:t>([^<]*)</a:t>", chart)
        assert "step" in texts and "E_total" in texts
    assert sum("c:logBase" in chart for chart in charts) == 1
    assert sum("<c:legend>" in chart for chart in charts) == 0
    # Of two points of a short line the second bears its name: that of the rate, from the cell.
    named = [chart.count('<c:showSerName val="1"/>') for chart in charts]
    assert sorted(named) == [0, 0, 6, 6] and sorted(chart.count('<c:delete val="1"/>') for chart in charts)[-1] >= 6


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("rates", [(0.5,), (0.1, 0.2, 0.5, 0.8, 1.0, 2.0), tuple(float(n) for n in range(1, 13))])
def test_the_names_at_the_ends_of_lines_stand_in_their_order_and_apart(name: str, rates: tuple[float, ...]) -> None:
    plan = workbook_plan(load_network(name), steps=40, rates=rates)
    cells, count = plan["Chart data"].cells, len(rates)
    for left, scale in ((5 + 2 * count, float), (10 + 2 * count, math.log10)):
        gap = float(str(cells[4, left + 3].value))
        found = [tuple(scale(float(str(cells[6 + n, left + c].value))) for c in (2, 3)) for n in range(count)]
        places = sorted(place for _, place in found)
        assert gap > 0 and places[-1] <= max(end for end, _ in found) + gap * count
        assert all(after - before > 0.999 * gap for before, after in pairwise(places)), (name, places)
        # Ends that are one at the size of the chart have their names in any order.
        for (low, under), (high, over) in combinations(sorted(found), 2):
            assert under < over or high - low < 1e-5 * gap, (name, found)
        assert all(abs(place - end) < gap * count for end, place in found)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_page_of_few_rates_is_as_wide_as_one_of_six_so_that_no_chart_is_cut(count: int) -> None:
    usual, few = (
        workbook_plan(load_network("classic"), steps=8, rates=tuple(float(n) for n in range(1, number + 1)))[
            "Learning rates"
        ]
        for number in (6, count)
    )
    assert few.printing.area is not None and usual.printing.area is None
    assert sum(few.widths.values()) == sum(usual.widths.values())
    first, left, last, right = few.printing.area
    assert (first, left, right) == (0, 0, max(few.widths)) and last >= max(c.row + c.height // 20 for c in few.charts)
    head = next(str(cell.value) for at, cell in few.cells.items() if at == (3, 1))
    assert len(head) <= 15 * count


@pytest.mark.parametrize("name", preset_names())
def test_what_is_said_of_learning_rates_stands_on_the_first_printed_page(name: str) -> None:
    """Fifty rows of the table fit on it; what stands beside longer tables of twelve rates is set smaller."""
    rates = workbook_plan(load_network(name), steps=30)["Learning rates"]
    assert max(at[0] for at, cell in rates.cells.items() if at[1] > 7) <= 55
    assert max(chart.row + math.ceil(chart.height / 20) for chart in rates.charts) <= 55
    verdicts = [cell for at, cell in rates.cells.items() if at[1] == 11 and cell.formula and cell.span == (2, 1)]
    assert len(verdicts) == 6 and all(len(str(cell.value)) <= 2 * 58 for cell in verdicts)


def test_charts_of_long_tables_draw_every_kth_row() -> None:
    plan = workbook_plan(load_network("classic"), steps=3000)
    steps = [cell.value for at, cell in sorted(plan["Chart data"].cells.items()) if at[1] == 0 and at[0] >= 6]
    assert steps[:3] == [0, 15, 30] and steps[-1] == 3000 and len(steps) <= 202


def test_text_stays_text(tmp_path: Path) -> None:
    texts = ["=1+1", "{=1+1}", "http://example.org", "internal:A1", "+1", "@SUM(1)", "<b>&amp;", "'quoted"]
    page = Page("Words")
    for row, text in enumerate(texts):
        page.text(row, 0, text, TEXT)
    path = write_plan(Plan("words", (page.done(),)), tmp_path / "words.xlsx")
    sheet = openpyxl.load_workbook(path)["Words"]
    assert [sheet.cell(row, 1).value for row in range(1, len(texts) + 1)] == texts
    assert all(sheet.cell(row, 1).data_type == "s" and not sheet.cell(row, 1).hyperlink for row in range(1, 9))


def test_a_refusal_of_the_spreadsheet_library_is_an_exception() -> None:
    sheet = Book("refusals").sheet("One")
    with pytest.raises(SheetError, match="the spreadsheet library refused it"):
        sheet.number(2_000_000, 0, 1.0, Look())
    with pytest.raises(SheetError, match="a formula of 0 characters"):
        sheet.formula(0, 0, "", value=0.0, look=Look())
    with pytest.raises(SheetError, match="a formula of 9,001 characters"):
        sheet.formula(0, 0, "1" * 9001, value=0.0, look=Look())


def test_two_cells_cannot_share_a_place() -> None:
    page = Page("Full")
    page.text(0, 0, "wide", TEXT, span=(1, 3))
    with pytest.raises(ValueError, match="Full!C1 is taken"):
        page.number(0, 2, 1.0, TEXT)


def test_the_same_network_gives_the_same_bytes() -> None:
    network = load_network("classic")
    assert workbook_bytes(workbook_plan(network, steps=5)) == workbook_bytes(workbook_plan(network, steps=5))


def test_ten_thousand_steps_are_all_there(tmp_path: Path) -> None:
    network = load_network("classic")
    path = write_workbook(network, tmp_path / "long.xlsx", steps=10_000)
    assert path.stat().st_size < 9_000_000
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet3.xml").decode()
    assert sheet.count("<row ") == 10_001 + rows_above(sheet)
    last = sheet[sheet.index('<row r="10006"') :]
    values = [float(value) for value in re.findall(r"<v>([^<]*)</v>", last[: last.index("</row>")])]
    run = trace(network, 10_000)
    expected = [run[name][-1] for name in run.graph.main_columns]
    assert values[0] == 10_000 and values[1 : 1 + len(expected)] == expected
    assert last[: last.index("</row>")].count("<f ") == len(values)


def rows_above(sheet: str) -> int:
    """Rows above the table that have a cell."""
    return len(re.findall(r'<row r="[1-5]" ', sheet))


@pytest.mark.parametrize("name", preset_names())
def test_all_checks_pass_in_a_new_book(name: str) -> None:
    checks = workbook_plan(load_network(name), steps=5)["Checks"]
    row, column = checks.names["checks_failed"][:2]
    assert checks.cells[row, column].value == 0
    verdicts = [cell.value for cell in checks.cells.values() if cell.value in ("agrees", "DIFFERS", "diverged")]
    assert len(verdicts) > 10 and set(verdicts) == {"agrees"}


def test_a_large_network_is_checked_by_a_stated_sample() -> None:
    checks = workbook_plan(large_network(1), steps=2)["Checks"]
    texts = " ".join(str(cell.value) for cell in checks.cells.values())
    assert "Checked are 24 of 960 parameters, drawn with seed 0" in texts


@pytest.mark.parametrize("width", [12, pytest.param(16, marks=pytest.mark.long)])
def test_every_allowed_size_fits_with_the_default_number_of_steps(width: int) -> None:
    material = gather(large_network(width), 100, (0.1, 0.2, 0.5, 0.8, 1.0, 2.0))
    assert len(material.layout.columns) < 16_384 and 10 <= material.rate_steps < 100


@pytest.mark.long
def test_the_largest_network_makes_a_book(tmp_path: Path) -> None:
    path = write_workbook(large_network(16), tmp_path / "large.xlsx", steps=2)
    assert path.stat().st_size > 1_000_000


def test_overflow_is_shown_as_a_word() -> None:
    network = dataclasses.replace(
        load_network("classic-biased"), bias=BiasRule.LAYER, layers=(Layer(2), Layer(2, "identity")), learning_rate=50.0
    )
    plan = workbook_plan(network, steps=150)
    training = {at: cell for at, cell in plan["Training"].all_cells() if cell.formula}
    values = [cell.value for cell in training.values()]
    assert "diverged" in values
    assert all(isinstance(value, str) or math.isfinite(value) for value in values if value is not None)
    rates = plan["Learning rates"]
    assert any("overflow" in str(cell.value) for cell in rates.cells.values())


def test_the_classic_network_is_said_never_to_diverge_and_the_diverging_one_to_do_so() -> None:
    words = {name: book_words(name) for name in ("classic", "diverging")}
    assert "none makes the error rise" in words["classic"] and "handgrad backprop diverging" in words["classic"]
    assert "none makes the error rise" not in words["diverging"]
    assert "from η = 2 on it can overflow, shown as diverged" in words["diverging"]


def book_words(name: str) -> str:
    cells = workbook_plan(load_network(name))["Learning rates"].cells.values()
    return " ".join(str(cell.value) for cell in cells if cell.kind is CellKind.TEXT)


def test_with_the_output_layer_first_the_difference_is_compared_with_the_old_weights() -> None:
    network = dataclasses.replace(load_network("classic-biased"), order=UpdateOrder.OUTPUT_FIRST)
    plan = workbook_plan(network, steps=5)
    checks = plan["Checks"]
    values = {
        str(checks.cells[row, 0].value): [checks.cells[row, column].value for column in (1, 2, 3)]
        for row in range(11, 19)
    }
    table, old, difference = values["∂E/∂w1"]
    assert old == pytest.approx(0.000438567734, rel=1e-8) and difference == pytest.approx(old, abs=1e-9)
    assert table != pytest.approx(old, rel=1e-3)
    assert any("updated first" in str(cell.value) for cell in checks.cells.values())
    assert checks.cells[3, 1].value == 0


@pytest.mark.parametrize("rule", UpdateRule)
@pytest.mark.parametrize("order", UpdateOrder)
def test_every_update_rule_and_order_makes_a_book(rule: UpdateRule, order: UpdateOrder) -> None:
    network = load_network("xor")
    network = dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule), order=order)
    plan = workbook_plan(network, steps=3)
    assert plan["Checks"].cells[3, 1].value == 0


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ("classic", {"steps": -1}, "steps must be a whole number from 0 to 10,000 – found -1"),
        ("classic", {"rates": ()}, "rates needs 1 to 12 different numbers – found none"),
        ("classic", {"rates": (0.1, -1.0)}, "rates must be finite numbers above 0 – found -1"),
        (
            "three-classes",
            {"steps": 10_000},
            r"10,000 steps of \d+ columns need [\d,]+ cells – limit 2,000,000 – ask for at most [\d,]+ steps",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_a_book_is_refused_in_one_line(network: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        workbook_plan(load_network(network), **options)  # type: ignore[arg-type]


def test_the_advised_number_of_steps_is_accepted() -> None:
    network = load_network("three-classes")
    with pytest.raises(UsageError) as refusal:
        workbook_plan(network, steps=10_000)
    advised = int(re.findall(r"at most ([\d,]+) steps", str(refusal.value))[0].replace(",", ""))
    gather(network, advised, (0.1, 0.2, 0.5, 0.8, 1.0, 2.0))
    with pytest.raises(UsageError):
        gather(network, advised + 200, (0.1, 0.2, 0.5, 0.8, 1.0, 2.0))


def test_a_file_that_exists_is_kept_unless_it_may_go(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_text("mine")
    network = load_network("classic")
    with pytest.raises(UsageError, match=r"book\.xlsx exists – add --overwrite or choose another name"):
        write_workbook(network, path, steps=2)
    assert path.read_text() == "mine"
    assert write_workbook(network, path, steps=2, overwrite=True) == path
    assert openpyxl.load_workbook(path).sheetnames[0] == "Network"
    for other, message in ((tmp_path, "is a folder"), (tmp_path / "no" / "book.xlsx", "no such folder")):
        with pytest.raises(HandgradError, match=message):
            write_workbook(network, other, steps=2)


def test_the_workbook_imports_nothing_that_is_slow() -> None:
    slow = "torch", "sympy", "matplotlib", "openpyxl"
    program = f"import sys, handgrad.backprop.workbook; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_addresses_are_those_of_a_spreadsheet() -> None:
    assert [address(0, column) for column in (0, 25, 26, 701, 702, 16383)] == ["A1", "Z1", "AA1", "ZZ1", "AAA1", "XFD1"]


def test_a_large_drawing_has_no_numbers_on_its_arrows_says_so_and_prints_on_one_page() -> None:
    layers = (Layer(16, "tanh"), Layer(3))
    network = Network("8-16-3", layers, (Sample((0.1,) * 8, (0.5,) * 3),), bias=BiasRule.NEURON)
    sheets = {}
    for described in (network, load_network("classic-biased")):
        plan = workbook_plan(described, steps=1, rates=(0.5,))["Network"]
        sheets[described.name] = [str(cell.value) for at, cell in plan.cells.items() if at[1] > 3]
        assert plan.printing.pages_high == 1
    assert "w1" not in sheets["8-16-3"] and "w1" in sheets["classic-biased"]
    assert any("176 weights has no numbers on its arrows" in text for text in sheets["8-16-3"])


def test_many_given_numbers_are_folded_away_and_the_column_holds_the_longest_name() -> None:
    network = load_network("xor")
    update = dataclasses.replace(network.update, rule=UpdateRule.MOMENTUM)
    sheet = workbook_plan(dataclasses.replace(network, update=update), steps=2)["Derivation"]
    folded = [sheet.cells[row, 4].value for row in sorted(sheet.folded)]
    assert len(folded) > 12 and set(folded) == {"given"}
    assert any("folded away in rows" in str(cell.value) for cell in sheet.cells.values())
    longest = max(len(str(cell.value)) for at, cell in sheet.cells.items() if at[1] == 1)
    assert longest == len("∂a_h1[1]/∂h1[1]") and sheet.widths[1] > 1.1 * longest
    assert not workbook_plan(load_network("classic"), steps=2)["Derivation"].folded - set(range(5, 30))


def test_nothing_that_is_printed_on_every_page_is_cut_or_empty_there() -> None:
    """Repeated columns and rows hold only what belongs to the table: no title to be cut, no heading without its list."""
    for name in preset_names():
        plan = workbook_plan(load_network(name), steps=5)
        training, rates = plan["Training"], plan["Learning rates"]
        assert all(at[1] > 0 for at in training.cells if at[0] < 3) and all(c.column > 0 for c in training.charts)
        assert rates.printing.rows is not None
        repeated = range(rates.printing.rows[0], rates.printing.rows[1] + 1)
        assert {at[1] for at in rates.cells if at[0] in repeated} == set(range(7))


def test_pages_of_the_derivation_begin_at_sections() -> None:
    sheet = workbook_plan(load_network("three-classes"), steps=2)["Derivation"]
    assert len(sheet.printing.breaks) >= 3
    headings = {at[0] for at, cell in sheet.cells.items() if at[1] == 0 and cell.look.size == 12}
    assert set(sheet.printing.breaks) <= headings


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 4, 2), (8, 16, 3), (8, 16, 16, 16)])
def test_no_page_of_the_derivation_is_left_nearly_empty_for_a_section_that_is_cut_anyway(
    sizes: tuple[int, ...],
) -> None:
    layers = tuple(Layer(units) for units in sizes[1:])
    network = Network("any", layers, (Sample((0.5,) * sizes[0], (0.1,) * sizes[-1]),))
    sheet = workbook_plan(network, steps=1, rates=(0.5,))["Derivation"]
    last = max(at[0] for at in sheet.cells)
    starts = [0, *sheet.printing.breaks, last + 2]
    heights = [
        sum(sheet.heights.get(row, 15) for row in range(start, stop) if row not in sheet.folded)
        for start, stop in pairwise(starts)
    ]
    # A page holds about 700 points: what begins on a page of its own fits one, or the page before is three quarters full.
    for number, (height, following) in enumerate(pairwise(heights)):
        assert height > 200 or following < 900, (number, heights)


def test_a_drawn_weight_is_never_a_negative_zero() -> None:
    drawn = [weight for seed in range(40) for weight in first_weights((8, 16, 3), seed)]
    assert 0.0 in drawn and not any(math.copysign(1, weight) < 0 for weight in drawn if weight == 0)


@pytest.mark.parametrize("rule", UpdateRule)
def test_settings_have_their_sign_and_words_that_fit_their_column(rule: UpdateRule) -> None:
    network = load_network("classic")
    plan = workbook_plan(dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule)), steps=1)
    sheet = plan["Network"]
    labels = [
        str(sheet.cells[sheet.names[one][0], 0].value)
        for one in ("learning_rate", "beta_1", "beta_2", "epsilon", "momentum")
        if one in sheet.names
    ]
    assert labels[0].startswith("η (") and (
        rule is not UpdateRule.ADAM or [one[:2] for one in labels[1:]] == ["β₁", "β₂", "ε "]
    )
    assert all(len(label) <= sheet.widths[0] for label in labels)
