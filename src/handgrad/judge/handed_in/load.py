"""Makes the network that was taken: loads its modules in the process that may run them, and stands in for what is not here.

Each piece is loaded once, under its own name. A package that is missing is stood in for by something that can be imported and
handed on, and says what is missing only where it is used. ``cuda`` means the processor here.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import linecache
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

from handgrad.judge.handed_in.candidates import MOVES
from handgrad.judge.handed_in.files import SETTINGS
from handgrad.judge.handed_in.records import HEADER, Piece, Taken
from handgrad.judge.handed_in.stand_ins import (
    BUILT_ON,
    UNAVAILABLE,
    LastFinder,
    NotHereError,
    StandInModule,
    UnavailableValue,
)

HANDED_IN = "handed in/"
"""What the names of compiled files begin with, so that a line of the author's is told from any other."""


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the pieces under their names, before anything that is installed."""

    def __init__(self, taken: Taken) -> None:
        self.pieces: Mapping[str, Piece] = {each.name: each for each in taken.pieces}
        self.aliases, self.whole = taken.aliases, taken.whole
        # A file model.py with ``from model.config import width``, handed in without the folder model, is a package to itself.
        self.parents = {name.rsplit(".", count)[0] for name in self.aliases for count in range(1, name.count(".") + 1)}
        # ``from session5.model import Net``, where the folder session5 itself was not handed in.
        self.above = self.parents - {*self.pieces, *self.aliases}

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Return where the module *name* comes from, None where it is none of the hand-in's."""
        # Served before what is installed, so that the author's utils.py is meant by `import utils`.
        piece = self.pieces.get(name)
        if name in self.above:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if piece is None and name not in self.aliases:
            return None
        package = piece.package if piece is not None else self.pieces[self.aliases[name]].package
        package = package or name in self.parents
        return importlib.machinery.ModuleSpec(name, self, origin=piece.file if piece else None, is_package=package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Return the module that an alias stands for, None for a new one."""
        return (
            None
            if spec.name in self.pieces or spec.name in self.above
            else importlib.import_module(self.aliases[spec.name])
        )

    def exec_module(self, module: ModuleType) -> None:
        """Run the statements of a piece, one after the other."""
        spec = module.__spec__
        if spec is None or spec.name not in self.pieces:
            return
        piece = self.pieces[spec.name]
        module.__file__ = f"{HANDED_IN}{piece.file}"
        # TorchScript reads the source of what it compiles; a time of None keeps the entry though there is no such file.
        lines = piece.code.splitlines(keepends=True)
        linecache.cache[module.__file__] = (len(piece.code), None, lines, module.__file__)
        if self.whole:
            # As a whole and not statement by statement: the first error ends it, as Python would.
            exec(compile(piece.code, module.__file__, "exec"), module.__dict__)
        else:
            _run_each(piece, module)


def _run_each(piece: Piece, module: ModuleType) -> None:
    """Run the statements of *piece* one by one: a value that cannot be made here is missed only by who uses it."""
    tree = ast.parse(piece.code)
    future = sum(_future_flag(node) for node in tree.body)
    # What stood below ``if __name__ == "__main__":`` runs one by one too.
    below = [node.body if isinstance(node, ast.If) and _is_header(node) else [node] for node in tree.body]
    for node in itertools.chain(*below):
        if isinstance(node, ast.ImportFrom) and node.module == "typing" and not _all_in(typing, node.names):
            # ``override`` came with 3.12; torch brings the package that has the newer names for older Pythons.
            node.module = "typing_extensions"
        code: CodeType = compile(
            ast.Module([node], []), f"{HANDED_IN}{piece.file}", "exec", flags=future, dont_inherit=True
        )
        # A definition or an import that fails is the author's fault, or a missing package: it comes out as it is.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            exec(code, module.__dict__)
            continue
        try:
            exec(code, module.__dict__)
        # SystemExit too: a cell that calls exit() after printing a message must not end the judgement of what stands
        # below it.
        except (Exception, SystemExit) as error:
            reason = str(error) if isinstance(error, NotHereError) else f"{type(error).__name__}: {error}"[:200]
            for name in _names(node):
                words = f"{name} could not be made here ({reason})"
                # An earlier value does not stand for one that could not be made, but an attempt may have left a good one,
                # and a network that could not be moved is there all the same.
                new = isinstance(node, ast.Assign | ast.AnnAssign) and not _is_moved(name, node.value)
                if name not in module.__dict__ or new:
                    module.__dict__[name] = UnavailableValue(words)
                    UNAVAILABLE.append(words)


def _is_header(node: ast.If) -> bool:
    """Whether *node* begins with what a piece has instead of ``if __name__ == "__main__":``."""
    return f"if {ast.unparse(node.test)}:" == HEADER


def _is_moved(name: str, value: ast.expr | None) -> bool:
    """Whether *value* is what *name* stands for already, on another device or in another form: ``model.to(device)``."""
    inner = value
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in MOVES:
        inner = inner.func.value
    return inner is not value and isinstance(inner, ast.Name) and inner.id == name


def _all_in(module: ModuleType, names: Sequence[ast.alias]) -> bool:
    """Whether *module* has every one of *names*."""
    return all(alias.name == "*" or hasattr(module, alias.name) for alias in names)


def _future_flag(node: ast.stmt) -> int:
    """Return the compiler's flag for ``from __future__ import annotations``, 0 for any other statement."""
    import __future__

    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return sum(getattr(__future__, alias.name).compiler_flag for alias in node.names)
    return 0


def _names(node: ast.stmt) -> Iterator[str]:
    """Return the names that *node* would have bound."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def lay_out_settings(root: Path, main: Path) -> None:
    """Copy the settings that were handed in below *root* to where the program *main* looks for them: the present folder.

    People start a program beside it or from the root and name a file from there, or from where the module lies.
    """
    found = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in SETTINGS and path.is_file()]
    # Beside the program comes first: what lies there is what it would read before a file of the same name at the root.
    for base, below in ((main.parent, ""), (root, ""), (root, HANDED_IN)):
        for path in found:
            copy = Path(below) / path.relative_to(base) if path.is_relative_to(base) else None
            if copy is not None and not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())


@contextmanager
def loaded(taken: Taken) -> Iterator[ModuleType]:
    """Yield the main module of *taken*, loaded; its modules and stand-ins are gone afterwards.

    What its statements raise comes out as it is, a package that is missing as `NotHereError` where it is used.
    """
    # Of an earlier load in the same process: its reasons would be told of this one.
    UNAVAILABLE.clear()
    BUILT_ON.clear()
    finder, last = _Finder(taken), LastFinder(taken)
    # A copy, so that modules which the hand-in pushes aside can be put back.
    before, usual, line = dict(sys.modules), builtins.input, sys.argv
    for name in (*finder.pieces, *finder.aliases, *finder.above):
        # The hand-in's own utils.py, and not one that happens to be imported here; never torch or ours.
        if name.partition(".")[0] not in _KEPT:
            sys.modules.pop(name, None)
    # First and last of all: the hand-in's own files win over what is installed, and stand-ins come only after nobody
    # found it.
    sys.meta_path.insert(0, finder)
    sys.meta_path.append(last)
    builtins.input = _no_input
    # ``parse_args()`` reads the command line of the program that it stands in: the author's defaults count, not our arguments.
    sys.argv = [taken.main]
    try:
        yield importlib.import_module(taken.main)
    finally:
        builtins.input, sys.argv = usual, line
        sys.meta_path.remove(finder)
        sys.meta_path.remove(last)
        ours = (*finder.pieces, *finder.aliases, *finder.above)
        # Stand-ins left behind would be found by libraries that ask whether a package is there, long after this
        # hand-in.
        for name, module in list(sys.modules.items()):
            if isinstance(module, StandInModule) or (name in ours and name.partition(".")[0] not in _KEPT):
                del sys.modules[name]
                if name in before:
                    sys.modules[name] = before[name]


_KEPT = frozenset({"torch", "numpy", "handgrad"}) | frozenset(sys.stdlib_module_names)


def _no_input(*_: Any) -> NoReturn:
    """Be ``input()`` where nobody is asked."""
    raise NotHereError("it asks for input, but nobody can answer here")


def evaluated(expression: str, module: ModuleType) -> Any:
    """Return what *expression* makes with the names of *module*."""
    return eval(compile(expression, f"{HANDED_IN}{module.__name__}", "eval"), module.__dict__)


@contextmanager
def on_the_processor(texts: Sequence[str]) -> Iterator[None]:
    """Let ``.cuda()``, ``.to("cuda")`` and ``device="cuda"`` mean the processor, where one of *texts* names another device."""
    # Most files name no device, and a mode around every operation of torch slows the recording down.
    if not any(word in text for text in texts for word in ("cuda", "mps", "xla", "xpu")):
        yield
        return
    import torch
    from torch import Tensor, nn
    from torch.overrides import TorchFunctionMode

    def here(value: Any) -> Any:
        """Return *value*, or the processor where it is another device."""
        if isinstance(value, torch.device) and value.type != "cpu":
            return torch.device("cpu")
        text = value.partition(":")[0] if isinstance(value, str) else ""
        return torch.device("cpu") if text in ("cuda", "mps", "xla", "xpu", "gpu") else value

    # Written for a GPU, judged on a processor: what names another device gets this one, without a change of the file.
    class Here(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if "device" in kwargs:
                kwargs["device"] = here(kwargs["device"])
            # Not forwarded with another device: `Tensor.cuda` knows only CUDA and would look for a driver.
            if func is Tensor.cuda:
                return args[0]
            if func is Tensor.to:
                args = tuple(here(each) for each in args)
            return func(*args, **kwargs)

    usual = nn.Module.cuda, nn.Module.to
    # Methods of modules are no operations of torch, so no mode sees them; they are exchanged and put back.
    nn.Module.cuda = lambda module, device=None: module  # type: ignore[method-assign, assignment]

    def to(module: nn.Module, *given: Any, **named: Any) -> nn.Module:
        named = {key: here(value) for key, value in named.items()}
        return usual[1](module, *(here(each) for each in given), **named)

    nn.Module.to = to  # type: ignore[method-assign, assignment]
    try:
        with Here():
            yield
    finally:
        nn.Module.cuda, nn.Module.to = usual  # type: ignore[method-assign]


__all__ = ["evaluated", "loaded", "on_the_processor"]
