"""Muon: steps whose matrices have singular values near one, so that no direction of a convolution's kernels is left behind.

The momentum of a convolution's gradient, flattened to a matrix ``[outputs, inputs · height · width]``, is replaced by about the
nearest matrix with orthonormal rows (or columns), found by five Newton–Schulz iterations. What is not a convolution (the
statistics' scales and shifts, biases, the linear layer) is stepped by Adam, with a learning rate of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Of a x + b x³ + c x⁵, which in five rounds brings singular values from (0, 1] near 1: those published with Muon in 2024,
chosen for their steep slope at 0."""
# Fewer leave small singular values behind, more cost time and move nothing: the polynomial oscillates around 1 by
# then.
ROUNDS = 5
# A kernel whose gradient is 0 (a unit that is off for every image) must stay where it is, not become 0 / 0.
EPSILON = 1e-7


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix ``[rows, columns]`` with orthonormal rows, or columns where they are fewer.

    The singular vectors stay, the singular values become 0.68 to 1.14; a matrix of zeros stays one.
    """
    # The products are of the smaller side: 16 × 16 instead of 144 × 144 for a kernel of 16 outputs and 144 inputs.
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.t()
    x: Tensor = wide / wide.norm().clamp_min(EPSILON)  # no singular value above one
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        # (a + b G + c G²) x with G = x xᵀ: the quintic, on the singular values of x.
        gram = x @ x.t()
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide is matrix else x.t()


class Muon(torch.optim.Optimizer):
    """Muon for *matrices* (each flattened behind its first dimension), Adam for *others*.

    *lr* is the step of the matrices; the others step by ``lr · others_rate``. *weight_decay* takes ``lr · weight_decay`` of a
    matrix away at each step, and leaves the others alone.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        lr: float,
        others_rate: float,
        momentum: float,
        nesterov: bool,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        of_matrices = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
        groups = [
            {"params": list(matrices), "is_matrix": True} | of_matrices,
            {"params": list(others), "is_matrix": False, "others_rate": others_rate, "betas": betas},
        ]
        # torch refuses an empty group, and a network without convolutions has one.
        super().__init__([group for group in groups if group["params"]], {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            trained = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["is_matrix"]:
                for weight in trained:
                    step_matrix(weight, self.state[weight], group)
            else:
                step_others(trained, [self.state[parameter] for parameter in trained], group)


def step_matrix(weight: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    """Step *weight* against its orthogonal momentum."""
    gradient = weight.grad
    assert gradient is not None
    if not state:
        state["momentum"] = torch.zeros_like(weight)
    running = state["momentum"].mul_(group["momentum"]).add_(gradient)
    ahead = gradient.add(running, alpha=group["momentum"]) if group["nesterov"] else running
    direction = orthogonal(ahead.reshape(len(weight), -1)).reshape(weight.shape)
    # Decay apart from the gradient, as in AdamW: put into the gradient, the orthogonal step would cancel it.
    weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=group["lr"])


def step_others(parameters: list[Tensor], states: list[dict[str, Tensor]], group: dict[str, Any]) -> None:
    """Step *parameters* by Adam without weight decay, at the group's share of the learning rate."""
    for parameter, state in zip(parameters, states, strict=True):
        if not state:
            state |= {"first": torch.zeros_like(parameter), "second": torch.zeros_like(parameter)}
            # A tensor on the device: the fused Adam counts there, without asking the host.
            state["steps"] = torch.zeros((), device=parameter.device)
    adam(
        parameters,
        [parameter.grad for parameter in parameters if parameter.grad is not None],
        [state["first"] for state in states],
        [state["second"] for state in states],
        [],
        [state["steps"] for state in states],
        fused=True,
        amsgrad=False,
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        lr=group["lr"] * group["others_rate"],
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
