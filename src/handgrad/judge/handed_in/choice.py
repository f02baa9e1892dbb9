"""Which network of a hand-in is judged: the one asked for, the only one, or the one that the file builds and trains last."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from handgrad.judge.handed_in.builds import Build, builds_in
from handgrad.judge.handed_in.candidates import Candidate, candidates_in, needed_arguments, roots
from handgrad.judge.handed_in.names import bound_by, dotted, harmless, root_of
from handgrad.judge.handed_in.none_found import listed, missing, nothing
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.records import NotTakenError
from handgrad.judge.handed_in.written_out import settled
from handgrad.text import and_joined

FORKS = ast.If | ast.IfExp | ast.Try | ast.Match
# What tutorials call the network that counts, where a file holds several.
USUAL = ("Net", "Network", "Model")


@dataclass(frozen=True)
class Choice:
    """The network to be judged: the expression that makes it in the main file, and why this one, in words."""

    make: ast.expr
    why: str = ""
    candidate: Candidate | None = None
    source: Source | None = None
    """The module whose names make it, None for the main one."""
    among: tuple[Candidate, ...] = ()
    """Those that the expression may make, where only running it shows which."""


def choose(project: Project, wanted: str) -> Choice:
    """Return the network *wanted* (``Net``, ``Net('bn', dropout=0.1)``), or the one that is meant where nothing is said.

    Raises `NotTakenError` where it cannot be told, which is nobody's fault, or where the needed part does not parse.
    """
    source = project.main
    found = candidates_in(project, source)
    builds = builds_in(source, found)
    if wanted:
        return _wanted(source, wanted, found, builds)
    alone = roots({name: each for name, each in found.items() if "." not in name} or found)
    # What is only a part of another network is not meant, nor a bare value beside networks that nothing builds.
    builds = [each for each in builds if each.candidate.kind != "value" or each.candidate.name in alone]
    # What the file itself does comes first, then what it imports, and names only when nothing is built: a name can
    # deceive.
    meant = _trained_last(builds)
    if meant is not None and (meant.candidate.kind != "value" or meant.trained or len(alone) == 1):
        return _by_build(meant, builds, source, found)
    other = _in_another_file(project, found)
    if other is not None:
        return other
    _raise_not_there(project)
    if not found:
        raise nothing(project, source)
    own = {name: each for name, each in found.items() if each.source is source}
    # Its own before those it imports: a file that defines a network and imports a library of models means its own.
    alone = roots({name: each for name, each in (own or found).items() if "." not in name} or found)
    # Not in a notebook, whose cells are steps of one work: which of them counts is asked rather than guessed by a name.
    if len(alone) > 1 and not source.cells:
        alone = {name: each for name, each in alone.items() if name in USUAL and _only_usual(name, alone)} or alone
    needs = len(alone) > 1 or bool(needed_arguments(next(iter(alone.values()))))
    beside = _built_beside(project, alone, needed=needs)
    if beside is not None:
        return beside
    if len(alone) > 1:
        raise NotTakenError(
            f"{source.file} holds several networks and builds none of them: {listed(alone, source)} – write which, as in "
            f"{source.file}:{next(iter(alone))}",
            author=False,
        )
    name, candidate = next(iter(alone.items()))
    return _bare(name, candidate, source)


def _in_another_file(project: Project, found: dict[str, Candidate]) -> Choice | None:
    """Return the network that a module which the main file imports builds and trains for it, None where none does."""
    known = {id(each.node) for each in found.values()}
    # Only modules that were asked for so far, which is to say imported; the first is the main file itself.
    for name in project.names()[1:]:
        source = project.source(name)
        there = candidates_in(project, source) if source is not None else {}
        if source is None or not there:
            continue
        builds = builds_in(source, there, project.main)
        if known:
            builds = [each for each in builds if id(each.candidate.node) in known]
        trained = [each for each in builds if each.trained]
        if trained:
            choice = _by_build(trained[-1], builds, source, there)
            why = choice.why.replace("the file", f"{source.file}, which it imports,")
            return replace(choice, source=source, why=why)
    return None


def _built_beside(project: Project, alone: dict[str, Candidate], *, needed: bool) -> Choice | None:
    """Return which of the networks *alone* a program handed in beside the main file builds last, and with which arguments.

    Unless that is *needed* to make one at all, only a program that trains what it builds with arguments of its own counts.
    ``train.py`` goes with ``model.py``; tests build networks too, and are asked only where nothing else does.
    """
    wanted = {id(each.node) for each in alone.values()}
    # Stable, so that tests come last and all else keeps the order of the paths.
    files = sorted(project.files(), key=lambda each: each[1].stem.startswith("test"))
    for name, _, _ in files:
        source = project.source(name)
        if source is None or source is project.main:
            continue
        # Of these alone: a function that returns one is a place where it is built.
        known = candidates_in(project, source).items()
        builds = builds_in(source, {name: each for name, each in known if id(each.node) in wanted})
        meant = _trained_last(builds)
        # A program beside the file is only a hint: where it does not say with which arguments, the next one is asked.
        if meant is None:
            continue
        made, unclear = settled(meant, source)
        if unclear:
            continue
        if not needed and not (meant.trained and (meant.call.args or meant.call.keywords)):
            continue
        why = f"judged: {meant.told(made)}, the last that {source.file} beside it builds ({source.place(meant.line)})"
        return Choice(made, why, meant.candidate, source, meant.among)
    return None


def _raise_not_there(project: Project) -> None:
    """Raise where the main file builds a network that it imports from a file of the hand-in which has none of that name."""
    main = project.main
    called = {dotted(node.func) for node in ast.walk(main.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(main.tree):
        other = project.source(project.base_of(node, main)) if isinstance(node, ast.ImportFrom) else None
        for alias in node.names if isinstance(node, ast.ImportFrom) and other is not None else []:
            there = {name for each in other.tree.body for name in bound_by(each)} if other is not None else set()
            # A capital, as classes have: a missing helper function is found out when it is needed, with a better
            # message.
            own = (alias.asname or alias.name) in called and alias.name[:1].isupper()
            if own and alias.name not in there and other is not None and not _takes_everything(other):
                raise NotTakenError(
                    f"{main.file} builds {alias.name}, which it imports from {other.file}, and that has none – "
                    f"found {listed(candidates_in(project, other), other) or 'no network'}",
                    author=False,
                )


def _takes_everything(source: Source) -> bool:
    """Whether *source* imports everything from somewhere: then what it has cannot be told."""
    nodes = (node for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom))
    return any(alias.name == "*" for node in nodes for alias in node.names)


def _only_usual(name: str, alone: dict[str, Candidate]) -> bool:
    """Whether *name* is called as is usual and no other looks like another form of the same: Net, Net2."""
    return not any(other != name and other.startswith(USUAL) for other in alone)


def _trained_last(builds: list[Build]) -> Build | None:
    """Return the build that counts: the last one that is trained, else the last one that is not only shown."""
    trained = [each for each in builds if each.trained]
    used = [each for each in builds if not each.shown]
    # A file that ends with a summary of some other network has not trained that one.
    meant = trained or used or builds
    return meant[-1] if meant else None


def _by_build(build: Build, builds: list[Build], source: Source, found: dict[str, Candidate]) -> Choice:
    """Return the choice that *build* is; raises where an argument of it cannot be read."""
    expression, unclear = settled(build, source)
    if unclear:
        raise NotTakenError(
            f"{source.file} builds {ast.unparse(build.call)} ({source.place(build.line)}), and the value of "
            f"{and_joined(unclear)} is not written there – write what is meant, as in {source.file}:{example_of(build.call)}",
            author=False,
        )
    # Nothing is said where there is no choice: the line is for a reader who could have meant another.
    others = {each.candidate.name for each in builds} | set(roots(found))
    changed, value = _changed_afterwards(build, source), build.candidate.kind == "value"
    # ``net = net()``: the name now means the network, and the class can no longer be called by it.
    renamed = build.variable != "" and build.variable == dotted(build.call.func)
    why = ""
    forked = _is_forked(build, builds, source)
    if changed is not None or value or renamed or forked:
        if forked and changed is None:
            why = f"judged: {build.variable}, as the file decides which one it builds ({source.place(build.line)})"
        elif changed is not None and not renamed:
            why = f"judged: {build.variable} as the file builds it and changes it ({source.place(changed.lineno)})"
        elif value and sum(each.candidate.kind == "value" for each in builds) > 1:
            why = f"judged: {build.variable}, the last that the file trains ({source.place(build.line)})"
        return Choice(ast.Name(build.variable, ast.Load()), why, build.candidate)
    if len(others) > 1 or len({ast.unparse(each.expression()) for each in builds}) > 1:
        how = "trains" if build.trained else "builds"
        why = f"judged: {build.told(expression)}, the last that the file {how} ({source.place(build.line)})"
    elif expression.args or expression.keywords:
        why = f"judged: {build.told(expression)}, as the file builds it ({source.place(build.line)})"
    return Choice(expression, why, build.candidate, among=build.among)


def _is_forked(build: Build, builds: list[Build], source: Source) -> bool:
    """Whether a condition of the module decides if this build or another gets the name: ``model = A() if small else B()``."""
    for statement in source.tree.body:
        inside = set(map(id, ast.walk(statement)))
        if (
            id(build.call) in inside
            and harmless(statement)
            and not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        ):
            forks = [node for node in ast.walk(statement) if isinstance(node, FORKS) and build.call in ast.walk(node)]
            others = [each for each in builds if each.variable == build.variable and id(each.call) in inside]
            return bool(forks) and len(others) > 1 and build.variable.isidentifier()
    return False


def _changed_afterwards(build: Build, source: Source) -> ast.stmt | None:
    """Return the first statement that puts something else into the network of *build*: ``model.fc = nn.Linear(16, 10)``.

    None where there is none, or where the network is no value of the module itself.
    """
    body = source.tree.body
    own = any(isinstance(each, ast.Assign | ast.AnnAssign) and build.call in ast.walk(each) for each in body)
    if not own or not build.variable.isidentifier():
        return None
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if statement.lineno > build.line and any(root_of(each) == build.variable for each in targets):
            return statement
    return None


def example_of(call: ast.Call) -> str:
    """Return how *call* looks with its arguments left to be written out: ``Net(…, width=…)``."""
    arguments = [*("…" for _ in call.args), *(f"{each.arg or '…'}=…" for each in call.keywords)]
    return f"{ast.unparse(call.func)}({', '.join(arguments)})"


def _bare(name: str, candidate: Candidate, source: Source) -> Choice:
    """Return a network that nothing builds, made without arguments; raises where it needs some."""
    needed = needed_arguments(candidate)
    if needed:
        raise NotTakenError(
            f"{name} needs {and_joined(needed)}, and {source.file} does not build it – write the call, as in "
            f"{source.file}:{name}({', '.join(f'{each}=…' for each in needed)})",
            author=False,
        )
    # ``model.Net`` is made where it is defined: the main file may call something else "model" later.
    own = candidate.source if "." in name else None
    called = candidate.name if own is not None else name
    made = ast.parse(called if candidate.kind == "value" else f"{called}()", mode="eval").body
    return Choice(made, candidate=candidate, source=own)


def _wanted(source: Source, wanted: str, found: dict[str, Candidate], builds: list[Build]) -> Choice:
    """Return the network that was asked for by name, or by a call with arguments written out."""
    try:
        asked = ast.parse(wanted, mode="eval").body
    # The parser raises each of these for texts that are no Python: null bytes, or a thousand brackets.
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotTakenError(f"{wanted} is neither the name of a network nor a call of one", author=False) from error
    if isinstance(asked, ast.Call):
        return Choice(asked, candidate=found.get(ast.unparse(asked.func)))
    candidate = found.get(wanted) or _any(source, wanted)
    if candidate is None:
        raise missing(source, wanted, found)
    if candidate.kind == "value" or not needed_arguments(candidate):
        return _bare(wanted, candidate, source)
    own = [each for each in builds if each.candidate is candidate]
    meant = _trained_last(own)
    return _by_build(meant, own, source, {wanted: candidate}) if meant else _bare(wanted, candidate, source)


def _any(source: Source, wanted: str) -> Candidate | None:
    """Return what *source* calls *wanted*, though it does not look like a network: whoever asks for it by name knows."""
    # The last definition is the one that stands when the file has run.
    for node in reversed(source.tree.body):
        if wanted in bound_by(node):
            kinds = {ast.ClassDef: "class", ast.FunctionDef: "function"}
            return Candidate(wanted, source, node, kinds.get(type(node), "value"))
    return None
