"""One dialect: how a docstring begins, and which names are a module's own. The rules, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from house_rules import Source, read_sources

TEXT = (
    "accept add append apply ask begin build change check choose close colour compare copy count cut define describe "
    "differentiate do draw drop end evaluate examine explain fetch fill find finish flush follow give go hide hold "
    "ignore join judge keep kill leave let list load lock make mark measure merge mix mount move name normalise note "
    "open pack pair perturb place play prepare print prove protect put raise read rebuild record refuse register "
    "remember remove rename render repeat replace report resume return round run save say scale seed send set shift "
    "show silence skip solve sort spell start step stop store sum sweep take tell time train translate trim try turn "
    "undo unpack update use wait walk warn watch weigh write yield "
)
VERBS = frozenset(word.capitalize() for word in TEXT.split())
"""Verbs that a docstring may begin with: add one where a function does something that is not among them."""

READ_AS_VALUES = ("property", "cached_property")
"""What is decorated so is read like a field, and told like one: by a noun."""


def breaches(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, complaint) for each place below *root* that speaks another dialect."""
    sources = read_sources(root)
    used = used_elsewhere(sources)
    for source in sources.values():
        for line, complaint in (*wrong_beginnings(source), *open_names(source, used)):
            yield source.name, f"{source.name}:{line} {complaint}"


def wrong_beginnings(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line and complaint for each public function whose docstring does not begin with a verb."""
    for node in functions(source.tree):
        words = (ast.get_docstring(node) or "").split()
        decorators = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
        if node.name.startswith("_") or not words or decorators & set(READ_AS_VALUES):
            continue
        if words[0].rstrip(",.:") not in VERBS:
            yield node.lineno, f'{node.name}: a docstring begins with a verb, not with "{words[0]}"'


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield functions and methods, not those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef | ast.If):
            yield from functions(node)


def open_names(source: Source, used: Mapping[str, set[str]]) -> Iterator[tuple[int, str]]:
    """Yield line and complaint for each function that only its own module uses and that has no underscore.

    A function that a decorator registers somewhere (a command, an entry of a table) is used there.
    """
    public = set(exported(source)) | used.get(source.name, set())
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name not in public:
            plain = all(ast.unparse(each) in ("cache", "contextmanager", "lru_cache") for each in node.decorator_list)
            if plain:
                yield node.lineno, f"{node.name}: only this module uses it: _{node.name}"


def exported(source: Source) -> list[str]:
    """Return the names in the module's ``__all__``."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def used_elsewhere(sources: Mapping[str, Source]) -> dict[str, set[str]]:
    """Return by module the names that other modules of the package import from it, or read as its attributes."""
    used: dict[str, set[str]] = {}
    for source in sources.values():
        modules: dict[str, str] = {}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("handgrad"):
                home = (node.module or "").removeprefix("handgrad").removeprefix(".") or "handgrad"
                for alias in node.names:
                    used.setdefault(home, set()).add(alias.name)
                    inner = f"{home}.{alias.name}" if home != "handgrad" else alias.name
                    if inner in sources:
                        modules[alias.asname or alias.name] = inner
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("handgrad."):
                # "handgrad.digits.run:train": a verb that is imported when it is first used.
                home, _, name = node.value.removeprefix("handgrad.").partition(":")
                used.setdefault(home, set()).add(name)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                used.setdefault(modules[node.value.id], set()).add(node.attr)
    return used
