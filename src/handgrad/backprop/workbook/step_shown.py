"""What the drawing and the derivation show: the training table's row for the step, and the sample, that is asked for."""

from __future__ import annotations

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook.content import Material
from handgrad.xlsx.writer import Value

STEP_SHOWN, SAMPLE_SHOWN = "step_shown", "sample_shown"


def at_step(material: Material, name: str) -> str:
    """Return the formula that finds a quantity's value in the row of the step shown."""
    if material.graph[name].kind is Kind.SETTING:
        return defined_name(name)
    return f"INDEX({material.column_range(name)},{STEP_SHOWN}+1)"


def at_sample(material: Material, names: list[str]) -> str:
    """Return the same for a quantity that each sample has: ``names`` by sample."""
    if len(names) == 1:
        return at_step(material, names[0])
    return f"CHOOSE({SAMPLE_SHOWN},{','.join(at_step(material, name) for name in names)})"


def first_shown(material: Material, name: str) -> Value:
    """Return the value shown in a book just written: step 0."""
    if material.graph[name].kind is Kind.SETTING:
        return material.first_value(name)
    return material.values[name][0]
