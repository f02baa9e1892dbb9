"""The verdict on each learning rate, live: what a run is boiled down to, a cell a number, and the rules as one formula.

The rules are those of :mod:`handgrad.backprop.verdicts`, read as data; the cells hold what its functions find.
"""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from functools import cache

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.verdicts import (
    FLAT,
    MEANING,
    NOISE,
    RULES,
    SLACK,
    STEEPEST,
    Features,
    Flat,
    Outcome,
    Test,
    Verdict,
    features_of,
    flat_layer,
    verdict_on,
)
from handgrad.backprop.workbook.content import RATES, RATES_WORKING, Material
from handgrad.backprop.workbook.looks import HEADER, NOTE, VALUE
from handgrad.backprop.workbook.plan import Page
from handgrad.backprop.workbook.rates_working import BLOCKS_TOP, RATES_LEFT, RATES_TOP, block_top, rate_values
from handgrad.errors import counted
from handgrad.xlsx.functions import shown_number
from handgrad.xlsx.writer import Value, address, column_letters

NAMES = tuple(field.name for field in fields(Features))
LAYERS_ROW = BLOCKS_TOP - 2
"""Above the header of the runs: the layer that an activation belongs to, so that a formula can pick one layer's."""


def left_of_features(material: Material) -> int:
    """Return the first column of what the runs are boiled down to, one free column right of the runs."""
    return max(material.rate_columns.values()) + 2


def feature_cell(material: Material, number: int, name: str, sheet: bool = True) -> str:
    """Return the cell of one number that a run is boiled down to."""
    place = address(BLOCKS_TOP + number, left_of_features(material) + NAMES.index(name), fixed=True)
    return f"'{RATES_WORKING}'!{place}" if sheet else place


@cache
def rate_features(material: Material, number: int) -> Features:
    """Return what the run at one rate, as shown, is boiled down to."""
    shown = rate_values(material, number)
    # As shown, with the word "diverged" for what is no number: the cells see nothing else.
    errors = [math.nan if isinstance(value, str) else value for value in shown["E_total"]]
    flat = Flat.NONE
    if all(map(math.isfinite, errors)):
        run = material.rate_runs[number]
        flat = flat_layer(material.network, {name: float(run[name][-1]) for name in run.graph.parameters})
    return features_of(errors, flat)


def rate_verdict(material: Material, number: int) -> Verdict:
    """Return the verdict on the run at one rate."""
    return verdict_on(rate_features(material, number))


def put_features(page: Page, material: Material) -> None:
    """Write the numbers that the runs are boiled down to, one row per rate, beside the runs."""
    page.text(LAYERS_ROW, 0, "layer", NOTE)
    for quantity in material.compact.of_kind(Kind.ACTIVATION):
        if quantity.name in material.rate_columns:
            page.number(LAYERS_ROW, material.rate_columns[quantity.name], float(quantity.layer or 0), NOTE)
    left = left_of_features(material)
    for column, name in enumerate(NAMES, start=left):
        page.text(BLOCKS_TOP - 1, column, name.replace("_", " "), HEADER)
        page.widths[column] = 11
    for number in range(len(material.rates)):
        values = asdict(rate_features(material, number))
        formulas = _formulas(material, number)
        for name in NAMES:
            value = float(values[name])
            at = BLOCKS_TOP + number, left + NAMES.index(name)
            # Of a run without a single number nothing can be said; its verdict asks for the count of them first.
            page.formula(*at, f"IFERROR({formulas[name]},0)", value if math.isfinite(value) else 0.0, VALUE)


def _formulas(material: Material, number: int) -> dict[str, str]:
    """Return how each of the numbers is found from the errors on the sheet of the learning rates."""
    letters = column_letters(RATES_LEFT + number)
    top, bottom = RATES_TOP + 1, RATES_TOP + 1 + material.rate_steps
    errors = f"'{RATES}'!${letters}${top}:${letters}${bottom}"
    count, steps = (feature_cell(material, number, name, sheet=False) for name in ("numbers", "steps"))
    # The same half as `features_of` takes, or the cell's verdict could differ from the cached one.
    half = f"MAX(0,INT(({count}-1)/2))"

    def moved(up: bool, start: str) -> str:
        """Count the pairs of neighbours, from an error on, of which the second is the higher (or the lower) one."""
        before = f"INDEX({errors},{start}+1):INDEX({errors},{count}-1)"
        after = f"INDEX({errors},{start}+2):INDEX({errors},{count})"
        low, high = (before, after) if up else (after, before)
        # Fewer than two errors have no neighbours, and INDEX(…,0) would be a whole column.
        return f"IF({count}-{start}<2,0,SUMPRODUCT(--({high}>{low}*(1+{SLACK:.0E})+{NOISE:.0E})))"

    return {
        "rows": f"ROWS({errors})",
        "numbers": f"COUNT({errors})",
        "first": f"INDEX({errors},1)",
        "last": f"INDEX({errors},{count})",
        "before": f"INDEX({errors},MAX(1,{count}-1))",
        "highest": f"MAX({errors})",
        "middle": f"INDEX({errors},{half}+1)",
        "rises": moved(True, "0"),
        "falls": moved(False, "0"),
        "steps": f"ROWS({errors})-1",
        "late_rises": moved(True, half),
        "late_falls": moved(False, half),
        "late_steps": f"MAX(0,{count}-1-{half})",
        "flat": _flat(material, number, f"{count}<={steps}"),
    }


def _flat(material: Material, number: int, broken: str) -> str:
    """Return which layer is flat in the last row of a run: in none of its units and samples a slope that counts."""
    row = block_top(material, number) + material.rate_steps
    first, last = min(material.rate_columns.values()), max(material.rate_columns.values())
    values = f"{address(row, first, fixed=True)}:{address(row, last, fixed=True)}"
    layers = f"{address(LAYERS_ROW, first, fixed=True)}:{address(LAYERS_ROW, last, fixed=True)}"
    found = str(int(Flat.NONE))
    for layer, described in enumerate(material.network.layers, start=1):
        activation = described.activation
        if activation not in STEEPEST:
            continue
        # The slopes have no columns here; each follows from the activation.
        slopes = {"tanh": f"1-{values}^2", "relu": f"--({values}>0)"}.get(activation, f"{values}*(1-{values})")
        steep = f"SUMPRODUCT(({layers}={layer})*(({slopes})>={FLAT * STEEPEST[activation]:g}))"
        output = layer == len(material.network.layers)
        kind = Flat.OUTPUTS if output else Flat.DEAD if activation == "relu" else Flat.HIDDEN
        found = f"IF({steep}=0,{int(kind)},{found})"
    return f"IF({broken},{int(Flat.NONE)},{found})"


def verdict_formula(material: Material, number: int) -> str:
    """Return the rules as one formula: the words of the first outcome whose tests all hold, and what they mean."""
    found = '""'
    # From the last to the first: each IF wraps those that come after it.
    for outcome, tests in reversed(RULES):
        words, meaning = f'"{outcome.value}', f": {MEANING[outcome]}" if MEANING[outcome] else ""
        if outcome is Outcome.DIVERGES:
            words += f' at step "&{feature_cell(material, number, "numbers")}&"'
        words += f'{meaning}"'
        held = [_comparison(material, number, test) for test in tests]
        found = f"IF(AND({','.join(held)}),{words},{found})" if held else words
    return found


def _comparison(material: Material, number: int, test: Test) -> str:
    left, right = (feature_cell(material, number, name) for name in (test.left, test.right))
    if test.times == 0:
        return f"{left}{test.sign}{test.plus:g}"
    # An error just above another is told by digits that a rounded factor would not have.
    scaled = right if test.times == 1 else f"{test.times!r}*{right}"
    return f"{left}{test.sign}{scaled}" + (f"+{test.plus:.0E}" if test.plus else "")


def lowest_formula(material: Material, lasts: str, rates: str) -> tuple[str, Value]:
    """Return the sentence on the rate that gets lowest, and what it says now; ``lasts`` and ``rates`` are ranges."""
    none = "With every rate the training ends without a finite number."
    steps = f"Lowest after {counted(material.rate_steps, 'step')}: η = "
    formula = f'IF(COUNT({lasts})=0,"{none}","{steps}"&INDEX({rates},MATCH(MIN({lasts}),{lasts},0)))'
    ends = [rate_values(material, number)["E_total"][-1] for number in range(len(material.rates))]
    numbers = [end for end in ends if not isinstance(end, str)]
    if not numbers:
        return formula, none
    return formula, f"{steps}{shown_number(material.rates[ends.index(min(numbers))])}"


__all__ = ["feature_cell", "lowest_formula", "put_features", "rate_features", "rate_verdict", "verdict_formula"]
