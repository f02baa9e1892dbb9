"""The arguments that a network is built with, written out: what names of functions, classes and command lines stand for."""

from __future__ import annotations

import ast
from collections import Counter

from handgrad.judge.handed_in.builds import Build
from handgrad.judge.handed_in.names import bound_by, dotted, harmless, used_by
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.values import UnreadError, Values


def settled(build: Build, source: Source) -> tuple[ast.Call, list[str]]:
    """Return the call of *build* as it can be made here, and the names in it whose values are not known."""
    names = build.unclear | _bound_where_nothing_runs(source)
    call = _written_out(build, source, names)
    left = used_by(call) & names
    # What the text does not show may be made all the same, where the caller's names are those of the module.
    if left and left <= set(build.passed):
        return build.expression(passed=True), []
    return call, sorted(left)


def _bound_where_nothing_runs(source: Source) -> set[str]:
    """Return the names that get their values below ``if __name__ == "__main__"`` alone, or in loops that train."""
    body = source.tree.body
    run = {name for each in body if harmless(each) for name in bound_by(each)}
    return {name for each in body if not harmless(each) for name in bound_by(each)} - run


def _written_out(build: Build, source: Source, unclear: set[str]) -> ast.Call:
    """Return the call of *build* with the values of *unclear* names in its arguments, where the text shows one alone."""
    call, values = build.expression(), Values(source)
    once = _bound_once(source, build.call)

    def read(given: ast.expr) -> ast.expr:
        asked = used_by(ast.Expr(given)) & unclear
        places = {dotted(node) for node in ast.walk(given) if isinstance(node, ast.Name | ast.Attribute)}
        if not asked or not all(name in once or any(f"{name}." in place for place in places & once) for name in asked):
            return given
        try:
            return ast.parse(repr(values.of(given)), mode="eval").body
        except (UnreadError, SyntaxError):
            return given

    keywords = [ast.keyword(each.arg, read(each.value)) for each in call.keywords]
    return ast.Call(call.func, [read(each) for each in call.args], keywords)


def _bound_once(source: Source, call: ast.Call) -> set[str]:
    """Return the names and attributes that *source* gives a value in one place alone, as far as *call* can see them.

    A parameter counts where it is one of the function that *call* stands in; the network's own may be called the same.
    """
    nodes = list(ast.walk(source.tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = {
        node.arg
        for each in functions
        if call in ast.walk(each)
        for node in ast.walk(each.args)
        if isinstance(node, ast.arg)
    }
    given = Counter(node.arg for node in nodes if isinstance(node, ast.arg) and node.arg in around)
    given += Counter(
        dotted(node)
        for node in nodes
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store) and dotted(node)
    )
    return {name for name, count in given.items() if count == 1}
