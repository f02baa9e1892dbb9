"""Where a hand-in builds its networks, with which arguments, and which of them it trains."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from handgrad.judge.handed_in.around import replaced, values_around
from handgrad.judge.handed_in.branches import Branches
from handgrad.judge.handed_in.candidates import Candidate, made_in, unwrapped
from handgrad.judge.handed_in.indirect import Reached, reached
from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source

# Parts of names, because people call it train, train_model, fit_one_cycle, do_training; a false hit only breaks a tie.
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
    """Values of names that are bound by the function or loop in which it stands."""
    unclear: set[str] = field(default_factory=set)
    """Names of them whose values are not written out."""
    passed: dict[str, ast.expr] = field(default_factory=dict)
    """What a caller gives for such names, where that is nothing written out but can be made in the same module."""
    callee: str = ""
    """What to call instead, where the call names the network by a string: its name, or a table of those that it may name."""
    among: tuple[Candidate, ...] = ()
    """The networks in that table."""

    @property
    def line(self) -> int:
        """The line on which it stands."""
        return self.call.lineno

    def expression(self, passed: bool = False) -> ast.Call:
        """Return the call with the values of local names in their places, also of those that are *passed* from a caller."""
        func = ast.parse(self.callee, mode="eval").body if self.callee else self.call.func
        values = (self.passed if passed else {}) | self.local
        made = replaced(ast.Call(func, self.call.args, self.call.keywords), values)
        assert isinstance(made, ast.Call)
        return made

    def told(self, made: ast.Call) -> str:
        """Return the call *made* of it as a reader of the file knows it."""
        func = self.call.func if self.among else made.func
        return ast.unparse(ast.Call(func, made.args, made.keywords))


def builds_in(source: Source, found: dict[str, Candidate], caller: Source | None = None) -> list[Build]:
    """Return the builds in *source* of the networks in *found*, in the order of the file; not those inside networks.

    *caller* is the file that calls the functions of *source*, where that is another one.
    """
    # By identity: two classes of one name, an earlier and a later one, are different nodes.
    inside = {id(each.node) for each in found.values() if each.kind != "value"}
    search = _Search(source, found, inside, caller or source)
    builds = [each for node in source.tree.body if id(node) not in inside for each in search.below(node, None)]
    # Most files build nothing, and then nothing has to be decided.
    if not builds:
        return []
    branches = Branches(source)
    # All of them, where each is skipped: a program that builds nothing as it stands is started with other settings.
    builds = [each for each in builds if not branches.skips(each.call)] or builds
    return sorted(builds, key=lambda each: (each.call.lineno, each.call.col_offset))


@dataclass(frozen=True)
class _Search:
    """The search through one file."""

    source: Source
    found: dict[str, Candidate]
    inside: set[int]
    """The definitions of networks, which are not looked into."""
    caller: Source

    def below(self, node: ast.stmt, around: ast.AST | None) -> Iterator[Build]:
        """Return the builds in *node*, whose names belong to the function *around* where there is one."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # A class has no scope that its methods' names belong to.
            scope = node if not isinstance(node, ast.ClassDef) else around
            for each in node.body:
                if id(each) not in self.inside:
                    yield from self.below(each, scope)
            return
        for call, made in self._made_in(node):
            build = Build(made.candidate, call, self.source, callee=made.callee, among=made.among)
            build.variable = _assigned(node, call)
            _judge_use(build, node, around or self.source.tree)
            build.local, build.unclear, build.passed = values_around(call, self.source, around, self.caller)
            yield build
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from self.below(child, around)

    def _made_in(self, node: ast.stmt) -> Iterator[tuple[ast.Call, Reached]]:
        """Return the calls in *node* that make a network, each with the one that it makes.

        What ``model = nn.Sequential(…)`` is given are parts of that network, none of their own.
        """
        value = next((each for each in self.found.values() if each.kind == "value" and each.node is node), None)
        call = made_in(node.value) if value is not None and isinstance(node, ast.Assign) else None
        if value is not None and call is not None:
            yield call, Reached(value)
            return
        for call in _calls_here(node):
            candidate = self.found.get(dotted(call.func))
            if candidate is not None and candidate.kind != "value":
                yield call, Reached(candidate)
            elif candidate is None and (made := reached(call.func, self.source, self.found)) is not None:
                yield call, made


def _calls_here(node: ast.AST) -> Iterator[ast.Call]:
    """Return the calls in *node*, but not those in functions and classes defined in it, nor in a lambda that gets a name."""
    named = isinstance(node, ast.Assign | ast.AnnAssign | ast.Dict)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        # It makes its network where it is called.
        if named and isinstance(child, ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls_here(child)


def _assigned(statement: ast.stmt, call: ast.Call) -> str:
    """Return the variable or attribute that *call*'s network is given to somewhere in *statement*, "" for none."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and call in _made_by(node.value):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            return dotted(target)
    return ""


def _made_by(value: ast.expr) -> Iterator[ast.Call]:
    """Yield the call whose network *value* is, both of ``A() if small else B()``."""
    inner = unwrapped(value)
    if isinstance(inner, ast.IfExp):
        yield from _made_by(inner.body)
        yield from _made_by(inner.orelse)
    elif isinstance(inner, ast.Call):
        yield inner


def _judge_use(build: Build, statement: ast.stmt, scope: ast.AST) -> None:
    """Find out what the built network is used for: training, or showing alone."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and node is not build.call and any(each is build.call for each in ast.walk(node)):
            name = dotted(node.func)
            # Handed straight on: `train(Net(), loader)` never gives it a name.
            build.trained = build.trained or bool(TRAINS.search(name.rpartition(".")[2]))
            build.shown = build.shown or bool(SHOWS.search(name.rpartition(".")[2]))
    if not build.variable:
        return
    # Until the name gets another network: what is trained below that line is not this one.
    end = _next_binding(scope, build)
    for node in ast.walk(scope):
        if not isinstance(node, ast.Call) or not build.line <= node.lineno < end:
            continue
        name = dotted(node.func)
        given = [*node.args, *(each.value for each in node.keywords)]
        passed = any(dotted(each) == build.variable for each in given)
        passed = passed or any(dotted(each).startswith(f"{build.variable}.") for arg in given for each in ast.walk(arg))
        # `.parameters()` is what an optimizer is given, and nothing else asks a network for them in a training program.
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
        # `model = Net().to(device)` a line below `model = Net()` is one more line of the same network's.
        and made_in(node.value) is not build.call
    ]
    return min(later, default=float("inf"))
