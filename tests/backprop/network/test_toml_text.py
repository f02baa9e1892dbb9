"""Every network can be printed as the file that describes it; what a learner may not have meant is said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from handgrad.backprop import Layer, Network, Sample, load_network, preset_names
from handgrad.backprop.network.file import parse_network
from handgrad.backprop.network.toml_text import network_toml
from handgrad.backprop.network.words import hints
from handgrad.cli import main
from oracle.drawn_networks import networks


@pytest.mark.parametrize("name", preset_names())
def test_the_printed_file_of_a_preset_is_that_preset(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backprop", name, "--print-toml"])
    assert ended.value.code == 0
    assert parse_network(capsys.readouterr().out) == load_network(name)


def test_the_printed_file_has_what_the_options_replace(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backprop", "xor", "--learning-rate", "3.5", "--bias", "none", "--rates", "0.5,7", "--print-toml"])
    printed = parse_network(capsys.readouterr().out)
    assert printed.learning_rate == 3.5 and printed.biases == () and printed.rates == (0.5, 7.0)


@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.generate])
@given(network=networks(order=None))
def test_a_drawn_network_is_read_back_from_what_is_printed(network: Network) -> None:
    assert parse_network(network_toml(network)) == network


def test_softmax_with_a_squared_error_is_allowed_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = Sample((0.1,), (1.0, 0.0))
    squared = Network("squared", (Layer(2, "softmax"),), (sample,))
    (hint,) = hints(squared)
    assert "softmax-cross-entropy" in hint
    assert hints(dataclasses.replace(squared, loss="softmax-cross-entropy")) == ()
    file = tmp_path / "squared.toml"
    file.write_text(network_toml(squared))
    with pytest.raises(SystemExit):
        main(["backprop", str(file), "--steps", "1", "--csv", str(tmp_path / "out.csv")])
    assert capsys.readouterr().err == f"hint: {hint}\n"
