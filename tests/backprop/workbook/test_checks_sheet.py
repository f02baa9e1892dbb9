"""The sheet Checks: each verdict at the edge of what is allowed, each formula calculated again, each word in its place."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from backprop.workbook.test_checks import leaky
from handgrad.backprop import Layer, Network, UpdateOrder, load_network
from handgrad.backprop.simulate import DIFFERENCE
from handgrad.backprop.workbook import workbook_plan, write_workbook
from handgrad.backprop.workbook.checks_found import Checks, Line
from handgrad.backprop.workbook.content import gather
from handgrad.backprop.workbook.plan import CellKind, SheetPlan
from handgrad.xlsx.calculation import Calculation
from handgrad.xlsx.reader import read_book
from oracle.torch_network import TorchNetwork


def other_order() -> Network:
    return dataclasses.replace(load_network("classic-biased"), order=UpdateOrder.OUTPUT_FIRST)


def far_off() -> Network:
    """A network whose error is far above one, so that what is allowed grows with it."""
    classic = load_network("classic")
    layers = tuple(dataclasses.replace(layer, activation="identity") for layer in classic.layers)
    return dataclasses.replace(
        classic, layers=layers, samples=tuple(dataclasses.replace(s, targets=(9.0, -7.0)) for s in classic.samples)
    )


def overflowing() -> Network:
    classic = load_network("classic")
    layers = (Layer(2, "identity"), Layer(2, "identity"))
    return dataclasses.replace(classic, layers=layers, weights=(1e160,) * 8)


def line_of(network: Network, name: str, change: float = 0.0) -> Line:
    """Return what is found of *name* where the table's first row holds it with *change* added."""
    checks = Checks(gather(network, 3, (0.5,)))
    checks.material.values[name][0] += change  # type: ignore[operator]
    return next(line for line in checks.lines if line.name == name)


NETWORKS = {"classic": load_network("classic"), "other order": other_order(), "leaky": leaky(), "far off": far_off()}


@pytest.mark.parametrize("name", ["classic", "far off"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_gradient_agrees_with_its_difference_up_to_what_is_allowed(name: str, sign: int) -> None:
    network = NETWORKS[name]
    error = float(TorchNetwork(network).error().detach())
    gradient = TorchNetwork(network).gradient()[4]
    found = line_of(network, "dE/dw5").by_difference
    assert found is not None
    difference, allowed, off = found.difference, found.allowed, found.off
    assert isinstance(difference, float) and isinstance(allowed, float) and isinstance(off, float)
    assert difference == pytest.approx(gradient, rel=1e-6) and found.compared == pytest.approx(gradient, rel=1e-12)
    assert allowed == pytest.approx(1e-5 * (abs(gradient) + 0.001 * max(1.0, error)), rel=1e-5)
    assert off == found.compared - difference and found.verdict == "agrees"  # type: ignore[operator]
    for part, verdict in ((0.999, "agrees"), (1.001, "DIFFERS")):
        moved = line_of(network, "dE/dw5", sign * part * allowed - off).by_difference
        assert moved is not None and moved.verdict == verdict
        assert moved.off == pytest.approx(sign * part * allowed, rel=1e-6)


@pytest.mark.parametrize("name", ["classic", "far off"])
@pytest.mark.parametrize("quantity", ["dE/dw5", "E_total"])
def test_a_number_agrees_with_the_programs_up_to_rounding(name: str, quantity: str) -> None:
    network = NETWORKS[name]
    twin = TorchNetwork(network)
    error = float(twin.error().detach())
    expected = error if quantity == "E_total" else twin.gradient()[4]
    found = line_of(network, quantity).by_program
    assert found is not None and found.verdict == "agrees"
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert found.off == found.compared - found.value  # type: ignore[operator]
    size = max(1.0, error)
    for sign in (-1, 1):
        for part, verdict in ((0.99, "agrees"), (1.01, "DIFFERS")):
            # A wrong error is its own measure: the size is that of the table's number.
            here = max(1.0, error + sign * 1e-9 * abs(expected)) if quantity == "E_total" else size
            allowed = 1e-9 * abs(expected) + 1e-13 * here
            moved = line_of(network, quantity, sign * part * allowed - float(found.off)).by_program
            assert moved is not None and moved.verdict == verdict


def test_rows_agree_with_their_rule_up_to_rounding() -> None:
    network = load_network("classic")
    whole = sum(abs(float(value)) for value in gather(network, 3, (0.5,)).values["dE/dw5"])
    found = line_of(network, "dE/dw5").by_rows
    assert found is not None and float(found.off) < 1e-15 and found.verdict == "agrees"
    for part, verdict in ((0.99, "agrees"), (1.01, "DIFFERS")):
        moved = line_of(network, "dE/dw5", part * 1e-9 * (1e-3 + whole)).by_rows
        assert moved is not None and moved.verdict == verdict
        assert moved.off == pytest.approx(part * 1e-9 * (1e-3 + whole), rel=1e-4)


def test_what_overflows_is_called_so_and_agrees_with_itself() -> None:
    checks = Checks(gather(overflowing(), 3, (0.5,)))
    total, *gradients = checks.lines
    assert total.by_program is not None
    assert (total.by_program.value, total.by_program.compared, total.by_program.off) == ("diverged",) * 3
    assert total.by_program.verdict == "agrees" and checks.failed == 0
    for line in gradients:
        assert line.by_difference is not None and line.by_rows is not None
        assert (line.by_difference.difference, line.by_difference.allowed) == ("diverged", "diverged")
        assert (line.by_difference.off, line.by_difference.verdict) == ("diverged", "diverged")
        assert (line.by_rows.off, line.by_rows.verdict) == ("diverged", "diverged")


def test_a_number_that_only_the_table_lost_is_counted() -> None:
    checks = Checks(gather(load_network("classic"), 3, (0.5,)))
    checks.material.values["dE/dw5"][0] = "diverged"
    line = next(line for line in checks.lines if line.name == "dE/dw5")
    assert line.by_difference is not None and line.by_program is not None and line.by_rows is not None
    assert (line.by_difference.off, line.by_difference.verdict) == ("diverged", "DIFFERS")
    assert (line.by_program.value, line.by_program.verdict) == ("diverged", "agrees")
    # The formulas of this book do not guard against overflow, so a word in it is a fault.
    assert (line.by_rows.off, line.by_rows.verdict) == ("diverged", "DIFFERS")


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_formula_calculated_anew_gives_what_the_sheet_shows(name: str, tmp_path: Path) -> None:
    """By the judge's calculation of formulas, which knows the cells alone."""
    book = read_book(write_workbook(NETWORKS[name], tmp_path / "book.xlsx", steps=3, rates=(0.5,)))
    (sheet,) = [each for each in book.sheets if each.name == "Checks"]
    calculation, seen = Calculation(book), 0
    for (row, column), cell in sheet.cells.items():
        if cell.formula is None:
            continue
        found = calculation.value("Checks", row, column)
        if ("Checks", row, column) in calculation.beyond:
            assert column in (6, 10, 12, 13) or row == 3  # verdicts and sums over whole columns: see below
            continue
        seen += 1
        if isinstance(found, float) and isinstance(cell.value, float):
            assert found == pytest.approx(cell.value, rel=1e-7, abs=1e-15), (row, column, cell.formula)
        else:
            assert found == cell.value, (row, column, cell.formula)
    assert seen > 30


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_verdict_asks_whether_what_is_off_is_allowed(name: str) -> None:
    """The texts of those formulas, by address; LibreOffice calculates them in the tests beside."""
    network = NETWORKS[name]
    sheet, material = workbook_plan(network, steps=3, rates=(0.5,))["Checks"], gather(network, 3, (0.5,))
    lines = Checks(material).lines
    compared = "C" if name == "other order" else "B"
    total = material.cell("E_total")
    assert material.guarded == (name in ("leaky", "far off"))  # without a bound on the activations numbers may overflow
    begins, ends = ("IFERROR(", ',"diverged")') if material.guarded else ("", "")
    for number, line in enumerate(lines):
        row, at = 10 + number, 11 + number
        formulas = {column: sheet.cells[row, column].formula for column in range(14) if (row, column) in sheet.cells}
        assert formulas[1] == material.cell(line.name)
        mine = "B" if line.name == "E_total" else compared
        assert formulas[9] == f"{begins}{mine}{at}-I{at}{ends}"
        close = f'IF(ABS(J{at})<=1E-09*ABS(I{at})+1E-13*MAX(1,{total}),"agrees","DIFFERS")'
        assert formulas[10] == (
            f'IF(inputs_changed>0,"numbers changed",IF(ISNUMBER(J{at}),{close},IF(ISNUMBER(I{at}),"DIFFERS","agrees")))'
        )
        if line.by_difference is None or line.by_rows is None:
            assert set(formulas) == {0, 1, 8, 9, 10}
            continue
        assert formulas[4] == f"{begins}{compared}{at}-D{at}{ends}"
        assert formulas[5] == f"{begins}check_tolerance*(ABS(D{at})+0.001*MAX(1,{total})){ends}"
        near = f'IF(ABS(E{at})<=F{at},"agrees","DIFFERS")'
        verdict = f'IF(ISNUMBER(D{at}),IF(ISNUMBER(E{at}),{near},"DIFFERS"),"diverged")'
        assert formulas[6] is not None and (
            formulas[6].endswith(f'>0,"at a kink",{verdict})') if name == "leaky" else formulas[6] == verdict
        )
        cells = material.column_range(line.name)
        assert formulas[12] is not None and formulas[12].startswith(f"{begins}SUMPRODUCT(ABS({cells}-(")
        assert formulas[13] == (
            f'IF(ISNUMBER(M{at}),IF(M{at}<=1E-09*(1E-03+SUMPRODUCT(ABS({cells}))),"agrees","DIFFERS"),'
            f'IF(COUNT({cells})<4,"{"diverged" if material.guarded else "DIFFERS"}","DIFFERS"))'
        )


def words(sheet: SheetPlan) -> dict[tuple[int, int], str]:
    return {at: str(cell.value) for at, cell in sheet.cells.items() if cell.kind is CellKind.TEXT}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_heads_settings_and_lines_stand_where_they_are_looked_for(name: str) -> None:
    network = NETWORKS[name]
    sheet = workbook_plan(network, steps=3, rates=(0.5,))["Checks"]
    checks, said = Checks(gather(network, 3, (0.5,))), words(sheet)
    old = name == "other order"
    assert (said[0, 0], said[1, 0]) == (
        "Checks",
        "Is every gradient in the training table right? Each is computed in two other ways, which do not use the deltas.",
    )
    heads = {
        0: "quantity", 1: "in the table, row 0", 2: "from the old weights", 3: "finite difference", 4: "difference",
        5: "allowed", 6: "verdict", 8: "found by the program", 9: "difference", 10: "verdict",
        12: "Σ |cell − rule| over all rows", 13: "verdict",
    }  # fmt: skip
    if not old:
        del heads[2]
    assert {column: text for (row, column), text in said.items() if row == 9} == heads
    groups = {(column, sheet.cells[8, column].span): text for (row, column), text in said.items() if row == 8}
    assert groups == {
        (1, (1, 6)): "1  against a finite difference, computed in this book",
        (8, (1, 3)): "2  against automatic differentiation",
        (12, (1, 2)): "3  every row against its rule",
    }
    assert {sheet.names[name][:2] for name in ("checks_failed", "nudge", "check_tolerance")} == {(3, 1), (4, 1), (5, 1)}
    assert [said[row, 0] for row in (3, 4, 5)] == ["checks failed", "nudge", "tolerance"]
    assert (sheet.cells[4, 1].value, sheet.cells[5, 1].value) == (DIFFERENCE, 1e-5)
    labels = [checks.material.graph[line.name].label for line in checks.lines]
    assert [said[10 + number, 0] for number in range(len(labels))] == labels
    below = 10 + len(labels) + 1
    assert said[below, 0] == "Slopes and deltas"
    backward = [checks.material.graph[line.name].label for line in checks.backward_lines]
    assert [said[below + 1 + number, 0] for number in range(len(backward))] == backward != []
    last = below + len(backward) + 1
    failed = sheet.cells[3, 1].formula
    assert failed == "+".join(f'COUNTIF(${c}$11:${c}${last + 1},"DIFFERS")' for c in "GKN")
    assert sheet.widths[2] == (14 if old else 2) and sheet.widths[0] == 14 and sheet.widths[13] == 14
    assert sheet.heights[9] == 30


def test_what_is_explained_is_what_is_done_here() -> None:
    three = [
        "1  (E(w + nudge) − E(w − nudge)) / 2 nudge, from forward passes on the sheet Checks working. It does not use the "
        "chain rule.",
        "2  Before it wrote the book, the program differentiated the forward formulas automatically, with 40 digits. They are "
        "not compared after a yellow cell is changed.",
        "3  Every cell of a column, in every row, beside the same rule applied to the other cells of the row. This finds a "
        "formula that was changed.",
    ]
    fourth = (
        "Here the output layer is updated first, so the hidden gradients in the table are not those of E. The two other "
        "columns show the gradient from the old weights."
    )
    for name, network in NETWORKS.items():
        sheet = workbook_plan(network, steps=3, rates=(0.5,))["Checks"]
        said = words(sheet)
        explained = [said[row, 3] for row in range(3, 8) if (row, 3) in said]
        assert explained == ([*three, fourth] if name == "other order" else three)
        assert all(sheet.cells[row, 3].span == (1, 11) for row in range(3, 3 + len(explained)))


def test_a_verdict_is_red_where_it_differs_and_green_where_it_agrees() -> None:
    sheet = workbook_plan(load_network("classic"), steps=3, rates=(0.5,))["Checks"]
    rows = {row for (row, column), cell in sheet.cells.items() if column == 13 and cell.formula}
    found = [(rule.first, rule.last, rule.formula, rule.ink == rule.fill) for rule in sheet.rules]
    assert found[0] == ((3, 1), (3, 1), "$B$4>0", False)
    for letter, column in (("G", 6), ("K", 10), ("N", 13)):
        for verdict in ("DIFFERS", "agrees"):
            (one,) = [rule for rule in sheet.rules if rule.formula == f'{letter}11="{verdict}"']
            assert one.first == (10, column) and one.last[1] == column and one.last[0] >= max(rows)
            red = one.ink == sheet.rules[0].ink
            assert red == (verdict == "DIFFERS")
    assert len(found) == 7


def test_a_kink_within_the_nudge_is_no_failure() -> None:
    network = leaky()
    weights = (0.0, 0.0, *network.weights[2:])  # the first unit's z is 0: every nudge of its weights crosses the kink
    checks = Checks(gather(dataclasses.replace(network, weights=weights), 3, (0.5,)))
    verdicts = {line.name: line.by_difference.verdict for line in checks.lines if line.by_difference}
    assert verdicts["dE/dw1"] == verdicts["dE/dw2"] == "at a kink" and verdicts["dE/dw3"] == "agrees"
    assert checks.failed == 0 and math.isfinite(float(checks.lines[1].by_difference.off))  # type: ignore[union-attr]
