"""Muon against the singular value decomposition, torch's own Muon and Adam, and a training that it must improve."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.training.loop import Images, begin, train
from handgrad.digits.training.muon import Muon, orthogonal
from handgrad.digits.training.optimizers import make_optimizer
from handgrad.digits.training.recipe import Optimizer, Recipe


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(6, 25), (28, 216), (16, 9), (5, 5), (1, 9)])
def test_the_singular_vectors_stay_and_the_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = drawn(*shape, seed=3).double()
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.t() @ orthogonal(matrix) @ right.t()
    assert torch.allclose(found, torch.diag(found.diagonal()), atol=1e-9), "the singular vectors have turned"
    assert values.max() / values.min() > 1.5 or len(values) == 1, "too even a matrix to show anything"
    assert found.diagonal().min() > 0.65 and found.diagonal().max() < 1.25


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(4, 9)), torch.zeros(4, 9))


def stepped(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], steps: int) -> None:
    for step in range(steps):
        for index, parameter in enumerate(parameters):
            parameter.grad = drawn(*parameter.shape, seed=100 * step + index)
        optimizer.step()


@pytest.mark.parametrize("nesterov", [False, True])
def test_matrices_step_as_with_the_muon_of_torch_which_rounds_to_bf16(nesterov: bool) -> None:
    ours, theirs = nn.Parameter(drawn(6, 25)), nn.Parameter(drawn(6, 25))
    given = {"lr": 0.1, "momentum": 0.9, "nesterov": nesterov, "weight_decay": 0.3}
    stepped(Muon([ours], [], others_rate=1.0, betas=(0.9, 0.999), **given), [ours], 4)  # type: ignore[arg-type]
    stepped(torch.optim.Muon([theirs], **given), [theirs], 4)  # type: ignore[arg-type]
    assert torch.allclose(ours, theirs, atol=0.01)
    assert not torch.allclose(theirs, drawn(6, 25), atol=0.05), "the steps are large beside the tolerance"


def test_a_kernel_steps_as_the_matrix_that_it_flattens_to() -> None:
    kernel, matrix = nn.Parameter(drawn(6, 4, 3, 3)), nn.Parameter(drawn(6, 4, 3, 3).flatten(1))
    for parameter in (kernel, matrix):
        parameter.grad = drawn(6, 4, 3, 3, seed=9).view(parameter.shape)
        given = {"lr": 0.1, "others_rate": 1.0, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0}
        Muon([parameter], [], betas=(0.9, 0.999), **given).step()  # type: ignore[arg-type]
    assert torch.allclose(kernel.flatten(1), matrix)


def test_everything_else_steps_as_with_the_adam_of_torch_at_its_own_rate() -> None:
    ours, theirs = ([nn.Parameter(drawn(10, 5)), nn.Parameter(drawn(10))] for _ in range(2))
    muon = Muon([], ours, lr=0.1, others_rate=0.2, momentum=0.9, nesterov=True, betas=(0.8, 0.99), weight_decay=0.5)
    stepped(muon, ours, 3)
    stepped(torch.optim.Adam(theirs, 0.02, betas=(0.8, 0.99)), theirs, 3)
    assert all(torch.allclose(mine, other, atol=1e-6) for mine, other in zip(ours, theirs, strict=True))


def test_kernels_are_matrices_and_all_the_rest_is_not() -> None:
    network = NETWORKS["stem-16k"]()
    optimizer = make_optimizer(network, Optimizer("muon", 0.1, others_rate=0.2))
    matrices, others = optimizer.param_groups
    assert {id(each) for each in matrices["params"]} == {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Conv2d)
    }
    assert len(matrices["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_a_network_learns_with_it() -> None:
    pictures, labels = draw_digits(600, seed=5)
    digits = Images(torch.as_tensor(pictures), torch.as_tensor(labels).long())
    recipe = Recipe("stem-16k", epochs=3, batch_size=50, optimizer=Optimizer("muon", 0.05, nesterov=True))
    state = begin(NETWORKS["stem-16k"], recipe, 0, torch.device("cpu"))
    scores = list(train(state, recipe, 0, digits, digits))
    assert scores[0].training.loss > 2 * scores[-1].training.loss and scores[-1].evaluation.correct > 450
    still = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=1e-9))
    state = begin(NETWORKS["stem-16k"], still, 0, torch.device("cpu"))
    assert list(train(state, still, 0, digits, digits))[-1].evaluation.correct < 300, (
        "it would have learnt without steps"
    )
