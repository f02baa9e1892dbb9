"""Which classes, functions and values of a hand-in are networks, by its text alone."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.judge.handed_in.names import dotted, used_by
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.project import Project

WHOLE = ("Module", "Sequential", "LightningModule", "ModuleList", "ModuleDict", "ScriptModule", "PyTorchModelHubMixin")
"""Bases of a network; what inherits from another class of torch.nn is a layer."""
LAYER_LIKE = ("nn.", "torch.nn.")
Kind = str


@dataclass(frozen=True)
class Candidate:
    """Something that may be the network: a class, a function that returns one, or a value that is one."""

    name: str
    source: Source
    node: ast.stmt
    kind: Kind
    """``class``, ``function`` or ``value``."""

    @property
    def line(self) -> int:
        """The line on which it is defined."""
        return self.node.lineno


def candidates_in(project: Project, source: Source) -> dict[str, Candidate]:
    """Return by name what *source* defines or imports that may be a network, in the order of the file."""
    return _Search(project).of(source, ())


class _Search:
    """The search through one project; a module that imports itself back is looked at once."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def of(self, source: Source, above: tuple[str, ...]) -> dict[str, Candidate]:
        """Return the candidates that *source* knows; *above* are the modules that ask for it."""
        found: dict[str, Candidate] = {}
        # Files that import each other: the second look finds nothing rather than going round.
        if source.name in above:
            return found
        for statement in _statements(source.tree.body):
            if isinstance(statement, ast.ImportFrom):
                found |= self._imported(source, statement, above)
            elif isinstance(statement, ast.Import):
                for alias in statement.names:
                    module = self.project.named(alias.name, source)
                    found |= self._whole(module, alias.asname or alias.name, (*above, source.name))
            elif isinstance(statement, ast.ClassDef):
                # A later definition of the name replaces the earlier one, also where it is no network any more.
                # Looked at first, as ``class Net(Net)`` of a later cell inherits from the one that it takes the place of.
                network = self._is_network(statement, source, found, above)
                found.pop(statement.name, None)
                if network:
                    found[statement.name] = Candidate(statement.name, source, statement, "class")
            elif isinstance(statement, ast.FunctionDef):
                found.pop(statement.name, None)
                if _returns_network(statement, found):
                    found[statement.name] = Candidate(statement.name, source, statement, "function")
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, value = statement.targets[0], statement.value
                if isinstance(target, ast.Name) and _is_sequential(value, source):
                    found[target.id] = Candidate(target.id, source, statement, "value")
        return found

    def _imported(self, source: Source, node: ast.ImportFrom, above: tuple[str, ...]) -> dict[str, Candidate]:
        """Return the candidates of another module of the hand-in that *node* brings, under the names they get here."""
        base = self.project.base_of(node, source)
        other = self.project.source(base) if base else None
        if other is None:
            return {}
        known = self.of(other, (*above, source.name))
        whole: dict[str, Candidate] = {}
        for alias in node.names:
            whole |= self._whole(f"{base}.{alias.name}", alias.asname or alias.name, (*above, source.name))
        # As Python does without `__all__`; who writes one is read as if all were listed.
        if node.names[0].name == "*":
            return {name: each for name, each in known.items() if not name.startswith("_")}
        return whole | {alias.asname or alias.name: known[alias.name] for alias in node.names if alias.name in known}

    def _whole(self, module: str, called: str, above: tuple[str, ...]) -> dict[str, Candidate]:
        """Return the candidates of a whole *module* of the hand-in that is known as *called*: ``blocks.Residual``."""
        other = self.project.source(module) if module else None
        if other is None:
            return {}
        return {f"{called}.{name}": each for name, each in self.of(other, above).items() if "." not in name}

    def _is_network(
        self, node: ast.ClassDef, source: Source, known: dict[str, Candidate], above: tuple[str, ...]
    ) -> bool:
        """Whether a class inherits from torch's modules, directly, through one that is *known*, or through a whole module."""
        for base in node.bases:
            name = dotted(base)
            meant = _meant(name, source)
            if name in known or meant.rpartition(".")[2] in WHOLE or meant.startswith(LAYER_LIKE):
                return True
            if "." in name and self._in_module(name, source, above):
                return True
        # A base of unknown origin; what answers to images by ``forward`` is a network all the same.
        own = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        # Both methods: a mixture or a wrapper with `forward` alone is found through the class that inherits from it.
        return bool(node.bases) and {"__init__", "forward"} <= own

    def _in_module(self, name: str, source: Source, above: tuple[str, ...]) -> bool:
        """Whether ``blocks.Residual`` is a network of the module of the hand-in that is known here as ``blocks``."""
        where, _, last = name.rpartition(".")
        other = self.project.source(self.project.named(where, source))
        return other is not None and last in self.of(other, (*above, source.name))


def answers_images(node: ast.ClassDef) -> bool:
    """Whether a class whose base is of unknown origin is a network all the same, by its ``forward``."""
    own = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    # Both methods: a mixture or a wrapper with `forward` alone is found through the class that inherits from it.
    return bool(node.bases) and {"__init__", "forward"} <= own


def _meant(name: str, source: Source) -> str:
    """Return what *name* stands for in *source*: ``torch.nn.Module`` for M where that is imported as M, or assigned to it."""
    # In the order of the file, and the first that fits: a name of torch's is imported once, at the top.
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign) and [dotted(each) for each in node.targets] == [name]:
            return dotted(node.value) or name
    return name


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements of a module, those within conditions and attempts too."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for name in ("body", "handlers", "orelse", "finalbody"):
                for each in getattr(statement, name, []):
                    yield from _statements(each.body if isinstance(each, ast.ExceptHandler) else [each])
        else:
            yield statement


def _is_sequential(value: ast.expr, source: Source) -> bool:
    """Whether *value* is ``nn.Sequential(…)``, moved to a device or not; other libraries have a Sequential too."""
    call = made_in(value)
    if call is None or dotted(call.func).rpartition(".")[2] != "Sequential":
        return False
    return not OTHER_FRAMEWORKS & set(came_from(dotted(call.func).partition(".")[0], source).split("."))


def came_from(name: str, source: Source) -> str:
    """Return the module that *source* imports *name* or its value from, "" where it does not."""
    for node in reversed(list(ast.walk(source.tree))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            if any((alias.asname or alias.name) == name for alias in node.names):
                return node.module or ""
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    return alias.name
    return ""


OTHER_FRAMEWORKS = frozenset(
    {"tensorflow", "keras", "jax", "flax", "sklearn", "mxnet", "paddle", "tinygrad", "mlx", "chainer"}
)
"""Libraries whose networks are not torch's, and are not judged."""


def made_in(value: ast.expr) -> ast.Call | None:
    """Return the call that makes an object in ``Net(…).to(device)``, ``torch.compile(Net(…))``, ``DataParallel(Net(…))``."""
    inner = unwrapped(value)
    return inner if isinstance(inner, ast.Call) else None


def unwrapped(value: ast.expr) -> ast.expr:
    """Return what *value* moves or wraps and gives back: ``Net(…)`` of ``Net(…).to(device)``."""
    while isinstance(value, ast.Call):
        name = dotted(value.func).rpartition(".")[2]
        if isinstance(value.func, ast.Attribute) and value.func.attr in MOVES:
            value = value.func.value
        elif name in WRAPS and value.args:
            value = value.args[0]
        else:
            break
    return value


MOVES = ("to", "cuda", "cpu", "float", "double", "half", "train", "eval", "apply", "requires_grad_", "type", "mps")
"""Methods that give back the network that they are called on."""
WRAPS = ("compile", "DataParallel", "DistributedDataParallel", "script")
"""Functions that give back the network that they are given, in another form."""


READS = ("load", "load_state_dict", "load_from_checkpoint", "load_weights")
"""What a function calls that fetches weights: it makes nothing that could be judged without them."""


def _returns_network(function: ast.FunctionDef, known: dict[str, Candidate]) -> bool:
    """Whether a function returns something that it makes with ``nn.Sequential``, a known candidate or a class of its own."""
    made: set[str] = set()
    nodes = list(ast.walk(function))
    # A function called load_best would otherwise be the last that returns a network, in half of all notebooks.
    if any(isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in READS for node in nodes):
        return False
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef) and _inherits_whole(node)}
    makers = {*known, *own}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            call = made_in(node.value)
            name = dotted(call.func) if call is not None else ""
            if isinstance(node.targets[0], ast.Name) and (name in makers or name.rpartition(".")[2] == "Sequential"):
                made.add(node.targets[0].id)
    for node in nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            call = made_in(node.value)
            name = dotted(call.func) if call is not None else ""
            if name in makers or name.rpartition(".")[2] == "Sequential" or dotted(node.value) in made:
                return True
    return False


def _inherits_whole(node: ast.ClassDef) -> bool:
    """Whether a class names one of torch's modules as its base."""
    return any(dotted(base).rpartition(".")[2] in WHOLE for base in node.bases)


def inputs_of(candidate: Candidate) -> int | None:
    """Return how many inputs the ``forward`` of a class must be given, None where the class has none of its own."""
    for node in candidate.node.body if isinstance(candidate.node, ast.ClassDef) else []:
        if isinstance(node, ast.FunctionDef) and node.name == "forward" and not _is_abstract(node):
            given = [*node.args.posonlyargs, *node.args.args]
            return len(given) - 1 - len(node.args.defaults)
    return None


def _is_abstract(method: ast.FunctionDef) -> bool:
    """Whether a method only says that an heir has to write it."""
    if any(dotted(each).rpartition(".")[2] == "abstractmethod" for each in method.decorator_list):
        return True
    # Its description counts as a constant, as ``...`` does.
    empty = (ast.Pass, ast.Raise)
    return all(
        isinstance(each, empty) or isinstance(getattr(each, "value", None), ast.Constant) for each in method.body
    )


def needed_arguments(candidate: Candidate) -> list[str]:
    """Return the names of the arguments without which a class or function cannot be called."""
    node = candidate.node
    if isinstance(node, ast.ClassDef):
        inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        if not inits:
            return []
        arguments, first = inits[-1].args, 1
    elif isinstance(node, ast.FunctionDef):
        arguments, first = node.args, 0
    else:
        return []
    given = [each.arg for each in [*arguments.posonlyargs, *arguments.args]][first:]
    needed = given[: len(given) - len(arguments.defaults)] if arguments.defaults else given
    return needed + [
        each.arg for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is None
    ]


def roots(found: dict[str, Candidate]) -> dict[str, Candidate]:
    """Return the candidates that no other is made of and that can answer to images.

    Helper blocks are left out, and bases that answer nothing by themselves; a base with a ``forward`` of its own is a step of
    the work like those that inherit from it.
    """
    used: set[str] = set()
    for name, each in found.items():
        if each.kind == "value":
            used |= used_by(each.node) & set(found) - {name}
            continue
        bases = {dotted(base) for base in each.node.bases} if isinstance(each.node, ast.ClassDef) else set()
        inherited = {base for base in bases & set(found) if inputs_of(found[base]) is not None}
        # Without bases, because inheriting is not using: Net2(Net) is the next step of the same work, and both stand
        # alone.
        used |= used_by(_without_bases(each.node)) & set(found) - {name} | (bases & set(found)) - inherited
    alone = {name: each for name, each in found.items() if name not in used}
    # A module that needs two inputs is a loss or an attention block; where nothing else is left it stays, to be named.
    answering = {name: each for name, each in alone.items() if (inputs_of(each) or 1) == 1}
    return answering or alone or found


def _without_bases(node: ast.stmt) -> ast.stmt:
    """Return a class without its bases, anything else as it is."""
    if not isinstance(node, ast.ClassDef):
        return node
    bare = copy.copy(node)
    bare.bases, bare.keywords = [], []
    return bare
