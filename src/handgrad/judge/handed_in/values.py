"""What the names of a module stand for, where that is written out in its text; nothing is run."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source

Value = Any
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


LONGEST_CHAIN = 4
"""Names that stand for one another: ``run(CFG)``, ``def run(cfg)``, ``options = cfg``."""


class UnreadError(Exception):
    """A value that is not written out."""


class Values:
    """What the names of a module stand for, where that is written out; the last assignment counts."""

    def __init__(self, source: Source) -> None:
        self.given: dict[str, ast.expr] = {}
        calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
        # What is less certain first, so that an assignment wins: a default, an argument of a call, a command line's default.
        owners = {
            id(each): node.name
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef)
            for each in node.body
        }
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef):
                # What calls a class calls its __init__, which has ``self`` before all that is given.
                begins = node.name == "__init__" and id(node) in owners
                called = owners[id(node)] if begins else node.name
                self.given |= _parameters(node, calls, called, int(id(node) in owners))
            elif isinstance(node, ast.ClassDef):
                self.given |= _attributes(node)
        self.given |= _command_line(source.tree, calls)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                self._assigned(node.targets[0], node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._assigned(node.target, node.value)

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        """Note what an assignment gives, each name of ``a, b = 1, 2`` by itself."""
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for each, part in zip(target.elts, value.elts, strict=True):
                self._assigned(each, part)
        name = dotted(target)
        # ``lr = lr`` and ``self.lr = lr`` in a class of settings say nothing new.
        if name and dotted(value) != name:
            self.given[name] = value

    # A depth that no honest setting reaches, against names that stand for each other.
    def of(self, node: ast.expr | None, depth: int = 8) -> Value:
        """Return the value of *node*: numbers, texts, lists, tables, and arithmetic on them. Raises `UnreadError`."""
        if node is None or not depth:
            raise UnreadError
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name | ast.Attribute):
            return self.of(self.given.get(dotted(node)), depth - 1)
        if isinstance(node, ast.Call) and dotted(node.func) in ("int", "float") and len(node.args) == 1:
            return self._number(node.args[0], depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._number(node.operand, depth)
        if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            left, right = self._number(node.left, depth), self._number(node.right, depth)
            if isinstance(node.op, ast.Div | ast.FloorDiv) and not right:
                raise UnreadError
            return ARITHMETIC[type(node.op)](left, right)
        if isinstance(node, ast.List | ast.Tuple):
            return [self.of(each, depth - 1) for each in node.elts]
        if isinstance(node, ast.IfExp):
            # ``dict(batch_size=128, …) if cuda else dict(…)``: the author trained on the first.
            return self.of(node.body, depth - 1)
        if isinstance(node, ast.Subscript):
            return self._part(node, depth)
        raise UnreadError

    def _number(self, node: ast.expr, depth: int) -> float:
        value = self.of(node, depth - 1)
        # Bounded, because products of products grow without end; powers are left out for the same reason.
        if not isinstance(value, int | float) or abs(value) > 1e12:
            raise UnreadError
        return value

    def _part(self, node: ast.Subscript, depth: int) -> Value:
        """Return ``args["lr"]`` of a table that is written out."""
        key = self.of(node.slice, depth - 1)
        for name, value in self.table(node.value).items():
            if name == key:
                return self.of(value, depth - 1)
        raise UnreadError

    def table(self, node: ast.expr | None) -> dict[str, ast.expr]:
        """Return the entries of a table: ``{"lr": 0.1}``, ``dict(lr=0.1)``, a name of one."""
        for _ in range(LONGEST_CHAIN):
            if isinstance(node, ast.Name | ast.Attribute):
                node = self.given.get(dotted(node))
        if isinstance(node, ast.IfExp):
            node = node.body
        if isinstance(node, ast.Dict):
            return {
                str(key.value): value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
        if isinstance(node, ast.Call) and dotted(node.func) == "dict":
            return {each.arg: each.value for each in node.keywords if each.arg}
        return {}


def _parameters(function: ast.FunctionDef, calls: list[ast.Call], called: str, first: int) -> dict[str, ast.expr]:
    """Return the defaults of a function's parameters, and what the last call of it, as *called*, gives them instead.

    The *first* parameters are not given by who calls it.
    """
    arguments = function.args
    names = [each.arg for each in [*arguments.posonlyargs, *arguments.args]][first:]
    found = dict(zip(names[len(names) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found |= {each.arg: value for each, value in pairs if value is not None}
    own = [node for node in calls if dotted(node.func).rpartition(".")[2] == called]
    if own:
        last = max(own, key=lambda node: node.lineno)
        given = dict(zip(names, last.args, strict=False)) | {each.arg: each.value for each in last.keywords if each.arg}
        # Of ``run(lr)`` inside another function called with ``lr`` nothing is learned.
        found |= {name: value for name, value in given.items() if dotted(value) != name}
    return found


def _attributes(node: ast.ClassDef) -> dict[str, ast.expr]:
    """Return ``Config.lr`` for the settings that a class holds; also as ``config.lr``, as its instance is mostly called."""
    found: dict[str, ast.expr] = {}
    for each in node.body:
        target = each.targets[0] if isinstance(each, ast.Assign) else getattr(each, "target", None)
        value = getattr(each, "value", None)
        if isinstance(each, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and value is not None:
            found |= {f"{called}.{target.id}": value for called in (node.name, node.name.lower(), "cfg", "self")}
    return found


def _command_line(tree: ast.Module, calls: list[ast.Call]) -> dict[str, ast.expr]:
    """Return ``args.lr`` for the defaults of a command line that is described by ``add_argument``."""
    parsed = [
        dotted(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if dotted(node.value.func).rpartition(".")[2] in ("parse_args", "parse_known_args")
    ]
    found: dict[str, ast.expr] = {}
    for call in calls:
        default = next((each.value for each in call.keywords if each.arg == "default"), None)
        if dotted(call.func).rpartition(".")[2] != "add_argument" or default is None:
            continue
        flags = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        long = next((each for each in flags if each.startswith("--")), flags[0] if flags else "")
        name = long.lstrip("-").replace("-", "_")
        found |= {f"{called}.{name}": default for called in {*parsed, "args", "opt"} if name}
    return found
