"""Text that a change of the yellow cells makes untrue is a formula, or turns grey and says for which numbers it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from handgrad.backprop import Network, UpdateOrder, UpdateRule, load_network, preset_names
from handgrad.backprop.workbook import CellKind, Plan, workbook_plan
from handgrad.backprop.workbook.looks import AS_WRITTEN
from handgrad.backprop.workbook.plan import SheetPlan
from oracle.drawn_networks import networks

RATES, OTHERS = (0.1, 0.5, 2.0), (0.3, 0.7, 5.0)


def changed(network: Network) -> Network:
    """The network as it is after every yellow cell was typed over."""
    samples = tuple(
        dataclasses.replace(
            one, inputs=tuple(0.9 * value + 0.01 for value in one.inputs), targets=tuple(reversed(one.targets))
        )
        for one in network.samples
    )
    return dataclasses.replace(
        network, samples=samples, weights=tuple(1.3 * weight + 0.02 for weight in network.weights),
        biases=tuple(0.8 * bias - 0.01 for bias in network.biases), learning_rate=1.7 * network.learning_rate,
    )  # fmt: skip


def fixed_words(plan: Plan) -> dict[tuple[str, tuple[int, int]], str]:
    """Every text that no formula makes, by sheet and place."""
    return {
        (sheet.name, at): str(cell.value)
        for sheet in plan.sheets
        for at, cell in sheet.all_cells()
        if cell.kind is CellKind.TEXT and cell.value
    }


def greys(sheet: SheetPlan, at: tuple[int, int]) -> bool:
    """Whether a rule turns this cell grey once a number is changed."""
    return any(
        (rule.ink, rule.fill) == AS_WRITTEN
        and rule.first[0] <= at[0] <= rule.last[0]
        and rule.first[1] <= at[1] <= rule.last[1]
        for rule in sheet.rules
    )


def stale(network: Network, steps: int) -> Iterator[str]:
    """Texts of a book that would be others in a book written for the changed numbers, and do not turn grey."""
    plan = workbook_plan(network, steps=steps, rates=RATES)
    after = fixed_words(workbook_plan(changed(network), steps=steps, rates=OTHERS))
    for (name, at), text in fixed_words(plan).items():
        if after.get((name, at)) != text and not greys(plan[name], at):
            yield f"{name} {at}: {text}"


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("rule", UpdateRule)
def test_no_text_of_a_preset_is_left_untrue_by_a_change(name: str, rule: UpdateRule) -> None:
    network = load_network(name)
    assert list(stale(dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule)), 6)) == []


def test_no_text_of_the_other_order_is_left_untrue_by_a_change() -> None:
    assert list(stale(dataclasses.replace(load_network("classic-biased"), order=UpdateOrder.OUTPUT_FIRST), 6)) == []


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(network=networks(order=None))
def test_no_text_of_a_drawn_network_is_left_untrue_by_a_change(network: Network) -> None:
    assert list(stale(network, 3)) == []


def test_a_sentence_with_a_number_typed_into_it_is_noticed() -> None:
    network = load_network("classic")
    plan = workbook_plan(network, steps=2, rates=RATES)
    assert ("Conventions", (0, 0)) in fixed_words(plan)
    assert not greys(plan["Conventions"], (0, 0))
    assert any(greys(plan["Conventions"], at) for at in plan["Conventions"].cells)
