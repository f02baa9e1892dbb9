"""Takes out of a hand-in what a network needs: the statements that bind the names it uses, and theirs, and so on."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable
from dataclasses import dataclass, field

from handgrad.errors import counted
from handgrad.judge.handed_in.names import BUILTIN, bound_by, changed_by, dotted, harmless, used_at_once, used_by
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.records import HEADER, Piece
from handgrad.text import and_joined

Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass
class Extraction:
    """What has been found to be needed so far: by module, the statements of its file."""

    project: Project
    kept: dict[str, set[int]] = field(default_factory=dict)
    """By module, the places of statements in its tree."""
    asked: set[tuple[str, str]] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    """Names that nothing in the hand-in binds."""
    aliases: dict[str, str] = field(default_factory=dict)
    """What a module of the hand-in is called where it is imported, if not by its name from the root."""

    def need(self, source: Source, names: Iterable[str]) -> None:
        """Take what binds *names* in *source*, with all that it needs in turn."""
        # In one order: which module is found first is told to people, and a set has another order in each process.
        waiting = [(source, name) for name in sorted(names)]
        # The second is asked only when nothing waits: what is kept is final then, until it adds something.
        while waiting or self._too_late(waiting):
            if not waiting:
                continue
            where, name = waiting.pop()
            if (where.name, name) in self.asked:
                continue
            self.asked.add((where.name, name))
            kept = self.kept.setdefault(where.name, set())
            places = _binding(where, name)
            if not places and not self._by_star(where, name, waiting) and name not in BUILTIN:
                self.unknown.append(name)
            for place in places:
                statement = where.tree.body[place]
                if place not in kept:
                    kept.add(place)
                    waiting += [(where, used) for used in sorted(used_by(statement))]
                # Taken already, with everything that it needs.
                elif not isinstance(statement, ast.Import | ast.ImportFrom):
                    continue
                # An import brings several names, each with needs of its own.
                waiting += self._imported(where, statement, name)

    def _too_late(self, waiting: list[tuple[Source, str]]) -> bool:
        """Take for what a kept statement needs at once the last binding before it, where the kept ones all come after it.

        A later cell may import or define a name once more; return whether anything was taken.
        """
        found = False
        for module, kept in list(self.kept.items()):
            source = self.project.source(module)
            for place in sorted(kept) if source is not None else ():
                assert source is not None
                for name in sorted(used_at_once(source.tree.body[place])):
                    places = [each for each, node in enumerate(source.tree.body) if name in bound_by(node)]
                    earlier = [each for each in places if each < place and harmless(source.tree.body[each])]
                    # Only where no earlier binding is kept: the latest one before the use is what Python would find.
                    if earlier and not kept & set(earlier):
                        kept.add(earlier[-1])
                        statement = source.tree.body[earlier[-1]]
                        waiting += [(source, used) for used in sorted(used_by(statement))]
                        waiting += self._imported(source, statement, name)
                        found = True
        return found

    def _by_star(self, where: Source, name: str, waiting: list[tuple[Source, str]]) -> bool:
        """Ask for *name* where ``from … import *`` may bring it from; return whether anything can."""
        found = False
        for place, node in enumerate(where.tree.body):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                base = self.project.base_of(node, where)
                source = self.project.source(base) if base else None
                if source is None:
                    # Of a library: what it brings is known only when it is imported.
                    # Kept and not asked: `from torch.nn import *` may bring it, and running it is the only way to know.
                    self.kept[where.name].add(place)
                    found = True
                elif self._knows(source, name, set()):
                    self.kept[where.name].add(place)
                    self._called(node, base)
                    waiting.append((source, name))
                    found = True
        return found

    def _knows(self, source: Source, name: str, seen: set[str]) -> bool:
        """Whether *source* binds *name*, by itself or through stars."""
        if source.name in seen:
            return False
        # Two files that import everything from each other are legal Python.
        seen.add(source.name)
        return bool(_binding(source, name)) or any(self._knows(each, name, seen) for each in self.project.stars(source))

    def _imported(self, where: Source, statement: ast.stmt, name: str) -> list[tuple[Source, str]]:
        """Return what the imports in *statement* need of other modules of the hand-in; *name* is what it was taken for."""
        needed: list[tuple[Source, str]] = []
        top = isinstance(statement, ast.Import | ast.ImportFrom)
        # All imports in it, also those within a function: they run when it is called.
        for node in ast.walk(statement):
            if isinstance(node, ast.ImportFrom):
                base = self.project.base_of(node, where)
                # A relative import without a base is one of a package that was not handed in whole; it fails where it
                # stands.
                for alias in node.names if base or node.level else []:
                    if top and (alias.asname or alias.name) != name:
                        continue
                    self._called(node, base)
                    below = self.project.source(f"{base}.{alias.name}".lstrip("."))
                    source = self.project.source(base) if base else None
                    if below is not None:
                        needed += self._attributes(where, below, alias.asname or alias.name)
                    elif source is not None:
                        needed.append((source, alias.name))
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    base = self.project.named(alias.name, where)
                    source = self.project.source(base) if base else None
                    if source is not None:
                        self.aliases[alias.name] = base
                        needed += self._attributes(where, source, alias.asname or alias.name)
        return needed

    def _called(self, node: ast.ImportFrom, base: str) -> None:
        """Note under which name *node* asks for the module *base*."""
        if not node.level and node.module and base:
            self.aliases[node.module] = base

    def _attributes(self, where: Source, module: Source, called: str) -> list[tuple[Source, str]]:
        """Return what the file *where* uses of *module*, which it knows as *called*: ``blocks.Residual``."""
        self.kept.setdefault(module.name, set())
        found = [
            (module, node.attr)
            for node in ast.walk(where.tree)
            if isinstance(node, ast.Attribute) and dotted(node.value) == called
        ]
        # A file uses more of a module than the network in it does; what is not there is not missed.
        return [(source, name) for source, name in dict.fromkeys(found) if _binding(source, name)]

    def pieces(self) -> tuple[Piece, ...]:
        """Return the modules, each with the statements that are needed, and every package above them."""
        names = dict.fromkeys(self.kept)
        for name in list(names):
            parts = name.split(".")
            names |= dict.fromkeys(".".join(parts[:count]) for count in range(1, len(parts)))
        found = []
        for name in names:
            source = self.project.source(name)
            below = any(other.startswith(f"{name}.") for other in names)
            if source is None:
                # ``from model import Net`` of the folder model with model.py in it: the folder hands on what that has.
                meant = self.aliases.get(name, "")
                code = f"from {meant} import *" if meant.startswith(f"{name}.") else ""
                found.append(Piece(name, name.replace(".", "/"), code, package=True))
            else:
                wanted = {asked for where, asked in self.asked if where == name}
                code = _only(source, self.kept.get(name, set()), wanted)
                found.append(Piece(name, source.file, code, source.cells, source.package or below))
        return tuple(found)

    def names(self) -> dict[str, str]:
        """Return the other names under which the kept modules are asked for, and those of the packages above them."""
        found: dict[str, str] = {}
        for called, name in self.aliases.items():
            parts, whole = called.split("."), name.split(".")
            for count in range(len(parts)):
                short, long = parts[: len(parts) - count], whole[: len(whole) - count]
                # From the end towards the root, as long as the beginnings still differ: above that both names mean one
                # folder.
                if long and short != long:
                    found[".".join(short)] = ".".join(long)
        kept = {piece.name for piece in self.pieces()}
        return {called: name for called, name in found.items() if name in kept and called not in kept}

    def judged(self) -> str:
        """Return which part of the hand-in this is: files, cells, lines."""
        words = []
        for name, places in self.kept.items():
            source = self.project.source(name)
            if source is None or not places:
                continue
            nodes = [source.tree.body[place] for place in sorted(places)]
            lines = sum((node.end_lineno or node.lineno) - first_line(node) + 1 for node in nodes)
            total = max(source.text.count("\n") + 1, 1)
            cells = list(dict.fromkeys(_cell(source, first_line(node)) for node in nodes))
            some = counted(lines, "line")
            if source.cells:
                where = f"cell{'s' if len(cells) > 1 else ''} {and_joined([str(cell) for cell in cells])}, {some}"
                words.append(where if source is self.project.main else f"{where} of {source.file}")
            else:
                words.append(f"{some} of {source.file}" if lines < total else source.file)
        return "; ".join(words)


def first_line(node: ast.stmt) -> int:
    """Return the line on which *node* begins, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(each.lineno for each in decorators)]))


def _cell(source: Source, line: int) -> int:
    """Return the number of the cell that *line* is in."""
    return max((number for first, number in source.cells if first <= line), default=0)


def _binding(source: Source, name: str) -> list[int]:
    """Return the places of the statements that make what *name* stands for at the end of *source*, in order.

    The last definition counts; before an assignment that uses the name's own value, the one before it too. What changes the
    value in place afterwards belongs to it.
    """
    body = source.tree.body
    places = [place for place, node in enumerate(body) if name in bound_by(node)]
    good = [place for place in places if harmless(body[place])]
    taken: list[int] = []
    for place in reversed(good):
        taken.append(place)
        node = body[place]
        complete = isinstance(node, Defined | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Try)
        again = isinstance(node, ast.ClassDef) and name in map(dotted, node.bases)
        if complete and not again and not (isinstance(node, ast.Assign | ast.AnnAssign) and name in used_by(node)):
            break
    if not taken:
        return []
    # Changes before the first binding that is kept belong to an earlier value of the name.
    first = min(taken)
    changes = [
        place
        for place in range(first + 1, len(body))
        if place not in taken and name in changed_by(body[place]) and harmless(body[place])
    ]
    return sorted([*taken, *changes])


def _only(source: Source, places: set[int], wanted: set[str]) -> str:
    """Return the text of *source* with everything blank but the statements at *places*, each on its own lines.

    Of an import of several names only the *wanted* ones stay: what is imported for the training need not be there.
    """
    lines = source.text.split("\n")
    # Blank lines in place of what is left out, so that line 7 stays line 7 in every traceback.
    result = [""] * len(lines)
    body = source.tree.body
    future = [
        place for place, node in enumerate(body) if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    # Future imports change how all below is compiled, whoever asked for them.
    for place in sorted({*places, *future}):
        node = body[place]
        first, last = first_line(node) - 1, (node.end_lineno or node.lineno) - 1
        text = _segment(lines, node, first, last)
        if isinstance(node, ast.Import | ast.ImportFrom) and place not in future and len(node.names) > 1:
            names = [each for each in node.names if (each.asname or each.name.partition(".")[0]) in wanted]
            # None wanted by name: it was kept for its effect, or for a star, and stays whole.
            if names:
                only = copy.copy(node)
                only.names = names
                text = [ast.unparse(only), *[""] * (last - first)]
        header = source.headers.get(id(node))
        if header is not None:
            # It stands indented below a condition that was true; what takes its place keeps every line where it was.
            result[header - 1] = HEADER
            text[0] = _indentation(lines, node, first) + text[0]
        if result[first]:
            # Several statements on one line, divided by semicolons.
            text[0] = f"{result[first]}; {text[0]}"
        result[first : last + 1] = text
    return "\n".join(result)


def _indentation(lines: list[str], node: ast.stmt, first: int) -> str:
    """Return what `_segment` took from before *node* on its first line where that is an indentation, and nothing else."""
    before = lines[first].encode()[: node.col_offset].decode() if first == node.lineno - 1 else ""
    return before if before.isspace() else ""


def _segment(lines: list[str], node: ast.stmt, first: int, last: int) -> list[str]:
    """Return the lines of *node* without what stands beside it on its first and last line; columns count bytes."""
    text = lines[first : last + 1]
    # ast counts columns in bytes of UTF-8, Python's strings in signs.
    text[-1] = text[-1].encode()[: node.end_col_offset].decode()
    if first == node.lineno - 1:
        text[0] = text[0].encode()[node.col_offset :].decode()
    return text
