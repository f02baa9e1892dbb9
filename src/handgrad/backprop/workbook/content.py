"""What every sheet is made from: the network's graph, its run, the runs at other learning rates, and where things are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.limits import MAX_RATE_CELLS, MAX_STEPS, check_rates, check_steps
from handgrad.backprop.network.network import Network
from handgrad.backprop.simulate import RateSweep, Trace, trace, traces
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook.table_columns import (
    Layout,
    guarded,
    needed_columns,
    shown_values,
    step_columns,
    without_slopes,
)
from handgrad.errors import UsageError
from handgrad.xlsx.limits import MAX_CELLS_WRITTEN, MAX_COLUMNS, MAX_ROWS
from handgrad.xlsx.writer import Value, address

LONG_TABLE = 1_000
"""Steps beyond which the table does without columns for the slopes: a fifth of its cells, in books that are heavy."""
# Fewer rows would show no course of a training: rather than that, a book is refused as too large.
FEWEST_RATE_ROWS = 10
NETWORK, DERIVATION, TRAINING, RATES = "Network", "Derivation", "Training", "Learning rates"
CHECKS, CONVENTIONS, RATES_WORKING, CHECKS_WORKING = "Checks", "Conventions", "Rates working", "Checks working"
# Behind the rate and the step, which every block repeats.
RATES_WORKING_LEFT = 2
TABLE_TOP, TABLE_LEFT = 5, 1
"""The training table's first row and the column of its first quantity (column A holds the step)."""


@dataclass(frozen=True)
class Material:
    """A network and how much of its training the book shows. Values are computed when first asked for."""

    network: Network
    steps: int
    rates: tuple[float, ...]

    @cached_property
    def graph(self) -> Graph:
        """Return the step as the table shows it: in a long table the slopes have no columns of their own."""
        graph = build_graph(self.network)
        return without_slopes(graph) if self.steps > LONG_TABLE else graph

    @property
    def left_out(self) -> str:
        """Return what a long table does without, in a sentence; empty where it has everything."""
        if self.steps <= LONG_TABLE:
            return ""
        return (
            f"Beyond {LONG_TABLE:,} steps the table has no columns for the slopes (∂E/∂a and the like): they are written into "
            "the deltas."
        )

    @cached_property
    def compact(self) -> Graph:
        """Return the step as the runs at all rates show it."""
        return without_slopes(build_graph(self.network))

    @cached_property
    def run(self) -> Trace:
        """Return the training that the table shows."""
        return trace(self.graph, self.steps)

    @cached_property
    def values(self) -> dict[str, list[Value]]:
        """Return the training table by quantity, as shown."""
        return shown_values(self.run)

    @cached_property
    def guarded(self) -> bool:
        """Return whether formulas must catch what may overflow."""
        return guarded(self.graph)

    @cached_property
    def main(self) -> tuple[str, ...]:
        """Return the quantities with a column in the main part of the table."""
        return step_columns(self.graph)[0]

    @cached_property
    def extra(self) -> tuple[str, ...]:
        """Return the quantities with a column to its right."""
        return step_columns(self.graph)[1]

    @cached_property
    def layout(self) -> Layout:
        """Return the training table: its main columns, a narrow gap, the others."""
        columns = {name: TABLE_LEFT + number for number, name in enumerate(self.main)}
        start = TABLE_LEFT + len(self.main) + 1
        columns |= {name: start + number for number, name in enumerate(self.extra)}
        return Layout(self.graph, columns, defined_name, defined_name, self.guarded)

    @cached_property
    def rate_columns(self) -> dict[str, int]:
        """Return where each quantity stands on the sheet with the runs at all rates."""
        return {name: RATES_WORKING_LEFT + number for number, name in enumerate(needed_columns(self.compact))}

    @cached_property
    def rate_steps(self) -> int:
        """Return how many steps the comparison of learning rates shows: all, unless they are too many cells."""
        room = min(MAX_RATE_CELLS, MAX_CELLS_WRITTEN - self.table_cells)
        return min(self.steps, max(FEWEST_RATE_ROWS, room // self.rate_width - 1))

    @property
    def rate_width(self) -> int:
        """Return how many cells one step of the comparison takes at all rates, on both of its sheets."""
        return (len(self.rate_columns) + 3) * len(self.rates)

    @property
    def table_columns(self) -> int:
        """Return how many columns the training table takes, the step and the gap among them."""
        return len(self.main) + len(self.extra) + 2

    @property
    def table_cells(self) -> int:
        """Return how many cells the training table takes."""
        return self.table_columns * (self.steps + 1)

    @cached_property
    def rate_runs(self) -> tuple[Trace, ...]:
        """Return one run for each learning rate of the comparison."""
        return traces(self.compact, self.rate_steps, changes=[{"learning_rate": rate} for rate in self.rates])

    @cached_property
    def sweep(self) -> RateSweep:
        """Return the same runs as curves of E_total."""
        errors = np.stack([run["E_total"] for run in self.rate_runs], axis=1)
        return RateSweep(self.rates, errors, tuple(run.diverged_at for run in self.rate_runs))

    @property
    def last_row(self) -> int:
        """Return the training table's last row."""
        return TABLE_TOP + self.steps

    def cell(self, name: str, step: int = 0) -> str:
        """Return the training table's cell of a quantity, as other sheets name it."""
        return f"{TRAINING}!{address(TABLE_TOP + step, self.layout.columns[name], fixed=True)}"

    def column_range(self, name: str) -> str:
        """Return all rows of a quantity in the training table, as other sheets name them."""
        column = self.layout.columns[name]
        first, last = address(TABLE_TOP, column, fixed=True), address(self.last_row, column, fixed=True)
        return f"{TRAINING}!{first}:{last}"

    def first_value(self, name: str) -> float:
        """Return the first value of a quantity as the network has it."""
        value = self.graph[name].value
        return math.nan if value is None else value

    @property
    def changeable(self) -> tuple[str, ...]:
        """Return what has an input cell: settings, targets, inputs, first weights and biases."""
        kinds = (Kind.SETTING, Kind.TARGET, Kind.INPUT, Kind.WEIGHT, Kind.BIAS)
        return tuple(quantity.name for kind in kinds for quantity in self.graph.of_kind(kind))


def gather(network: Network, steps: int, rates: Sequence[float]) -> Material:
    """Check what a book is asked to hold.

    Raises :class:`UsageError` where steps or rates are not valid, or the sheets would be too large, with the number of
    cells they would need.
    """
    check_steps(steps, MAX_STEPS)
    check_rates(rates)
    material = Material(network, steps, tuple(map(float, rates)))
    columns = material.table_columns
    needed = material.table_cells + material.rate_width * (material.rate_steps + 1)
    # The 40 rows more are the error curve's, which stands below the table.
    if needed > MAX_CELLS_WRITTEN or columns > MAX_COLUMNS or TABLE_TOP + steps + 40 > MAX_ROWS:
        fit = (MAX_CELLS_WRITTEN - material.rate_width * (FEWEST_RATE_ROWS + 1)) // columns - 1
        advice = f"ask for at most {fit:,} steps" if fit >= 1 and columns <= MAX_COLUMNS else "take a smaller network"
        raise UsageError(
            f"{network.name}: {steps:,} steps of {columns:,} columns need {needed:,} cells – "
            f"limit {MAX_CELLS_WRITTEN:,} – {advice}"
        )
    return material
