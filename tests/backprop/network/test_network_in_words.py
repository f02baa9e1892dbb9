"""What a network is called is what it does: the words beside the numbers that they speak of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handgrad.backprop import load_network, preset_names, trace
from handgrad.backprop.network.network import Layer, OverSamples
from handgrad.backprop.network.words import activation_words, hints, in_one_line, layer_words, shape_words


@pytest.mark.parametrize("over", list(OverSamples))
def test_the_total_is_called_after_how_it_is_made_of_the_samples(over: OverSamples) -> None:
    network = replace(load_network("xor"), over_samples=over)
    values = trace(network, 0).row(0)
    errors = [values[f"E[{number}]"] for number in range(1, len(network.samples) + 1)]
    mean = values["E_total"] == pytest.approx(sum(errors) / len(errors))
    assert mean is not (values["E_total"] == pytest.approx(sum(errors)))
    assert f"4 samples (E_total their {'mean' if mean else 'sum'})" in in_one_line(network)


def test_one_sample_has_neither_mean_nor_sum() -> None:
    assert "E_total" not in in_one_line(load_network("classic")) and "1 sample" in in_one_line(load_network("classic"))


@pytest.mark.parametrize("name", preset_names())
def test_sizes_and_layers_are_counted_from_the_inputs(name: str) -> None:
    network = load_network(name)
    sizes = [len(network.samples[0].inputs), *(layer.units for layer in network.layers)]
    assert shape_words(network) == "-".join(map(str, sizes))
    last = len(network.layers)
    assert layer_words(network, last) == "output layer"
    hidden = [layer_words(network, number) for number in range(1, last)]
    assert hidden == (["hidden layer"] if last == 2 else [f"hidden layer {number}" for number in range(1, last)])


def test_activations_are_told_in_their_order_once_for_neighbours() -> None:
    layers = (Layer(2, "tanh"), Layer(2, "tanh"), Layer(1, "sigmoid"))
    assert activation_words(replace(load_network("xor"), layers=layers, weights=(), biases=())) == "tanh then sigmoid"


def test_softmax_is_hinted_at_only_beside_another_loss() -> None:
    right = load_network("three-classes")
    assert right.layers[-1].activation == "softmax" and hints(right) == ()
    assert "learns slowly" in hints(replace(right, loss="half-squared-error"))[0]
