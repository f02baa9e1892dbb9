"""What the names around a call stand for: in the function that it stands in, in a loop, at who calls the function."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence

from handgrad.judge.handed_in.names import BUILTIN, bound_by, changed_by, dotted, harmless, used_by
from handgrad.judge.handed_in.parsed import Source


def values_around(
    call: ast.Call, source: Source, function: ast.AST | None, caller: Source
) -> tuple[dict[str, ast.expr], set[str], dict[str, ast.expr]]:
    """Return the values of the names around *call* that are written out, the names whose values are not, and what is passed.

    A name of the *function* that it stands in has the one literal it is given there, or what the last call of the function
    gives it; the names of a loop have the last values that the loop gives them. What is passed is no literal, but can be made
    in the module itself: ``config["width"]`` of a file that the module reads.
    """
    known: dict[str, ast.expr] = {}
    unclear: set[str] = set()
    passed: dict[str, ast.expr] = {}
    if function is not None:
        once = _given_once(function)
        bound = {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        known = {name: value for name, value in once.items() if is_literal(value)}
        given, where = _given_last(function, source, caller)
        # A parameter that the function itself binds again is no longer what it was called with.
        given = {name: value for name, value in given.items() if name not in bound}
        known |= {name: value for name, value in given.items() if is_literal(value)}
        module = _given_by_module(source)
        passed = {
            name: value for name, value in given.items() if where is source and used_by(ast.Expr(value)) <= module
        }
        parameters = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        unclear = (bound | parameters) - set(known)
        # A name of the function hides the module's of the same name.
        _follow(once, passed, known, module - bound - parameters)
    for node in ast.walk(function or source.tree):
        loops = [node] if isinstance(node, ast.For) else getattr(node, "generators", [])
        if not loops or not any(each is call for each in ast.walk(node)):
            continue
        for loop in loops:
            names = {each.id for each in ast.walk(loop.target) if isinstance(each, ast.Name)}
            elements = _elements(loop.iter, source)
            last = _unpacked(loop.target, elements[-1]) if elements else {}
            known |= last
            unclear = (unclear | names) - set(last)
    return known, unclear, passed


def _given_once(function: ast.AST) -> dict[str, ast.expr]:
    """Return what the names of *function* are given that get a value in one place of it, and are not changed afterwards."""
    stores = Counter(
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        # ``with open("config.json") as file``
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            found[node.optional_vars.id] = node.context_expr
    changed = {name for node in getattr(function, "body", []) for name in changed_by(node)}
    # Bound twice, its value depends on the way through the function.
    return {name: value for name, value in found.items() if stores[name] == 1 and name not in changed}


def _follow(
    once: dict[str, ast.expr],
    passed: dict[str, ast.expr],
    known: dict[str, ast.expr],
    module: frozenset[str],
) -> None:
    """Add to *passed* the names of a function that are made of what is passed and known, and of names of the *module*."""
    waiting = {name: value for name, value in once.items() if name not in known}
    grown = True
    while grown:
        grown = False
        for name, value in list(waiting.items()):
            made = replaced(value, known | passed)
            if used_by(ast.Expr(made)) <= module:
                passed[name] = made
                del waiting[name]
                grown = True


def _given_by_module(source: Source) -> frozenset[str]:
    """Return the names that get their values in the module itself, outside its functions and what trains."""
    # A loop over settings may train by a function of any name.
    once = [each for each in source.tree.body if harmless(each) and not isinstance(each, ast.For | ast.While)]
    return BUILTIN | {name for each in once for name in bound_by(each)}


def replaced(value: ast.expr, values: dict[str, ast.expr]) -> ast.expr:
    """Return a copy of *value* with *values* in the places of names."""
    # By way of text: the transformer would change the tree in which lines are looked up later.
    result: ast.expr = _Replaced(values).visit(ast.parse(ast.unparse(value), mode="eval").body)
    return result


class _Replaced(ast.NodeTransformer):
    """Puts values in the places of names."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return what stands for *node*."""
        return self.values.get(node.id, node)


def _given_last(function: ast.AST, own: Source, caller: Source) -> tuple[dict[str, ast.expr], Source]:
    """Return, by parameter, what the last call of *function* gives, and the defaults it leaves; and where that call stands.

    The calls of *caller* count, else those of the function's *own* file.
    """
    if not isinstance(function, ast.FunctionDef):
        return {}, own
    source, calls = caller, _calls_of(function.name, caller)
    if not calls:
        source, calls = own, _calls_of(function.name, own)
    if not calls:
        return {}, own
    # The last call, as with builds: people try small settings first and train with the last.
    last = max(calls, key=lambda each: each.lineno)
    names = [each.arg for each in [*function.args.posonlyargs, *function.args.args]]
    found: dict[str, ast.expr] = dict(
        # Defaults belong to the last parameters.
        zip(names[len(names) - len(function.args.defaults) :], function.args.defaults, strict=True)
    )
    found |= dict(zip(names, last.args, strict=False))
    found |= {each.arg: each.value for each in last.keywords if each.arg}
    return {name: _at_line(value, last.lineno, source) for name, value in found.items()}, source


def _calls_of(function: str, source: Source) -> list[ast.Call]:
    """Return the calls in *source* of *function*, also as one of a module: ``helper.run()``."""
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    return [node for node in calls if dotted(node.func).rpartition(".")[2] == function]


def _at_line(value: ast.expr, line: int, source: Source) -> ast.expr:
    """Return the literal that a name of the module has at *line*, anything else as it is."""
    if not isinstance(value, ast.Name):
        return value
    given = [each.value for each in _assignments(value.id, source.tree.body) if each.lineno < line]
    return given[-1] if given and is_literal(given[-1]) else value


def _assignments(name: str, nodes: Iterable[ast.AST]) -> list[ast.Assign]:
    """Return those of *nodes* that give *name*, and nothing else, a value."""
    return [
        node for node in nodes if isinstance(node, ast.Assign) and [dotted(each) for each in node.targets] == [name]
    ]


def _elements(values: ast.expr, source: Source) -> Sequence[ast.expr]:
    """Return what a loop over *values* goes through, where it is written out, here or under a name; nothing where it is not."""
    values = _behind(values, source)
    if isinstance(values, ast.Dict):
        return [key for key in values.keys if key is not None]
    if not isinstance(values, ast.Call):
        return getattr(values, "elts", [])
    name = values.func.attr if isinstance(values.func, ast.Attribute) else dotted(values.func)
    if isinstance(values.func, ast.Attribute) and name in ("items", "values"):
        return _entries(_behind(values.func.value, source), name)
    parts = [_elements(each, source) for each in values.args]
    if name == "range" and all(map(is_literal, values.args)) and 1 <= len(values.args) <= 3:
        numbers = [ast.literal_eval(each) for each in values.args]
        whole = all(isinstance(each, int) for each in numbers) and (len(numbers) < 3 or numbers[2])
        return [ast.Constant(each) for each in range(*numbers)[-1:]] if whole else []
    if not parts or not all(parts):
        return []
    if name in ("tqdm", "trange", "list", "tuple"):
        return parts[0]
    if name == "enumerate":
        return [ast.Tuple([ast.Constant(place), each], ast.Load()) for place, each in enumerate(parts[0])]
    if name == "zip":
        return [ast.Tuple(list(each), ast.Load()) for each in zip(*parts, strict=False)]
    # ``itertools.product``: the last of each come last.
    return [ast.Tuple([each[-1] for each in parts], ast.Load())] if name == "product" else []


def _behind(values: ast.expr, source: Source) -> ast.expr:
    """Return what a name stands for that is given a value, the last of them; anything else as it is."""
    if not isinstance(values, ast.Name):
        return values
    given = _assignments(values.id, ast.walk(source.tree))
    # One step and no further: `a = b`, `b = a` would go round for ever.
    return given[-1].value if given else values


def _entries(table: ast.expr, what: str) -> list[ast.expr]:
    """Return the keys and values, or the values alone, of a table that is written out."""
    if not isinstance(table, ast.Dict):
        return []
    pairs = [(key, value) for key, value in zip(table.keys, table.values, strict=True) if key is not None]
    return [ast.Tuple([key, value], ast.Load()) if what == "items" else value for key, value in pairs]


def _unpacked(target: ast.expr, value: ast.expr) -> dict[str, ast.expr]:
    """Return what the names of a loop's *target* get of *value*, where that is written out: ``for width, rate in …``."""
    if isinstance(target, ast.Name):
        return {target.id: value} if is_literal(value) else {}
    found: dict[str, ast.expr] = {}
    parts, given = getattr(target, "elts", []), getattr(value, "elts", [])
    if len(parts) == len(given):
        for part, each in zip(parts, given, strict=True):
            found |= _unpacked(part, each)
    return found


def is_literal(value: ast.expr) -> bool:
    """Whether *value* is written out."""
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
