"""Result of a network: places and names, numbers counted once, everything as before afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS, count_parameters
from handgrad.errors import UsageError
from handgrad.judge.examination import examine as subject
from handgrad.judge.examination.examine import examine
from handgrad.judge.verdict import HiddenTensor

HERE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def same_weights() -> Iterator[None]:
    """Let every test build the same networks, and leave torch's random state alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def pictures(count: int = 12) -> Tensor:
    """Return normalised images of soft spots."""
    generator = torch.Generator().manual_seed(3)
    at = torch.rand(count, 2, 1, 1, generator=generator) * 20 + 4
    away = (torch.arange(28.0)[:, None] - at[:, :1]) ** 2 + (torch.arange(28.0) - at[:, 1:]) ** 2
    return (torch.exp(-away / 20) - 0.1307) / 0.3081


def miss(name: str) -> nn.Module:
    """Return one of the near misses."""
    return load_network(f"{HERE / 'corpus_near_misses.py'}:{name}")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_a_network_of_ours_is_seen_at_its_place(name: str) -> None:
    module = NETWORKS[name]()
    found = examine(module, pictures())
    kinds = {
        "convolution": nn.Conv2d,
        "batch_norm": nn.BatchNorm2d,
        "dropout": (nn.Dropout, nn.Dropout2d),
        "fully_connected": nn.Linear,
        "max_pooling": nn.MaxPool2d,
        "global_average_pooling": (nn.AvgPool2d, nn.AdaptiveAvgPool2d),
    }
    for kind, types in kinds.items():
        asked = [path for path, each in module.named_modules() if isinstance(each, types)]
        seen = [each.path for each in found.layers if each.kind == kind]
        after_pooling = [each.path for each in found.layers if "1×1 convolution after pooling" in each.detail]
        if kind == "fully_connected":
            asked += after_pooling
        if kind == "convolution":
            asked = [path for path in asked if path not in after_pooling]
        assert sorted(seen) == sorted(asked), kind
    assert found.parameters == found.counted == count_parameters(module)
    assert found.output_shape == (12, 10)
    assert (found.hidden, found.problems, found.defined_unused) == ((), (), ())


def test_the_one_by_one_convolution_after_pooling_is_said_as_such() -> None:
    found = examine(NETWORKS["transition-11k"](), pictures())
    assert [(each.path, each.detail) for each in found.layers if each.kind == "fully_connected"] == [
        ("26", "1×1 convolution after pooling, counts as fully connected")
    ]


def test_the_network_and_every_random_state_are_as_before() -> None:
    module = NETWORKS["squeeze-16k"]().train()
    module.norm1.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    examine(module, pictures())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.training
    assert not module.norm1.training
    assert all(each.grad is None for each in module.parameters())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()


def test_the_same_network_is_seen_in_the_same_way_twice() -> None:
    module = NETWORKS["twopool-17k"]()
    assert examine(module, pictures()) == examine(module, pictures())


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("NumbersInABuffer", HiddenTensor("table", 19_500, "buffer")),
        ("NumbersInAGlobal", HiddenTensor("HIDDEN", 19_500, "global")),
        ("NumbersInAnAttribute", HiddenTensor("NumbersInAnAttribute.kept[0]", 19_500, "constant")),
        ("FrozenParameters", HiddenTensor("frozen parameter table", 19_500, "constant")),
        ("numbers_in_a_closure", HiddenTensor("secret", 19_500, "closure")),
        ("NumbersAsBytes", HiddenTensor("table", 19_500, "buffer")),
    ],
)
def test_hidden_numbers_are_counted_and_named_with_their_place(name: str, hidden: HiddenTensor) -> None:
    found = examine(miss(name), pictures())
    assert found.hidden == (hidden,)
    assert found.counted == found.parameters + 19_500


def test_numbers_written_out_are_named_by_their_line() -> None:
    (found,) = examine(miss("NumbersWrittenOut"), pictures()).hidden
    line = next(
        number
        for number, text in enumerate((HERE / "corpus_near_misses.py").read_text("utf-8").splitlines(), 1)
        if "torch.tensor(self.numbers)" in text
    )
    assert (found.numbers, found.where) == (19_500, "constant")
    assert found.name.endswith(f", line {line}")


def test_a_layer_in_a_plain_list_is_named_though_nobody_registered_it() -> None:
    hidden = examine(miss("NumbersInALayerOfAList"), pictures()).hidden
    # The bias of the second is a single number, and a few of those are free.
    assert sorted(each.name for each in hidden) == [
        f"NumbersInALayerOfAList.layers[{place}].{name}" for place, name in ((0, "bias"), (0, "weight"), (1, "weight"))
    ]


def test_what_is_thrown_away_is_named_as_unused() -> None:
    assert examine(miss("NormTimesZero"), pictures()).defined_unused == ("norm (BatchNorm2d)",)
    assert "drop (Dropout)" in examine(miss("DropoutInADeadBranch"), pictures()).defined_unused
    assert "fc (Linear)" in examine(miss("LinearTimesZero"), pictures()).defined_unused


def test_parameters_that_two_layers_share_count_once() -> None:
    first, second = nn.Conv2d(1, 10, 3, padding=1), nn.Conv2d(1, 10, 3, padding=1)
    second.weight = first.weight
    module = nn.Sequential(first, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = first, second

        def forward(self, x: Tensor) -> Tensor:
            return (self.first(x) - F.relu(self.second(x))).mean((2, 3))

    assert examine(module, pictures()).counted == 100
    assert examine(Both(), pictures()).counted == 110


def test_a_few_single_numbers_are_free_and_many_are_weights() -> None:
    class Scaled(nn.Module):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.conv, self.scales = nn.Conv2d(1, 10, 5), [0.5 + place / 64 for place in range(count)]

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            for scale in self.scales:
                x = x * scale
            return x.mean((2, 3))

    assert examine(Scaled(20), pictures()).hidden == ()
    (found,) = examine(Scaled(50), pictures()).hidden
    assert 45 <= found.numbers <= 50


class Wrong(nn.Module):
    """Gives what it is told to."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result

    def forward(self, x: Tensor) -> object:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (ValueError("not today"), "Wrong cannot run: ValueError: not today – correct the network"),
        ((1, 2), r"Wrong returns a tuple – a tensor \[12, 10\] is needed"),
    ],
)
def test_a_network_that_cannot_run_gets_one_line(result: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        examine(Wrong(result), pictures())


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("RandomInEval", "is not always the same"),
        ("CentresTheBatch", "depends on the other images"),
        ("norm_of_the_batch_shown", "depends on the other images"),
        ("CountsItsCalls", "is not always the same"),
    ],
)
def test_an_answer_worth_nothing_is_said_to_be_so(name: str, problem: str) -> None:
    (found,) = examine(miss(name), pictures()).problems
    assert problem in found


def test_a_constant_answer_is_a_problem() -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum((1, 2, 3), keepdim=False)[:, None].expand(-1, 10) * 0

    assert examine(Constant(), pictures()).problems == ("the answer does not depend on the image",)


def test_an_examiner_that_feels_no_effect_or_any_effect_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpora hang on one test of effect: with it broken either way, layers appear or go."""
    monkeypatch.setattr(subject, "EFFECT", 1e9)
    assert examine(NETWORKS["stem-16k"](), pictures()).layers == ()
    monkeypatch.setattr(subject, "EFFECT", -1.0)
    kinds = [each.kind for each in examine(miss("NormTimesZero"), pictures()).layers]
    assert "batch_norm" in kinds
