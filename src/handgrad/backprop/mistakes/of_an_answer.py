"""The mistakes that people make in a training step, each an expression of the step's own quantities.

A mistake in a quantity refers to that quantity by its own name where it is a plain change of it (−δ, 2·δ). So it is found,
like the right value, from what the learner answered before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from handgrad.backprop.graph.after import AFTER
from handgrad.backprop.graph.graph import Kind, Quantity
from handgrad.backprop.mistakes.kinds import Mistake, MistakeKind
from handgrad.backprop.mistakes.of_reading import of_reading
from handgrad.backprop.mistakes.parts import StepParts
from handgrad.backprop.network.network import OverSamples
from handgrad.backprop.symbols.calculus import ACTIVATIONS, EXP, LN, ONE, TWO
from handgrad.backprop.symbols.expression import Call, Const, Node, Ref, total

HALF, HUNDRED = Const(0.5), Const(100.0)
MOST_PATHS = 4
"""So many outputs are tried one by one as *the only path*."""


class Mistakes(StepParts):
    """The mistakes that a network's step offers."""

    def of(self, name: str) -> tuple[Mistake, ...]:
        """Return all mistakes in one quantity, the likelier first."""
        reading = of_reading(self, self.graph[name])
        return (*self.of_calculus(name), *(Mistake(name, kind, advice, node) for kind, advice, node in reading))

    def of_calculus(self, name: str) -> tuple[Mistake, ...]:
        """Return the mistakes that the numbers of a task are drawn for."""
        quantity = self.graph[name]
        made = {
            Kind.PRE_ACTIVATION: self._pre_activation,
            Kind.ACTIVATION: self._activation,
            Kind.ERROR: self._error,
            Kind.SAMPLE_ERROR: self._summed_error,
            Kind.TOTAL: self._summed_error,
            Kind.DELTA: self._delta,
            Kind.GRADIENT: self._gradient,
            Kind.UPDATED: self._updated,
        }
        maker: Callable[[Quantity], Iterator[tuple[MistakeKind, str, Node]]] = (
            self._after if name == AFTER else made[quantity.kind]
        )
        found = [Mistake(name, kind, advice, node) for kind, advice, node in maker(quantity)]
        times = "a hundred times too {}: look for a percent sign or the decimal point"
        found.append(Mistake(name, MistakeKind.HUNDREDFOLD, times.format("large"), HUNDRED * Ref(name)))
        found.append(Mistake(name, MistakeKind.HUNDREDFOLD, times.format("small"), Ref(name) / HUNDRED))
        return tuple(found)

    # Forward.

    def _pre_activation(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        layer, unit, sample = _place(q)
        before = self.units(layer - 1)
        weights = [self.weight(layer, unit, source) for source in before]
        outs = [self.out(layer - 1, source, sample) for source in before]
        bias = self.bias(layer, unit)

        def summed(used: list[Ref]) -> Node:
            terms: list[Node] = [weight * out for weight, out in zip(used, outs, strict=True)]
            return total([*terms, bias] if bias is not None else terms)

        if bias is not None:
            yield (
                MistakeKind.BIAS,
                f"add {self.label(bias)}",
                total(w * out for w, out in zip(weights, outs, strict=True)),
            )
        if len(outs) > 1:
            right = " · ".join((self.label(weights[0]), self.label(outs[0])))
            advice = f"each weight goes with the value at the start of its arrow ({right})"
            yield MistakeKind.SWAPPED, advice, summed(weights[::-1])
            # Turned only where rows and columns of the weights are equally many: elsewhere the sheet has no such cells.
            if len(outs) == self.sizes[layer]:
                turned = [self.weight(layer, source, unit) for source in before]
                into = ", ".join(self.label(weight) for weight in weights[:3]) + ("…" if len(weights) > 3 else "")
                yield MistakeKind.SWAPPED, f"{into} lead into {q.label}", summed(turned)
        yield MistakeKind.SIGN, "the value is right, its sign is not", -Ref(q.name)

    def _activation(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        layer, unit, sample = _place(q)
        activation = ACTIVATIONS[self.network.layers[layer - 1].activation]
        pres = [Ref(self._names[Kind.PRE_ACTIVATION, layer, one, None, sample]) for one in self.units(layer)]
        pre = pres[unit - 1]
        if not self.curved(layer):
            return
        yield MistakeKind.ACTIVATION, f"{q.label} is not {self.label(pre)} itself", pre
        if activation.value is None:
            advice = "divide by the sum of the exponentials"
            yield MistakeKind.ACTIVATION, advice, Call(EXP, (pre,))
            turned: list[Node] = [Call(EXP, (-one,)) for one in pres]
            yield MistakeKind.SIGN, "the exponent has the sign of the pre-activation", turned[unit - 1] / total(turned)
        else:
            yield MistakeKind.SIGN, f"that is the activation of −{self.label(pre)}", activation.value(-pre)

    def _error(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        layer, unit, sample = _place(q)
        own = Ref(q.name)
        yield from self._half(own)
        match self.network.loss:
            case "mean-squared-error" if self.network.outputs > 1:
                yield (
                    MistakeKind.SAMPLES,
                    "E is the mean over the outputs, not the sum",
                    Const(float(self.network.outputs)) * own,
                )
            case "binary-cross-entropy":
                target = Ref(self._names[Kind.TARGET, None, unit, None, sample])
                advice = "the term with 1 − t and 1 − a is missing"
                yield MistakeKind.ONE_PATH, advice, -(target * Call(LN, (self.out(layer, unit, sample),)))
        if "entropy" in self.network.loss:
            yield MistakeKind.SIGN, "logarithms of numbers below 1 are negative, the error is not", -own

    def _summed_error(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        own = Ref(q.name)
        parts = self.graph.dependencies(q.name)
        yield from self._half(own)
        mean = q.kind is Kind.TOTAL and len(self.samples) > 1 and self.network.over_samples is OverSamples.MEAN
        count = Const(float(len(parts)))
        if mean:
            yield MistakeKind.SAMPLES, f"E_total is the mean of the {len(parts)} samples, not the sum", count * own
        elif len(parts) > 1:
            yield MistakeKind.SAMPLES, f"{q.label} is the sum of {len(parts)} errors, not their mean", own / count
        if len(parts) > 1:
            yield from (
                (MistakeKind.ONE_PATH, f"{self.graph[part].label} alone is not all", Ref(part))
                for part in parts[:MOST_PATHS]
            )

    # Backward.

    def _delta(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        layer, unit, sample = _place(q)
        slope = self.error_slope(layer, unit, sample)
        if self.curved(layer):
            a = self.out(layer, unit, sample)
            if slope is None:
                advice = f"with this error the factor {self.label(a)} · (1 − {self.label(a)}) cancels"
                yield MistakeKind.DERIVATIVE, advice, Ref(q.name) * a * (ONE - a)
            else:
                local = self.label(self.slope(layer, unit, sample))
                yield MistakeKind.DERIVATIVE, f"the factor {local} is missing", slope
                if self.network.layers[layer - 1].activation == "softmax":
                    advice = "under softmax every output moves with this pre-activation"
                    yield MistakeKind.ONE_PATH, advice, slope * self.slope(layer, unit, sample)
        if layer < self.last:
            yield from self._hidden_delta(q, layer, unit, sample)
        yield from self._half(Ref(q.name), derived=True)
        yield MistakeKind.SIGN, "the error falls where this says it grows", -Ref(q.name)

    def _hidden_delta(self, q: Quantity, layer: int, unit: int, sample: int) -> Iterator[tuple[MistakeKind, str, Node]]:
        above = self.units(layer + 1)
        deltas = [self.delta(layer + 1, k, sample) for k in above]
        weights = [self.weight(layer + 1, k, unit) for k in above]
        slope = self.slope(layer, unit, sample)

        def summed(used: Iterable[Ref]) -> Node:
            return total(delta * weight for delta, weight in zip(deltas, used, strict=True)) * slope

        names = ", ".join(self.label(weight) for weight in weights[:3]) + ("…" if len(weights) > 3 else "")
        yield (
            MistakeKind.NEW_WEIGHTS,
            f"take {names} as before the step",
            summed(self.new_weight(layer + 1, k, unit) for k in above),
        )
        advice = f"{names} {'leads' if len(weights) == 1 else 'lead'} from {q.label.removeprefix('δ_')} to the outputs"
        if layer + 1 < self.last:
            advice = f"{names} {'leads' if len(weights) == 1 else 'lead'} from this unit to the next layer"
        if len(above) > 1:
            if self.sizes[layer] == self.sizes[layer + 1]:
                yield MistakeKind.SWAPPED, advice, summed(self.weight(layer + 1, unit, k) for k in above)
            yield (
                MistakeKind.SWAPPED,
                f"{self.label(weights[0])} goes with {self.label(deltas[0])}",
                summed(weights[::-1]),
            )
            for delta, weight in list(zip(deltas, weights, strict=True))[:MOST_PATHS]:
                said = f"not only through {self.label(delta).removeprefix('δ_')}: add up all {len(above)} paths"
                yield MistakeKind.ONE_PATH, said, delta * weight * slope
        elif self.sizes[layer] > 1:
            other = unit % self.sizes[layer] + 1
            yield MistakeKind.SWAPPED, advice, summed([self.weight(layer + 1, 1, other)])

    def _gradient(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        layer, own = q.layer or 0, Ref(q.name)
        terms = [(s, u) for s in self.samples for u in (self.units(layer) if q.unit is None else [q.unit])]
        slopes = [self.error_slope(layer, u, s) for s, u in terms]
        if self.curved(layer) and None not in slopes:
            used = dict(zip(terms, (slope for slope in slopes if slope is not None), strict=True))
            yield (
                MistakeKind.DERIVATIVE,
                "the slope of the activation is missing",
                self._added(q, terms, lambda s, u: used[s, u]),
            )
        if layer < self.last:
            advice = "the delta comes from the weights before the step"
            yield MistakeKind.NEW_WEIGHTS, advice, self._added(q, terms, lambda s, u: self._new_delta(layer, u, s))
        if q.source is not None:
            yield from self._exchanged(q, layer, terms)
        if len(terms) > 1:
            what = "sample" if q.unit is not None else "delta"
            for one in terms[:MOST_PATHS]:
                yield (
                    MistakeKind.ONE_PATH,
                    f"all {len(terms)} {what}s count",
                    self._added(q, [one], lambda s, u: self.delta(layer, u, s)),
                )
        if len(self.samples) > 1:
            mean = self.network.over_samples is OverSamples.MEAN
            count = Const(float(len(self.samples)))
            said = f"E_total is the {'mean' if mean else 'sum'} over the {len(self.samples)} samples"
            yield MistakeKind.SAMPLES, said, count * own if mean else own / count
        yield from self._half(own, derived=True)
        yield MistakeKind.SIGN, "the value is right, its sign is not", -own

    def _exchanged(
        self, q: Quantity, layer: int, terms: list[tuple[int, int]]
    ) -> Iterator[tuple[MistakeKind, str, Node]]:
        """The delta alone; another start of the arrow; another end of it."""
        unit, source = q.unit or 0, q.source or 0
        first = self.label(self.out(layer - 1, source, 1))
        yield (
            MistakeKind.CHAIN,
            f"the factor {first} is missing",
            self._added(q, terms, lambda s, u: self.delta(layer, u, s), ONE),
        )
        if self.sizes[layer - 1] > 1:
            other = source % self.sizes[layer - 1] + 1
            advice = f"{q.of} starts at {first.removeprefix('a_')}"
            moved = self._added(q, terms, lambda s, u: self.delta(layer, u, s), source=other)
            yield MistakeKind.SWAPPED, advice, moved
        if self.sizes[layer] > 1:
            other_unit = unit % self.sizes[layer] + 1
            end = self.label(self.delta(layer, unit, 1)).removeprefix("δ_")
            moved = self._added(q, terms, lambda s, u: self.delta(layer, other_unit, s))
            yield MistakeKind.SWAPPED, f"{q.of} leads into {end}", moved

    def _added(
        self, q: Quantity, terms: Iterable[tuple[int, int]], factor: Callable[[int, int], Node],
        before: Node | None = None, *, source: int | None = None,
    ) -> Node:  # fmt: skip
        """Σ factor · activation before, over samples (and units), as the gradient adds it up."""
        layer, place = q.layer or 0, source or q.source
        parts: list[Node] = []
        for sample, unit in terms:
            value = factor(sample, unit)
            if place is not None and before is None:
                value = value * self.out(layer - 1, place, sample)
            parts.append(value)
        mean = self.network.over_samples is OverSamples.MEAN and len(self.samples) > 1
        return total(parts) / Const(float(len(self.samples))) if mean else total(parts)

    def _new_delta(self, layer: int, unit: int, sample: int) -> Node:
        above = self.units(layer + 1)
        paths = total(self.delta(layer + 1, k, sample) * self.new_weight(layer + 1, k, unit) for k in above)
        return paths * self.slope(layer, unit, sample)

    # The step.

    def _updated(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        before, after, rate = Ref(q.of or ""), Ref(q.name), Ref("learning_rate")
        name = self.label(before)
        yield MistakeKind.SIGN, "the step goes against the derivative: subtract it", TWO * before - after
        yield MistakeKind.RATE, f"multiply ∂E/∂{name} by η", before - (before - after) / rate
        yield MistakeKind.NO_STEP, f"that is {name} as it was", before
        if self.network.loss == "half-squared-error":
            yield (
                MistakeKind.FACTOR_HALF,
                "the step is twice too large; ½ cancels the 2 of the square",
                TWO * after - before,
            )

    def _after(self, q: Quantity) -> Iterator[tuple[MistakeKind, str, Node]]:
        yield MistakeKind.NO_STEP, "that is the error before the step", Ref("E_total")
        yield from self._half(Ref(q.name))

    def _half(self, own: Ref, derived: bool = False) -> Iterator[tuple[MistakeKind, str, Node]]:
        """Twice the value where the loss has a ½; half of it where it has none and the 2 was dropped."""
        if self.network.loss == "half-squared-error":
            advice = "twice too large; the ½ cancels the 2 of the square" if derived else "twice too large"
            yield MistakeKind.FACTOR_HALF, advice, TWO * own
        elif self.network.loss == "mean-squared-error":
            advice = "half of it: this error has no ½" + (", so the 2 of the square stays" if derived else "")
            yield MistakeKind.FACTOR_HALF, advice, HALF * own


def _place(q: Quantity) -> tuple[int, int, int]:
    return q.layer or 0, q.unit or 0, q.sample or 0
