"""Which branches of a program are never taken, as far as its text says: where ``--model`` is lenet by default, vgg is not."""

from __future__ import annotations

import ast
from collections import Counter

from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.values import UnreadError, Value, Values

PLAIN = ("lower", "upper", "strip")
"""Methods of texts that conditions are written with."""


class Branches:
    """The conditions of one file, and what decides them."""

    def __init__(self, source: Source) -> None:
        nodes = list(ast.walk(source.tree))
        self.forks = [node for node in nodes if isinstance(node, ast.If | ast.IfExp)]
        self.values = Values(source)
        self.given = Counter(
            dotted(node)
            for node in nodes
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)
        )

    def skips(self, call: ast.Call) -> bool:
        """Whether *call* stands in a branch that is never taken; False where that cannot be told."""
        for fork in self.forks:
            inside = [branch for branch, body in ((True, fork.body), (False, fork.orelse)) if _holds(body, call)]
            # Neither: it is the condition itself that holds the call, or the fork stands elsewhere.
            if inside and self.truth(fork.test) == (not inside[0]):
                return True
        return False

    def truth(self, test: ast.expr) -> bool | None:
        """Return whether the condition *test* holds, None where its text does not say."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.truth(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            parts, decides = [self.truth(each) for each in test.values], isinstance(test.op, ast.Or)
            if decides in parts:
                return decides
            return None if None in parts else not decides
        try:
            if not isinstance(test, ast.Compare):
                return bool(self._value(test))
            if len(test.ops) != 1:
                return None
            left, right = self._value(test.left), self._value(test.comparators[0])
            return _compared(test.ops[0], left, right)
        except (UnreadError, TypeError):
            return None

    def _value(self, node: ast.expr) -> Value:
        """Return the value of one side of a condition. Raises `UnreadError`, also for a name that gets several values."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PLAIN:
            text = self._value(node.func.value)
            if node.args or not isinstance(text, str):
                raise UnreadError
            return getattr(text, node.func.attr)()
        for each in ast.walk(node):
            # A loop or a later line may give it another value than the one that was read.
            if isinstance(each, ast.Name | ast.Attribute) and self.given[dotted(each)] > 1:
                raise UnreadError
        return self.values.of(node)


def _holds(body: ast.expr | list[ast.stmt], call: ast.Call) -> bool:
    """Whether *call* stands in *body*, the branch of a statement or of an expression."""
    parts = body if isinstance(body, list) else [body]
    return any(each is call for part in parts for each in ast.walk(part))


def _compared(sign: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Return what ``left sign right`` gives, None for signs that no name of a network is compared with."""
    if isinstance(sign, ast.Eq | ast.Is):
        return bool(left == right)
    if isinstance(sign, ast.NotEq | ast.IsNot):
        return bool(left != right)
    if isinstance(sign, ast.In | ast.NotIn):
        return bool(left in right) == isinstance(sign, ast.In)
    return None
