"""The table in docs/assignments.md says of every published network what its examination says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad.digits.networks.load import import_file
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.judge.network.assignment_file import load_assignment, shipped_assignments

ROOT = Path(__file__).parents[3]
TABLE = import_file(ROOT / "benchmarks" / "assignments_table.py")


def cells(recipe: str) -> list[str]:
    """Return the cells of *recipe* in the document: its name, parameters, seeds and one a preset."""
    text = (ROOT / "docs" / "assignments.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{recipe}` |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("name", TABLE.PUBLISHED)
def test_the_table_names_what_a_published_network_misses(name: str) -> None:
    recipe = load_recipe(name)
    examination = TABLE.seen(recipe.network)
    _, parameters, seeds, *verdicts = cells(name)
    assert parameters == f"{examination.counted:,}"
    assert all(verdict.endswith("†") == (seeds == "none") for verdict in verdicts)
    for preset, verdict in zip(shipped_assignments(), verdicts, strict=True):
        found = TABLE.judged(load_assignment(preset), examination, recipe, [])
        missed = {each.name for each in found if each.met is False} - {"accuracy"}
        said = set(verdict.removesuffix("†").strip().removeprefix("not met: ").split(", ")) - {"met", "accuracy"}
        assert said == missed, preset


def test_the_published_runs_keep_their_recipes_count_of_epochs() -> None:
    for name in TABLE.PUBLISHED:
        recipe = load_recipe(name)
        assert all(len(each.epochs) == recipe.epochs for each in TABLE.results_of(recipe, TABLE.RUNS))
