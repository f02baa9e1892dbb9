"""Random small networks for hypothesis: every activation, loss, bias rule, update rule, order and number of samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from handgrad.backprop import BiasRule, Layer, Network, OverSamples, Sample, Update, UpdateOrder, UpdateRule
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES

HIDDEN = sorted(set(ACTIVATIONS) - {"softmax"})


@st.composite
def networks(draw: st.DrawFn, order: UpdateOrder | None = UpdateOrder.OLD_WEIGHTS) -> Network:
    """A network of up to 4 layers of up to 4 units with up to 3 samples; ``order=None`` draws the order too."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loss = draw(st.sampled_from(sorted(LOSSES)))
    output = LOSSES[loss].needs or draw(st.sampled_from(sorted(ACTIVATIONS)))
    hidden = draw(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(HIDDEN)), max_size=3))
    outputs = draw(st.integers(2 if output == "softmax" else 1, 4))
    inputs = draw(st.integers(1, 4))
    layers = (*(Layer(*one) for one in hidden), Layer(outputs, output))
    sizes = (inputs, *(layer.units for layer in layers))
    bias = draw(st.sampled_from(BiasRule))
    biases = {BiasRule.NONE: 0, BiasRule.NEURON: sum(sizes[1:])}.get(bias, len(layers))
    return Network(
        name="drawn",
        layers=layers,
        samples=tuple(_sample(generator, inputs, outputs, loss) for _ in range(draw(st.integers(1, 3)))),
        loss=loss,
        bias=bias,
        weights=_numbers(generator, sum(a * b for a, b in pairwise(sizes))),
        biases=_numbers(generator, biases),
        learning_rate=draw(st.sampled_from([0.01, 0.3, 2.0])),
        update=Update(draw(st.sampled_from(UpdateRule)), momentum=0.7, beta1=0.8, beta2=0.95, epsilon=1e-6),
        order=draw(st.sampled_from(UpdateOrder)) if order is None else order,
        over_samples=draw(st.sampled_from(OverSamples)),
    )


def _numbers(generator: np.random.Generator, count: int) -> tuple[float, ...]:
    return tuple(float(value) for value in generator.uniform(-1.5, 1.5, count))


def _sample(generator: np.random.Generator, inputs: int, outputs: int, loss: str) -> Sample:
    targets = generator.uniform(0, 1, outputs)
    if loss == "softmax-cross-entropy":
        targets = targets / targets.sum()
    return Sample(_numbers(generator, inputs), tuple(float(value) for value in targets))
