"""Stands in for a package or a value that is not here: it can be handed on, and says what is missing where it is used."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, NoReturn

from handgrad.judge.handed_in.project import WITHOUT_LAYERS
from handgrad.judge.handed_in.records import Taken

# One list for the process, as torch's message tells the type of an argument and not which value it was.
UNAVAILABLE: list[str] = []
"""Why values of the file that is loaded could not be made, for errors of torch's that only name their type."""
BUILT_ON: dict[str, str] = {}
"""Classes of the file that is loaded, by name, with the path of the base that is not here: what it would have given them is
unknown, for errors that only name the class."""


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
        path = object.__getattribute__(self, "_path")
        # LightningModule is a module with a training loop, which is not asked for here.
        if path.endswith("LightningModule"):
            return (_module_with_settings(),)
        return (_unknown_base(path, is_module=path.endswith("Module") and not path.endswith("DataModule")),)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Tell who calls it what is missing, unless what it is decides nothing."""
        path = object.__getattribute__(self, "_path")
        # A metric kept beside the layers, a line in a log: it decides nothing as long as nothing is calculated with it.
        if not path.startswith(WITHOUT_LAYERS):
            self._used()
        UNAVAILABLE.append(missing(path))
        if path.startswith("torchvision.datasets."):
            return _Digits(path)
        # As a decorator (``@typechecked``) it leaves alone what it is written above.
        return (
            given[0] if len(given) == 1 and not named and isinstance(given[0], type | FunctionType) else StandIn(path)
        )

    def __getitem__(self, key: object) -> StandIn:
        # ``Float[Tensor, "batch 10"]`` stands in annotations, which decide nothing.
        path = object.__getattribute__(self, "_path")
        UNAVAILABLE.append(missing(path))
        return StandIn(path)

    def _used(self, *given: Any) -> NoReturn:
        raise NotHereError(missing(object.__getattribute__(self, "_path")))

    # Python looks operators up on the class, past `__getattr__`: each has to be named.
    __iter__ = __len__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __enter__ = __exit__ = _used
    __truediv__ = __lt__ = __gt__ = __le__ = __ge__ = __float__ = __int__ = __bool__ = __contains__ = __index__ = _used


class _Digits(StandIn):
    """A set of images that cannot be read here: it has the form of the digits and no image of them.

    Networks are built by it: ``Net(len(train_set.classes))``, ``Net(*train_set[0][0].shape)``.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "classes":
            return [str(digit) for digit in range(10)]
        return {str(digit): digit for digit in range(10)} if name == "class_to_idx" else super().__getattr__(name)

    def __getitem__(self, key: object) -> Any:
        import torch

        return torch.zeros(1, 28, 28), 0


@functools.cache
def _module_with_settings() -> type:
    """Return the class that stands in for a LightningModule: a module of torch that keeps the arguments it was built with."""
    from torch import nn

    class Settings(dict[str, Any]):
        """Arguments by name, as keys and as attributes."""

        def __getattr__(self, name: str) -> Any:
            if name not in self:
                raise AttributeError(name)
            return self[name]

    class Module(nn.Module):
        """What a network of a training library needs of it while it is built and while it answers."""

        def save_hyperparameters(self, *names: Any, **_: Any) -> None:
            """Keep the arguments of the ``__init__`` that calls this, in ``hparams``."""
            frame = sys._getframe(1)
            count = frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount
            given = {name: frame.f_locals[name] for name in frame.f_code.co_varnames[1:count]}
            wanted = [name for name in names if isinstance(name, str)]
            self.hparams = Settings({name: value for name, value in given.items() if not wanted or name in wanted})

        def log(self, *_: Any, **__: Any) -> None:
            """Keep no log: nothing is trained with this class."""

        log_dict = log

    return Module


@functools.cache
def _unknown_base(path: str, *, is_module: bool) -> type:
    """Return a class that gives its heirs nothing, and writes them into `BUILT_ON`; a module of torch where *is_module*."""
    from torch import nn

    inherited: type = _module_with_settings() if is_module else object

    class Unknown(inherited):  # type: ignore[misc]
        """What stands above a class of the hand-in and is not here."""

        def __init_subclass__(cls, **_: Any) -> None:
            super().__init_subclass__()
            BUILT_ON[cls.__name__] = path

        def __new__(cls, *_: Any, **__: Any) -> Any:
            made: Any = super().__new__(cls)
            # Some of these bases begin the module by themselves (fastai's does), and nobody here knows which.
            if is_module:
                nn.Module.__init__(made)
            return made

        def __init__(self, *given: Any, **named: Any) -> None:
            # The next in line may be a class that is here, as in ``class Net(Mixin, nn.Module)``.
            try:
                super().__init__(*given, **named)
            except TypeError as error:
                raise NotHereError(missing(path)) from error

    return Unknown


def missing(path: str) -> str:
    """Say that a package is missing."""
    package = path.partition(".")[0]
    return f"the network uses {path}, but {package} is not installed here"


class UnavailableValue(StandIn):
    """A value of the file that could not be made here; whoever uses it is told why."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._used()

    def _used(self, *given: Any) -> NoReturn:
        raise NotHereError(object.__getattribute__(self, "_path"))

    def __call__(self, *given: Any, **named: Any) -> NoReturn:
        """Tell who calls it what is missing."""
        self._used()

    # Once more: those of the class above are bound to its own `_used`, which would blame a package.
    __iter__ = __len__ = __getitem__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __enter__ = __exit__ = _used
    __truediv__ = __lt__ = __gt__ = __le__ = __ge__ = __float__ = __int__ = __bool__ = __contains__ = __index__ = _used


class LastFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for the packages that the hand-in imports and that nobody else finds.

    Only for those: libraries try imports of their own, and go another way where one fails.
    """

    def __init__(self, taken: Taken) -> None:
        self.imported = {name for each in taken.pieces for name in _imports(each.code)}

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Return a specification for any module but those of the standard library, which are missing for good reasons."""
        # A part of a package that is there and lacks something is a version's matter: its own ImportError says more.
        top = name.partition(".")[0]
        here = top in sys.modules and not isinstance(sys.modules[top], StandInModule)
        if top not in self.imported or top in sys.stdlib_module_names or here:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return a module whose every attribute is a stand-in."""
        return StandInModule(spec.name)

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


class StandInModule(ModuleType):
    """A missing package."""

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")
