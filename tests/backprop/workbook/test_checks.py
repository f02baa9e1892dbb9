"""The sheet Checks counts what fails when the book is made: a wrong rule in the description cannot pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from handgrad.backprop import Network, UpdateOrder, load_network, preset_names
from handgrad.backprop.network.network import Layer, Sample
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LEAKY_RELU_SLOPE, LOSSES
from handgrad.backprop.symbols.expression import Const
from handgrad.backprop.workbook import Plan, workbook_plan
from handgrad.backprop.workbook.checks_found import Checks
from handgrad.backprop.workbook.content import gather


def failed(plan: Plan) -> float:
    checks = plan["Checks"]
    row, column = checks.names["checks_failed"][:2]
    value = checks.cells[row, column].value
    assert isinstance(value, float)
    return value


def verdict(plan: Plan) -> str:
    (found,) = [
        str(cell.value) for cell in plan["Network"].cells.values() if cell.formula and "checks_failed" in cell.formula
    ]
    return found


def leaky() -> Network:
    network = load_network("classic")
    layers = tuple(dataclasses.replace(layer, activation="leaky-relu") for layer in network.layers)
    return dataclasses.replace(network, layers=layers, weights=(-0.15, -0.2, 0.25, 0.3, 0.4, 0.45, -0.5, -0.55))


def forget_the_slope(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(ACTIVATIONS, "sigmoid", dataclasses.replace(ACTIVATIONS["sigmoid"], slope=lambda z, a: a))


def forget_the_half(patch: pytest.MonkeyPatch) -> None:
    loss = LOSSES["half-squared-error"]
    doubled = dataclasses.replace(loss, slope=lambda out: Const(2.0) * (out.activation - out.target))
    patch.setitem(LOSSES, loss.name, doubled)


def lean_the_slope(patch: pytest.MonkeyPatch) -> None:
    steep = dataclasses.replace(
        LEAKY_RELU_SLOPE, of_float=lambda x: 1.0 if x > 0 else 0.5, of_array=lambda x: 1.0 * (x > 0) + 0.5 * (x <= 0)
    )
    from handgrad.backprop.symbols import calculus
    from handgrad.backprop.symbols.expression import Call

    patch.setattr(calculus, "LEAKY_RELU_SLOPE", steep)
    entry = dataclasses.replace(ACTIVATIONS["leaky-relu"], slope=lambda z, a: Call(steep, (z,)))
    patch.setitem(ACTIVATIONS, "leaky-relu", entry)


@pytest.mark.parametrize("name", preset_names())
def test_a_right_book_has_no_failed_check(name: str) -> None:
    plan = workbook_plan(load_network(name), steps=5)
    assert failed(plan) == 0 and verdict(plan) == "All checks pass."


@pytest.mark.parametrize(
    ("network", "fault"),
    [
        (load_network("classic"), forget_the_slope),
        (load_network("classic"), forget_the_half),
        (leaky(), lean_the_slope),
    ],
)
def test_a_wrong_derivative_is_counted_by_both_other_ways_when_the_book_is_made(
    network: Network, fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failed(workbook_plan(network, steps=3)) == 0
    fault(monkeypatch)
    plan = workbook_plan(network, steps=3)
    found = Checks(gather(network, 3, (0.5,)))
    by_difference = [one.name for one in found.lines if one.by_difference and one.by_difference.verdict == "DIFFERS"]
    by_program = [one.name for one in found.lines if one.by_program and one.by_program.verdict == "DIFFERS"]
    assert by_difference == by_program != []
    # The rows keep the wrong rule faithfully: only the two others can tell.
    assert all(one.by_rows is None or one.by_rows.verdict == "agrees" for one in found.lines)
    assert failed(plan) == found.failed == 2 * len(by_difference)
    assert verdict(plan) == f"{found.failed} checks fail: see the sheet Checks."


def test_a_row_that_breaks_its_rule_is_counted() -> None:
    checks = Checks(gather(load_network("classic"), 3, (0.5,)))
    checks.material.values["dE/dw5"][2] += 1e-6  # type: ignore[operator]
    broken = [
        one.name for one in (*checks.lines, *checks.backward_lines) if one.by_rows and one.by_rows.verdict == "DIFFERS"
    ]
    assert broken == ["dE/dw5"] and checks.failed == 1


def test_in_the_other_order_both_ways_belong_to_the_gradient_from_the_old_weights() -> None:
    network = dataclasses.replace(load_network("classic-biased"), order=UpdateOrder.OUTPUT_FIRST)
    found = {one.name: one for one in Checks(gather(network, 3, (0.5,))).lines}
    line = found["dE/dw1"]
    assert line.by_program is not None and line.by_difference is not None
    assert line.by_program.value == pytest.approx(0.000438567734, rel=1e-8)
    assert line.by_program.compared == line.by_difference.compared
    assert {one.by_program.verdict for one in found.values() if one.by_program} == {"agrees"}


@pytest.mark.parametrize("weights", [(0, 1), (1, 0), (2, -1)])
def test_whole_numbers_as_first_weights_are_checked_like_others(weights: tuple[int, int]) -> None:
    sample = Sample((0.3,), (1,))
    network = Network("own", (Layer(1), Layer(1)), (sample,), weights=weights)
    checks = Checks(gather(network, 3, (0.1,)))
    verdicts = [line.by_difference.verdict for line in checks.lines if line.by_difference is not None]
    assert verdicts == ["agrees"] * 2
    assert checks.failed == 0


def test_a_derivative_is_checked_by_the_program_where_the_error_itself_has_overflowed() -> None:
    """The square of 1e200 is no double, its derivative is one."""
    network = Network(
        name="huge", layers=(Layer(1, "identity"),), samples=(Sample((1.0,), (0.0,)),), weights=(1e200,), learning_rate=0.1
    )  # fmt: skip
    plan = workbook_plan(network, steps=2)
    values = [cell.value for cell in plan["Checks"].cells.values()]
    assert 1e200 in values and "agrees" in [str(value).lower() for value in values]
