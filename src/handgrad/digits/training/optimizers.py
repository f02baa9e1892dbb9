"""The optimizer of a recipe, as torch has it or as it is written here."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from handgrad.digits.training.muon import Muon
from handgrad.digits.training.recipe import Optimizer


def make_optimizer(network: nn.Module, recipe: Optimizer) -> torch.optim.Optimizer:
    """Return torch's optimizer for *recipe*; its learning rate is set again before every step."""
    # An optimizer would decay a frozen weight that it was given, gradient or not.
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.name == "sgd":
        return torch.optim.SGD(
            parameters, rate, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=decay, fused=True
        )
    betas = (recipe.beta1, recipe.beta2)
    if recipe.name == "muon":
        return Muon(
            # Kernels of convolutions have four dimensions; everything else is a vector or the last layer's matrix,
            # for Adam.
            [parameter for parameter in parameters if parameter.dim() == 4],
            [parameter for parameter in parameters if parameter.dim() != 4],
            lr=rate,
            others_rate=recipe.others_rate,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            betas=betas,
            weight_decay=decay,
        )
    if recipe.name == "rmsprop":
        return torch.optim.RMSprop(
            parameters, rate, alpha=recipe.beta2, momentum=recipe.momentum, weight_decay=decay, foreach=True
        )
    kind = torch.optim.Adam if recipe.name == "adam" else torch.optim.AdamW
    return kind(parameters, rate, betas=betas, weight_decay=decay, fused=True)


def split_by_rate(optimizer: torch.optim.Optimizer, network: nn.Module, factors: Mapping[str, float]) -> None:
    """Split the groups of *optimizer*, which has taken no step yet, so that each holds parameters of one factor."""
    own = {id(parameter): factors.get(name, 1.0) for name, parameter in network.named_parameters()}
    optimizer.param_groups[:] = [
        group | {"params": [each for each in group["params"] if own[id(each)] == factor], "factor": factor}
        for group in optimizer.param_groups
        for factor in dict.fromkeys(own[id(each)] for each in group["params"])
    ]
