"""Eighty hand-ins: in each the right network is found, and it is torch's own count and list of layers that decides."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from handgrad.judge.examination.examine import examine
from handgrad.judge.handed_in.files import HandedIn
from handgrad.judge.handed_in.load import loaded, on_the_processor
from handgrad.judge.handed_in.take import take
from handgrad.judge.network.author import made
from handgrad.judge.network.jobs import Clock, Context, read_network
from handgrad.judge.network.rebuilt import examine_network
from handgrad.judge.sandbox.run import Limits
from judge.handed_in.hand_ins import HAND_INS, HEAD, HandIn, Network
from judge.here import judging_here
from judge.hostile_run import small_data

DATA = small_data()
KINDS = {nn.Conv2d: "product", nn.Linear: "product", nn.BatchNorm2d: "batch_norm", nn.MaxPool2d: "max_pooling"}
SAME = {"convolution": "product", "fully_connected": "product", "squeeze_excitation": "product"}
EVERY = 11


def by_hand(network: Network) -> nn.Module:
    """Return the network made from its definition alone, as Python runs it."""
    names: dict[str, Any] = {}
    exec(HEAD + network.definition, names)
    made = eval(network.makes, names)
    assert isinstance(made, nn.Module)
    return made


def layers_by_type(network: nn.Module) -> set[tuple[str, str]]:
    """Return kind and path of the layers of *network*, by their types; dropouts of probability 0 drop nothing."""
    found = {(KINDS[type(each)], path) for path, each in network.named_modules() if type(each) in KINDS}
    drops = (nn.Dropout, nn.Dropout2d)
    return found | {("dropout", path) for path, each in network.named_modules() if isinstance(each, drops) and each.p}


def test_the_corpus_is_eighty_hand_ins_and_half_of_them_are_notebooks() -> None:
    assert len(HAND_INS) == 80 == len({each.name for each in HAND_INS})
    assert sum(each.main.endswith(".ipynb") for each in HAND_INS) == 40


@pytest.mark.parametrize("hand_in", HAND_INS, ids=lambda each: each.name)
def test_the_network_that_is_taken_has_the_parameters_of_the_definition(hand_in: HandIn, tmp_path: Path) -> None:
    taken = take(tmp_path, hand_in.write(tmp_path))
    with on_the_processor([each.code for each in taken.pieces]), loaded(taken) as module:
        network = made(taken, module)
    expected = by_hand(hand_in.network)
    shapes = {path: tuple(each.shape) for path, each in expected.named_parameters()}
    assert {path: tuple(each.shape) for path, each in network.named_parameters()} == shapes
    assert not taken.whole


def compare(hand_in: HandIn, folder: Path, context: Context) -> None:
    """Judge a hand-in as far as a training is not needed, and compare with torch."""
    main = hand_in.write(folder)
    reading = read_network(HandedIn(main, "", folder), [0], DATA, context)
    found = examine_network(reading.networks[0], DATA, context)
    expected = by_hand(hand_in.network)
    assert found.parameters == found.counted == sum(each.numel() for each in expected.parameters())
    assert found.problems == ()
    # The average of a squeeze-and-excitation block bears the block's kind too, and is no product.
    pools = {path for path, each in expected.named_modules() if isinstance(each, nn.AdaptiveAvgPool2d)}
    seen = {
        (SAME.get(each.kind, each.kind), each.path)
        for each in found.layers
        if not each.path.startswith("function ") and not (each.kind == "squeeze_excitation" and each.path in pools)
    }
    wanted = layers_by_type(expected)
    kinds = {"product", "batch_norm", "max_pooling", "dropout"}
    named = {each for each in seen if each[0] in kinds and not each[1].startswith("dropout ")}
    assert named == wanted
    assert found.idle == ()


@pytest.mark.parametrize("hand_in", HAND_INS[::EVERY], ids=lambda each: each.name)
def test_a_hand_in_is_judged_by_the_count_and_the_layers_that_torch_has(
    hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(hand_in, tmp_path, Context(judging_here(monkeypatch), Limits(), Clock.start(600)))


@pytest.mark.long
@pytest.mark.parametrize("hand_in", HAND_INS, ids=lambda each: each.name)
def test_every_hand_in_is_judged_by_the_count_and_the_layers_that_torch_has(
    hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(hand_in, tmp_path, Context(judging_here(monkeypatch), Limits(), Clock.start(600)))


def test_the_comparison_would_notice_a_layer_that_is_missing() -> None:
    network = by_hand(HAND_INS[8].network)
    images = torch.randn(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    before = {each.path for each in examine(network, images).layers}
    network.convblock2 = network.convblock2[:2]
    after = {each.path for each in examine(network, images).layers}
    assert "convblock2.2" in before and "convblock2.2" not in after


def test_every_process_takes_the_same_in_the_same_words(tmp_path: Path) -> None:
    parts = [f"block{number}" for number in range(6)]
    for name in parts:
        (tmp_path / f"{name}.py").write_text(f"import torch.nn as nn\n\ndef {name}():\n    return nn.Conv2d(8, 8, 3)\n")
    imports = "".join(f"from {name} import {name}\n" for name in parts)
    blocks = ", ".join(f"{name}()" for name in parts)
    (tmp_path / "net.py").write_text(f"{HEAD}{imports}model = nn.Sequential(nn.Conv2d(1, 8, 3), {blocks})\n")
    program = (
        "import sys; from pathlib import Path; from handgrad.judge.handed_in.take import take; "
        "print(take(Path(sys.argv[1]), Path(sys.argv[1]) / 'net.py'))"
    )
    told = {
        # The order of a set of names differs from process to process.
        subprocess.check_output(
            [sys.executable, "-c", program, str(tmp_path)], text=True, env={**os.environ, "PYTHONHASHSEED": str(seed)}
        )
        for seed in range(3)
    }
    assert len(told) == 1
