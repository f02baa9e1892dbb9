"""What the heads of a table leave open, and the ways to read it, the usual one first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from handgrad.backprop.network.network import (
    OverSamples,
    UpdateOrder,
    UpdateRule,
    weight_count,
)

INDEXED = re.compile(r"(?:net_|a_|delta_|d!|err!|raw!|dE/d(?:a_)?)?([a-zE])(\d+)(?:_next)?(?:\[(\d+)\])?")
ACTIVATIONS_TRIED = ("sigmoid", "tanh", "relu", "leaky-relu", "identity")
LOSSES_TRIED = (
    "half-squared-error",
    "squared-error",
    "mean-squared-error",
    "binary-cross-entropy",
    "softmax-cross-entropy",
)


class MisfitError(ValueError):
    """Names that belong to no fully connected network; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the names alone say."""

    sizes: tuple[int, ...]
    samples: int
    biases: int
    letters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to read a table; each field is something that names leave open."""

    activations: tuple[str, ...]
    loss: str = "half-squared-error"
    over: OverSamples = OverSamples.MEAN
    bare_net: bool = True
    turned: bool = False
    biases: int = 0
    moving: bool = False
    rule: UpdateRule = UpdateRule.GRADIENT_DESCENT
    order: UpdateOrder = UpdateOrder.OLD_WEIGHTS
    delta: str = "delta"
    error_out: str = "delta"
    error_hidden: str = "delta"
    step: str = "step"
    errors: str = "E"
    """What a head "error" of an output is: its squared error, or ``raw:``, ``raw-:`` (target minus output, the reverse)."""


def shape_of(names: frozenset[str], given: Mapping[str, float]) -> Shape:
    """Count units, weights and biases; raises :class:`MisfitError` where they do not belong together."""
    largest: dict[str, int] = {}
    samples = 1
    for name in (*names, *given):
        match = INDEXED.fullmatch(name)
        if match is None:
            continue
        largest[match[1]] = max(largest.get(match[1], 0), int(match[2]))
        samples = max(samples, int(match[3] or 1))
    outputs = max(largest.get("o", 0), largest.get("t", 0), largest.get("E", 0))
    inputs, weights = largest.get("i", 0), largest.get("w", 0)
    hidden = [letter for letter in ("f", "g", "h") if largest.get(letter)]
    if not inputs or not outputs or not weights:
        missing = [
            word for word, count in (("inputs", inputs), ("outputs", outputs), ("weights", weights)) if not count
        ]
        raise MisfitError(f"no columns or labelled cells for {', '.join(missing)}")
    middle = [largest[letter] for letter in hidden]
    # No column for a hidden unit: the number of weights alone tells how many there must be, of one layer.
    if not hidden and weights % (inputs + outputs) == 0 and weights != inputs * outputs:
        middle, hidden = [weights // (inputs + outputs)], ["h"]
    sizes = (inputs, *middle, outputs)
    if weight_count(sizes) != weights:
        shape = "-".join(map(str, sizes))
        raise MisfitError(f"w1 to w{weights} – a fully connected {shape} network has w1 to w{weight_count(sizes)}")
    return Shape(sizes, samples, largest.get("b", 0), (*hidden, "o"))


def first_choice(shape: Shape, names: frozenset[str], texts: Mapping[str, str], *, moving: bool) -> Choice:
    """Return the usual way to read such names."""
    labels = set(texts.values())
    rule = UpdateRule.GRADIENT_DESCENT
    if any(re.fullmatch(r"v_w\d+", label) for label in labels):
        rule = UpdateRule.ADAM
    elif any(re.fullmatch(r"u_w\d+", label) for label in labels):
        rule = UpdateRule.MOMENTUM
    # The usual: sigmoid throughout, half the squared error, updates from the old weights.
    return Choice(
        ("sigmoid",) * (len(shape.sizes) - 1), bare_net=_bare(names)[0], biases=shape.biases, moving=moving, rule=rule
    )


def other_choices(shape: Shape, names: frozenset[str], choice: Choice, own: bool) -> Iterator[list[Choice]]:
    """Yield groups of other ways, each group varying one thing of the choice; ``own`` books may update in another order."""
    if own:
        # First, as a wrong order spoils most columns and would make any other change look like a gain.
        yield [replace(choice, order=order) for order in UpdateOrder]
    if len(_bare(names)) > 1:
        yield [replace(choice, bare_net=not choice.bare_net)]
    last = len(choice.activations) - 1
    for layer in range(last):
        yield [replace(choice, activations=with_activation(choice, layer, name)) for name in ACTIVATIONS_TRIED]
    outputs = [(name, loss) for name in ACTIVATIONS_TRIED for loss in LOSSES_TRIED[:3]]
    outputs.append(("sigmoid", "binary-cross-entropy"))
    if shape.sizes[-1] > 1:
        outputs += [("softmax", "softmax-cross-entropy"), *(("softmax", loss) for loss in LOSSES_TRIED[:3])]
    yield [replace(choice, activations=with_activation(choice, last, name), loss=loss) for name, loss in outputs]
    if shape.samples > 1:
        yield [replace(choice, over=over) for over in OverSamples]
    if len(shape.sizes) == 3:
        yield [replace(choice, turned=not choice.turned)]
    # Only what the heads can tell apart is tried: each group multiplies the work.
    if any(name.startswith("delta_") for name in names):
        yield [replace(choice, delta=kind) for kind in ("delta", "minus:delta")]
    if any(name.startswith("err!o") for name in names):
        yield [replace(choice, error_out=kind) for kind in ("delta", "raw:", "raw-:", "minus:delta", "E")]
    if any(re.match("err![fgh]", name) for name in names):
        yield [replace(choice, error_hidden=kind) for kind in ("delta", "dE/da", "minus:delta", "minus:dE/da")]
    both = ("minus:delta", "minus:delta")
    if any(name.startswith("err!") for name in names):
        yield [
            replace(choice, error_out=both[0], error_hidden=both[1]),
            replace(choice, error_out="raw:", error_hidden="minus:dE/da"),
        ]
    if any(name.startswith("step!") for name in names):
        yield [replace(choice, step=kind) for kind in ("step", "change", "slope")]


def with_activation(choice: Choice, layer: int, name: str) -> tuple[str, ...]:
    """Return the activations of a choice with another one in a layer, counted from 0."""
    return (*choice.activations[:layer], name, *choice.activations[layer + 1 :])


def _bare(names: frozenset[str]) -> tuple[bool, ...]:
    """Whether h1 and o1 are pre-activations, in the order to try."""
    plain = {re.sub(r"\[\d+\]", "", name) for name in names}
    if any(name.startswith("net_") for name in plain):
        return (False, True) if not any(name.startswith("a_") for name in plain) else (True,)
    return (True,) if any(re.fullmatch(r"a_[fgho]\d+", name) for name in plain) else (False, True)
