"""Which layers several members of a population can run in one go, and putting those in the places of the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from handgrad.digits.population.layers import Draws, StackedConv, StackedDropout, StackedLinear, StackedNorm
from handgrad.errors import UsageError

STACKED: dict[type[nn.Module], type[StackedConv] | type[StackedLinear] | type[StackedNorm]] = {
    nn.Conv2d: StackedConv,
    nn.Linear: StackedLinear,
    nn.BatchNorm2d: StackedNorm,
    nn.BatchNorm1d: StackedNorm,
}


def stack(template: nn.Module, members: Sequence[nn.Module], draws: Draws) -> nn.Module:
    """Return *template*, changed in place, with the weights and statistics of all *members* one behind the other.

    All are the same network. Names and order in its state stay, each tensor gains a first dimension: the members. What
    several layers share stays shared. Raises `UsageError` for a layer with weights or state that is none of those known
    here, or with hooks, which would see all members at once.
    """
    for path, layer in template.named_modules():
        check_layer(path, layer)
    # keep_vars keeps the Parameter objects, so that weights shared by two layers can be seen to be the same.
    states = [member.state_dict(keep_vars=True) for member in members]
    shared: dict[int, nn.Parameter] = {}

    def parameter(name: str) -> nn.Parameter | None:
        first = states[0].get(name)
        if first is None:
            return None
        if id(first) not in shared:
            together = torch.stack([state[name].detach() for state in states])
            shared[id(first)] = nn.Parameter(together, requires_grad=first.requires_grad)
        return shared[id(first)]

    made: dict[int, nn.Module] = {}
    # A list first: the loop changes the modules that it goes over.
    for prefix, parent in list(template.named_modules()):
        for name, layer in parent._modules.items():
            # By exact type: a subclass may do something else in its forward, and is refused above if it holds
            # weights.
            if layer is None or not (type(layer) in STACKED or isinstance(layer, _DropoutNd)):
                continue
            path = f"{prefix}.{name}" if prefix else name
            if id(layer) not in made:
                made[id(layer)] = stacked_layer(layer, path, parameter, states, draws=draws)
            parent._modules[name] = made[id(layer)]
    return template


def stacked_layer(
    layer: nn.Module,
    path: str,
    parameter: Callable[[str], nn.Parameter | None],
    states: Sequence[Mapping[str, Tensor]],
    *,
    draws: Draws,
) -> nn.Module:
    """Return what takes the place of *layer*, which stands at *path* in the network."""
    if isinstance(layer, _DropoutNd):
        return StackedDropout(layer, draws)

    def of_layer(name: str) -> nn.Parameter | None:
        return parameter(f"{path}.{name}")

    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        names = [name for name, values in layer.named_buffers()]
        return StackedNorm(
            layer,
            of_layer,
            {name: torch.stack([state[f"{path}.{name}"] for state in states]) for name in names},
            len(states),
        )
    return StackedConv(layer, of_layer) if isinstance(layer, nn.Conv2d) else StackedLinear(of_layer)


def check_layer(path: str, layer: nn.Module) -> None:
    """Raise `UsageError` for a layer that several members cannot run in one go."""
    where = f"{path or 'the network'} ({type(layer).__name__})"
    # torch has no public way to ask for hooks. A weight under parametrization or weight norm is found here too.
    if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks:
        raise UsageError(f"{where} has hooks, which would see all members of a population at once")
    if type(layer) in STACKED:
        if isinstance(layer, nn.Conv2d) and layer.padding_mode != "zeros":
            raise UsageError(f"{where} pads with {layer.padding_mode} – a population knows padding with zeros")
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.momentum is None:
            raise UsageError(f"{where} averages its statistics over all steps – a population needs a momentum")
        return
    own = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
    if own:
        known = ", ".join(kind.__name__ for kind in STACKED)
        raise UsageError(f"{where} holds {own[0][0]} itself – a population knows weights and state of {known}")
