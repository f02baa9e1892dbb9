"""How the house stands: the size of files and functions, comments, tests, arguments, and the rules of imports.

    python tools/house_numbers.py [--list]

Prints a table with the aim beside each figure. ``--list`` names what is beyond an aim: long files and functions, functions
with more than four arguments that may be given by position, circles, arrows upward. Beside what stays so on purpose stands
why (`STAYS`).

A command and a verb have an option a line and say what each means: such a function is long because its list of options is.
So there is a row for the longest *body*, which leaves signature and docstring out, and the list says how long it is.
"""

from __future__ import annotations

import argparse
import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "handgrad"
MOST_POSITIONAL, LONG_FILE, LONG_FUNCTION = 4, 300, 60
STAYS = {
    "backprop/symbols/calculus.py": "each function, activation and loss with its derivative: all the calculus on one page",
    "backprop/workbook/plan.py text": "row, column, text, look: the order in which every sheet is written, some hundred times",
    "backprop/workbook/plan.py formula": "as text, with the value beside the formula",
    "digits/networks/fused.py forward": "torch.autograd.Function hands its tensors over by position",
    "digits/population/layers.py forward": "torch.autograd.Function hands its tensors over by position",
    "transcript/operations.py norm_of_batch": "stands in for an operation of torch, with that one's arguments in their order",
    "transcript/rebuild.py _step": "what one recorded line holds, in the order of the record",
}
"""Why something beyond an aim stays so: by file, or by file and function."""


@dataclass(frozen=True)
class Function:
    """A function: where it is, its lines, those of its body alone, how many arguments may be given by position."""

    place: str
    lines: int
    body: int
    positional: int


@dataclass
class House:
    """What was counted."""

    files: dict[str, int] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    comments: int = 0
    tests: int = 0

    @property
    def lines(self) -> int:
        """All lines of the source."""
        return sum(self.files.values())


def count_house(package: Path = PACKAGE, tests: Path = ROOT / "tests") -> House:
    """Return what is counted below *package* and *tests*; data that only looks like Python is left out."""
    house = House()
    for path in sorted(package.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        name = str(path.relative_to(package))
        house.files[name] = len(source.splitlines())
        house.functions += functions(ast.parse(source), name)
        house.comments += comment_lines(source)
    house.tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in tests.rglob("*.py"))
    return house


def functions(tree: ast.Module, name: str) -> Iterator[Function]:
    """Return the functions of *tree*; a method's own instance is not counted among its arguments."""
    methods = {id(child) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for child in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)
            bound = id(node) in methods and not static
            positional = len(node.args.posonlyargs) + len(node.args.args) - bound
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(f"{name}:{node.lineno} {node.name}", lines, _body_lines(node), positional)


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines the statements of a function take, without its signature and its docstring."""
    statements = node.body[ast.get_docstring(node) is not None :]
    return (node.end_lineno or node.lineno) - statements[0].lineno + 1 if statements else 0


def comment_lines(source: str) -> int:
    """Return the number of lines that hold a comment for readers; those for tools (noqa, type, fmt) are none."""
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.string.lstrip("# ")
        if token.type == tokenize.COMMENT and not text.startswith(("noqa", "type:", "fmt:", "pragma")):
            found.add(token.start[0])
    return len(found)


def spread(values: Sequence[int]) -> str:
    """Return median, 90 % point and largest of *values*."""
    tenths = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):.0f} / {tenths[-1]:.0f} / {max(values)}"


def broken_rules() -> list[str]:
    """Return what the test of imports would say."""
    sys.path.insert(0, str(ROOT / "tests"))
    from house_rules import violations  # type: ignore[import-not-found, unused-ignore]

    found: list[str] = violations(PACKAGE)
    return found


def table(house: House, rules: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return rows of what, found, aim."""
    many = sum(each.positional > MOST_POSITIONAL for each in house.functions)
    circles = sum("round a circle" in rule for rule in rules)
    upward = sum("imports" in rule and rule.endswith("may not") for rule in rules)
    return [
        ("lines of source, files", f"{house.lines:,}, {len(house.files)}", ""),
        ("file lines, median / 90 % / longest", spread(list(house.files.values())), "200 / 300 / 300"),
        ("function lines, median / 90 % / longest", spread([each.lines for each in house.functions]), "10 / 30 / 60"),
        ("function bodies, median / 90 % / longest", spread([each.body for each in house.functions]), "60"),
        ("lines with a comment", f"{100 * house.comments / house.lines:.1f} %", "4 %"),
        ("lines of tests per line of source", f"{house.tests / house.lines:.2f}", "0.80"),
        (f"functions with more than {MOST_POSITIONAL} positional arguments", str(many), "≤ 15"),
        ("circles of imports", str(circles), "0"),
        ("arrows upward", str(upward), "0"),
    ]


def beyond(house: House, rules: Sequence[str]) -> Iterator[str]:
    """Return what is beyond an aim, by name."""
    for name, lines in house.files.items():
        if lines > LONG_FILE:
            yield f"{name}: {lines} lines{_reason(name)}"
    for each in house.functions:
        if each.lines > LONG_FUNCTION:
            yield f"{each.place}: {each.lines} lines, {each.body} of them its body{_why(each)}"
        if each.positional > MOST_POSITIONAL:
            yield f"{each.place}: {each.positional} positional arguments{_why(each)}"
    yield from rules


def _why(function: Function) -> str:
    """Return why *function* stays as it is, where that is written down."""
    place, _, name = function.place.partition(" ")
    return _reason(f"{place.partition(':')[0]} {name}")


def _reason(of: str) -> str:
    """Return the reason written down for a file or a function, as it stands behind a line of the list."""
    return f" – {STAYS[of]}" if of in STAYS else ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="name what is beyond an aim")
    chosen = parser.parse_args()
    house, rules = count_house(), broken_rules()
    rows = [("measured", "found", "aim"), *table(house, rules)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if chosen.list:
        print(*beyond(house, rules), sep="\n")


if __name__ == "__main__":
    main()
