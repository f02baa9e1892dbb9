"""Where a hand-in builds its networks, with which arguments, and which of them it trains."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from handgrad.judge.handed_in.candidates import Candidate, made_in
from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source

TRAINS = re.compile(r"train|fit|optim|sgd|adam|rmsprop|backward|learn", re.IGNORECASE)
SHOWS = re.compile(r"summary|print|plot|draw|visuali|make_dot|draw_graph|count_param", re.IGNORECASE)


@dataclass
class Build:
    """One call that makes a network: as it stands, with what is known of the names in it."""

    candidate: Candidate
    call: ast.Call
    source: Source
    variable: str = ""
    trained: bool = False
    shown: bool = False
    local: dict[str, ast.expr] = field(default_factory=dict)
    """Values of names that are bound inside the function in which it stands."""
    unclear: set[str] = field(default_factory=set)
    """Names of that function whose values are not written there."""

    @property
    def line(self) -> int:
        """The line on which it stands."""
        return self.call.lineno

    def expression(self) -> ast.Call:
        """Return the call with the values of local names in their places."""
        return _Replaced(self.local).visit(ast.parse(ast.unparse(self.call), mode="eval").body)  # type: ignore[no-any-return]


class _Replaced(ast.NodeTransformer):
    """Puts values in the places of names."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return what stands for *node*."""
        return self.values.get(node.id, node)


def builds_in(source: Source, found: dict[str, Candidate]) -> list[Build]:
    """Return the builds in *source* of the networks in *found*, in the order of the file; not those inside networks."""
    builds: list[Build] = []
    inside = {id(each.node) for each in found.values() if each.kind != "value"}
    for statement in source.tree.body:
        if id(statement) not in inside:
            builds += _in_scope(statement, source, found, inside)
    return sorted(builds, key=lambda each: (each.call.lineno, each.call.col_offset))


def _in_scope(
    node: ast.stmt, source: Source, found: dict[str, Candidate], inside: set[int], around: ast.AST | None = None
) -> Iterator[Build]:
    """Return the builds in *node*, whose names belong to the function *around* where there is one."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = node if not isinstance(node, ast.ClassDef) else around
        for each in node.body:
            if id(each) not in inside:
                yield from _in_scope(each, source, found, inside, scope)
        return
    for call in _calls_here(node):
        candidate = found.get(dotted(call.func))
        if candidate is not None and candidate.kind != "value":
            build = Build(candidate, call, source)
            build.variable = _assigned(node, call)
            _judge_use(build, node, around or source.tree)
            if around is not None:
                build.local, build.unclear = _locals(around)
            yield build
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _in_scope(child, source, found, inside, around)


def _calls_here(node: ast.AST) -> Iterator[ast.Call]:
    """Return the calls in *node*, but not those in functions and classes defined in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls_here(child)


def _assigned(statement: ast.stmt, call: ast.Call) -> str:
    """Return the variable or attribute that *call*'s network is given to somewhere in *statement*, "" for none."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and made_in(node.value) is call:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            return dotted(target)
    return ""


def _judge_use(build: Build, statement: ast.stmt, scope: ast.AST) -> None:
    """Find out what the built network is used for: training, or showing alone."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and node is not build.call and any(each is build.call for each in ast.walk(node)):
            name = dotted(node.func)
            build.trained = build.trained or bool(TRAINS.search(name.rpartition(".")[2]))
            build.shown = build.shown or bool(SHOWS.search(name.rpartition(".")[2]))
    if not build.variable:
        return
    end = _next_binding(scope, build)
    for node in ast.walk(scope):
        if not isinstance(node, ast.Call) or not build.line <= node.lineno < end:
            continue
        name = dotted(node.func)
        given = [*node.args, *(each.value for each in node.keywords)]
        passed = any(dotted(each) == build.variable for each in given)
        passed = passed or any(dotted(each).startswith(f"{build.variable}.") for arg in given for each in ast.walk(arg))
        own = name.startswith(f"{build.variable}.") and name.rpartition(".")[2] in ("train", "parameters", "fit")
        if own or (passed and TRAINS.search(name)):
            build.trained = True


def _next_binding(scope: ast.AST, build: Build) -> float:
    """Return the line where the variable of *build* gets another value."""
    later = [
        node.lineno
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and node.lineno > build.line
        and build.variable in [dotted(target) for target in node.targets]
        and made_in(node.value) is not None
        and made_in(node.value) is not build.call
    ]
    return min(later, default=float("inf"))


def _locals(function: ast.AST) -> tuple[dict[str, ast.expr], set[str]]:
    """Return the names of *function* that get one value, a literal, and those whose value is not told there."""
    bound = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    bound += [node.arg for node in ast.walk(function) if isinstance(node, ast.arg)]
    known = {
        node.targets[0].id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_literal(node.value)
        if bound.count(node.targets[0].id) == 1
    }
    return known, set(bound) - set(known)


def _is_literal(value: ast.expr) -> bool:
    """Whether *value* is written out."""
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
