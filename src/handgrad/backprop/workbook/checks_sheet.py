"""The checks: each gradient beside its finite difference and the program's own value, and every row beside its rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handgrad.backprop.graph.autodiff import DIGITS
from handgrad.backprop.simulate import DIFFERENCE
from handgrad.backprop.workbook.checks_found import (
    AGREES,
    DIFFERS,
    KINK,
    NOT_COMPARED,
    PROGRAM_FLOOR,
    PROGRAM_TOLERANCE,
    ROWS_FLOOR,
    ROWS_TOLERANCE,
    TOLERANCE,
    ByDifference,
    ByProgram,
    ByRows,
    Checks,
    Line,
)
from handgrad.backprop.workbook.checks_working import NUDGE
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
    SMALL,
    SUBTITLE,
    TITLE,
    VALUE,
    VERDICT,
)
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.table_columns import DIVERGED, guard
from handgrad.xlsx.writer import Print, Rule, address

SETTINGS, HEAD = 3, 9
NAME = replace(LABEL, bold=True)
# Columns in the order of the three checks, a narrow free one between them: what is compared stands side by side.
QUANTITY, TABLE, OLD, DIFFERENCES, OFF, ALLOWED, VERDICT_1 = range(7)
PROGRAM, PROGRAM_OFF, VERDICT_2 = range(8, 11)
ROWS, VERDICT_3 = range(12, 14)
WIDTHS = (14, 14, 14, 14, 12, 12, 14, 2, 15, 12, 17, 2, 14, 14)
HEADS = {
    QUANTITY: "quantity", TABLE: "in the table, row 0", OLD: "from the old weights", DIFFERENCES: "finite difference",
    OFF: "difference", ALLOWED: "allowed", VERDICT_1: "verdict", PROGRAM: "found by the program",
    PROGRAM_OFF: "difference", VERDICT_2: "verdict", ROWS: "Σ |cell − rule| over all rows", VERDICT_3: "verdict",
}  # fmt: skip
GROUPS = (
    (TABLE, VERDICT_1, "1  against a finite difference, computed in this book"),
    (PROGRAM, VERDICT_2, "2  against automatic differentiation"),
    (ROWS, VERDICT_3, "3  every row against its rule"),
)


def checks_sheet(material: Material, checks: Checks) -> SheetPlan:
    """Return the sheet that compares every gradient of the table with finite differences and with the program."""
    page = Page(CHECKS)
    page.text(0, 0, "Checks", TITLE)
    said = "Is every gradient in the training table right? Each is computed in two other ways, which do not use the deltas."
    page.text(1, 0, said, SUBTITLE)
    page.widths |= dict(enumerate(WIDTHS))
    if not checks.output_first:
        page.widths[OLD] = 2
    writer = _Writer(page, material, checks)
    writer.heads()
    for line in checks.lines:
        writer.line(line)
    writer.row += 1
    page.text(writer.row, 0, "Slopes and deltas", HEADING)
    writer.row += 1
    for line in checks.backward_lines:
        writer.line(line)
    writer.settings()
    return page.done(freeze=(HEAD + 1, 1), printing=Print(1, (HEAD - 1, HEAD)))


@dataclass
class _Writer:
    """Writes the sheet from top to bottom; ``row`` is the next free one."""

    page: Page
    material: Material
    checks: Checks
    row: int = HEAD + 1

    def heads(self) -> None:
        for first, last, title in GROUPS:
            self.page.text(HEAD - 1, first, title, GROUP, span=(1, last - first + 1))
        for column, head in HEADS.items():
            if column != OLD or self.checks.output_first:
                self.page.text(HEAD, column, head, HEADER_WRAPPED)
        self.page.heights[HEAD] = 30

    def line(self, line: Line) -> None:
        """Write what was found of one quantity, each number as the formula that finds it, and go on to the next line."""
        self.page.text(self.row, QUANTITY, self.material.graph[line.name].label, NAME)
        if line.by_program is not None:
            self.page.formula(self.row, TABLE, self.material.cell(line.name), self.material.values[line.name][0], VALUE)
        if line.by_difference is not None and line.parameter is not None:
            self._difference(line.parameter, line.by_difference)
        if line.by_program is not None:
            self._program(line.name, line.by_program)
        if line.by_rows is not None:
            self._every_row(line.name, line.by_rows)
        self.row += 1

    def _at(self, column: int) -> str:
        return address(self.row, column)

    def _guarded(self, formula: str) -> str:
        return guard(formula) if self.material.guarded else formula

    def _difference(self, parameter: str, found: ByDifference) -> None:
        page, row, checked = self.page, self.row, self.checks.checked
        up, down = checked.row(parameter, 1.0), checked.row(parameter, -1.0)
        total = checked.columns["E_total"]
        formula = (
            # Divided by what the cells really moved: w + nudge is rounded, and is not w by exactly the nudge.
            f"({checked.cell(total, up)}-{checked.cell(total, down)})/({checked.cell(2, up)}-{checked.cell(2, down)})"
        )
        page.formula(row, DIFFERENCES, self._guarded(formula), found.difference, VALUE)
        if self.checks.output_first:
            old = self.checks.old
            page.formula(row, OLD, checked.cell(old.columns[f"dE/d{parameter}"], old.row), found.compared, VALUE)
        compared = self._compared()
        page.formula(row, OFF, self._guarded(f"{compared}-{self._at(DIFFERENCES)}"), found.off, SMALL)
        allowed = f"check_tolerance*(ABS({self._at(DIFFERENCES)})+0.001*MAX(1,{self.material.cell('E_total')}))"
        page.formula(row, ALLOWED, self._guarded(allowed), found.allowed, SMALL)
        verdict = (
            f"IF(ISNUMBER({self._at(DIFFERENCES)}),IF(ISNUMBER({self._at(OFF)}),"
            f'IF(ABS({self._at(OFF)})<={self._at(ALLOWED)},"{AGREES}","{DIFFERS}"),"{DIFFERS}"),"{DIVERGED}")'
        )
        if checked.bends:
            kinks = "+".join(checked.cell(checked.kink_column, at) for at in (up, down))
            # Across a kink the difference mixes two slopes: it says nothing against the gradient, whatever it is.
            verdict = f'IF({kinks}>0,"{KINK}",{verdict})'
        page.formula(row, VERDICT_1, verdict, found.verdict, VERDICT)

    def _compared(self) -> str:
        """Return the cell of what must be the derivative of the error."""
        return self._at(OLD if self.checks.output_first else TABLE)

    def _program(self, name: str, found: ByProgram) -> None:
        page, row = self.page, self.row
        if isinstance(found.value, str):
            page.text(row, PROGRAM, found.value, VALUE)
        else:
            page.number(row, PROGRAM, found.value, VALUE)
        compared = self._at(TABLE) if name == "E_total" else self._compared()
        program, off = self._at(PROGRAM), self._at(PROGRAM_OFF)
        page.formula(row, PROGRAM_OFF, self._guarded(f"{compared}-{program}"), found.off, SMALL)
        floor = f"{PROGRAM_FLOOR:.0E}*MAX(1,{self.material.cell('E_total')})"
        close = f'IF(ABS({off})<={PROGRAM_TOLERANCE:.0E}*ABS({program})+{floor},"{AGREES}","{DIFFERS}")'
        # Where the table has diverged the program's cell holds the same word, and no number agrees with no number.
        same = f'IF(ISNUMBER({off}),{close},IF(ISNUMBER({program}),"{DIFFERS}","{AGREES}"))'
        page.formula(row, VERDICT_2, f'IF(inputs_changed>0,"{NOT_COMPARED}",{same})', found.verdict, VERDICT)

    def _every_row(self, name: str, found: ByRows) -> None:
        material = self.material
        cells = material.column_range(name)

        def whole(ref: str) -> str:
            return material.column_range(ref) if ref in material.layout.columns else ref

        formula = f"SUMPRODUCT(ABS({cells}-({material.graph.formula(name, whole)})))"
        self.page.formula(self.row, ROWS, self._guarded(formula), found.off, SMALL)
        rows, height = self._at(ROWS), material.steps + 1
        allowed = f"{ROWS_TOLERANCE:.0E}*({ROWS_FLOOR:.0E}+SUMPRODUCT(ABS({cells})))"
        verdict = (
            f'IF(ISNUMBER({rows}),IF({rows}<={allowed},"{AGREES}","{DIFFERS}"),'
            f'IF(COUNT({cells})<{height},"{DIVERGED if material.guarded else DIFFERS}","{DIFFERS}"))'
        )
        self.page.formula(self.row, VERDICT_3, verdict, found.verdict, VERDICT)

    def settings(self) -> None:
        """Write above the table how many failed, the nudge, the tolerance, and what is compared."""
        page, last = self.page, self.row
        verdicts = [f"{address(HEAD + 1, c, True)}:{address(last, c, True)}" for c in (VERDICT_1, VERDICT_2, VERDICT_3)]
        failed = "+".join(f'COUNTIF({cells},"{DIFFERS}")' for cells in verdicts)
        page.text(SETTINGS, 0, "checks failed", NAME)
        page.formula(SETTINGS, 1, failed, float(self.checks.failed), replace(RESULT, number="0", size=12))
        page.names["checks_failed"] = (SETTINGS, 1)
        page.text(SETTINGS + 1, 0, "nudge", LABEL)
        page.number(SETTINGS + 1, 1, DIFFERENCE, replace(CELL, align="right"))
        page.names[NUDGE] = (SETTINGS + 1, 1)
        page.text(SETTINGS + 2, 0, "tolerance", LABEL)
        page.number(SETTINGS + 2, 1, TOLERANCE, replace(CELL, align="right"))
        page.names["check_tolerance"] = (SETTINGS + 2, 1)
        for number, text in enumerate(self._explained()):
            page.text(SETTINGS + number, 3, text, PROSE, span=(1, VERDICT_3 - 2))
        page.rules.append(Rule((SETTINGS, 1), (SETTINGS, 1), "$B$4>0", RED, RED_FILL))
        for column in (VERDICT_1, VERDICT_2, VERDICT_3):
            first, cell = (HEAD + 1, column), address(HEAD + 1, column)
            page.rules.append(Rule(first, (last, column), f'{cell}="{DIFFERS}"', RED, RED_FILL))
            page.rules.append(Rule(first, (last, column), f'{cell}="{AGREES}"', GREEN, GREEN_FILL))

    def _explained(self) -> list[str]:
        graph, checked = self.material.graph, self.checks.checked
        lines = [
            "1  (E(w + nudge) − E(w − nudge)) / 2 nudge, from forward passes on the sheet Checks working. It does not use "
            "the chain rule.",
            f"2  Before it wrote the book, the program differentiated the forward formulas automatically, with {DIGITS} "
            f"digits. They are not compared after a yellow cell is changed.",
            "3  Every cell of a column, in every row, beside the same rule applied to the other cells of the row. This finds "
            "a formula that was changed.",
        ]
        if self.checks.output_first:
            lines.append(
                "Here the output layer is updated first, so the hidden gradients in the table are not those of E. The two "
                "other columns show the gradient from the old weights."
            )
        if len(checked.parameters) < len(graph.parameters):
            lines.append(
                f"Checked are {len(checked.parameters)} of {len(graph.parameters)} parameters, drawn with seed "
                f"{self.material.network.seed}; the others are computed by the same rule."
            )
        return lines
