"""A network by its name: one of the registry, or a class, function or module of the user's own file."""

from __future__ import annotations

import codecs
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from torch import nn

from handgrad.digits.networks.published import NETWORKS
from handgrad.errors import HandgradError, UsageError, did_you_mean


def load_network(name: str) -> nn.Module:
    """Return the network that *name* stands for, freshly made.

    *name* is a key of `NETWORKS`, or ``path/to/file.py:Net`` with ``Net`` a class or function that needs no arguments
    and gives an ``nn.Module``, or a module itself; ``path/to/file.py`` alone where there is one class or module in it. The
    file runs in this process, so it must be the user's own. Raises `UsageError`, one line, for everything that can be wrong
    with the name, the file or what it makes.
    """
    if name in NETWORKS:
        return NETWORKS[name]()
    file, _, attribute = name.rpartition(":")
    # Without a colon, or with the one of a Windows drive alone.
    if not file and name.endswith(".py"):
        file, attribute = name, ""
    if not file:
        hint = did_you_mean(name, NETWORKS) or f" – known: {', '.join(NETWORKS)}, or file.py:Net for your own"
        raise UsageError(f'network "{name}" is not known{hint}')
    return make_network(_attribute(import_file(Path(file)), file, attribute), name)


def import_file(path: Path) -> ModuleType:
    """Run the Python file *path* and return it as a module; its folder is importable from it meanwhile.

    Raises `UsageError` if it is missing, is not Python, or fails.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise UsageError(f"{path} is not there – found {found} – give the path of a Python file")
    # The whole path is in the name: two files called net.py must not become one module.
    unique = f"_handgrad_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file – its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module  # dataclasses and pickling look there; a failed file is simply run again
    try:
        with _importable(path.resolve().parent):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        # What PowerShell's `>` writes; Python's own message speaks of null bytes.
        if path.read_bytes()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise UsageError(f"{path} is UTF-16, which Python does not read – save it as UTF-8") from error
        where = (
            f"line {error.lineno}"
            if error.filename == str(path.absolute())
            else f"{error.filename}, line {error.lineno}"
        )
        raise UsageError(f"{path}: {where}: {error.msg} – correct the file") from error
    # SystemExit too: a file that ends with sys.exit() would end this program without a message.
    except (Exception, SystemExit) as error:
        at = f"{path}: {_line_of(error, path)}"
        raise UsageError(f"{at}{lacking(error) or f'{_reason(error)} – correct the file'}") from error
    return module


def _attribute(module: ModuleType, file: str, name: str) -> object:
    """Return what *module* calls *name*; the error names what there is instead."""
    if name and hasattr(module, name):
        return getattr(module, name)
    known = [
        key
        for key, value in vars(module).items()
        # Of this file alone: an imported nn.Linear is an nn.Module as well.
        if (inspect.isclass(value) and issubclass(value, nn.Module) and value.__module__ == module.__name__)
        or isinstance(value, nn.Module)
    ]
    there = f"found {', '.join(known)}" if known else "found no nn.Module in it"
    if not name and len(known) == 1:
        return getattr(module, known[0])
    if not name:
        raise UsageError(
            f"{file} alone does not say which network – {there} – write {file}:{known[0] if known else 'Net'}"
        )
    raise UsageError(f'{file} has no "{name}"{did_you_mean(name, known) or f" – {there}"}')


def make_network(thing: object, name: str) -> nn.Module:
    """Return the module that *thing* is or makes."""
    made = thing
    if not isinstance(thing, nn.Module) and callable(thing):
        try:
            made = thing()
        except HandgradError:
            raise
        except (Exception, SystemExit) as error:
            told = lacking(error) or f"fails: {_reason(error)} – it must work without arguments"
            raise UsageError(f"{name}() {told}") from error
    if not isinstance(made, nn.Module):
        found = type(made).__name__
        raise UsageError(f"{name} gives {found} – an nn.Module, or a class or function that makes one, is needed")
    return made


def asks_for_gpu(error: BaseException) -> bool:
    """Return whether *error* says that a graphics processor is missing."""
    # By the words: torch raises RuntimeError or AssertionError for it, as for a hundred other things.
    return bool(re.search(r"CUDA|NVIDIA|MPS (device|backend)", _reason(error)))


def lacking(error: BaseException) -> str:
    """Return what this machine lacks and what to do, where that and no fault of the file is what *error* says; else ""."""
    if asks_for_gpu(error):
        return "asks for a graphics processor, and there is none here – remove .cuda(), or use a machine with one"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"this Python has no module {error.name} – install it, or remove the import if the network does not need it"
        )
    return ""


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, as it could when Python runs it."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        # The file may have taken it out itself.
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


def _line_of(error: BaseException, path: Path) -> str:
    """Return ``line N: `` for the innermost line of *path* that *error* came through, or nothing."""
    line, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.absolute()):
            line = f"line {trace.tb_lineno}: "
        trace = trace.tb_next
    return line


def _reason(error: BaseException) -> str:
    """Return kind and first line of *error*."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
