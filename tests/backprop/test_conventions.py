"""The conventions: each number under the other choice is what torch finds for it, and notes and sheet tell the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from handgrad.backprop import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    UpdateOrder,
    UpdateRule,
    build_graph,
    load_network,
    preset_names,
    trace,
)
from handgrad.backprop.conventions import Convention, conventions, split_name
from handgrad.backprop.explain import derivation
from handgrad.backprop.explain.document import Table, Text
from handgrad.backprop.network.network import biases_for
from handgrad.backprop.simulate import rate_sweep
from handgrad.backprop.symbols.expression import names_in
from handgrad.backprop.symbols.rendering import plain_number
from handgrad.backprop.workbook import workbook_plan
from oracle.drawn_networks import networks
from oracle.torch_network import ACTIVATIONS, TorchNetwork


def error_of(network: Network, steps: int = 0) -> float:
    """E_total by torch after some of torch's own steps."""
    twin = TorchNetwork(network)
    twin.train(steps)
    return float(twin.error().detach())


def changed_error(network: Network, each: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]) -> float:
    """E_total by torch with another error of a sample: ``each(z, a, t)`` of shape [samples, outputs] → [samples]."""
    twin = TorchNetwork(network)
    z = twin.pre_activations()[-1]
    found = each(z, ACTIVATIONS[network.layers[-1].activation](z), twin.targets)
    return float((found.mean() if network.over_samples is OverSamples.MEAN else found.sum()).detach())


def moved(network: Network, direction: Callable[[float], float]) -> float:
    """The first change of the output layer's first weight, for a direction found from its gradient."""
    gradient = TorchNetwork(network).gradient()
    before = sum(a * b for a, b in zip(network.sizes[:-2], network.sizes[1:-1], strict=True))
    return -network.learning_rate * direction(gradient[before])


def one_by_one(network: Network) -> float:
    weights, biases = network.weights, network.biases
    for sample in network.samples:
        alone = TorchNetwork(dataclasses.replace(network, samples=(sample,), weights=weights, biases=biases))
        after = alone.train(1)
        weights = tuple(after[: len(weights)])
        biases = tuple(after[len(weights) :]) if network.trains_biases else biases
    return error_of(dataclasses.replace(network, weights=weights, biases=biases))


def output_first(network: Network) -> float:
    after = TorchNetwork(network).output_first_step()
    count = len(network.weights)
    biases = tuple(after[count:]) if network.trains_biases else network.biases
    return error_of(dataclasses.replace(network, weights=tuple(after[:count]), biases=biases))


def by_torch(network: Network, one: Convention) -> float:
    """The number of a convention under the other choice, found without the program's expressions."""
    update, outputs = network.update, network.outputs
    match one.topic:
        case "what row k holds":
            return error_of(network, 1)
        case "the factor ½" if network.loss == "half-squared-error":
            return changed_error(network, lambda z, a, t: ((t - a) ** 2).sum(dim=1))
        case "the factor ½":
            return changed_error(network, lambda z, a, t: (0.5 * (t - a) ** 2).sum(dim=1))
        case "over the outputs" if "mean squared error" in one.elsewhere:
            return error_of(dataclasses.replace(network, loss="mean-squared-error"))
        case "over the outputs" if network.loss == "half-squared-error":
            return changed_error(network, lambda z, a, t: (0.5 * (t - a) ** 2).mean(dim=1))
        case "over the outputs" if network.loss == "mean-squared-error":
            return changed_error(network, lambda z, a, t: ((t - a) ** 2).sum(dim=1))
        case "over the outputs":
            return error_of(network) / outputs
        case "unit of the error":
            return error_of(network) / math.log(2)
        case "over the samples":
            mean = network.over_samples is OverSamples.MEAN
            return error_of(dataclasses.replace(network, over_samples=OverSamples.SUM if mean else OverSamples.MEAN))
        case "when the weights change":
            return one_by_one(network)
        case "biases":
            (rule,) = [rule for rule in BiasRule if one.elsewhere.removesuffix(", from 0") == WORDS[rule]]
            return error_of(dataclasses.replace(network, bias=rule, biases=biases_for(network, rule)), 1)
        case "order of the updates":
            return output_first(network)
        case "sign of δ":
            twin = TorchNetwork(network)
            zs = twin.pre_activations()
            count = len(network.samples) if network.over_samples is OverSamples.MEAN else 1
            return -count * float(torch.autograd.grad(twin.error(zs[-1]), zs[-1])[0][0, 0])
        case "momentum" if "Nesterov" in one.elsewhere:
            return moved(network, lambda gradient: gradient + update.momentum * gradient)
        case "momentum":
            return moved(network, lambda gradient: (1 - update.momentum) * gradient)
        case "Adam's first steps":
            root = math.sqrt(1 - update.beta2)
            return moved(network, lambda g: (1 - update.beta1) * g / (root * abs(g) + update.epsilon))
    assert one.topic.startswith("slope of")
    return 1.0


WORDS = {
    BiasRule.NONE: "no biases",
    BiasRule.FIXED: "one bias per layer, never changed",
    BiasRule.NEURON: "a trained bias for each unit",
    BiasRule.LAYER: "one trained bias per layer, shared by its units",
}


def disagreements(network: Network) -> list[str]:
    """Conventions whose number elsewhere is not torch's (relative to its size or 1e-3, 1e-9)."""
    found = []
    for one in conventions(build_graph(network)):
        expected = by_torch(network, one)
        if not math.isclose(one.value_elsewhere, expected, rel_tol=1e-9, abs_tol=1e-12):
            found.append(f"{one.topic}: {one.elsewhere}: {one.value_elsewhere} – torch finds {expected}")
    return found


def variants() -> dict[str, Network]:
    """Networks whose conventions no preset has: every loss, optimizer, kink, mean and sum."""
    classic, xor = load_network("classic"), load_network("xor")
    made = {
        "mse of three": dataclasses.replace(
            classic, layers=(Layer(2, "relu"), Layer(3, "leaky-relu")), loss="mean-squared-error", weights=(0.3,) * 10,
            samples=tuple(dataclasses.replace(sample, targets=(0.1, 0.5, 0.9)) for sample in classic.samples),
        ),
        "mse of one": dataclasses.replace(xor, loss="mean-squared-error"),
        "entropy": dataclasses.replace(classic, loss="binary-cross-entropy"),
        "sum": dataclasses.replace(xor, over_samples=OverSamples.SUM),
    }  # fmt: skip
    for rule in (UpdateRule.MOMENTUM, UpdateRule.ADAM):
        update = dataclasses.replace(xor.update, rule=rule, momentum=0.7, beta1=0.8, beta2=0.95, epsilon=1e-3)
        made[rule] = dataclasses.replace(xor, update=update)
    return made


@pytest.mark.parametrize("name", preset_names())
def test_the_number_elsewhere_is_what_torch_finds_under_the_other_choice(name: str) -> None:
    assert disagreements(load_network(name)) == []


@pytest.mark.parametrize("name", list(variants()))
def test_the_number_elsewhere_is_what_torch_finds_with_other_losses_and_update_rules(name: str) -> None:
    network = variants()[name]
    if network.update.rule is not UpdateRule.GRADIENT_DESCENT:  # the twin's step in that order knows no memory
        network = dataclasses.replace(network, layers=network.layers[-1:], weights=(0.4, -0.3), biases=(0.1,))
    assert disagreements(network) == []


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_the_number_elsewhere_is_what_torch_finds_for_drawn_networks(network: Network) -> None:
    if network.update.rule is UpdateRule.GRADIENT_DESCENT:
        assert disagreements(network) == []


def error_as_told(network: Network, words: str) -> float:
    """E_total by torch with the error of a sample that *words* tell of; KeyError where they tell of none known here."""
    outputs = network.outputs
    told: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "½ (t − a)², so that the 2 of its derivative cancels": lambda z, a, t: (0.5 * (t - a) ** 2).sum(dim=1),
        "the sum of ½ (t − a)²": lambda z, a, t: (0.5 * (t - a) ** 2).sum(dim=1),
        "(t − a)²": lambda z, a, t: ((t - a) ** 2).sum(dim=1),
        "(t − a)², without ½": lambda z, a, t: ((t - a) ** 2).sum(dim=1),
        f"the mean over the {outputs} outputs": lambda z, a, t: ((t - a) ** 2).mean(dim=1),
        f"the mean over the {outputs} outputs, without ½": lambda z, a, t: ((t - a) ** 2).mean(dim=1),
        f"the mean over the {outputs} outputs, the ½ kept": lambda z, a, t: (0.5 * (t - a) ** 2).mean(dim=1),
    }
    return changed_error(network, told[words])


@pytest.mark.parametrize(
    ("loss", "outputs", "topics"),
    [
        ("half-squared-error", 1, ["the factor ½"]),
        ("half-squared-error", 2, ["the factor ½", "over the outputs", "over the outputs"]),
        ("half-squared-error", 3, ["the factor ½", "over the outputs", "over the outputs"]),
        ("mean-squared-error", 1, ["the factor ½"]),
        ("mean-squared-error", 2, ["over the outputs", "the factor ½"]),
        ("mean-squared-error", 3, ["over the outputs", "the factor ½"]),
        ("binary-cross-entropy", 1, ["unit of the error"]),
        ("binary-cross-entropy", 2, ["over the outputs", "unit of the error"]),
        ("softmax-cross-entropy", 2, ["unit of the error"]),
    ],
)
def test_each_loss_is_told_with_its_own_choices_and_what_is_said_of_here_is_what_is_done(
    loss: str, outputs: int, topics: list[str]
) -> None:
    activation = "softmax" if loss == "softmax-cross-entropy" else "sigmoid"
    (sample,) = load_network("classic").samples
    network = dataclasses.replace(
        load_network("classic"), layers=(Layer(outputs, activation),), loss=loss, weights=(0.3, -0.2) * outputs,
        biases=(), bias=BiasRule.NONE, samples=(dataclasses.replace(sample, targets=(0.1, 0.9, 0.0)[:outputs]),)
        if outputs > 1 else (dataclasses.replace(sample, targets=(0.1,)),),
    )  # fmt: skip
    told = [one for one in conventions(build_graph(network)) if one.number == "E_total in row 0"]
    assert [one.topic for one in told] == topics
    for one in told:
        assert one.value_here == pytest.approx(error_of(network), abs=1e-14)
        if "squared" in loss:
            assert error_as_told(network, one.here) == pytest.approx(error_of(network), abs=1e-14)
        assert ("with two outputs the same number" in one.elsewhere) <= (outputs == 2)
    same = [one for one in told if one.value_elsewhere == one.value_here]
    assert len(same) == sum("the same number" in one.elsewhere for one in told)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_samples_are_told_as_a_choice_and_one_is_not(count: int) -> None:
    xor = load_network("xor")
    network = dataclasses.replace(xor, samples=xor.samples[:count])
    topics = [one.topic for one in conventions(build_graph(network))]
    assert topics.count("over the samples") == topics.count("when the weights change") == (count > 1)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky-relu", 0.01)])
def test_a_kink_is_told_with_the_slope_that_torch_has_there(name: str, slope: float) -> None:
    classic = load_network("classic")
    network = dataclasses.replace(classic, layers=(Layer(2, name), *classic.layers[1:]))
    (one,) = [one for one in conventions(build_graph(network)) if one.topic.startswith("slope of")]
    zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (by_torch,) = torch.autograd.grad(ACTIVATIONS[name](zero).sum(), zero)
    assert one.value_here == float(by_torch) == slope
    assert (one.topic, one.here, one.elsewhere, one.number, one.value_elsewhere) == (
        f"slope of {name} at 0, where it has none", "the one below 0", "the one above 0, or one half", "slope at 0", 1.0,
    )  # fmt: skip
    assert not [one for one in conventions(build_graph(classic)) if one.topic.startswith("slope of")]


def test_the_published_numbers_of_the_worked_example_are_among_them() -> None:
    found = {one.elsewhere: one for one in conventions(build_graph(load_network("classic-biased")))}
    assert found[WORDS[BiasRule.NEURON]].value_here == pytest.approx(0.29102777369360, abs=1e-13)
    assert found[WORDS[BiasRule.NEURON]].value_elsewhere == pytest.approx(0.28047144679143, abs=1e-13)
    assert found[WORDS[BiasRule.LAYER]].value_elsewhere == pytest.approx(0.28575088669930, abs=1e-13)
    (order,) = [one for one in found.values() if one.topic == "order of the updates"]
    assert order.value_elsewhere == pytest.approx(0.29102792390544, abs=1e-13)


def test_a_book_in_the_other_order_tells_the_same_two_numbers_the_other_way_round() -> None:
    network = load_network("classic-biased")
    both = [
        next(one for one in conventions(build_graph(dataclasses.replace(network, order=order))) if "order" in one.topic)
        for order in UpdateOrder
    ]
    assert both[0].value_here == both[1].value_elsewhere != both[0].value_elsewhere == both[1].value_here
    assert both[0].here == both[1].elsewhere and both[0].elsewhere == both[1].here


@pytest.mark.parametrize("network", [*map(load_network, preset_names()), *variants().values()], ids=lambda n: n.name)
def test_notes_and_sheet_tell_the_same_conventions_with_the_same_numbers(network: Network) -> None:
    done = trace(network, 2)
    tables = [block for block in derivation(done, rate_sweep(network, (0.5,), 2)).blocks if isinstance(block, Table)]
    (notes,) = [table for table in tables if table.header[0] == (Text("topic"),)]
    cells = workbook_plan(network, steps=2, rates=(0.5,))["Conventions"].cells
    rows = sorted({row for row, column in cells if column == 5 and row > 3 and cells[row, column].value is not None})
    for row, told in zip(rows, notes.rows, strict=True):
        topic, here, elsewhere, number, ours, theirs = (
            "".join(s.text for s in cell if isinstance(s, Text)) for cell in told
        )
        sheet = [cells[row, column].value for column in (0, 1, 4, 2)]
        assert sheet == [topic, here, elsewhere, number]
        for column, text in ((3, ours), (5, theirs)):
            value = cells[row, column].value
            assert isinstance(value, float) and plain_number(value + 0.0, 9) == text


def test_a_convention_is_told_with_quantities_of_rows_that_the_table_has() -> None:
    for network in (*map(load_network, preset_names()), *variants().values()):
        graph = build_graph(network)
        for one in conventions(graph):
            for node in (one.ours, one.theirs):
                assert node is None or all(
                    split_name(name)[0] in graph and split_name(name)[1] in (0, 1) for name in names_in(node)
                )


@pytest.mark.parametrize("name", preset_names())
def test_a_number_there_is_live_or_says_that_it_is_not(name: str) -> None:
    sheet = workbook_plan(load_network(name), steps=2)["Conventions"]
    for (row, column), cell in sheet.cells.items():
        if column == 6 and row > 3 and cell.value is not None:
            live = sheet.cells[row, 5].formula is not None
            assert (cell.value, cell.formula is None) == (("live", True) if live else ("as written", False))
            assert live or any(rule.first[0] == row for rule in sheet.rules)


@pytest.mark.parametrize(
    ("loss", "fault"),
    [("half-squared-error", lambda value: 1.5 * value), ("half-squared-error", lambda value: -value)],
)
def test_the_comparison_with_torch_finds_a_wrong_number(
    loss: str, fault: Callable[[float], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = conventions(build_graph(load_network("classic")))
    wrong = [dataclasses.replace(one, value_elsewhere=fault(one.value_elsewhere)) for one in right]
    monkeypatch.setitem(globals(), "conventions", lambda graph: wrong)
    assert len(disagreements(load_network("classic"))) == len(right)
