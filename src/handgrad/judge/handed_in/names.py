"""Which names a statement binds, uses and changes: by the syntax tree and Python's own symbol table, nothing run."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator

CHANGES = {
    *("append", "extend", "insert", "update", "add", "add_module", "register_buffer", "register_parameter"),
    *("setdefault", "pop", "remove", "clear", "sort", "reverse", "apply", "register_module"),
    *("add_argument", "set_defaults", "merge_from_dict", "merge_from_list", "merge_from_file", "set", "set_struct"),
    *("freeze", "read", "read_file", "read_string", "read_dict"),
}
"""Methods that change what they are called on: a statement that calls one on a needed name is needed too.

So does every method whose name ends in an underscore, which is how torch marks them: ``kernel.fill_(1)``.
"""
NEVER = {
    *("input", "backward", "step", "DataLoader", "fit", "train", "tqdm", "download"),
    *("mount", "urlretrieve", "system", "run", "Popen", "get_ipython", "exit", "quit"),
}
"""Calls that no loop or condition around a needed name is run for; what it prints or shows does no harm."""
BUILTIN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__class__"}
"""Names that every module has without binding them."""
Compound = ast.If | ast.For | ast.While | ast.With | ast.Try


def bound_by(statement: ast.stmt) -> set[str]:
    """Return the names that *statement* binds in its own scope; a star binds none that could be told."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names if alias.name != "*"}
    found: set[str] = set()
    for node in _here(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.stmt) and node is not statement:
            found |= bound_by(node)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """Return *node* and what lies below it in the same scope; of a nested statement that has a scope only itself."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
        # Their loop variables are names of a scope of their own.
        elif not isinstance(child, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _here(child)


def used_by(statement: ast.AST) -> set[str]:
    """Return the names of the module that *statement* reads, in whatever function of it."""
    # By way of text, because only Python's own compiler knows scopes to the last rule (nonlocal, class bodies,
    # comprehensions).
    text = ast.unparse(statement)
    table = symtable.symtable(text, "<handed in>", "exec")
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    waiting = table.get_children()
    while waiting:
        scope = waiting.pop()
        found |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        waiting += scope.get_children()
    # The table calls it assigned only, though `x += 1` reads x first.
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        found.add(statement.target.id)
    return found


def used_at_once(statement: ast.stmt) -> set[str]:
    """Return the names that must have values when *statement* itself runs: of a function its decorators and defaults."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = statement.args
        parts = [*statement.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults)]
        parts += [each.annotation for each in ast.walk(arguments) if isinstance(each, ast.arg) and each.annotation]
        parts += [statement.returns] if statement.returns else []
        return {name for part in parts for name in used_by(ast.Expr(part))}
    if isinstance(statement, ast.ClassDef):
        values = [*statement.decorator_list, *statement.bases, *(each.value for each in statement.keywords)]
        found = {name for value in values for name in used_by(ast.Expr(value))}
        # What the class body binds before it uses it; order within the body is not looked at, which errs towards taking
        # less.
        inner = {name for each in statement.body for name in bound_by(each)}
        return found | ({name for each in statement.body for name in used_at_once(each)} - inner)
    return used_by(statement)


def given_at(tree: ast.Module, name: str, *, inside: bool) -> int:
    """Return the line of *tree* where *name* gets a value that taking statements out does not give it, 0 where there is none.

    In a loop that trains, by ``global``, ``globals()`` or ``exec``; *inside*: also as a name of a function's own.
    """
    declared = any(isinstance(node, ast.Global) and name in node.names for node in ast.walk(tree))
    for statement in tree.body:
        own = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for node in ast.walk(statement) if inside or declared else [] if own else _here(statement):
            bound = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
            defined = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
            if bound or defined or _is_hidden(node) or (isinstance(node, ast.stmt) and name in _imported(node)):
                return int(getattr(node, "lineno", 0))
    return 0


def _is_hidden(node: ast.AST) -> bool:
    """Whether *node* gives values to names that are not written: ``exec(…)``, ``globals()["x"] = …``, ``vars().update(…)``."""
    if isinstance(node, ast.Call) and dotted(node.func) == "exec":
        return True
    owner = node.value if isinstance(node, ast.Attribute | ast.Subscript) else None
    asked = isinstance(owner, ast.Call) and dotted(owner.func) in ("globals", "vars", "locals")
    return asked and (isinstance(node, ast.Attribute) or isinstance(getattr(node, "ctx", None), ast.Store))


def _imported(statement: ast.stmt) -> set[str]:
    """Return the names that an import binds."""
    return bound_by(statement) if isinstance(statement, ast.Import | ast.ImportFrom) else set()


def changed_by(statement: ast.stmt) -> set[str]:
    """Return the names whose values *statement* changes in place: ``layers.append(…)``, ``sizes[0] = …``, ``Net.x = …``."""
    found: set[str] = set()
    for node in _here(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _changes(node.func.attr):
            found |= _root(node.func.value)
        elif isinstance(node, ast.Call) and dotted(node.func) == "setattr" and node.args:
            found |= _root(node.args[0])
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= _root(node.value)
    return found


def _changes(method: str) -> bool:
    """Whether a method changes what it is called on."""
    return method in CHANGES or (method.endswith("_") and not method.endswith("__"))


def root_of(node: ast.AST) -> str:
    """Return the name at the beginning of ``name.a.b[0]``, "" where there is none, or nothing after it."""
    inner = node
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    return inner.id if isinstance(inner, ast.Name) and inner is not node else ""


def _root(node: ast.AST) -> set[str]:
    """Return the name at the beginning of ``name.a.b[0]`` or the name *node* alone, nothing where there is none."""
    name = dotted(node) if isinstance(node, ast.Name) else root_of(node)
    return {name} if name else set()


def harmless(statement: ast.stmt) -> bool:
    """Whether a statement may be run for the sake of a name: all but loops, conditions and blocks that train or read."""
    if not isinstance(statement, Compound):
        return True
    # The part that is run only when the file is started: it trains.
    if isinstance(statement, ast.If) and "__name__" in used_by(statement.test):
        return False
    return not any(isinstance(node, ast.Call) and _called(node) in NEVER for node in ast.walk(statement))


def _called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    name: str = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for an expression of that form, "" for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
