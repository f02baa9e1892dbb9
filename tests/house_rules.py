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

GROUND = {"allowance", "errors", "files", "html", "pixels", "shown", "system", "text", "score", "scratch", "version"}
"""What every room may stand on."""

ROOMS: Mapping[str, set[str]] = {
    # Each room, and the rooms that it may import beside the ground; a name covers all below it ("digits": every room of
    # digits). In backprop, digits and judge each sub-folder and each single file is a room of its own, and the order of the
    # lines is that of the floors: a room stands below those that it imports nothing from.
    "allowance": set(),
    "errors": set(),
    "version": set(),
    "score": set(),
    "text": set(),
    "system": set(),
    "files": set(),
    "scratch": set(),
    "toml_records": set(),
    "xlsx": set(),
    "html": set(),
    "pixels": set(),
    "shown": set(),  # how a record shows itself in a terminal and in a notebook: any room's records do
    "runs": {"toml_records"},
    # Where tasks run: it knows nothing of what they are.
    "cluster": set(),
    # How a network is written down as operations: the judge and what is exported stand on it.
    "transcript": set(),
    "backprop.limits": set(),
    "backprop.symbols": set(),
    "backprop.network": {"backprop.limits", "backprop.symbols", "toml_records"},
    "backprop.presets": {"backprop.network"},
    "backprop.graph": {"backprop.network", "backprop.symbols"},
    "backprop.simulate": {"backprop.graph", "backprop.limits", "backprop.network"},
    "backprop.verdicts": {"backprop.simulate", "backprop.graph", "backprop.network"},
    "backprop.mistakes": {"backprop.graph", "backprop.network", "backprop.symbols"},
    "backprop.pictures": {"backprop.simulate", "backprop.graph", "backprop.network", "backprop.symbols"},
    "backprop.export": {"backprop.simulate", "backprop.graph", "backprop.network"},
    "backprop.conventions": {"backprop.simulate", "backprop.graph", "backprop.network", "backprop.symbols"},
    "backprop.explain": {
        "backprop.conventions",
        "backprop.pictures",
        "backprop.verdicts",
        "backprop.simulate",
        "backprop.graph",
        "backprop.presets",
        "backprop.network",
        "backprop.symbols",
    },
    "backprop.workbook": {
        "backprop.limits",
        "backprop.conventions",
        "backprop.pictures",
        "backprop.verdicts",
        "backprop.simulate",
        "backprop.graph",
        "backprop.network",
        "backprop.symbols",
        "xlsx",
    },
    "backprop.exercise": {
        "backprop.limits",
        "backprop.workbook",
        "backprop.explain",
        "backprop.conventions",
        "backprop.pictures",
        "backprop.mistakes",
        "backprop.simulate",
        "backprop.graph",
        "backprop.presets",
        "backprop.network",
        "backprop.symbols",
        "xlsx",
    },
    "backprop.verb": {"backprop", "xlsx"},
    "backprop": {"backprop"},
    "digits.data": {"runs"},  # what a network is evaluated on, and the layer table, are records of a run
    "digits.networks": {"runs.kind"},  # the shape of the images, said once
    "digits.layers": {"digits.networks", "runs"},
    "digits.training": {"digits.layers", "digits.networks", "runs", "toml_records"},
    "digits.watcher": {"digits.training", "digits.data", "runs"},
    "digits.make_evidence": {"digits.training", "runs"},
    "digits.start": {"runs"},
    "digits.prepare": {
        "digits.start",
        "digits.training",
        "digits.layers",
        "digits.networks",
        "digits.data",
        "digits.watcher",
        "runs",
    },
    "digits.provenance": {"digits.start", "digits.prepare", "digits.training", "digits.data", "runs"},
    "digits.trained": {"digits.networks", "digits.provenance", "runs"},
    "digits.job": {
        "digits.prepare",
        "digits.provenance",
        "digits.make_evidence",
        "digits.watcher",
        "digits.training",
        "digits.layers",
        "digits.networks",
        "digits.data",
        "runs",
    },
    "digits.run": {
        "digits.start",
        "digits.job",
        "digits.prepare",
        "digits.provenance",
        "digits.watcher",
        "digits.training",
        "digits.layers",
        "digits.networks",
        "digits.data",
        "runs",
    },
    "digits.workers": {
        "cluster",
        "digits.run",
        "digits.prepare",
        "digits.watcher",
        "digits.training",
        "digits.data",
        "runs",
    },
    "digits.population": {
        "digits.workers",
        "digits.job",
        "digits.prepare",
        "digits.provenance",
        "digits.watcher",
        "digits.training",
        "digits.layers",
        "digits.networks",
        "digits.data",
        "runs",
    },
    "digits.study_plan": {"digits.workers", "digits.training", "runs"},
    "digits.study_record": {"digits.population", "digits.workers", "digits.prepare", "digits.networks", "runs"},
    "digits.study": {
        "digits.study_plan",
        "digits.study_record",
        "cluster",
        "digits.population",
        "digits.workers",
        "digits.run",
        "digits.job",
        "digits.prepare",
        "digits.watcher",
        "digits.training",
        "digits.layers",
        "digits.networks",
        "digits.data",
        "runs",
    },
    "digits.sweep": {
        "cluster",
        "digits.study",
        "digits.study_plan",
        "digits.study_record",
        "digits.workers",
        "digits.prepare",
        "digits.training",
        "digits.watcher",
        "runs",
        "toml_records",
    },
    "digits": {"digits"},
    # Reports are made from run folders: a recipe is read as data, no live model is.
    "report": {"runs", "html", "toml_records", "digits.training.recipe", "digits.training.recipe_file"},
    # The plan and what renders it are plain data; the reader makes it of a module, and alone may know torch.
    "export.plan": set(),
    "export.evaluate": {"export.plan"},
    "export.fold": {"export.plan"},
    "export.reader": {"export.plan", "transcript"},
    "export.from_module": {
        "export.reader",
        "export.fold",
        "export.evaluate",
        "export.plan",
        "transcript",
        "digits",
        "runs.kind",
    },
    "export.memory": {"export.plan"},
    "export.quantised": {"export.evaluate", "export.plan"},
    "export.integer_steps": {"export.quantised", "export.evaluate", "export.plan"},
    "export.quantise": {"export.integer_steps", "export.quantised", "export.fold", "export.evaluate", "export.plan"},
    "export.c": {"export.memory", "export.quantised", "export.evaluate", "export.plan"},
    "export.onnx_file": {"export.plan"},
    "export.proof": {"export.evaluate", "export.plan"},
    "export.hub": {"export.proof", "runs"},
    # The looks are those of the other workbooks: one design.
    "export.workbook": {"export.plan", "export.evaluate", "backprop.workbook.looks", "xlsx"},
    "export.material": {"export.plan", "export.proof", "digits", "runs"},
    "export.renderers": {"export", "digits", "runs"},
    "export.verb": {"export", "digits", "runs"},
    "export": {"export"},
    "judge.verdict": set(),
    "judge.page": {"judge.verdict", "html"},
    "judge.sandbox": set(),
    # Takes the network out of a hand-in by its text; only what loads it knows torch.
    "judge.handed_in": set(),
    "judge.examination": {"judge.verdict", "transcript", "digits"},
    "judge.network": {
        "judge.examination",
        "judge.handed_in",
        "judge.sandbox",
        "judge.verdict",
        "transcript",
        "toml_records",
        "digits",
        "runs",
    },
    # A workbook is judged without torch: nothing of digits here.
    "judge.workbook": {"judge.page", "judge.verdict", "backprop", "xlsx", "html"},
    # Whole classes: networks and workbooks together, and the files that learning platforms give and take.
    "judge.course": {
        "cluster",
        "judge.network",
        "judge.handed_in",
        "judge.workbook",
        "judge.page",
        "judge.verdict",
        "xlsx.kinds",
        "html",
        "digits",
    },
    "judge.verb": {"judge", "xlsx.kinds", "digits", "backprop"},
    "judge": {"judge"},
    # `fit` is pure numpy, and repeated in JavaScript; what is above it needs OpenCV and Pillow, an optional part.
    "photograph": set(),
    "predict": {"photograph", "export", "report.digit_images", "digits", "runs", "html"},
    # A page is made of plain data: the description of a step or the inference plan, which `page.of_run` makes of a run.
    "page": {"export", "digits", "backprop", "runs", "html"},
    # Weighs a log that somebody printed, as the judge reads it, against runs, and shows it as reports do.
    "audit": {"judge.handed_in", "report", "digits", "runs", "html", "toml_records"},
    # The verbs as Python has them: what they take and what comes back joins all the rooms.
    "verbs": {"cluster", "judge", "export", "report", "digits", "backprop", "runs"},
    "cli": {
        "audit",
        "cluster",
        "verbs",
        "predict",
        "photograph",
        "page",
        "judge",
        "export",
        "report",
        "digits",
        "backprop",
        "runs",
        "xlsx",
        "html",
        "toml_records",
    },
    "handgrad": {"verbs", "predict", "judge", "export", "report", "digits", "backprop", "runs"},
    "__main__": {"cli"},
}
DIVIDED = ("backprop", "digits", "export", "judge")
"""Folders whose sub-folders and single files are rooms of their own."""

CORE = (
    "digits.networks.published",
    "digits.training.augment",
    "digits.training.loop",
    "digits.training.schedule",
    "digits.training.recipe",
    "score",
)
"""The training core, with all that it imports: runs wherever torch runs."""

CORE_MAY = {"torch", "numpy"}
CORE_EXTRA = {"toml_records": {"pydantic"}}
"""Inside the function that reads a file, which a training never calls."""
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    # A library, and the parts (patterns) that may not import it, not even inside a function.
    "torch": (
        "backprop*",
        "runs*",
        "xlsx*",
        "html*",
        "report*",
        "export.[!frv]*",
        "export.fold",
        "page*",
        "judge.workbook*",
        "judge.page",
        "judge.verdict",
        "files",
        "text",
        "toml_records",
        "score",
        "errors",
        "version",
        "handgrad",
    ),
    "sympy": ("*",),  # it checks the calculus in tests; nothing that runs needs it
    "xlsxwriter": ("[!x]*", "xlsx.[!w]*"),  # xlsx.writer is its one caller
    "matplotlib.pyplot": ("*",),  # it keeps state of its own
    "pickle": ("*",),  # nothing is ever unpickled
    "click": ("*",),  # typer carries its own
    # Optional parts, each with one caller: `digits.sweep.search` and `cluster.on_dask`.
    "optuna": ("[!d]*", "digits.[!s]*", "digits.s[!w]*", "digits.sweep.s[!e]*", "digits.sweep.se[!a]*"),
    "distributed": ("[!c]*", "cli*", "cluster.[!o]*"),
    "dask": ("*",),
}
HEAVY_AT_THE_TOP = ("torch", "sympy", "matplotlib", "numpy")
LIGHT = ("cli*", "handgrad", "errors", "version", "__main__")
"""Parts that import nothing heavy when they are imported: `handgrad --help` must answer at once."""

ONLY_CLI = ("print", "input", "sys.exit", "exit", "quit", "os._exit", "os.environ", "os.getenv", "sys.argv")


PROGRAMS = {"cluster.processes", "judge.sandbox.server", "judge.handed_in.load"}
"""Modules that are the main part of a process of their own, which ends where they say so, in an environment that they make;
or that make one for a stranger's program, with a command line that is none of ours."""


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
    found = [*room_breaks(imports), *circles(imports), *library_breaks(imports), *core_breaks(imports, sources)]
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
            # `from handgrad.digits import train` names a module, `from handgrad.digits.training.loop import begin` does not.
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


def room_of(module: str) -> str:
    """Return the room a module belongs to: its first name, in the divided folders its first two."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in DIVIDED else parts[0]


def room_breaks(imports: list[Import]) -> Iterator[str]:
    """Return imports that do not go down."""
    for each in imports:
        package, _, target = each.target.partition(".")
        room = room_of(each.module)
        if package != "handgrad" or not target or room_of(target) == room:
            continue
        allowed = ROOMS.get(room)
        if allowed is None:
            yield f"{each.module}:{each.line} belongs to no known room: add {room} to ROOMS"
        elif not any(within(target, name) for name in allowed | (GROUND - {room})):
            yield f"{each.module}:{each.line} imports {target}, which {room} may not"


def circles(imports: list[Import]) -> Iterator[str]:
    """Return each pair of modules that import each other, directly or round a corner, imports in functions included.

    What only type checkers read ties nothing together when the program runs, and does not count.
    """
    below: dict[str, set[str]] = {}
    for each in imports:
        package, _, target = each.target.partition(".")
        if package == "handgrad" and target and not each.typing_only:
            below.setdefault(each.module, set()).add(target)
    for module in sorted(below):
        seen: set[str] = set()
        waiting = list(below[module])
        while waiting:
            other = waiting.pop()
            if other not in seen:
                seen.add(other)
                waiting += below.get(other, ())
        if module in seen:
            yield f"{module} imports itself round a circle"


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
    if room_of(source.name) == "cli" or source.name in PROGRAMS:
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
