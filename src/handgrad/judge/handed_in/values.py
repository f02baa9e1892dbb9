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


class UnreadError(Exception):
    """A value that is not written out."""


class Values:
    """What the names of a module stand for, where that is written out; the last assignment counts."""

    def __init__(self, source: Source) -> None:
        self.given: dict[str, ast.expr] = {}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                name = dotted(node.targets[0])
                if name:
                    self.given[name] = node.value

    def of(self, node: ast.expr | None, depth: int = 8) -> Value:
        """Return the value of *node*: numbers, texts, lists, tables, and arithmetic on them. Raises `UnreadError`."""
        if node is None or not depth:
            raise UnreadError
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name | ast.Attribute):
            return self.of(self.given.get(dotted(node)), depth - 1)
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
