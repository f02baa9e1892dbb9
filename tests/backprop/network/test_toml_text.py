"""Every network can be printed as the file that describes it; the reference names every key with its true default."""

from __future__ import annotations

import dataclasses
import re
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from handgrad.backprop import Layer, Network, Sample, load_network, preset_names
from handgrad.backprop.limits import MAX_INPUTS, MAX_LAYERS, MAX_NAME, MAX_SAMPLES, MAX_UNITS
from handgrad.backprop.network.file import LayerTable, NetworkTable, SampleTable, UpdateTable, parse_network
from handgrad.backprop.network.toml_text import network_toml
from handgrad.backprop.network.words import hints
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.cli import main
from oracle.drawn_networks import networks

REFERENCE = Path(__file__).parents[3] / "docs" / "networks.md"


@pytest.mark.parametrize("name", preset_names())
def test_the_printed_file_of_a_preset_is_that_preset(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backprop", name, "--print-toml"])
    assert ended.value.code == 0
    assert parse_network(capsys.readouterr().out) == load_network(name)


def test_the_printed_file_has_what_the_options_replace(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backprop", "xor", "--learning-rate", "3.5", "--bias", "none", "--print-toml"])
    printed = parse_network(capsys.readouterr().out)
    assert printed.learning_rate == 3.5 and printed.biases == ()


@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.generate])
@given(network=networks(order=None))
def test_a_drawn_network_is_read_back_from_what_is_printed(network: Network) -> None:
    assert parse_network(network_toml(network)) == network


def rows() -> dict[str, list[str]]:
    """The table of the reference by key: what it holds, its default, an example."""
    lines = REFERENCE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {found[0].strip("`"): found[1:] for found in cells}


def keys() -> dict[str, object]:
    """Every key that a file may have, with its default."""
    found: dict[str, object] = {}
    tables = (("", NetworkTable), ("update.", UpdateTable), ("layers.", LayerTable), ("samples.", SampleTable))
    for before, table in tables:
        for field in dataclasses.fields(table):
            if field.name not in ("update", "layers", "samples"):
                found[f"{before}{field.name}"] = field.default
    return found


def test_the_reference_names_every_key_with_its_default() -> None:
    assert set(rows()) == set(keys())
    for key, default in keys().items():
        told = rows()[key][1]
        if default is dataclasses.MISSING:
            assert told == "must be given", key
        elif default not in (None, ()):
            assert told == f"`{default}`", key


def test_the_reference_names_every_word_and_limit() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert f"at most {MAX_NAME}" in text and f"a whole number from 1 to {MAX_UNITS}" in text
    assert (
        f"a list of 1 to {MAX_INPUTS} numbers" in text
        and f"1 to {MAX_LAYERS} layers and 1 to {MAX_SAMPLES} samples" in text
    )
    for key, words in (("loss", LOSSES), ("layers.activation", ACTIVATIONS)):
        assert set(re.findall(r"`([\w-]+)`", rows()[key][0])) == set(words)
    for key, default in keys().items():
        if isinstance(default, StrEnum):
            assert set(type(default)) <= set(re.findall(r"`([\w-]+)`", rows()[key][0])), key


def test_every_example_of_the_reference_is_read() -> None:
    base = "[[layers]]\nunits = 2\n[[layers]]\nunits = 1\n[[samples]]\ninputs = [0.2, 0.9]\ntargets = [1]\n"
    for key, (_, _, example) in rows().items():
        line = example.strip("`")
        if key in ("weights", "biases", "layers.units"):
            continue  # their length follows from the layers
        table, _, name = key.rpartition(".")
        if table == "update":
            text = f"{base}[update]\n{line}\n"
        elif table:
            text = (
                re.sub(rf"{name} = .*", line, base)
                if name in base
                else base.replace("units = 2", f"units = 2\n{line}", 1)
            )
        else:
            text = f"{line}\n{base}"
        parse_network(text)


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
