"""Calls that make a network under another name: an alias, a partial, a table of classes, a lambda, a class method."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handgrad.judge.handed_in.candidates import Candidate
from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.values import UnreadError, Values

# A name for a name for a name; more is a circle.
DEEPEST = 5
TABLES = ("globals", "vars", "locals")


@dataclass(frozen=True)
class Reached:
    """The network that a call makes, and what to call for it where the text of the call says it by a string ("" elsewhere)."""

    candidate: Candidate
    callee: str = ""
    among: tuple[Candidate, ...] = ()
    """Those that a key may name, where the text does not show which."""


def reached(called: ast.expr, source: Source, found: Mapping[str, Candidate]) -> Reached | None:
    """Return which of the networks in *found* the expression *called* is a maker of, None where it is none.

    An instance is no maker: ``nets["a"](x)`` asks a network that is there already.
    """
    if isinstance(called, ast.Attribute):
        made = _class_method(called, found)
        return Reached(made) if made is not None else None
    if isinstance(called, ast.Subscript):
        return _from_table(called, source, found)
    if isinstance(called, ast.Call) and called.args:
        first, called_by = called.args[0], dotted(called.func)
        if called_by == "getattr" and len(called.args) > 1:
            return _of_module(first, called.args[1], source, found)
        if called_by == "eval":
            return _by_string(first, "", found) or _by_key(first, source, _without_module(found))
        if isinstance(called.func, ast.Attribute) and called.func.attr == "get":
            return _from_table(ast.Subscript(called.func.value, first, ast.Load()), source, found)
    # The name itself is looked up by whoever asks; here it stands for another.
    maker = next(_makers(called, source, found, 0), None)
    return Reached(maker) if maker is not None else None


def _makers(value: ast.expr, source: Source, found: Mapping[str, Candidate], depth: int) -> Iterator[Candidate]:
    """Yield the networks that *value* is a maker of, or holds makers of."""
    if depth > DEEPEST:
        return
    name = dotted(value)
    if name in found:
        if found[name].kind != "value":
            yield found[name]
    elif isinstance(value, ast.Name):
        for bound in _bound_to(value.id, source):
            yield from _makers(bound, source, found, depth + 1)
    elif isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] == "partial" and value.args:
        yield from _makers(value.args[0], source, found, depth + 1)
    elif isinstance(value, ast.Lambda):
        for node in ast.walk(value.body):
            if isinstance(node, ast.Call):
                yield from _makers(node.func, source, found, depth + 1)
    elif isinstance(value, ast.Dict | ast.List | ast.Tuple):
        for each in value.values if isinstance(value, ast.Dict) else value.elts:
            yield from _makers(each, source, found, depth + 1)
    elif isinstance(value, ast.Call) and dotted(value.func) == "dict":
        for keyword in value.keywords:
            yield from _makers(keyword.value, source, found, depth + 1)


def _bound_to(name: str, source: Source) -> Iterator[ast.expr]:
    """Yield the last value that the module gives *name*, if it gives it one."""
    given = [
        node.value
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value is not None
        and name in [dotted(each) for each in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    ]
    yield from given[-1:]


def _class_method(called: ast.Attribute, found: Mapping[str, Candidate]) -> Candidate | None:
    """Return the network of ``Net.small``, where that is a method of the class itself which makes one of the class."""
    candidate = found.get(dotted(called.value))
    if candidate is None or not isinstance(candidate.node, ast.ClassDef):
        return None
    for node in candidate.node.body:
        if isinstance(node, ast.FunctionDef) and node.name == called.attr:
            marks = {dotted(each) for each in node.decorator_list}
            # ``cls(12)`` in a class method; others describe the class, or count something.
            makes = {candidate.node.name} | {each.arg for each in node.args.args[:1] if "classmethod" in marks}
            calls = [dotted(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)]
            return candidate if marks & {"classmethod", "staticmethod"} and makes & {*calls} else None
    return None


def _from_table(called: ast.Subscript, source: Source, found: Mapping[str, Candidate]) -> Reached | None:
    """Return the network of ``MODELS["small"]`` or ``globals()["Net"]``."""
    if isinstance(called.value, ast.Call) and dotted(called.value.func) in TABLES:
        return _by_string(called.slice, "", found) or _by_key(called.slice, source, _without_module(found))
    written = _entry(called, source)
    maker = next(_makers(called.value if written is None else written, source, found, 0), None)
    if maker is not None:
        return Reached(maker)
    empty = [each for each in _bound_to(dotted(called.value), source) if isinstance(each, ast.Dict) and not each.keys]
    return _by_string(called.slice, "", _registered(found)) if empty else None


def _of_module(owner: ast.expr, key: ast.expr, source: Source, found: Mapping[str, Candidate]) -> Reached | None:
    """Return the network of ``getattr(models, key)``, None where *owner* is no module of the hand-in: an optimizer, a layer."""
    if isinstance(owner, ast.Subscript) and dotted(owner.value) == "sys.modules":
        return _by_string(key, "", found) or _by_key(key, source, _without_module(found))
    # A module under a name of its own: ``models = lenet if small else wide``.
    named = {dotted(node) for each in (owner, *_bound_to(dotted(owner), source)) for node in ast.walk(each)} - {""}
    inside = {name: each for name, each in found.items() if name.rpartition(".")[0] in named}
    return _by_string(key, dotted(owner), found) or _by_key(key, source, inside)


def _without_module(found: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """Return the networks that the file knows by a name of its own."""
    return {name: each for name, each in found.items() if "." not in name}


def _by_key(key: ast.expr, source: Source, found: Mapping[str, Candidate]) -> Reached | None:
    """Return the network that the value of *key* names, where that only shows when the program runs: ``config["type"]``."""
    makers = {name: each for name, each in found.items() if each.kind != "value"}
    if isinstance(key, ast.Constant) or not makers:
        return None
    # A table, so that what it may name is taken along and is there when the key is known.
    entries = ", ".join(f"{name.rpartition('.')[2]!r}: {name}" for name in makers)
    callee = f"{{{entries}}}[{ast.unparse(key)}]"
    try:
        named = Values(source).of(key)
    except UnreadError:
        named = ""
    meant = [each for name, each in makers.items() if name.rpartition(".")[2] == named]
    among = tuple(makers.values())
    return Reached((meant or among)[0], callee, among)


def _entry(called: ast.Subscript, source: Source) -> ast.expr | None:
    """Return the entry of ``{"small": Net, "big": Wide}["big"]``, None where the table or the key is not written out."""
    tables = [called.value, *_bound_to(dotted(called.value), source)]
    for table in tables:
        if isinstance(table, ast.Dict) and isinstance(called.slice, ast.Constant):
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == called.slice.value:
                    return value
    return None


def _registered(found: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """Return the classes that a decorator may have put into a table, under their names."""
    return {
        name: each
        for name, each in found.items()
        if isinstance(each.node, ast.ClassDef | ast.FunctionDef) and each.node.decorator_list
    }


def _by_string(text: ast.expr, module: str, found: Mapping[str, Candidate]) -> Reached | None:
    """Return the network that a string names, in capital or in small letters."""
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return None
    known = {name.casefold(): name for name in found}
    for name in (f"{module}.{text.value}", text.value):
        if name.casefold() in known:
            spelled = known[name.casefold()]
            return Reached(found[spelled], spelled)
    return None
