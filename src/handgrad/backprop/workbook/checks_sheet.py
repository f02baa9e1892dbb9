"""The checks: each gradient beside its finite difference and the program's own value, and every row beside its rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.simulate import DIFFERENCE
from handgrad.backprop.symbols.expression import Call, walk
from handgrad.backprop.workbook.checks_working import BASE, NUDGE, Checked, OldWeights, drawn
from handgrad.backprop.workbook.content import CHECKS, Material
from handgrad.backprop.workbook.looks import (
    CELL,
    GREEN,
    GREEN_FILL,
    GROUP,
    HEADER_WRAPPED,
    HEADING,
    LABEL,
    PROSE,
    RED,
    RED_FILL,
    RESULT,
    SLOPE,
    SMALL,
    SUBTITLE,
    TITLE,
    VERDICT,
)
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.table_columns import DIVERGED, guard
from handgrad.xlsx.writer import Print, Rule, Value, address

AGREES, DIFFERS, KINK, NOT_COMPARED = "agrees", "DIFFERS", "at a kink", "numbers changed"
TOLERANCE, PROGRAM_TOLERANCE = 1e-5, 1e-9
"""Of a finite difference: relative, and a thousandth of it absolute. The second is between two ways to compute the same."""
SETTINGS, HEAD = 3, 9
NAME = replace(LABEL, bold=True)
BACKWARD = (Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE, Kind.DELTA)
QUANTITY, TABLE, OLD, DIFFERENCES, OFF, ALLOWED, VERDICT_1 = range(7)
PROGRAM, PROGRAM_OFF, VERDICT_2 = range(8, 11)
ROWS, VERDICT_3 = range(12, 14)
WIDTHS = (14, 14, 14, 14, 12, 12, 14, 2, 15, 12, 17, 2, 14, 14)
HEADS = {
    QUANTITY: "quantity", TABLE: "in the table, row 0", OLD: "from the old weights", DIFFERENCES: "finite difference",
    OFF: "difference", ALLOWED: "allowed", VERDICT_1: "verdict", PROGRAM: "value from the program",
    PROGRAM_OFF: "difference", VERDICT_2: "verdict", ROWS: "Σ |cell − rule| over all rows", VERDICT_3: "verdict",
}  # fmt: skip


def checks_sheet(material: Material) -> SheetPlan:
    """Return the sheet that compares every gradient of the table with finite differences and with the program."""
    page = Page(CHECKS)
    page.text(0, 0, "Checks", TITLE)
    page.text(
        1, 0, "Is every gradient in the training table right? Three answers that do not depend on each other.", SUBTITLE
    )
    page.widths |= dict(enumerate(WIDTHS))
    checks = _Checks(page, material)
    if not checks.output_first:
        page.widths[OLD] = 2
    checks.heads()
    checks.gradients()
    checks.slopes()
    checks.settings()
    return page.done(freeze=(HEAD + 1, 1), printing=Print(1, (HEAD - 1, HEAD)))


@dataclass
class _Checks:
    """Writes the sheet from top to bottom; ``row`` is the next free one."""

    page: Page
    material: Material
    row: int = HEAD + 1
    checked: Checked = field(init=False)
    old: OldWeights = field(init=False)
    _tolerated: Value = DIVERGED

    def __post_init__(self) -> None:
        self.checked = Checked(self.material)
        self.old = OldWeights(self.checked)

    @property
    def output_first(self) -> bool:
        return self.material.network.order is UpdateOrder.OUTPUT_FIRST

    def heads(self) -> None:
        groups = (
            (TABLE, VERDICT_1, "1  against a finite difference, computed in this book"),
            (PROGRAM, VERDICT_2, "2  against the program's own evaluation"),
            (ROWS, VERDICT_3, "3  every row against its rule"),
        )
        for first, last, title in groups:
            self.page.text(HEAD - 1, first, title, GROUP, span=(1, last - first + 1))
        for column, head in HEADS.items():
            if column != OLD or self.output_first:
                self.page.text(HEAD, column, head, HEADER_WRAPPED)
        self.page.heights[HEAD] = 30

    def gradients(self) -> None:
        self._program("E_total")
        for parameter in self.checked.parameters:
            name = f"dE/d{parameter}"
            self._finite_difference(parameter)
            self._every_row(name)
            self._program(name)

    def slopes(self) -> None:
        """Write the slopes and deltas: they have no finite difference of their own, but a rule that every row must keep."""
        graph = self.material.graph
        names = tuple(
            q.name
            for q in graph.of_kind(*BACKWARD)
            if q.expression is not None and not any(isinstance(node, Call) for node in walk(q.expression))
        )
        self.row += 1
        self.page.text(self.row, 0, "Slopes and deltas", HEADING)
        self.row += 1
        for name in drawn(names, self.material.network.seed):
            self.page.text(self.row, QUANTITY, graph[name].label, NAME)
            self._every_row(name)
            self.row += 1

    def _at(self, column: int) -> str:
        return address(self.row, column)

    def _guarded(self, formula: str) -> str:
        return guard(formula) if self.material.guarded else formula

    def _finite_difference(self, parameter: str) -> None:
        page, row, checked = self.page, self.row, self.checked
        up, down = checked.row(parameter, 1.0), checked.row(parameter, -1.0)
        total = checked.columns["E_total"]
        formula = (
            f"({checked.cell(total, up)}-{checked.cell(total, down)})/({checked.cell(2, up)}-{checked.cell(2, down)})"
        )
        errors = checked.values["E_total"]
        moved = checked.moved[parameter]
        above, below = up - BASE, down - BASE
        found = _minus(errors[above], errors[below])
        difference = found if isinstance(found, str) else found / float(moved[above] - moved[below])
        page.formula(row, DIFFERENCES, self._guarded(formula), difference, SLOPE)
        compared, column = self.material.values[f"dE/d{parameter}"][0], TABLE
        if self.output_first:
            name, column = f"dE/d{parameter}", OLD
            compared = self.old.values[name][0]
            page.formula(row, OLD, checked.cell(self.old.columns[name], self.old.row), compared, SLOPE)
        off = _minus(compared, difference)
        page.formula(row, OFF, self._guarded(f"{self._at(column)}-{self._at(DIFFERENCES)}"), off, SMALL)
        self._allowed(difference)
        kinks = "+".join(checked.cell(checked.kink_column, at) for at in (up, down)) if checked.bends else "0"
        verdict = (
            f"IF(ISNUMBER({self._at(DIFFERENCES)}),IF(ISNUMBER({self._at(OFF)}),"
            f'IF(ABS({self._at(OFF)})<={self._at(ALLOWED)},"{AGREES}","{DIFFERS}"),"{DIFFERS}"),"{DIVERGED}")'
        )
        if checked.bends:
            verdict = f'IF({kinks}>0,"{KINK}",{verdict})'
        bent = checked.kinks(up) + checked.kinks(down) > 0
        page.formula(row, VERDICT_1, verdict, KINK if bent else self._verdict(difference, off), VERDICT)

    def _allowed(self, difference: Value) -> None:
        total = self.material.values["E_total"][0]
        formula = f"check_tolerance*(ABS({self._at(DIFFERENCES)})+0.001*MAX(1,{self.material.cell('E_total')}))"
        value: Value = DIVERGED
        if not isinstance(difference, str) and not isinstance(total, str):
            value = TOLERANCE * (abs(difference) + 0.001 * max(1.0, total))
        self.page.formula(self.row, ALLOWED, self._guarded(formula), value, SMALL)
        self._tolerated = value

    def _verdict(self, difference: Value, off: Value) -> str:
        if isinstance(difference, str):
            return DIVERGED
        if isinstance(off, str) or isinstance(self._tolerated, str):
            return DIFFERS
        return AGREES if abs(off) <= self._tolerated else DIFFERS

    def _program(self, name: str) -> None:
        """Write the last of a line, the table's value beside the constant that the program found, and on to the next line."""
        page, row, value = self.page, self.row, self.material.values[name][0]
        page.text(row, QUANTITY, self.material.graph[name].label, NAME)
        page.formula(row, TABLE, self.material.cell(name), value, SLOPE)
        if isinstance(value, str):
            page.text(row, PROGRAM, value, SLOPE)
        else:
            page.number(row, PROGRAM, value, SLOPE)
        table, program, off = self._at(TABLE), self._at(PROGRAM), self._at(PROGRAM_OFF)
        page.formula(row, PROGRAM_OFF, self._guarded(f"{table}-{program}"), _minus(value, value), SMALL)
        close = f'IF(ABS({off})<={PROGRAM_TOLERANCE:g}*ABS({program})+1E-13,"{AGREES}","{DIFFERS}")'
        same = f'IF(ISNUMBER({off}),{close},IF(ISNUMBER({program}),"{DIFFERS}","{AGREES}"))'
        page.formula(row, VERDICT_2, f'IF(inputs_changed>0,"{NOT_COMPARED}",{same})', AGREES, VERDICT)
        self.row += 1

    def _every_row(self, name: str) -> None:
        material = self.material
        cells = material.column_range(name)

        def whole(ref: str) -> str:
            return material.column_range(ref) if ref in material.layout.columns else ref

        formula = f"SUMPRODUCT(ABS({cells}-({material.graph.formula(name, whole)})))"
        height = material.steps + 1
        broken = any(isinstance(value, str) for value in material.values[name])
        self.page.formula(self.row, ROWS, self._guarded(formula), DIVERGED if broken else 0.0, SMALL)
        rows = self._at(ROWS)
        verdict = (
            f'IF(ISNUMBER({rows}),IF({rows}<=1E-9*(1E-3+SUMPRODUCT(ABS({cells}))),"{AGREES}","{DIFFERS}"),'
            f'IF(COUNT({cells})<{height},"{DIVERGED if material.guarded else DIFFERS}","{DIFFERS}"))'
        )
        self.page.formula(self.row, VERDICT_3, verdict, DIVERGED if broken else AGREES, VERDICT)

    def settings(self) -> None:
        """Write above the table how many failed, the nudge, the tolerance, and what is compared."""
        page, last = self.page, self.row
        verdicts = [f"{address(HEAD + 1, c, True)}:{address(last, c, True)}" for c in (VERDICT_1, VERDICT_2, VERDICT_3)]
        failed = "+".join(f'COUNTIF({cells},"{DIFFERS}")' for cells in verdicts)
        page.text(SETTINGS, 0, "checks failed", NAME)
        page.formula(SETTINGS, 1, failed, 0.0, replace(RESULT, number="0", size=12))
        page.names["checks_failed"] = (SETTINGS, 1)
        page.text(SETTINGS + 1, 0, "nudge", LABEL)
        page.number(SETTINGS + 1, 1, DIFFERENCE, replace(CELL, align="right"))
        page.names[NUDGE] = (SETTINGS + 1, 1)
        page.text(SETTINGS + 2, 0, "tolerance", LABEL)
        page.number(SETTINGS + 2, 1, TOLERANCE, replace(CELL, align="right"))
        page.names["check_tolerance"] = (SETTINGS + 2, 1)
        for number, line in enumerate(self._explained()):
            page.text(SETTINGS + number, 3, line, PROSE, span=(1, VERDICT_3 - 2))
        page.rules.append(Rule((SETTINGS, 1), (SETTINGS, 1), "$B$4>0", RED, RED_FILL))
        for column in (VERDICT_1, VERDICT_2, VERDICT_3):
            first, cell = (HEAD + 1, column), address(HEAD + 1, column)
            page.rules.append(Rule(first, (last, column), f'{cell}="{DIFFERS}"', RED, RED_FILL))
            page.rules.append(Rule(first, (last, column), f'{cell}="{AGREES}"', GREEN, GREEN_FILL))

    def _explained(self) -> list[str]:
        graph, checked = self.material.graph, self.checked
        lines = [
            "1  (E(w + nudge) − E(w − nudge)) / 2 nudge, from forward passes on the sheet Checks working. "
            "It knows nothing of the chain rule.",
            "2  The value the program found before it wrote the book. "
            "Once a yellow cell is changed it no longer applies, and is not compared.",
            "3  Every cell of a column, in every row, beside the same rule applied to the row's other cells: "
            "finds a formula that was changed.",
        ]
        if self.output_first:
            lines.append(
                "Here the output layer is updated first, so hidden gradients in the table are not those of E; "
                "the finite difference belongs to the gradient from the old weights."
            )
        if len(checked.parameters) < len(graph.parameters):
            lines.append(
                f"Checked are {len(checked.parameters)} of {len(graph.parameters)} parameters, drawn with seed "
                f"{self.material.network.seed}; the others are computed by the same rule."
            )
        return lines


def _minus(first: Value, second: Value) -> Value:
    return DIVERGED if isinstance(first, str) or isinstance(second, str) else first - second
