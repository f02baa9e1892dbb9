"""After every yellow cell was typed over, LibreOffice finds the numbers and sentences of a book written for these numbers."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from backprop.workbook.test_text_follows import changed
from handgrad.backprop import Network, UpdateOrder, UpdateRule, load_network, preset_names
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook import Plan, workbook_bytes, workbook_plan
from handgrad.backprop.workbook.content import gather
from handgrad.xlsx.formula_text import written
from oracle.libreoffice import SOFFICE, differences, recalculated, without_values

pytestmark = pytest.mark.skipif(
    SOFFICE is None, reason="LibreOffice (soffice) is not installed: apt-get install libreoffice-calc"
)
RATES, OTHERS, STEPS = (0.1, 0.5, 2.0), (0.3, 1e6, 8.0), 40
MADE_ONCE = ("as first written", "For the numbers as first written")


def typed_over(network: Network) -> Plan:
    """The book of a network, with the numbers of the changed one typed into its yellow cells."""
    plan, other = workbook_plan(network, steps=STEPS, rates=RATES), gather(changed(network), STEPS, OTHERS)
    sheets = {sheet.name: dict(sheet.cells) for sheet in plan.sheets}

    def put(sheet: str, name: str, value: float) -> None:
        at = plan[sheet].names[name][:2]
        sheets[sheet][at] = dataclasses.replace(sheets[sheet][at], value=value)

    for name in other.changeable:
        put("Network", defined_name(name), other.first_value(name))
    for number, rate in enumerate(OTHERS, start=1):
        put("Learning rates", f"rate_{number}", rate)
    return dataclasses.replace(
        plan, sheets=tuple(dataclasses.replace(one, cells=sheets[one.name]) for one in plan.sheets)
    )


def networks() -> dict[str, Network]:
    classic = load_network("classic-biased")
    return {
        **{name: load_network(name) for name in preset_names()},
        "momentum": dataclasses.replace(classic, update=dataclasses.replace(classic.update, rule=UpdateRule.MOMENTUM)),
        "adam": dataclasses.replace(classic, update=dataclasses.replace(classic.update, rule=UpdateRule.ADAM)),
        "output first": dataclasses.replace(classic, order=UpdateOrder.OUTPUT_FIRST),
    }


def made_once(line: str) -> bool:
    """Whether a difference is one of the words or numbers that say of themselves that they hold for the first numbers only."""
    return any(f"finds '{words}'" in line for words in MADE_ONCE) or line.startswith(("Checks!", "Network!B"))


@pytest.mark.parametrize("name", [n if n == "classic" else pytest.param(n, marks=pytest.mark.long) for n in networks()])
def test_after_every_yellow_cell_was_changed_the_book_says_what_a_book_of_these_numbers_says(
    name: str, tmp_path: Path
) -> None:
    network = networks()[name]
    book = without_values(workbook_bytes(typed_over(network)))
    found = recalculated({"book": book}, tmp_path)["book"]
    other = workbook_plan(changed(network), steps=STEPS, rates=OTHERS)
    caught = differences(other, found, 1e-6)
    # How many of the numbers were typed over is another number in a book that was written with them.
    row, column = other["Network"].names["inputs_changed"][:2]
    counts = written(row, column, fixed_row=False, fixed_column=False)
    assert [line for line in caught if not made_once(line) and not line.startswith(f"Network!{counts}:")] == []
    # The book of the first numbers says other things: the comparison sees them.
    before = differences(workbook_plan(network, steps=STEPS, rates=RATES), found, 1e-6)
    verdicts = [line for line in before if re.match(r"Learning rates![HI]\d+: ", line)]
    assert len(before) > 200 and verdicts
