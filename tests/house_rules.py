"""Reads the imports and calls of a source tree and says where they break the rules of the house.

The rules are the tables below: to allow or forbid something, change a line here and say why.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

LAYERS: Mapping[str, set[str]] = {
    # Each part, and the parts that it may import. "handgrad" is the package's own __init__ (version, the Python verbs).
    "errors": set(),
    "score": {"errors"},
    "sheet": {"errors"},
    "runs": {"errors", "score"},
    "backprop": {"errors", "sheet", "runs"},
    "digits": {"errors", "score", "sheet", "runs"},
    "report": {"errors", "score", "sheet", "runs", "digits.recipe", "digits.recipe_file"},  # data only, no live model
    "judge": {"errors", "score", "sheet", "runs", "digits", "backprop"},
    "cli": {"errors", "score", "sheet", "runs", "digits", "backprop", "report", "judge"},
    "handgrad": {"errors", "score", "sheet", "runs", "digits", "backprop", "report", "judge"},
    "__main__": {"cli"},
}
CORE = ("digits.networks", "digits.augment", "digits.train", "digits.schedule", "digits.recipe", "score")
"""The training core, with all that it imports: runs wherever torch runs."""

CORE_MAY = {"torch", "numpy"}
CORE_EXTRA = {"digits.recipe": {"pydantic"}}
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    # A library, and the parts (patterns) that may not import it, not even inside a function.
    "torch": ("backprop*", "runs*", "sheet*", "score", "errors", "handgrad"),
    "sympy": ("digits*", "runs*", "report*", "sheet*", "score", "errors"),
    "xlsxwriter": ("cli*", "backprop*", "digits*", "runs*", "report*", "judge*", "handgrad"),  # sheet is its one caller
    "matplotlib.pyplot": ("*",),  # it keeps state of its own
    "pickle": ("*",),  # nothing is ever unpickled
    "click": ("*",),  # typer carries its own
}
HEAVY_AT_THE_TOP = ("torch", "sympy", "matplotlib", "numpy")
LIGHT = ("cli*", "handgrad", "errors", "__main__")
"""Parts that import nothing heavy when they are imported: `handgrad --help` must answer at once."""

ONLY_CLI = ("print", "input", "sys.exit", "exit", "quit", "os._exit", "os.environ", "os.getenv", "sys.argv")


@dataclass(frozen=True)
class Import:
    """One import: in which module and line, of what, and whether it happens only in a function or only for types."""

    module: str
    line: int
    target: str
    deferred: bool
    typing_only: bool


@dataclass(frozen=True)
class Source:
    """A module of the package by its dotted name without the package ("digits.train"; the package itself: "handgrad")."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool


def read_sources(root: Path) -> dict[str, Source]:
    """Return every module below *root*, the folder of the package."""
    sources = {}
    for path in sorted(root.rglob("*.py")):
        parts = list(path.relative_to(root).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts) or "handgrad"
        sources[name] = Source(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)), is_package)
    return sources


def violations(root: Path) -> list[str]:
    """Return one line for each place below *root* that breaks a rule."""
    sources = read_sources(root)
    imports = [each for source in sources.values() for each in imports_of(source, sources)]
    found = [*layer_breaks(imports), *library_breaks(imports), *core_breaks(imports, sources)]
    for source in sources.values():
        found += [f"{source.name}:{line} uses {name}, which only cli may" for line, name in cli_only(source)]
    return sorted(found)


def imports_of(source: Source, sources: Mapping[str, Source]) -> Iterator[Import]:
    """Return the imports of *source*; what belongs to the package is named as ``handgrad.part.module``."""
    for node, deferred, typing_only in walk(source.tree, False, False):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, source)
            names = [f"{base}.{alias.name}" for alias in node.names]
            # `from handgrad.digits import train` names a module, `from handgrad.digits.train import begin` does not.
            targets = [
                name if name.removeprefix("handgrad.") in sources or name == "matplotlib.pyplot" else base
                for name in names
            ]
        else:
            continue
        for target in dict.fromkeys(targets):
            yield Import(source.name, node.lineno, target, deferred, typing_only)


def walk(node: ast.AST, deferred: bool, typing_only: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Return every node with whether it lies in a function and whether only type checkers read it."""
    yield node, deferred, typing_only
    inside = deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    guarded = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        only = typing_only or (guarded and isinstance(node, ast.If) and child in node.body)
        yield from walk(child, inside, only)


def absolute(node: ast.ImportFrom, source: Source) -> str:
    """Return the module that *node* imports from, relative imports resolved."""
    if not node.level:
        return node.module or ""
    own = ["handgrad", *(source.name.split(".") if source.name != "handgrad" else [])]
    own = own if source.is_package else own[:-1]
    base = own[: len(own) - (node.level - 1)]
    return ".".join([*base, *([node.module] if node.module else [])])


def part_of(module: str) -> str:
    """Return the part a module belongs to: its first name, helpers such as ``sheet_rows`` counted with ``sheet``."""
    first = module.split(".")[0]
    return "sheet" if first.startswith("sheet_") else first


def layer_breaks(imports: list[Import]) -> Iterator[str]:
    """Return imports that do not go down."""
    for each in imports:
        package, _, target = each.target.partition(".")
        part = part_of(each.module)
        if package != "handgrad" or not target or part_of(target) == part:
            continue
        allowed = LAYERS.get(part)
        if allowed is None:
            yield f"{each.module}:{each.line} belongs to no known part: add {part} to LAYERS"
        elif part_of(target) not in allowed and target not in allowed:
            yield f"{each.module}:{each.line} imports {target}, which {part} may not"


def library_breaks(imports: list[Import]) -> Iterator[str]:
    """Return imports of libraries where they are forbidden, or at the top of what must stay light."""
    for each in imports:
        if each.typing_only:
            continue
        for library, patterns in FORBIDDEN.items():
            if within(each.target, library) and any(fnmatch(each.module, pattern) for pattern in patterns):
                yield f"{each.module}:{each.line} imports {each.target}, which is forbidden there"
        light = any(fnmatch(each.module, pattern) for pattern in LIGHT)
        if light and not each.deferred and any(within(each.target, library) for library in HEAVY_AT_THE_TOP):
            yield f"{each.module}:{each.line} imports {each.target} at the top: do so inside the command"


def within(target: str, library: str) -> bool:
    """Whether *target* is *library* or a module of it."""
    return target == library or target.startswith(f"{library}.")


def core_breaks(imports: list[Import], sources: Mapping[str, Source]) -> Iterator[str]:
    """Return imports of the training core, and of what it imports, from outside torch, numpy and the standard library."""
    seen: set[str] = set()
    waiting = [name for name in CORE if name in sources]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for each in imports:
            if each.module != module or each.typing_only:
                continue
            package, _, target = each.target.partition(".")
            if package == "handgrad":
                # Importing a module runs the packages around it too.
                parts = target.split(".")
                waiting += [name for end in range(len(parts)) if (name := ".".join(parts[: end + 1])) in sources]
            elif package not in sys.stdlib_module_names | CORE_MAY | CORE_EXTRA.get(module, set()):
                yield f"{module}:{each.line} imports {each.target}, which the training core may not"


def cli_only(source: Source) -> Iterator[tuple[int, str]]:
    """Return lines and names of what only the command line may do."""
    if part_of(source.name) == "cli":
        return
    imported_from = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "sys")
        for alias in node.names
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            name = imported_from.get(node.id, node.id)
        else:
            continue
        if name in ONLY_CLI:
            yield node.lineno, name
