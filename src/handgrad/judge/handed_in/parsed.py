"""Reads cells as one Python text with its syntax tree: magics and shell lines are blanked, what does not parse is set aside.

Every line stays where it was, so that a place in the tree is a place in the author's file.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from handgrad.judge.handed_in.fstrings import without_newer_strings
from handgrad.judge.handed_in.records import Cell, place_in

PYTHON_MAGICS = (
    # What stands below these is run as Python by Jupyter itself.
    "time",
    "timeit",
    "capture",
    "prun",
    "python",
    "python3",
    "memit",
    "mprun",
    "heat",
    "snakeviz",
    "wandb",
)
"""Cell magics below which Python stands; below the others stands something else."""
WRITES = re.compile(r"%%(?:writefile|file)\s+(?:-a\s+)?(?:[\w./~-]*/)?([\w-]+\.py)\s*$")
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+\s*\?{1,2}|[A-Za-z_][\w, ]*=\s*[!%].*)$")
RUNS = re.compile(
    r"^(?P<space>[ \t]*)"
    r"(?:%run[ \t]+(?:-\w+[ \t]+)*|get_ipython\(\)\.(?:run_line_magic|magic)\(\s*['\"]run(?:['\"]\s*,\s*['\"]|[ \t]+))"
    r"['\"]?[^'\"\n]*?(?P<stem>[\w-]+)(?:\.py|\.ipynb)?(?:['\"].*|[ \t].*)?$",
    re.MULTILINE,
)
"""``%run helper.py``: all names of that program are names of the notebook from there on."""
DEFINES = re.compile(r"^(?:async\s+)?(?:class|def)\s+(\w+)", re.MULTILINE)
CONTINUES = re.compile(r"(?:\s|[)\]}#]|(?:else|elif|except|finally)\b)")
"""How a line begins that starts no statement of its own."""
NEWER = (
    (re.compile(r"(?<![\w'\"])[tT][rR]?['\"]"), "template strings (Python 3.14)"),
    (re.compile(r"^\s*except\s+\w[\w.]*\s*,\s*\w[\w.]*\s*:", re.MULTILINE), "except without brackets (Python 3.14)"),
    (re.compile(r"^\s*(?:class|def)\s+\w+\[", re.MULTILINE), "type parameters (Python 3.12)"),
    (re.compile(r"^\s*type\s+\w+\s*(?:\[.*\])?\s*=", re.MULTILINE), "a type statement (Python 3.12)"),
)
"""Forms that newer Pythons read: where one of them stands, a text that does not parse is not its author's fault."""
LOOK_AHEAD = 6
"""How many pieces may belong together when a text is taken apart: a string over several lines has some that look like code."""


@dataclass(frozen=True)
class Broken:
    """A part that does not parse: its first line and the parser's, what the parser says, and what it would define."""

    line: int
    at: int
    message: str
    defines: tuple[str, ...]
    newer: str = ""
    """The form of a newer Python in it, in words."""


@dataclass(eq=False)
class Source:
    """One module of a hand-in: its dotted name and file, the joined text with its tree, and what had to be set aside."""

    name: str
    file: str
    text: str
    tree: ast.Module
    cells: tuple[tuple[int, int], ...] = ()
    broken: tuple[Broken, ...] = ()
    written: dict[str, str] = field(default_factory=dict)
    """Files that its cells write (``%%writefile model.py``), by name."""
    package: bool = False
    headers: dict[int, int] = field(default_factory=dict)
    """By the identity of a statement that was taken out of ``if __name__ == "__main__":``, the line above its block."""

    def place(self, line: int) -> str:
        """Return where *line* is for the author."""
        return place_in(self.cells, line)


def parse_source(name: str, file: str, cells: Sequence[Cell], *, package: bool = False, main: bool = False) -> Source:
    """Return *cells* as one module called *name*, handed in as *file*; *main* is the program that its author starts."""
    texts: list[str] = []
    starts: list[tuple[int, int]] = []
    broken: list[Broken] = []
    written: dict[str, str] = {}
    line = 1
    for cell in cells:
        code = RUNS.sub(_run, cell.code)
        found = WRITES.match(code.lstrip().split("\n", 1)[0]) if cell.number else None
        if found is not None:
            written[found[1]] = code.lstrip().partition("\n")[2]
            # As many line ends as before, so that the next cell begins where its numbers say.
            code = "\n" * code.count("\n")
        elif cell.number:
            code = _without_cell_magic(code)
        clean, wrong = _readable(code)
        broken += [Broken(each.line + line - 1, each.at + line - 1, *_rest(each)) for each in wrong]
        if cell.number:
            starts.append((line, cell.number))
        texts.append(clean)
        # One more for the line end that joins two cells.
        line += clean.count("\n") + 1
    text = "\n".join(texts)
    tree = _tree(text)
    return Source(name, file, text, tree, tuple(starts), tuple(broken), written, package, _unguarded(tree, main))


def _unguarded(tree: ast.Module, main: bool) -> dict[int, int]:
    """Put what runs of each ``if __name__ == "__main__":`` in its place; return the line above its block by statement.

    Of a module that another imports that is what stands below ``else``; what it does as a program stays where it is.
    """
    headers: dict[int, int] = {}
    body: list[ast.stmt] = []
    for node in tree.body:
        runs = _guarded(node, main) if isinstance(node, ast.If) else []
        # On one line with its condition there is nothing above it.
        if runs and runs[0].lineno > node.lineno and runs[0].col_offset > node.col_offset:
            before = min(each.lineno for each in [runs[0], *getattr(runs[0], "decorator_list", [])]) - 1
            headers |= dict.fromkeys(map(id, runs), before)
        body += runs or [node]
    tree.body = body
    return headers


def _guarded(node: ast.If, main: bool) -> list[ast.stmt]:
    """Return the branch of *node* that runs, where it asks for ``__name__`` alone; nothing where it asks for something else."""
    test = node.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.NotEq):
        return []
    sides = [test.left, test.comparators[0]]
    named = any(isinstance(each, ast.Name) and each.id == "__name__" for each in sides)
    if not named or not any(isinstance(each, ast.Constant) and each.value == "__main__" for each in sides):
        return []
    # An ``elif`` is a statement below ``else`` whose text is none by itself.
    other = [] if any(each.col_offset == node.col_offset for each in node.orelse) else node.orelse
    return node.body if isinstance(test.ops[0], ast.Eq) == main else other


def _run(found: re.Match[str]) -> str:
    """Return the import that has the effect of ``%run``."""
    return f"{found['space']}from {as_name(found['stem'])} import *"


def as_name(stem: str) -> str:
    """Return the name of the module that is called *stem* as a file: ``data-utils.py`` can be run but not imported."""
    return "".join(sign if sign.isalnum() else "_" for sign in stem)


def _rest(each: Broken) -> tuple[str, tuple[str, ...], str]:
    """Return what does not move with the place."""
    return each.message, each.defines, each.newer


def _tree(text: str) -> ast.Module:
    """Return the syntax tree of *text*; top-level ``await`` is allowed, as in a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a plain string is the author's habit, not ours to report
        tree = compile(text, "<handed in>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(tree, ast.Module)
    return tree


def _fails(text: str) -> SyntaxError | None:
    """Return why *text* does not parse, None where it does."""
    try:
        _tree(text)
    except SyntaxError as error:
        return error
    # The parser gives up on null bytes and deep nesting with these; to a reader all of them mean "does not parse".
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return SyntaxError(f"{type(error).__name__}: {error}"[:200])
    return None


def _without_cell_magic(code: str) -> str:
    """Return a cell with its ``%%`` line blanked, or wholly blank where something else than Python stands below it."""
    stripped = code.lstrip("\n ")
    if not stripped.startswith("%%"):
        return code
    word = stripped[2:].split(maxsplit=1)[0] if stripped[2:].split() else ""
    if word not in PYTHON_MAGICS:
        return "\n" * code.count("\n")
    first = code.index("%%")
    return code[:first] + code[first:][len(code[first:].split("\n", 1)[0]) :]


def _readable(code: str) -> tuple[str, list[Broken]]:
    """Return *code* with everything blanked that does not parse, and what that was."""
    if _fails(code) is None:
        return code, []
    # Only now: a line of an honest expression may begin with a percent sign too.
    # `pass` and not nothing: a magic may be the only line of a block.
    clean = "\n".join(MAGIC.sub(r"\1pass", line) for line in code.split("\n"))
    if _fails(clean) is None:
        return clean, []
    pieces = list(_pieces(clean))
    kept: list[str] = []
    broken: list[Broken] = []
    index, line = 0, 1
    while index < len(pieces):
        # The shortest that parses: a longer one could swallow the broken part together with something good.
        taken = next((n for n in range(1, LOOK_AHEAD + 1) if _fails("\n".join(pieces[index : index + n])) is None), 0)
        part = "\n".join(pieces[index : index + max(taken, 1)])
        if not taken:
            error = _fails(part)
            assert error is not None
            newer = next((words for form, words in NEWER if form.search(part)), "")
            if not newer and _fails(without_newer_strings(part)) is None:
                newer = "an f-string with quotes, a backslash or a comment inside its braces (Python 3.12)"
            at = line + (error.lineno or 1) - 1
            broken.append(Broken(line, at, str(error.msg), tuple(DEFINES.findall(part)), newer))
        kept.append(part if taken else "\n" * part.count("\n"))
        index, line = index + max(taken, 1), line + part.count("\n") + 1
    return "\n".join(kept), broken


def _pieces(code: str) -> Iterator[str]:
    """Return *code* cut before each line at the margin that can begin a statement; decorators stay with what they decorate."""
    lines = code.split("\n")
    begin, decorated = 0, False
    for index, line in enumerate(lines):
        starts = bool(line) and not CONTINUES.match(line)
        if starts and index > begin and not decorated:
            yield "\n".join(lines[begin:index])
            begin = index
        # A blank line neither starts nor ends anything.
        if line:
            decorated = line.startswith("@") if starts else decorated and not line[0].isspace()
    yield "\n".join(lines[begin:])
