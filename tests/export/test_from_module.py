"""A plan computes what its module computes, whatever style the module is written in, and what it cannot is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrize

from export.styles import STYLES, made
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.training.augment import normalise
from handgrad.errors import UsageError
from handgrad.export.evaluate import all_values, evaluate, probabilities
from handgrad.export.from_module import plan_of
from handgrad.export.plan import Convolution, Function, Gather, Linear, Plan, Pool, Reshape, ScaleShift

IMAGES = draw_digits(40, seed=5)[0]


def torch_scores(network: nn.Module) -> np.ndarray:
    with torch.no_grad():
        return network(normalise(torch.from_numpy(IMAGES))).double().numpy()


@pytest.mark.parametrize("name", STYLES)
def test_a_plan_computes_what_a_network_of_this_style_computes(name: str) -> None:
    network = made(STYLES[name])
    plan = plan_of(network, name)
    expected = torch_scores(network)
    assert np.abs(evaluate(plan, IMAGES) - expected).max() < 2e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_plan_of_a_shipped_network_is_folded_to_convolutions_activations_and_pools(name: str) -> None:
    network = made(NETWORKS[name])  # type: ignore[arg-type]
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.abs_()
    plan = plan_of(network, name)
    expected = torch_scores(network)
    assert np.abs(evaluate(plan, IMAGES) - expected).max() < 2e-5 * max(1, np.abs(expected).max())
    assert {type(step) for step in plan.steps} <= {Convolution, Function, Pool, Reshape, Linear} | {
        type(plan.steps[-1])
    }
    for module in [each for each in network.modules() if parametrize.is_parametrized(each)]:
        # Tied kernels are written out, each at its place.
        for tied in list(module.parametrizations):  # type: ignore[arg-type]
            parametrize.remove_parametrizations(module, tied)
    assert plan.numbers < sum(each.numel() for each in network.state_dict().values())


def test_what_is_folded_leaves_the_borders_where_the_zeros_of_the_padding_lay() -> None:
    plan = plan_of(made(nn_first_padded), "padded")
    first = plan.steps[0]
    assert isinstance(first, Convolution)
    assert first.border == pytest.approx([0.1307 * 255])


def nn_first_padded() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 10))


def test_a_zero_padding_layer_becomes_the_padding_of_the_convolution_after_it() -> None:
    plan = plan_of(made(STYLES["Padded"]), "Padded")
    first = plan.steps[0]
    assert isinstance(first, Convolution) and first.window.padding == (2, 2, 2, 2)
    assert not any(isinstance(step, Gather) and step.index.min() < 0 for step in plan.steps)


def test_a_scale_below_zero_stays_behind_the_maximum_it_may_not_change_places_with() -> None:
    norm = nn.BatchNorm2d(4)
    norm.weight.data.copy_(torch.tensor([1.0, -1.0, 0.5, 2.0]))
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), norm, nn.ReLU(), nn.Flatten(), nn.Linear(676, 10))
    plan = plan_of(network, "negative")
    assert any(isinstance(step, ScaleShift) for step in plan.steps)
    norm.weight.data.abs_()
    assert not any(isinstance(step, ScaleShift) for step in plan_of(network, "positive").steps)


def test_steps_are_named_after_their_layers_and_no_name_comes_twice() -> None:
    plan = plan_of(made(STYLES["Shared"]), "Shared")
    names = [step.name for step in plan.steps]
    assert len(set(names)) == len(names)
    assert {"stem", "layer", "layer (2)", "layer (3)", "head"} <= set(names)


def test_probabilities_are_the_softmax_of_logits_and_of_log_probabilities_alike() -> None:
    scores = np.array([[1.0, 2.0, 3.0]], np.float32)
    log = np.log(probabilities(scores)).astype(np.float32)
    assert probabilities(scores) == pytest.approx(probabilities(log), abs=1e-6)
    assert probabilities(np.array([[1000.0, 0.0]], np.float32)) == pytest.approx(np.array([[1.0, 0.0]]))


def test_every_value_of_a_plan_has_the_shape_that_it_says() -> None:
    plan = plan_of(made(STYLES["Shuffled"]), "Shuffled")
    for value, (_, _, shape) in zip(all_values(plan, IMAGES[:3]), plan.values(), strict=True):
        assert value.shape == (3, *shape) and value.dtype == np.float32


def test_no_image_gives_no_scores() -> None:
    plan = plan_of(made(STYLES["Perceptron"]), "Perceptron")
    assert evaluate(plan, IMAGES[:0]).shape == (0, 10)


def test_a_plan_that_reads_ahead_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="reads a value that is not computed before it"):
        Plan("ahead", (Reshape("flat", (1,), (784,)),))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.heads = nn.Linear(28, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.squeeze(1))
        return self.last(self.heads(x, x, x, need_weights=False)[0].mean(1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.last = nn.GRU(28, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.cells(x.squeeze(1))[0][:, -1])


class BatchStatistics(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)
        self.last = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.conv(x)).mean((2, 3)))


class Reading(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x.flatten(1)) * (2.0 if x.sum().item() > 0 else 1.0)


class AlwaysDropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.dropout(x.flatten(1), training=True))


class Neighbours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x.flatten(1).flip(0))


class Unequal(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(196, 10))


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(10))

    def forward(self, x: Tensor) -> Tensor:
        return self.scores.expand(len(x), 10)


REFUSED = {
    Attention: "layer heads",
    Recurrent: "layer cells: the operation gru",
    BatchStatistics: "layer norm: it normalises by the statistics of the batch",
    Reading: "reads single numbers out of tensors",
    AlwaysDropping: "its forward: it drops numbers at random also when it answers",
    Neighbours: "its forward: it mixes the images of a batch",
    Unequal: "layer 1: a pool from 26 to 7 positions has windows of different sizes",
    Constant: "its output does not depend on the image",
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_what_a_plan_cannot_express_is_refused_in_one_line_with_the_layer(kind: type[nn.Module]) -> None:
    with pytest.raises(UsageError) as caught:
        plan_of(made(kind), kind.__name__)
    message = str(caught.value)
    assert message.startswith(f"{kind.__name__} cannot be exported – ") and REFUSED[kind] in message
    assert "\n" not in message and len(message) < 260
