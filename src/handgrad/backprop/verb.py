"""The verb ``handgrad.backprop(network, …)``: trains a small network by hand, and writes the book where asked to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.limits import DEFAULT_STEPS, MAX_STEPS, check_rates, check_steps
from handgrad.backprop.network.network import BiasRule, Network, UpdateOrder, biases_for, weight_count
from handgrad.backprop.presets import load_network
from handgrad.backprop.simulate import Floats, Trace
from handgrad.backprop.simulate import trace as run_steps
from handgrad.errors import UsageError, counted, did_you_mean, known
from handgrad.shown.record import Shown
from handgrad.shown.view import View
from handgrad.text import quoted

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class BackpropResult(Shown):
    """The result of a training by hand: the network, every quantity of every step, and the workbook if one was written.

    ``result["w5"]`` (also ``result["∂E/∂w5"]``) is a read-only float64 array of shape ``[steps + 1]``; row k is the
    state before update k.
    """

    network: Network
    trace: Trace
    workbook: Path | None = None

    @property
    def graph(self) -> Graph:
        """Return the description of one step."""
        return self.trace.graph

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all quantities, in the order of the step."""
        return self.trace.names

    @property
    def steps(self) -> int:
        """Return how many updates were made."""
        return self.trace.steps

    @property
    def errors(self) -> Floats:
        """Return E_total by step, shape ``[steps + 1]``."""
        return self.trace["E_total"]

    @property
    def diverged_at(self) -> int | None:
        """Return the first row in which E_total is no longer finite, or None."""
        return self.trace.diverged_at

    def view(self) -> View:
        """Return the error by step and some rows, as the trace shows itself."""
        return self.trace.view()

    def plot_error(self) -> Figure:
        """Return the curve of E_total by step as a matplotlib figure."""
        return self.plot()

    def __getitem__(self, name: str) -> Floats:
        if name in self.trace.values:
            return self.trace[name]
        labels = {label: name for name, label in self.graph.labels.items()}
        if name not in labels:
            hint = did_you_mean(name, (*self.names, *labels)) or " – names lists what there is"
            raise UsageError(f"{quoted(name)} is not a quantity of {self.network.name}{hint}")
        return self.trace[labels[name]]


def backprop(
    network: str | Path | Network = "classic",
    *,
    steps: int = DEFAULT_STEPS,
    learning_rate: float | None = None,
    weights: Sequence[float] | None = None,
    bias: BiasRule | str | None = None,
    order: UpdateOrder | str | None = None,
    rates: Sequence[float] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> BackpropResult:
    """Train a network of a size for paper, keep every quantity of every step, and write the workbook to ``out``.

    ``network`` is a preset, a TOML file or a description; ``learning_rate``, ``weights`` (in the order w1, w2, …),
    ``bias`` and ``order`` replace its own. ``rates`` are the learning rates that the workbook compares, the
    network's own where none are given.

    Raises :class:`UsageError` for anything that is not valid, and for an ``out`` that exists; ``DiskError`` where
    the disk refuses.
    """
    described = network if isinstance(network, Network) else load_network(network)
    used = adapt(described, weights=weights, learning_rate=learning_rate, bias=bias, order=order, rates=rates)
    result = BackpropResult(used, run_steps(used, steps))
    if out is None:
        return result
    from handgrad.backprop.workbook import write_workbook

    _check_book(steps, used.rates)
    book = write_workbook(used, Path(out), steps=steps, overwrite=overwrite)
    return dataclasses.replace(result, workbook=book)


def adapt(
    network: Network,
    *,
    weights: Iterable[float] | None = None,
    learning_rate: float | None = None,
    bias: BiasRule | str | None = None,
    order: UpdateOrder | str | None = None,
    rates: Sequence[float] | None = None,
    prefix: str = "",
) -> Network:
    """Return the network with some of its settings replaced; messages name them with the prefix (``--`` on a command
    line).

    A bias rule keeps the biases that are there: one per layer is given to each of its units; one per unit
    becomes one per layer where its units agree. Where there were none, they start at 0.
    """
    changes: dict[str, object] = {}
    if weights is not None:
        values, needed = tuple(map(float, weights)), weight_count(network.sizes)
        if len(values) != needed:
            raise UsageError(f"{prefix}weights has {counted(len(values), 'number')} – {network.name} needs {needed}")
        changes["weights"] = values
    if learning_rate is not None:
        if not (math.isfinite(learning_rate) and learning_rate > 0):
            option = "--learning-rate" if prefix else "learning_rate"
            raise UsageError(f"{option} must be a finite number above 0 – found {learning_rate:g}")
        changes["learning_rate"] = learning_rate
    if rates is not None:
        check_rates(rates, prefix)
        changes["rates"] = tuple(rates)
    if order is not None:
        known(f"{prefix}order", order, list(UpdateOrder))
        changes["order"] = UpdateOrder(order)
    if bias is not None:
        known(f"{prefix}bias", bias, list(BiasRule))
        changes |= {"bias": BiasRule(bias), "biases": biases_for(network, BiasRule(bias), prefix)}
    return dataclasses.replace(network, **changes)  # type: ignore[arg-type]  # checked by Network itself


def _check_book(steps: int, rates: Sequence[float], prefix: str = "") -> None:
    """Refuse what a book cannot hold: steps outside 1 to 10,000, more than 12 rates, one twice or not above 0."""
    check_steps(steps, MAX_STEPS, least=1, prefix=prefix)
    check_rates(rates, prefix)
