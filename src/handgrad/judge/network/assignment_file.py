"""Assignments in TOML: those that come with the program, and a teacher's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from handgrad.errors import UsageError, did_you_mean
from handgrad.judge.network.assignment import HANDED_IN, Assignment
from handgrad.toml_records import name_from, read_record, read_table, read_text

SHIPPED = Path(__file__).parent / "assignments"


def shipped_assignments() -> list[str]:
    """Return the names of the assignments that come with the program, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_assignment(name: str | Path) -> Assignment:
    """Return the shipped assignment *name*, or the one in the TOML file *name*.

    Raises `UsageError` with file, key, value and the nearest known key or name.
    """
    path = _assignment_path(name)
    assignment = parse_assignment(read_text(path), path.name)
    return assignment if assignment.name != "assignment" else replace(assignment, name=name_from(path))


def assignment_text(name: str | Path) -> str:
    """Return the TOML text of an assignment, with the name that it goes by, to be read elsewhere under another file name."""
    path = _assignment_path(name)
    text = read_text(path)
    own = load_assignment(name).name
    return text if "name" in read_table(text, path.name) else f'name = "{own}"\n{text}'


def _assignment_path(name: str | Path) -> Path:
    # Only a bare name: `under-20k` of the current folder is written `./under-20k.toml`.
    path = SHIPPED / f"{name}.toml"
    if Path(name).name == str(name) and path.is_file():
        return path
    path = Path(name)
    if path.suffix != ".toml":
        hint = did_you_mean(str(name), shipped_assignments()) or f" – known: {', '.join(shipped_assignments())}"
        raise UsageError(f'no assignment "{name}"{hint}')
    return path


def parse_assignment(text: str, source: str) -> Assignment:
    """Return the assignment in the TOML *text*; *source* names it in messages. Raises `UsageError`."""
    table = read_table(text, source)
    recipe = table.get("recipe", {})
    if isinstance(recipe, dict):
        if "network" in recipe:
            raise UsageError(f"{source}: recipe.network is given – leave it out, it is the network handed in")
        # Filled in rather than made optional in the recipe: everywhere else a recipe without a network is a mistake.
        table["recipe"] = recipe | {"network": HANDED_IN}
    return read_record(Assignment, table, source)
