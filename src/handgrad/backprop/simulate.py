"""Evaluates the description of a training step: traces, learning-rate sweeps, gradients, finite differences.

A step runs on plain floats (one run, thousands of steps) or on numpy arrays (many runs at once, by broadcasting: a value
may be a column of learning rates or of nudged weights).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.compiled import compile_step, first_value_names
from handgrad.backprop.graph.graph import FIRST_VALUES, Graph
from handgrad.backprop.limits import MAX_TRACED_NUMBERS, check_positive, check_steps
from handgrad.backprop.network.network import Network, UpdateOrder
from handgrad.errors import UsageError, counted
from handgrad.shown.record import Shown
from handgrad.shown.view import Curve, View

Floats = NDArray[np.float64]
DIFFERENCE = 6e-6
"""The cube root of the float64 rounding error: where a central difference is most accurate for values near 1."""


@dataclass(frozen=True, repr=False)
class Trace(Shown):
    """Named quantities by step. Row k is the state before update k; the error after n updates is ``E_total`` in row n.

    ``values[name]`` is a read-only float64 array of shape ``[steps + 1]``. ``diverged_at`` is the first row in which
    E_total is no longer finite, or None.
    """

    graph: Graph
    steps: int
    values: Mapping[str, Floats]
    diverged_at: int | None

    def __getitem__(self, name: str) -> Floats:
        return self.values[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the quantities held, in the order of the step."""
        return tuple(self.values)

    def row(self, step: int) -> dict[str, float]:
        """Return all quantities of one row; negative steps count from the end."""
        return {name: float(column[step]) for name, column in self.values.items()}

    def view(self) -> View:
        """Return the error by step, and some rows with the first quantities that were kept."""
        steps = list(range(self.steps + 1))
        shown = [name for name in ("E_total", *self.graph.parameters) if name in self.values][:7] or list(self.values)[
            :7
        ]
        some = sorted({0, *range(1, min(4, self.steps + 1)), *(self.steps * part // 5 for part in range(1, 6))})
        rows = tuple((str(step), *(f"{self.values[name][step]:.6g}" for name in shown)) for step in some)
        end = f", diverged at step {self.diverged_at}" if self.diverged_at is not None else ""
        curves = (Curve("E_total", steps, self.values["E_total"].tolist()),) if "E_total" in self.values else ()
        return View(
            title=f"{self.graph.network.name}: {counted(self.steps, 'step')}{end}",
            lines=(
                f'{len(self.values):,} quantities by name, as in ["{shown[0]}"]; row k is the state before update k',
            ),
            head=("step", *(self.graph[name].label for name in shown)),
            rows=rows,
            curves=curves,
            x_name="step",
            y_name="E_total",
            columns={"step": steps} | {name: values.tolist() for name, values in self.values.items()},
        )


@dataclass(frozen=True, repr=False)
class RateSweep(Shown):
    """E_total by step and learning rate: ``errors`` has the shape ``[steps + 1, rates]``.

    ``diverged_at[j]`` is the first step at which rate j's error is no longer finite, or None. Short of that an error
    may rise and stay up (saturated hidden units can bound it): see :attr:`ended_higher` and :attr:`rises`. ``last`` are
    the parameters in the last row, by name, of shape ``[rates]``.
    """

    rates: tuple[float, ...]
    errors: Floats
    diverged_at: tuple[int | None, ...]
    last: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def ended_higher(self) -> tuple[bool, ...]:
        """Return for each rate whether the last error is above the first, or no number at all."""
        # `not … <=`: an error that is not a number has ended higher.
        return tuple(not bool(last <= first) for first, last in zip(self.errors[0], self.errors[-1], strict=True))

    @property
    def rises(self) -> tuple[int, ...]:
        """Return for each rate at how many steps the error rose (or stopped being a number)."""
        # Counted as what did not fall, so that steps to or from NaN count as rises.
        fell = self.errors[1:] <= self.errors[:-1]
        return tuple(int(count) for count in (~fell).sum(axis=0))

    def view(self) -> View:
        """Return first and last error of every rate, and the curves."""
        steps = list(range(len(self.errors)))
        names = [f"η = {rate:g}" for rate in self.rates]
        rows = tuple(
            (name, f"{column[0]:.6g}", f"{column[-1]:.6g}", "–" if at is None else str(at))
            for name, column, at in zip(names, self.errors.T, self.diverged_at, strict=True)
        )
        return View(
            title=f"{counted(len(self.rates), 'learning rate')}, {counted(len(steps) - 1, 'step')}",
            head=("rate", "first E_total", "last E_total", "diverged at"),
            rows=rows,
            curves=tuple(
                Curve(name, steps, column.tolist()) for name, column in zip(names, self.errors.T, strict=True)
            ),
            x_name="step",
            y_name="E_total",
            columns={"step": steps}
            | {name: column.tolist() for name, column in zip(names, self.errors.T, strict=True)},
        )


def _first_values(graph: Graph, changes: Mapping[str, Any] | None = None) -> list[Any]:
    """Return the first values in :func:`first_value_names` order, with changes by name.

    Raises :class:`UsageError` for a change to something that has no first value.
    """
    values: dict[str, Any] = {q.name: q.value for q in graph if q.kind in FIRST_VALUES}
    for name, value in (changes or {}).items():
        if name not in values:
            raise UsageError(f"{name} is not a first value of this network – there are {', '.join(values)}")
        values[name] = value
    return list(values.values())


def evaluate(graph: Graph, changes: Mapping[str, ArrayLike] | None = None) -> dict[str, Any]:
    """Return every quantity of one step; ``changes`` overrides first values, by name, with floats or arrays that
    broadcast.

    Overflow becomes infinity or NaN without a warning.
    """
    values = _first_values(
        graph, {name: np.asarray(value, dtype=np.float64) for name, value in (changes or {}).items()}
    )
    with np.errstate(all="ignore"):
        results = compile_step(graph, graph.names, arrays=True)(values)
    return dict(zip(graph.names, results, strict=True))


def trace(
    network: Network | Graph,
    steps: int,
    names: Iterable[str] | None = None,
    changes: Mapping[str, float] | None = None,
) -> Trace:
    """Train for ``steps`` updates and keep the named quantities (all of them by default) of every row.

    ``changes`` overrides first values by name (``{"learning_rate": 0.1}``). Raises :class:`UsageError` where steps is
    not 0 to 1,000,000, a name is unknown, or the trace would not fit in memory.
    """
    return traces(network, steps, names, (changes or {},))[0]


def traces(
    network: Network | Graph,
    steps: int,
    names: Iterable[str] | None = None,
    changes: Sequence[Mapping[str, float]] = ({},),
) -> tuple[Trace, ...]:
    """Several runs of one network, one for each set of changes; otherwise as :func:`trace`."""
    graph = _graph(network)
    kept = tuple(graph.names if names is None else names)
    for name in kept:
        if name not in graph:
            raise UsageError(f"{name} is not a quantity of {graph.network.name} – see the header of its training table")
    check_steps(steps)
    if (steps + 1) * len(kept) * len(changes) > MAX_TRACED_NUMBERS:
        raise UsageError(f"{steps:,} steps of {len(kept):,} quantities do not fit in memory – ask for fewer steps")
    step = compile_step(graph, (*kept, "E_total", *graph.successors.values()), arrays=False)
    return tuple(_trace(graph, step, steps, kept, changes=change) for change in changes)


def _trace(
    graph: Graph, step: Callable[[Sequence[Any]], tuple[Any, ...]], steps: int, kept: tuple[str, ...],
    *, changes: Mapping[str, float],
) -> Trace:  # fmt: skip
    values = [float(value) for value in _first_values(graph, changes)]
    slots = _slots(graph)
    # The error has an array of its own: it tells where a run diverged, also where nobody asked to keep it.
    rows, errors = np.empty((steps + 1, len(kept))), np.empty(steps + 1)
    for number in range(steps + 1):
        # On plain floats: for a single small network numpy's calls cost more than its arithmetic.
        results = step(values)
        rows[number], errors[number] = results[: len(kept)], results[len(kept)]
        # After the whole step was computed: no value of a step may see another's successor.
        for slot, value in zip(slots, results[len(kept) + 1 :], strict=True):
            values[slot] = value
    # The columns that go out are views of it.
    rows.setflags(write=False)
    columns = {name: rows[:, index] for index, name in enumerate(kept)}
    return Trace(graph, steps, MappingProxyType(columns), _first_false(np.isfinite(errors)))


def rate_sweep(network: Network | Graph, rates: Sequence[float], steps: int) -> RateSweep:
    """Return E_total by step for several learning rates, all trained at once.

    Raises :class:`UsageError` where a rate is not a finite number above 0, or steps is not 0 to 1,000,000.
    """
    check_positive(rates)
    check_steps(steps)
    graph = _graph(network)
    successors = tuple(graph.successors.values())
    step = compile_step(graph, ("E_total", *successors), arrays=True)
    values = _first_values(graph, {"learning_rate": np.asarray(rates, dtype=np.float64)})
    slots = _slots(graph)
    errors = np.empty((steps + 1, len(rates)))
    last: dict[str, Floats] = {}
    # A rate that is too large overflows; that is a result, told as divergence.
    with np.errstate(all="ignore"):
        for number in range(steps + 1):
            # Before the step: the last row's parameters are those that it begins with.
            if number == steps:
                places = zip(graph.successors, slots, strict=True)
                last = {name: np.broadcast_to(np.asarray(values[slot], float), len(rates)) for name, slot in places}
            errors[number], *following = step(values)
            for slot, value in zip(slots, following, strict=True):
                values[slot] = value
    errors.setflags(write=False)
    diverged_at = tuple(_first_false(column) for column in np.isfinite(errors).T)
    return RateSweep(tuple(rates), errors, diverged_at, MappingProxyType(last))


def gradient(network: Network | Graph, changes: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the graph's own dE/d… by parameter name, at the first weights or with ``changes``.

    With the order *output layer first* the hidden layers' entries are that rule's numbers, not the gradient of E_total:
    see ``Graph.exact_parameters`` and :func:`exact_gradient`.
    """
    graph = _graph(network)
    names = [f"dE/d{name}" for name in graph.parameters]
    found = compile_step(graph, names, arrays=False)([float(value) for value in _first_values(graph, changes)])
    return dict(zip(graph.parameters, found, strict=True))


def exact_gradient(network: Network | Graph, changes: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the true gradient of E_total at these weights, whatever order the network updates in."""
    described = _graph(network).network
    return gradient(dataclasses.replace(described, order=UpdateOrder.OLD_WEIGHTS), changes)


def finite_differences(
    network: Network | Graph, changes: Mapping[str, float] | None = None, nudge: float = DIFFERENCE
) -> dict[str, float]:
    """Return central differences of E_total by parameter name: (E(w + nudge) − E(w − nudge)) / (2 · nudge), all at
    once.

    They belong to the row's own (old) weights: with the order *output layer first* the hidden gradients of the graph
    rightly disagree with them (``Graph.exact_parameters`` names those that must agree).
    """
    graph = _graph(network)
    base = dict(zip(first_value_names(graph), _first_values(graph, changes), strict=True))
    count = len(graph.parameters)
    # All parameters both ways in one evaluation: a column each.
    nudges = np.concatenate([np.eye(count), -np.eye(count)], axis=1) * nudge
    moved = {name: float(base[name]) + nudges[row] for row, name in enumerate(graph.parameters)}
    with np.errstate(all="ignore"):
        (errors,) = compile_step(graph, ["E_total"], arrays=True)(list((base | moved).values()))
    # The weights really used differ from w ± nudge by rounding; dividing by their true distance takes that out.
    distance = np.array([moved[name][row] - moved[name][count + row] for row, name in enumerate(graph.parameters)])
    differences = (errors[:count] - errors[count:]) / distance
    return dict(zip(graph.parameters, map(float, differences), strict=True))


def _graph(network: Network | Graph) -> Graph:
    return network if isinstance(network, Graph) else build_graph(network)


def _slots(graph: Graph) -> list[int]:
    """Return where in the first values each successor goes."""
    places = {name: index for index, name in enumerate(first_value_names(graph))}
    return [places[name] for name in graph.successors]


def _first_false(flags: NDArray[np.bool_]) -> int | None:
    return None if bool(flags.all()) else int(np.argmin(flags))
