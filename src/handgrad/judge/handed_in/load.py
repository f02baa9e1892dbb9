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
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any, NoReturn

from handgrad.judge.handed_in.records import Piece, Taken

HANDED_IN = "handed in/"
"""What the names of compiled files begin with, so that a line of the author's is told from any other."""


# One list for the process, as torch's message tells the type of an argument and not which value it was.
UNAVAILABLE: list[str] = []
"""Why values of the file that is loaded could not be made, for errors of torch's that only name their type."""


class NotHereError(Exception):
    """The network uses something that is not here: a package, data, an input."""


class StandIn:
    """Something of a package that is missing: it can be imported, named and inherited from; whoever calls it is told."""

    def __init__(self, path: str) -> None:
        # By way of object, here and below: `__getattr__` gives a stand-in for every name, also for this one while it is
        # missing.
        object.__setattr__(self, "_path", path)

    def __getattr__(self, name: str) -> StandIn:
        # Python and its libraries ask objects for special methods to find out what they are; a stand-in that has them
        # all would be taken for an array, a path or a context.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return StandIn(f"{object.__getattribute__(self, '_path')}.{name}")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        from torch import nn

        # LightningModule and the like are modules with a training loop, which is not asked for here.
        return (nn.Module,) if object.__getattribute__(self, "_path").endswith("Module") else ()

    def __call__(self, *given: Any, **named: Any) -> NoReturn:
        self._used()

    def _used(self, *given: Any) -> NoReturn:
        raise NotHereError(missing(object.__getattribute__(self, "_path")))

    # Python looks operators up on the class, past `__getattr__`: each has to be named.
    __iter__ = __len__ = __getitem__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __enter__ = __exit__ = _used
    __truediv__ = __lt__ = __gt__ = __le__ = __ge__ = __float__ = __int__ = __bool__ = __contains__ = __index__ = _used


def missing(path: str) -> str:
    """Say that a package is missing."""
    package = path.partition(".")[0]
    return f"the network uses {path}, and {package} is not installed here"


class _Unavailable(StandIn):
    """A value of the file that could not be made here; whoever uses it is told why."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._used()

    def _used(self, *given: Any) -> NoReturn:
        raise NotHereError(object.__getattribute__(self, "_path"))

    def __call__(self, *given: Any, **named: Any) -> NoReturn:
        self._used()

    # Once more: those of the class above are bound to its own `_used`, which would blame a package.
    __iter__ = __len__ = __getitem__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __enter__ = __exit__ = _used
    __truediv__ = __lt__ = __gt__ = __le__ = __ge__ = __float__ = __int__ = __bool__ = __contains__ = __index__ = _used


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the pieces under their names, before anything that is installed."""

    def __init__(self, taken: Taken) -> None:
        self.pieces: Mapping[str, Piece] = {each.name: each for each in taken.pieces}
        self.aliases, self.whole = taken.aliases, taken.whole
        # ``from session5.model import Net``, where the folder session5 itself was not handed in.
        self.above = {
            name.rsplit(".", count)[0] for name in self.aliases for count in range(1, name.count(".") + 1)
        } - {*self.pieces, *self.aliases}

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Return where the module *name* comes from, None where it is none of the hand-in's."""
        # Served before what is installed, so that the author's utils.py is meant by `import utils`.
        piece = self.pieces.get(name)
        if name in self.above:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if piece is None and name not in self.aliases:
            return None
        package = piece.package if piece is not None else self.pieces[self.aliases[name]].package
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


class _LastFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for the packages that the hand-in imports and that nobody else finds.

    Only for those: libraries try imports of their own, and go another way where one fails.
    """

    def __init__(self, taken: Taken) -> None:
        self.imported = {name for each in taken.pieces for name in _imports(each.code)}

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Return a specification for any module but those of the standard library, which are missing for good reasons."""
        # A part of a package that is there and lacks something is a version's matter: its own ImportError says more.
        top = name.partition(".")[0]
        here = top in sys.modules and not isinstance(sys.modules[top], _StandInModule)
        if top not in self.imported or top in sys.stdlib_module_names or here:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return a module whose every attribute is a stand-in."""
        return _StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


def _imports(code: str) -> Iterator[str]:
    """Return the packages that *code* imports."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


class _StandInModule(ModuleType):
    """A missing package."""

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")


def _run_each(piece: Piece, module: ModuleType) -> None:
    """Run the statements of *piece* one by one: a value that cannot be made here is missed only by who uses it."""
    tree = ast.parse(piece.code)
    future = sum(_future_flag(node) for node in tree.body)
    for node in tree.body:
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
                # An earlier value does not stand for one that could not be made, but an attempt may have left a good one.
                if name not in module.__dict__ or isinstance(node, ast.Assign | ast.AnnAssign):
                    module.__dict__[name] = _Unavailable(words)
                    UNAVAILABLE.append(words)


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


@contextmanager
def loaded(taken: Taken) -> Iterator[ModuleType]:
    """Yield the main module of *taken*, loaded; its modules and stand-ins are gone afterwards.

    What its statements raise comes out as it is, a package that is missing as `NotHereError` where it is used.
    """
    # Of an earlier load in the same process: its reasons would be told of this one.
    UNAVAILABLE.clear()
    finder, last = _Finder(taken), _LastFinder(taken)
    # A copy, so that modules which the hand-in pushes aside can be put back.
    before, usual = dict(sys.modules), builtins.input
    for name in (*finder.pieces, *finder.aliases, *finder.above):
        # The hand-in's own utils.py, and not one that happens to be imported here; never torch or ours.
        if name.partition(".")[0] not in _KEPT:
            sys.modules.pop(name, None)
    # First and last of all: the hand-in's own files win over what is installed, and stand-ins come only after nobody
    # found it.
    sys.meta_path.insert(0, finder)
    sys.meta_path.append(last)
    builtins.input = _no_input
    try:
        yield importlib.import_module(taken.main)
    finally:
        builtins.input = usual
        sys.meta_path.remove(finder)
        sys.meta_path.remove(last)
        ours = (*finder.pieces, *finder.aliases, *finder.above)
        # Stand-ins left behind would be found by libraries that ask whether a package is there, long after this
        # hand-in.
        for name, module in list(sys.modules.items()):
            if isinstance(module, _StandInModule) or (name in ours and name.partition(".")[0] not in _KEPT):
                del sys.modules[name]
                if name in before:
                    sys.modules[name] = before[name]


_KEPT = frozenset({"torch", "numpy", "handgrad"}) | frozenset(sys.stdlib_module_names)


def _no_input(*_: Any) -> NoReturn:
    """Be ``input()`` where nobody is asked."""
    raise NotHereError("it asks for input, and nobody is here to answer")


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


__all__ = ["NotHereError", "evaluated", "loaded", "on_the_processor"]
