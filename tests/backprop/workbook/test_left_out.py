"""What a book leaves out it says in a line; whatever fits is there."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from handgrad.backprop import Layer, Network, Sample, load_network, preset_names
from handgrad.backprop.limits import DEFAULT_RATES, MAX_RATE_CELLS
from handgrad.backprop.workbook import Plan, workbook_plan
from handgrad.backprop.workbook.content import LONG_TABLE, gather
from handgrad.xlsx.limits import MAX_CELLS_WRITTEN
from oracle.drawn_networks import networks


def words(plan: Plan, sheet: str) -> str:
    return " ".join(str(cell.value) for cell in plan[sheet].cells.values() if isinstance(cell.value, str))


def rows_of_rates(plan: Plan) -> int:
    """How many steps the sheet Learning rates lists, counted in its first column."""
    column = [at for at, cell in plan["Learning rates"].cells.items() if at[1] == 0 and isinstance(cell.value, float)]
    return len(column) - 1


def assert_complete_or_said(network: Network, steps: int) -> None:
    plan = workbook_plan(network, steps=steps)
    shown = rows_of_rates(plan)
    said = re.search(r"Shown are the first ([\d,]+) of ([\d,]+) steps", words(plan, "Learning rates"))
    if shown == steps:
        assert said is None
        return
    assert said is not None, (network.name, shown, steps)
    assert [int(number.replace(",", "")) for number in said.groups()] == [shown, steps]
    # One column of each run stands on the sheet Learning rates too.
    a_step = sum(len(table.columns) + 1 for table in plan["Rates working"].tables)
    assert a_step * (shown + 2) > min(MAX_RATE_CELLS, MAX_CELLS_WRITTEN - plan["Training"].size)


@pytest.mark.parametrize("name", preset_names())
def test_the_learning_rates_are_compared_over_all_steps_that_were_asked(name: str) -> None:
    assert_complete_or_said(load_network(name), 200)


@pytest.mark.long
@pytest.mark.parametrize(("name", "steps"), [(name, steps) for name in preset_names() for steps in (1_000, 3_000)])
def test_long_books_compare_as_many_steps_as_fit_and_say_so(name: str, steps: int) -> None:
    assert_complete_or_said(load_network(name), steps)


def test_a_thousand_steps_of_xor_are_compared_in_full() -> None:
    assert gather(load_network("xor"), 1_000, DEFAULT_RATES).rate_steps == 1_000


def test_a_large_network_says_how_many_steps_it_compares() -> None:
    sample = Sample((0.1,) * 8, (0.5,) * 16)
    large = Network("large", (Layer(16, "tanh"), Layer(16, "tanh")), (sample,))
    assert_complete_or_said(large, 100)


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(network=networks(order=None))
def test_a_drawn_network_compares_all_steps_or_says_how_many(network: Network) -> None:
    assert_complete_or_said(network, 20)


@pytest.mark.parametrize("sheet", ["Training", "Derivation"])
def test_a_long_table_says_that_it_has_no_columns_for_the_slopes(sheet: str) -> None:
    said = "no columns for the slopes"
    network = load_network("classic")
    assert said in words(workbook_plan(network, steps=LONG_TABLE + 1, rates=(0.5,)), sheet)
    assert said not in words(workbook_plan(network, steps=5, rates=(0.5,)), sheet)
