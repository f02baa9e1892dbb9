"""Whose fault it is when a network cannot be made or does not answer: its author's, or what is missing here.

*Not met* is for the network's own faults alone. A package, a name of a library or an operation that is not known here leads
to *no verdict*.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.networks.load import asks_for_gpu
from handgrad.digits.training.augment import normalise
from handgrad.errors import HandgradError, UsageError
from handgrad.judge.handed_in.choice import USUAL, example_of
from handgrad.judge.handed_in.load import HANDED_IN, evaluated
from handgrad.judge.handed_in.records import NotTakenError, Taken, place_in
from handgrad.judge.handed_in.stand_ins import (
    BUILT_ON,
    UNAVAILABLE,
    NotHereError,
    StandIn,
    UnavailableValue,
    missing,
)
from handgrad.judge.network.conditions import CLASSES
from handgrad.transcript.packing import MalformedError
from handgrad.transcript.record import weights_of
from handgrad.transcript.writing import UntraceableError

NOT_BEGUN = re.compile(r"before Module\.__init__\(\) call|has no attribute '_(modules|parameters|buffers)'")
"""What torch says of a module whose own beginning was left out."""
FED = "this assignment gives images of 1×28×28"
NOT_INHERITED = re.compile(
    r"'(\w+)' object has no attribute|type object '(\w+)' has no attribute|(\w+)(?:\.__init__)?\(\) (?:takes|got)"
    r"|Module \[(\w+)\] is missing the required|'(\w+)' object is not"
)
"""What Python and torch say where a class has nothing of what was expected of it."""
NO_ATTRIBUTE = re.compile(r"module '(torch[\w.]*|numpy[\w.]*)' has no attribute '(\w+)'")


@contextmanager
def author_at_fault(taken: Taken) -> Iterator[None]:
    """Turn what goes wrong in the author's part into a refusal that says whose fault it is, and where."""
    try:
        yield
    # Say already whose fault it is.
    except (NotTakenError, UntraceableError, MalformedError):
        raise
    except NotHereError as error:
        raise NotTakenError(f"{first_line_of(error)}{_how_to_say(taken)}", author=False) from error
    except HandgradError as error:
        # The layer that could not go on is named, but what stopped it may not be of the author's making.
        lacking = _not_here(error.__cause__, taken) if error.__cause__ else ""
        raise NotTakenError(lacking or str(error), author=not lacking) from error
    # Before the general clause, because its message would be an exit status.
    except SystemExit as error:
        raise NotTakenError("the file ends the program", author=True) from error
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}: ".removeprefix(HANDED_IN)
        raise NotTakenError(f"{where}{error.msg} – correct the file", author=True) from error
    except BaseException as error:  # the stranger's exceptions may be of any kind
        lacking = _not_here(error, taken)
        reason = lacking or f"{type(error).__name__}: {first_line_of(error)}"
        if NOT_BEGUN.search(reason):
            reason = f"{reason} – its __init__ has to call super().__init__() first"
        raise NotTakenError(f"{place_of_error(error, taken)}{reason}", author=not lacking) from error


def _how_to_say(taken: Taken) -> str:
    """Return how to write what the file takes from where it is not known here, "" where it builds the network of itself."""
    try:
        call = ast.parse(taken.make, mode="eval").body
    except SyntaxError:
        return ""
    if not isinstance(call, ast.Call) or not (call.args or call.keywords):
        return ""
    file = next((each.file for each in taken.pieces if each.name == taken.main), "net.py")
    return f" – if it is for an argument, write that out, as in {file}:{example_of(call)}"


def _not_here(error: BaseException, taken: Taken) -> str:
    """Return what a library here lacks where that is what *error* says, else nothing."""
    if UNAVAILABLE and any(kind in first_line_of(error) for kind in (UnavailableValue.__name__, StandIn.__name__)):
        return UNAVAILABLE[-1]
    if isinstance(error, NameError) and (why := taken.left_out.get(error.name or "", taken.left_out.get("*", ""))):
        return f"{error.name} {why}"
    inherited = NOT_INHERITED.search(first_line_of(error))
    if inherited and (path := _base_not_here(next(filter(None, inherited.groups())), error)):
        return missing(path)
    if isinstance(error, MemoryError) or "can't allocate memory" in first_line_of(error):
        return "it asks for more memory than a judgement may take"
    if asks_for_gpu(error):
        return "it asks for a graphics processor, but none is used here"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"this Python has no module {error.name}"
    if isinstance(error, ImportError) and "attempted relative import" in first_line_of(error):
        return "it imports from a file beside it that was not handed in"
    own = {each.name for each in taken.pieces} | set(taken.aliases)
    if isinstance(error, ImportError) and error.name and error.name not in own:
        return f"{error.name} as it is installed here cannot give what the network imports: {first_line_of(error)}"
    found = NO_ATTRIBUTE.search(first_line_of(error)) if isinstance(error, AttributeError) else None
    if found is None:
        return ""
    there = dir(_module(found[1]))
    # 0.8 lets one wrong letter in six pass as a slip.
    if difflib.get_close_matches(found[2].lower(), [name.lower() for name in there], cutoff=0.8):
        return ""  # a slip of the pen: nn.Cov2d
    return f"{found[1]} {torch.__version__ if found[1].startswith('torch') else ''} here has no {found[2]}".replace(
        "  ", " "
    )


def _base_not_here(name: str, error: BaseException) -> str:
    """Return the base that is not here of the class called *name*, or of the one that asked ``super()``; else ""."""
    # ``super().forward(x)`` names no class, but Python keeps what was asked.
    asked = getattr(getattr(error, "obj", None), "__self__", None) if name == "super" else None
    return BUILT_ON.get(name if asked is None else type(asked).__name__, "")


def _module(name: str) -> object:
    """Return the module of torch or numpy called *name*, an empty one where it is not loaded."""
    return sys.modules.get(name, ModuleType(name))


def first_line_of(error: BaseException) -> str:
    """Return the first line of what *error* says."""
    try:
        return next(iter(str(error).strip().splitlines()), "")[:300]
    except BaseException:  # its __str__ is the stranger's too
        return ""


def place_of_error(error: BaseException, taken: Taken) -> str:
    """Return ``cell 3, line 7: `` for the innermost line of the hand-in that *error* came through, or nothing."""
    # The innermost line of theirs: the last frames are torch's, of which an author can change nothing.
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(HANDED_IN)]
    if not frames or frames[-1].lineno is None:
        return ""
    file = frames[-1].filename.removeprefix(HANDED_IN)
    piece = next((each for each in taken.pieces if each.file == file), None)
    if piece is None:
        return ""
    other = "" if piece.name == taken.main else f"{file}, "
    return f"{other}{place_in(piece.cells, frames[-1].lineno)}: "


def made(taken: Taken, module: ModuleType) -> nn.Module:
    """Return the network that *taken* stands for, made with the names of its loaded *module*."""
    make = taken.make or (_found_in(module, taken.none_read) if taken.whole else "")
    try:
        thing = evaluated(make, module)
    except NameError as error:
        if not taken.whole or not make.isidentifier():
            raise
        raise NotTakenError(f'the file has no "{make}" when it has been run', author=True) from error
    if isinstance(thing, StandIn):
        thing()  # says what is missing
    if not isinstance(thing, nn.Module) and callable(thing) and taken.whole:
        thing = thing()
    if not isinstance(thing, nn.Module) and type(thing).__name__ in BUILT_ON:
        raise NotHereError(missing(BUILT_ON[type(thing).__name__]))
    if not isinstance(thing, nn.Module):
        raise UsageError(f"{make} gives {type(thing).__name__} – an nn.Module, or what makes one, is needed")
    return thing


def _found_in(module: ModuleType, none_read: str) -> str:
    """Return the network that a file has when it was run: its only class, or the one that is called as is usual.

    *none_read* is why its text alone shows none.
    """
    classes = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
    ]
    if len(classes) == 1:
        return classes[0]
    usual = next((name for name in USUAL if name in classes), "")
    if not usual:
        there = (
            f"found {', '.join(classes)}: the file alone does not say which network"
            if classes
            else none_read or "no network was found in it"
        )
        raise NotTakenError(there, author=False)
    return usual


def not_compiled(network: nn.Module) -> nn.Module:
    """Return the network that ``torch.compile`` or ``DataParallel`` was given; it computes the same, and can be followed."""
    kind = type(network).__name__
    inner = getattr(network, {"OptimizedModule": "_orig_mod", "DataParallel": "module"}.get(kind, ""), None)
    return inner if isinstance(inner, nn.Module) else network


def scores_alone(network: nn.Module, images: Tensor) -> bool:
    """Let *network* answer with the first part of a tuple where that holds the scores; return whether it was so."""
    try:
        with torch.no_grad():
            # Contiguous, because authors write `view`, and a normalised crop of a larger tensor would break it through
            # no fault of theirs.
            output = network.eval()(normalise(images).contiguous())
    except Exception:
        return False  # what is wrong is said where its answers are asked for
    finally:
        network.train()
    # Some networks answer (scores, features); the scores are first, by habit, and have ten columns.
    first = output[0] if isinstance(output, tuple | list) and output else None
    if not isinstance(first, Tensor) or first.shape != (len(images), CLASSES):
        return False
    whole = network.forward
    network.forward = lambda *given: whole(*given)[0]
    return True


def answer_of(network: nn.Module, images: Tensor) -> Tensor:
    """Return what *network* answers to *images*; raise `UsageError` with the layer at fault where it cannot."""
    name = type(network).__name__
    try:
        with torch.no_grad():
            output = network(images)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        if asks_for_gpu(error):
            raise
        try:
            check_classes(network, batch=16, name=name)  # says which layer, and what did not fit
        except HandgradError as explained:
            raise UsageError(f"{explained} – {FED}") from error
        raise
    if not isinstance(output, Tensor):
        raise UsageError(f"{name} returns a {type(output).__name__} – a tensor [{len(images)}, 10] is needed")
    # `view(-1, n)` with a wrong n changes the number of rows, and would pass for answers to other images.
    if output.dim() and len(output) != len(images):
        raise UsageError(
            f"{len(images)} images come out as {len(output)} rows: a view or reshape does not keep one row per "
            f"image – {FED}"
        )
    return output


def give_lazy_layers_their_weights(network: nn.Module, images: Tensor) -> None:
    """Show *network* one batch where it has layers that wait for one before they make their weights."""
    parameters, buffers = weights_of(network)
    # Only then: a pass that nobody asked for would move the statistics of a network that has them already.
    if any(is_lazy(each) for each in [*parameters.values(), *buffers.values()]):
        with torch.no_grad():
            network.eval()(normalise(images).contiguous())
        network.train()


def unused_modules(network: nn.Module, images: Tensor) -> list[str]:
    """Return the paths of the layers of *network* that a pass never calls; for explanation only."""
    called: set[str] = set()

    def note(path: str, *_: object) -> None:
        called.add(path)

    if any(isinstance(module, torch.jit.ScriptModule) for module in network.modules()):
        return []  # they take no hooks
    hooks = [module.register_forward_hook(partial(note, path)) for path, module in network.named_modules()]
    with torch.no_grad():
        network(normalise(images).contiguous())
    for hook in hooks:
        hook.remove()
    leaves = [path for path, module in network.named_modules() if path and not list(module.children())]
    return [path for path in leaves if path not in called][:100]
