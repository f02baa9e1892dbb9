"""The same network written with torch alone: its error, its gradient by autograd, its training by torch.optim."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from handgrad.backprop import BiasRule, Network, OverSamples, UpdateRule

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky-relu": functional.leaky_relu,
    "identity": lambda z: z,
    "softmax": lambda z: torch.softmax(z, dim=1),
}


class TorchNetwork:
    """Weights as one matrix per layer ``[units, sources]``, biases as one vector a layer ``[units]`` or ``[1]``."""

    def __init__(self, network: Network) -> None:
        self.network = network
        weights, biases = iter(network.weights), iter(network.biases)
        sizes = network.sizes
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for before, units in pairwise(sizes):
            self.weights.append(_leaf([[next(weights) for _ in range(before)] for _ in range(units)]))
            if network.bias is not BiasRule.NONE:
                count = units if network.bias is BiasRule.NEURON else 1
                self.biases.append(_leaf([next(biases) for _ in range(count)]))
        self.inputs = torch.tensor([sample.inputs for sample in network.samples], dtype=torch.float64)
        self.targets = torch.tensor([sample.targets for sample in network.samples], dtype=torch.float64)

    @property
    def trained(self) -> list[Tensor]:
        """The tensors that learn, in the order of the names w1…, b1…."""
        return self.weights + (self.biases if self.network.trains_biases else [])

    def pre_activations(self) -> list[Tensor]:
        """z of each layer, ``[samples, units]``."""
        a, found = self.inputs, []
        for number, layer in enumerate(self.network.layers):
            z = a @ self.weights[number].T
            if self.biases:
                z = z + self.biases[number]
            found.append(z)
            a = ACTIVATIONS[layer.activation](z)
        return found

    def error(self, z: Tensor | None = None) -> Tensor:
        """E_total, from the last pre-activations."""
        z = self.pre_activations()[-1] if z is None else z
        a, t = ACTIVATIONS[self.network.layers[-1].activation](z), self.targets
        match self.network.loss:
            case "half-squared-error":
                each = 0.5 * functional.mse_loss(a, t, reduction="none").sum(dim=1)
            case "mean-squared-error":
                each = functional.mse_loss(a, t, reduction="none").mean(dim=1)
            case "binary-cross-entropy":
                each = functional.binary_cross_entropy_with_logits(z, t, reduction="none").sum(dim=1)
            case "softmax-cross-entropy":
                each = functional.cross_entropy(z, t, reduction="none")
            case other:
                raise AssertionError(f"no torch twin for {other}")
        return each.mean() if self.network.over_samples is OverSamples.MEAN else each.sum()

    def gradient(self) -> list[float]:
        """dE/dw1…, dE/db1… by autograd."""
        return _flat(torch.autograd.grad(self.error(), self.trained))

    def largest_delta(self) -> float:
        """The largest dE/dz of any unit and sample."""
        zs = self.pre_activations()
        return max(float(delta.abs().max()) for delta in torch.autograd.grad(self.error(zs[-1]), zs))

    def train(self, steps: int) -> list[float]:
        """Weights and trained biases after some steps of torch's own optimizer."""
        rate, update = self.network.learning_rate, self.network.update
        optimizer: torch.optim.Optimizer
        match update.rule:
            case UpdateRule.GRADIENT_DESCENT:
                optimizer = torch.optim.SGD(self.trained, lr=rate)
            case UpdateRule.MOMENTUM:
                optimizer = torch.optim.SGD(self.trained, lr=rate, momentum=update.momentum)
            case UpdateRule.ADAM:
                betas = (update.beta1, update.beta2)
                optimizer = torch.optim.Adam(self.trained, lr=rate, betas=betas, eps=update.epsilon)
        for _ in range(steps):
            optimizer.zero_grad()
            self.error().backward()
            optimizer.step()
        return _flat(self.trained)

    def output_first_step(self) -> list[float]:
        """One step of gradient descent in which each layer's gradient passes through the updated layer above."""
        zs = self.pre_activations()
        (delta,) = torch.autograd.grad(self.error(zs[-1]), zs[-1], retain_graph=True)
        rate = self.network.learning_rate
        weights, biases = list(self.weights), list(self.biases)
        for number in reversed(range(len(zs))):
            below = ACTIVATIONS[self.network.layers[number - 1].activation](zs[number - 1]) if number else self.inputs
            weights[number] = weights[number] - rate * delta.T @ below
            if self.network.trains_biases:
                moved = delta.sum(dim=0)
                biases[number] = biases[number] - rate * (
                    moved if self.network.bias is BiasRule.NEURON else moved.sum().reshape(1)
                )
            if number:
                (delta,) = torch.autograd.grad(below, zs[number - 1], delta @ weights[number], retain_graph=True)
        return _flat(weights + (biases if self.network.trains_biases else []))


def _leaf(values: list[float] | list[list[float]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def _flat(tensors: list[Tensor] | tuple[Tensor, ...]) -> list[float]:
    return [float(value) for tensor in tensors for value in tensor.detach().reshape(-1)]
