"""The layer table of a network as plain data: what ``handgrad summary`` prints and ``layers.json`` keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from handgrad.runs.record import Stored
from handgrad.shown.record import Shown
from handgrad.shown.view import View


@dataclass(frozen=True)
class LayerRow(Stored):
    """One run of one layer.

    ``layer`` is its type and place in the order of execution (``Conv2d-1``), ``path`` its attribute path in the
    network; ``output`` the shape without the batch; ``parameters`` all of the layer's, of which ``counted_before``
    stand in an earlier row already (a layer that runs twice, or a shared weight). ``multiply_adds`` for one image: a
    convolution its weights times the positions it is applied at, a product of matrices (a linear layer, attention, a
    recurrent layer) each weight or value that enters a sum, a normalisation one a value; additions of biases, activations
    and pools count nothing; None for other layers with parameters.
    ``receptive_field`` in pixels of the input, (height, width) where they differ, None where it is not known.
    ``batch_at`` is where among the sizes the batch stands.
    """

    layer: str
    path: str
    output: tuple[int, ...]
    parameters: int
    counted_before: int
    multiply_adds: int | None
    receptive_field: int | tuple[int, int] | None
    batch_at: int = 0


@dataclass(frozen=True)
class Memory(Stored):
    """Sizes for one image in MB of 1,048,576 bytes, computed as torchsummary does.

    ``forward_backward_mb`` is every row's output twice, once for its gradient; ``estimated_total_mb`` the sum of the
    three.
    """

    input_mb: float
    forward_backward_mb: float
    parameters_mb: float
    estimated_total_mb: float


@dataclass(frozen=True, repr=False)
class LayerTable(Shown, Stored):
    """The layer table of a network and its totals.

    ``input`` and ``output`` are shapes without the batch, ``output`` that of the first tensor it returns. Each
    parameter is counted once in ``total_parameters``, whether or not a row shows it; ``multiply_adds`` sums the rows and
    what runs in none.
    ``notes`` are sentences on what the rows do not show: layers that run twice or never, parameters outside any layer.
    """

    network: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    total_parameters: int
    trainable_parameters: int
    multiply_adds: int
    memory: Memory
    notes: tuple[str, ...]
    rows: tuple[LayerRow, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain data, as ``handgrad summary --json`` prints it."""
        return asdict(self)

    def view(self) -> View:
        """Return the table with its totals."""
        rows = [
            (row.layer, shape_words(row.output), f"{row.parameters:,}", work(row), field_words(row))
            for row in self.rows
        ]
        return View(
            title=f"{self.network}: {self.total_parameters:,} parameters, {self.multiply_adds:,} multiply-adds per image",
            lines=self.notes,
            head=("layer", "output", "parameters", "multiply-adds", "field"),
            rows=tuple(rows),
            columns={
                "layer": [row.layer for row in self.rows],
                "output": [row.output for row in self.rows],
                "parameters": [row.parameters for row in self.rows],
                "multiply_adds": [row.multiply_adds for row in self.rows],
                "receptive_field": [row.receptive_field for row in self.rows],
            },
        )


def shape_words(shape: tuple[int, ...]) -> str:
    """Return a shape as it is said: ``16×12×12``."""
    return "×".join(map(str, shape))


def work(row: LayerRow) -> str:
    """Return a row's multiply-adds, a dash where they are not known."""
    return "–" if row.multiply_adds is None else f"{row.multiply_adds:,}"


def field_words(row: LayerRow) -> str:
    """Return a row's receptive field, a dash where it is not known."""
    field = row.receptive_field
    return "–" if field is None else shape_words(field) if isinstance(field, tuple) else str(field)
