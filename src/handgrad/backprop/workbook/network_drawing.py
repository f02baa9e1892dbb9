"""The network as a drawing: cells hold the numbers, so that these are live in every program; lines join the cells.

(Text boxes can be linked to cells, but LibreOffice shows what such a box held when the file was written.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.symbols.names import layer_letters
from handgrad.backprop.workbook.content import Material
from handgrad.backprop.workbook.looks import CELL, FAINT, GROUP, LABEL, RESULT, SIDE_FILL, VALUE
from handgrad.backprop.workbook.plan import Page
from handgrad.backprop.workbook.step_shown import at_sample, first_shown
from handgrad.xlsx.writer import LineShape

ROW = 20
"""Height of a row in pixels."""
# Name, value and activation of a unit are a row each; wider spaces only where numbers stand on the connections.
NODE_ROWS, SPACE, NARROW = 3, 3, 1
MOST_NUMBERED = 40
"""With more weights than these the drawing has none on its arrows; they stand in the list at its left."""
# In letters of the standard font, the unit of a column's width; the gap is where the lines are drawn.
LABEL_WIDTH, VALUE_WIDTH, GAP_WIDTH = 6.0, 9.0, 11.0
# Below the least, four decimals would show 0.0000 for a number that is not 0: such a cell turns to powers of ten.
NUMBER, LEAST = "0.0000;-0.0000;0", 0.001
NAME = replace(LABEL, bold=True, align="center", indent=0)
WEIGHT_NAME = replace(CELL, align="center", size=9, ink="#52606D", fill="#FFFFFF")
WEIGHT = replace(VALUE, number=NUMBER, least=LEAST, size=9, fill="#FFFFFF")
BIAS = replace(WEIGHT, fill=SIDE_FILL)
NODE = replace(VALUE, number=NUMBER, least=LEAST, fill="#E8F0F8", bold=True)
ERROR = replace(RESULT, number=NUMBER, least=LEAST)


@dataclass(frozen=True)
class Block:
    """A unit on the drawing: its first row and how many rows it takes."""

    row: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        """Return the row of its middle, and pixels from that row's top."""
        half = self.height * ROW // 2
        return self.row + half // ROW, half % ROW


class Drawing:
    """Puts the network on a page with its top left corner at a cell; afterwards knows how far it reaches."""

    def __init__(self, page: Page, material: Material, top: int, left: int) -> None:
        self.page, self.material, self.top, self.column = page, material, top + 2, left
        network = material.network
        self.samples = range(1, len(network.samples) + 1)
        self.letters = ("i", *layer_letters(len(network.layers)))
        self.quantities = {(q.kind, q.layer, q.unit, q.source, q.sample): q.name for q in material.graph}
        biased = 1 if material.graph.of_kind(Kind.BIAS) else 0
        sizes = network.sizes
        self.numbered = len(network.weights) <= MOST_NUMBERED
        self.space = SPACE if self.numbered else NARROW
        weights = [before if self.numbered else 0 for before in sizes[:-1]]
        self.heights = [1, *(max(NODE_ROWS, before + biased) for before in weights)]
        rows = (size * (height + self.space) for size, height in zip(sizes, self.heights, strict=True))
        self.rows = max(rows) - self.space
        sources = self._inputs()
        for layer in range(1, len(sizes)):
            sources = self._layer(layer, sources)
        self._errors(sources)
        self.right = self.column
        self.bottom = self.top + self.rows

    def _blocks(self, layer: int) -> list[Block]:
        """Return the units of a layer, spread evenly over the height of the drawing."""
        count, height = self.material.network.sizes[layer], self.heights[layer]
        share = (self.rows + self.space) / count
        tops = (self.top + round(share * (number + 0.5) - (self.space + height) / 2) for number in range(count))
        return [Block(top, height) for top in tops]

    def _title(self, title: str, columns: int) -> None:
        self.page.text(self.top - 2, self.column, title, GROUP, span=(1, columns))

    def _pair(self, row: int, column: int, names: list[str], label: str, *, looks: tuple[object, object]) -> None:
        name_look, value_look = looks
        self.page.text(row, column, label, name_look)  # type: ignore[arg-type]
        formula, value = at_sample(self.material, names), first_shown(self.material, names[0])
        self.page.formula(row, column + 1, formula, value, value_look)  # type: ignore[arg-type]

    def _named(self, kind: Kind, layer: int | None, unit: int | None, source: int | None = None) -> list[str]:
        """Return the names of a quantity by sample; of a weight or bias, the one name."""
        if kind in (Kind.WEIGHT, Kind.BIAS):
            return [self.quantities[kind, layer, unit, source, None]]
        return [self.quantities[kind, layer, unit, source, sample] for sample in self.samples]

    def _width(self, *widths: float) -> None:
        for number, width in enumerate(widths):
            self.page.widths[self.column + number] = width

    def _inputs(self) -> list[Block]:
        self._title("inputs", 2)
        self._width(LABEL_WIDTH, VALUE_WIDTH)
        blocks = self._blocks(0)
        for unit, block in enumerate(blocks, start=1):
            self._pair(block.row, self.column, self._named(Kind.INPUT, None, unit), f"i{unit}", looks=(NAME, NODE))
        self.column += 2
        return blocks

    def _layer(self, layer: int, sources: list[Block]) -> list[Block]:
        network = self.material.network
        last = layer == len(network.layers)
        kind = "outputs" if last else "hidden units" if len(network.layers) == 2 else f"hidden layer {layer}"
        self._width(GAP_WIDTH, LABEL_WIDTH, VALUE_WIDTH, LABEL_WIDTH, VALUE_WIDTH)
        self.column += 1
        self._title(f"{kind}: {network.layers[layer - 1].activation}", 4)
        blocks = self._blocks(layer)
        for unit, block in enumerate(blocks, start=1):
            for number, source in enumerate(sources):
                if not self.numbered:
                    self._arrow(source, Block(block.row + block.height // 2, 1))
                    continue
                (name,) = self._named(Kind.WEIGHT, layer, unit, number + 1)
                self._pair(block.row + number, self.column, [name], name, looks=(WEIGHT_NAME, WEIGHT))
                self._arrow(source, Block(block.row + number, 1))
            self._bias(layer, unit, block.row + (len(sources) if self.numbered else block.height // 2))
            self._node(layer, unit, block)
        self.column += 4
        return blocks

    def _bias(self, layer: int, unit: int, row: int) -> None:
        for of_unit in (unit, None):
            name = self.quantities.get((Kind.BIAS, layer, of_unit, None, None))
            if name is not None:
                self._pair(row, self.column, [name], name, looks=(replace(WEIGHT_NAME, fill=SIDE_FILL), BIAS))

    def _node(self, layer: int, unit: int, block: Block) -> None:
        label, column, row = (
            f"{self.letters[layer]}{unit}",
            self.column + 2,
            block.row + (block.height - NODE_ROWS) // 2,
        )
        lines = (
            (Kind.PRE_ACTIVATION, label, NODE),
            (Kind.ACTIVATION, f"a_{label}", NODE),
            (Kind.DELTA, f"δ_{label}", replace(NODE, bold=False, fill=SIDE_FILL)),
        )
        for number, (kind, text, look) in enumerate(lines):
            self._pair(row + number, column, self._named(kind, layer, unit), text, looks=(NAME, look))

    def _errors(self, outputs: list[Block]) -> None:
        self._width(GAP_WIDTH / 2, LABEL_WIDTH, VALUE_WIDTH, GAP_WIDTH / 2, LABEL_WIDTH + 2, VALUE_WIDTH)
        self.column += 1
        self._title("targets, errors", 2)
        layer = len(self.material.network.layers)
        blocks = []
        for unit, block in enumerate(outputs, start=1):
            row = block.row + (block.height - 2) // 2
            self._pair(row, self.column, self._named(Kind.TARGET, None, unit), f"t{unit}", looks=(NAME, NODE))
            self._pair(row + 1, self.column, self._named(Kind.ERROR, layer, unit), f"E{unit}", looks=(NAME, ERROR))
            blocks.append(Block(row, 2))
            self._arrow(block, blocks[-1])
        self.column += 3
        self._title("error", 2)
        total = Block(self.top + (self.rows - 1) // 2, 1)
        lines = [(Kind.TOTAL, None, "E_total")]
        if len(self.samples) > 1:
            lines.insert(0, (Kind.SAMPLE_ERROR, None, "E sample"))
        for number, (kind, _, label) in enumerate(lines):
            names = ["E_total"] if kind is Kind.TOTAL else self._named(kind, None, None)
            self._pair(total.row + number - len(lines) + 1, self.column, names, label, looks=(NAME, ERROR))
        for block in blocks:
            self._arrow(block, Block(total.row - len(lines) + 1, len(lines)))
        self.column += 2

    def _arrow(self, source: Block, target: Block) -> None:
        """Draw a line from the right edge of one block to the left edge of the next, across the gap before the column."""
        (from_row, from_down), (to_row, to_down) = source.middle, target.middle
        upwards = (to_row, to_down) < (from_row, from_down)
        gap = self.column - 1
        self.page.lines.append(
            LineShape((from_row, gap), (0, from_down), (to_row, self.column), (0, to_down), FAINT, 1.0, True, upwards)
        )
