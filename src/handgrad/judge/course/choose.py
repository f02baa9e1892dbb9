"""Which of a person's files is judged: found by reading them, with nothing run."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from handgrad.judge.handed_in.candidates import WHOLE, answers_images
from handgrad.judge.handed_in.cells import is_program
from handgrad.judge.handed_in.files import MOST_NOTEBOOK
from handgrad.judge.handed_in.indirect import TABLES
from handgrad.judge.handed_in.names import dotted
from handgrad.judge.workbook.judging import has_table
from handgrad.xlsx.kinds import BOOKS, CSV

PROGRAMS = (".py", ".ipynb")
USUAL = ("net", "network", "model", "models")
"""What the file with the network is called as a rule."""
LOOKS_LIKE_A_NETWORK = re.compile(r"^class\s+\w+\s*\([^)]*(Module|Sequential)\b", re.MULTILINE)
MAGIC = re.compile(r"^\s*[%!?]|\?\s*$")


ARCHIVES = {".rar", ".7z", ".tar", ".gz", ".tgz", ".xz", ".bz2"}


@dataclass(frozen=True)
class Choice:
    """The file that is judged, the others that hold something of the kind, or the reason why there is nothing."""

    file: Path | None
    others: tuple[Path, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Read:
    """What a program file shows without being run: whether it holds a network, and the names that it imports.

    ``defines`` are the networks' classes, ``calls`` the last names of everything that is called, in order, ``heirs`` the last
    names of each class's bases by its own. ``looks_up``: it calls what a name that is only known when it runs stands for.
    """

    network: bool
    imports: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()
    calls: tuple[str, ...] = ()
    heirs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    looks_up: bool = False


def choose(files: Sequence[Path], root: Path) -> Choice:
    """Return which of *files*, all below *root*, is judged: the one with the network, else a workbook.

    A notebook goes before a module, what others import after what imports them, a usual name before another.
    """
    read = _with_heirs({path: read_program(path) for path in files if path.suffix.lower() in PROGRAMS})
    networks = [path for path, found in read.items() if found.network]
    # Each step may leave nothing, as when two modules import each other; then the step before stands.
    networks = _notebooks_that_use(networks, read) or _not_imported(networks, read) or networks
    if networks:
        built = _built_last(networks, read)
        if built is None and (program := _looking_up(networks, read)) is not None:
            return Choice(program, tuple(networks))
        ranked = sorted(networks, key=lambda path: (path != built, _rank(path, root)))
        return Choice(ranked[0], tuple(ranked[1:]))
    books = sorted((path for path in files if path.suffix.lower() in BOOKS), key=lambda path: _rank(path, root))
    if books:
        return Choice(books[0], tuple(books[1:]))
    kept = sorted((path for path in files if is_table(path)), key=lambda path: _rank(path, root))
    if kept:
        return Choice(kept[0], tuple(kept[1:]))
    return Choice(None, reason=_why_nothing(files, read))


def _with_heirs(read: Mapping[Path, Read]) -> dict[Path, Read]:
    """Return *read* with the networks that inherit from one of another file: ``class MnistModel(BaseModel)``."""
    found = dict(read)
    known = set().union(*(each.defines for each in read.values()))
    waiting = set(known)
    # An heir may be inherited from in its turn, in any order of the files.
    while waiting:
        grown: set[str] = set()
        for path, each in found.items():
            heirs = {name for name, bases in each.heirs.items() if bases & waiting} - each.defines
            if heirs:
                found[path] = replace(each, network=True, defines=each.defines | heirs)
            grown |= heirs - known
        known |= grown
        waiting = grown
    return found


def is_table(path: Path) -> bool:
    """Return whether a file of comma-separated values holds a training table, which is judged as a workbook."""
    return path.suffix.lower() == CSV and path.is_file() and has_table(path)


def _rank(path: Path, root: Path) -> tuple[bool, bool, int, list[object]]:
    """Return what files are sorted by: the first is judged."""
    usual = path.stem.lower() in (*USUAL, root.name.lower(), path.parent.name.lower())
    # False sorts before True: notebooks, then usual names, then what lies higher up, then by name.
    return path.suffix.lower() != ".ipynb", not usual, len(path.parts), natural(path.name)


def natural(name: str) -> list[object]:
    """Return what sorts names as people do: ``S6`` before ``S10``."""
    # Triples, so that a number is never compared with a text.
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _notebooks_that_use(networks: Sequence[Path], read: Mapping[Path, Read]) -> list[Path]:
    """Return the notebooks that import and build one of *networks*: they say which one is meant, and with which arguments.

    Only where no notebook holds a network itself.
    """
    if any(path.suffix.lower() == ".ipynb" for path in networks):
        return []
    found = [path for path in read if path.suffix.lower() == ".ipynb"]
    return [
        path
        for path in found
        if any(each.stem in read[path].imports and read[each].defines & {*read[path].calls} for each in networks)
    ]


def _built_last(networks: Sequence[Path], read: Mapping[Path, Read]) -> Path | None:
    """Return the module whose network a program beside them builds last, of several that each hold one: model1 to model7.

    None where notebooks hold networks, which show themselves what they train, or where nothing else builds one.
    """
    if len(networks) < 2 or any(path.suffix.lower() == ".ipynb" for path in networks):
        return None
    programs = [path for path in read if path not in networks and not path.stem.lower().startswith("test")]
    for path in sorted(programs, key=lambda each: (len(each.parts), natural(each.name))):
        for name in reversed(read[path].calls):
            for network in networks:
                if name in read[network].defines:
                    return network
    return None


def _looking_up(networks: Sequence[Path], read: Mapping[Path, Read]) -> Path | None:
    """Return the program that imports some of several *networks* and builds one by a name it looks up: ``config["type"]``.

    Which one that is only shows when it runs, so the program itself is judged, and none of them by chance.
    """
    if len(networks) < 2 or any(path.suffix.lower() == ".ipynb" for path in networks):
        return None
    stems = {path.stem for path in networks} | {path.parent.name for path in networks}
    found = [path for path in read if path not in networks and read[path].looks_up and stems & read[path].imports]
    return min(found, key=lambda each: (len(each.parts), natural(each.name)), default=None)


def _not_imported(networks: Sequence[Path], read: Mapping[Path, Read]) -> list[Path]:
    """Return those that no other of them imports or inherits from: ``model.py`` goes before the ``layers.py`` it is made of."""
    # A base is often imported by way of its package, under a name that is not its file's.
    bases = {path: {base for each in read[path].heirs.values() for base in each} for path in networks}
    return [
        path
        for path in networks
        if not any(
            path.stem in read[other].imports or bases[other] & (read[path].defines - read[other].defines)
            for other in networks
            if other != path
        )
    ]


def _why_nothing(files: Sequence[Path], read: Mapping[Path, Read]) -> str:
    """Say why none of *files* can be judged."""
    if not files:
        return "nothing to judge: the folder is empty"
    if read:
        names = ", ".join(path.name for path in list(read)[:3]) + (" …" if len(read) > 3 else "")
        return f"nothing to judge: no network is defined in {names}"
    names = ", ".join(path.name for path in files[:3]) + (" …" if len(files) > 3 else "")
    kinds = {path.suffix.lower() for path in files}
    hint = ""
    if kinds & ARCHIVES:
        hint = " – of archives only .zip is opened"
    elif kinds & {".html", ".htm"}:
        hint = " – a printed notebook cannot be judged: the .ipynb itself is needed"
    return f"nothing to judge: neither a Python file nor a notebook nor a workbook among {names}{hint}"


def read_program(path: Path) -> Read:
    """Return what the Python file or notebook *path* shows; what cannot be read shows nothing."""
    try:
        if path.stat().st_size > MOST_NOTEBOOK:
            return Read(False)
        # For looking only: what a wrong byte makes unreadable here the judge reads with more care.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return Read(False)
    notebook = path.suffix.lower() == ".ipynb" and not is_program(text.encode())
    parts = list(_cells(text)) if notebook else [text]
    network, imports, calls, bases = False, set[str](), list[str](), set(WHOLE)
    heirs: dict[str, frozenset[str]] = {}
    looks_up = False
    for part in parts:
        try:
            tree = ast.parse(part)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Its author's mistake is for the judge to tell; here it is enough that a network was meant.
            network = network or bool(LOOKS_LIKE_A_NETWORK.search(part))
            continue
        with suppress(RecursionError):
            network = _holds_network(tree, bases) or network
            imports |= set(_imports(tree))
            classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
            heirs |= {node.name: frozenset(map(_last_name, node.bases)) for node in classes}
            made = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            looks_up = looks_up or any(map(_looks_up, made))
            calls += [_last_name(node.func) for node in sorted(made, key=lambda node: (node.lineno, node.col_offset))]
    return Read(network, frozenset(imports), frozenset(bases - set(WHOLE)), tuple(calls), heirs, looks_up)


def _cells(text: str) -> Iterator[str]:
    """Return the code of a notebook (format 3 or 4), cell by cell, without the lines that are no Python."""
    try:
        book = json.loads(text)
        sheets = book.get("worksheets") or [book]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            code = "".join(map(str, source)) if isinstance(source, list) else str(source)
            yield "\n".join("" if MAGIC.search(line) else line for line in code.split("\n"))


def _holds_network(tree: ast.Module, bases: set[str]) -> bool:
    """Whether *tree* defines a class of a network, or builds one of layers; the classes found join *bases*."""
    found = False
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and (
            answers_images(node) or any(_last_name(base) in bases for base in node.bases)
        ):
            bases.add(node.name)
            found = True
        elif isinstance(node, ast.Call) and _last_name(node.func) == "Sequential" and node.args:
            found = True
    return found


def _looks_up(call: ast.Call) -> bool:
    """Whether *call* calls ``getattr(models, name)``, ``globals()[name]`` or ``eval(name)``: what it is shows when it runs."""
    func = call.func
    if isinstance(func, ast.Subscript):
        return isinstance(func.value, ast.Call) and _last_name(func.value.func) in TABLES
    if not isinstance(func, ast.Call) or not func.args:
        return False
    if _last_name(func.func) == "eval":
        return True
    # ``getattr(torch.optim, name)(…)`` builds an optimizer.
    owner = func.args[0]
    return _last_name(func.func) == "getattr" and not dotted(owner).startswith(("torch", "nn", "optim", "F"))


def _last_name(node: ast.expr) -> str:
    """Return ``Module`` for ``nn.Module`` and for ``Module``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _imports(tree: ast.Module) -> Iterator[str]:
    """Return every part of the names that *tree* imports: a file is known by its stem, wherever it lies."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")
            if node.level or not node.module:
                yield from (alias.name for alias in node.names)
