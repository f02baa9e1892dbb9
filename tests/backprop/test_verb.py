"""``handgrad.backprop(…)``: the trace as arrays, the book where asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest

import handgrad
from handgrad.backprop import BackpropResult, BiasRule, load_network, trace
from handgrad.backprop.verb import adapt
from handgrad.errors import UsageError


def test_every_quantity_is_a_read_only_array_by_step_under_name_and_label() -> None:
    result = handgrad.backprop("classic", steps=12)
    assert isinstance(result, BackpropResult)
    expected = trace(load_network("classic"), 12)
    for name in result.names:
        assert result[name].shape == (13,)
        np.testing.assert_array_equal(result[name], expected[name])
    np.testing.assert_array_equal(result["∂E/∂w5"], result["dE/dw5"])
    np.testing.assert_array_equal(result.errors, result["E_total"])
    with pytest.raises(ValueError, match="read-only"):
        result["w1"][0] = 1.0


def test_settings_given_to_the_verb_replace_those_of_the_network() -> None:
    result = handgrad.backprop(
        load_network("classic-biased"),
        steps=1,
        learning_rate=0.5,
        weights=[0.1] * 8,
        bias="neuron",
        order="output-layer-first",
    )
    assert result["w8"][0] == 0.1 and result.network.bias is BiasRule.NEURON
    assert result.network.biases == (0.35, 0.35, 0.6, 0.6)


def test_the_book_is_written_where_asked_and_never_over_another(tmp_path: Path) -> None:
    result = handgrad.backprop("xor", steps=3, out=tmp_path / "xor.xlsx")
    assert result.workbook == tmp_path / "xor.xlsx"
    assert "Network" in openpyxl.load_workbook(tmp_path / "xor.xlsx").sheetnames
    with pytest.raises(UsageError, match=r"xor\.xlsx exists"):
        handgrad.backprop("xor", steps=3, out=tmp_path / "xor.xlsx")
    handgrad.backprop("xor", steps=4, out=tmp_path / "xor.xlsx", overwrite=True)


def test_an_unknown_quantity_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(UsageError, match=r'"delta_o9" is not a quantity of classic – did you mean "delta_o[12]"'):
        handgrad.backprop("classic", steps=0)["delta_o9"]


def test_biases_of_units_become_one_a_layer_only_where_they_agree() -> None:
    trained = adapt(load_network("classic-biased"), bias="neuron")
    assert adapt(trained, bias="layer").biases == (0.35, 0.6)
    assert adapt(adapt(trained, bias="none"), bias="fixed").biases == (0.0, 0.0)
    uneven = handgrad.backprop(trained, steps=1).trace.row(1)
    import dataclasses

    learned = dataclasses.replace(trained, biases=tuple(uneven[f"b{number}"] for number in range(1, 5)))
    with pytest.raises(UsageError, match="the units of layer 1 have different biases"):
        adapt(learned, bias="layer")


def test_a_wrong_count_of_weights_is_refused() -> None:
    with pytest.raises(UsageError, match="weights has 3 numbers – classic needs 8"):
        handgrad.backprop("classic", weights=[1, 2, 3])


def test_a_verb_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        handgrad.tarin  # noqa: B018


def test_each_verb_leads_to_what_its_name_says() -> None:
    from handgrad.verbs import datasets, networks, training

    assert (handgrad.train, handgrad.resume) == (training.train, training.resume)
    assert (handgrad.study, handgrad.summary) == (training.study, networks.summary)
    assert handgrad.datasets is datasets.datasets and callable(handgrad.judge)
    assert {"backprop", "datasets", "judge", "train", "resume", "study", "summary"} <= set(dir(handgrad))
