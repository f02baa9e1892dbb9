"""Takes the network out of whatever was handed in; nothing of it is run here."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handgrad.judge.handed_in.cells import read_cells
from handgrad.judge.handed_in.choice import choose
from handgrad.judge.handed_in.claims import claims_in, last_run
from handgrad.judge.handed_in.extract import Extraction
from handgrad.judge.handed_in.names import given_at, used_by
from handgrad.judge.handed_in.none_found import unreadable
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.records import NoneFoundError, NotTakenError, Piece, Taken
from handgrad.judge.handed_in.training_found import training_in

MAKES_CLASSES = re.compile(
    r"\b(?:type|exec|eval|globals|setattr|make_class|new_class)\s*\(|^[ \t]+class\s", re.MULTILINE
)
"""What a file holds whose classes only show when it is run."""


def take(root: Path, main: Path, wanted: str = "", *, whole: bool = False) -> Taken:
    """Return the network *wanted* of the file *main*, with what it needs of the other files below *root*.

    *wanted* is the name of a class, function or value, or a call with its arguments written out; "" for the one that is meant.
    *whole*: the file is run from top to bottom, as Python would run it.
    Raises `NotTakenError`.
    """
    try:
        return _whole(Project(root, main), main, wanted) if whole else _taken(root, main, wanted)
    # Python's parser and our walks are recursive; a file nested so deeply is made to be so.
    except (RecursionError, MemoryError) as error:
        raise NotTakenError(f"{main.name} is nested too deeply to be read", author=True) from error


def _taken(root: Path, main: Path, wanted: str) -> Taken:
    """Return what `take` does."""
    project = Project(root, main)
    source = project.main
    try:
        choice = choose(project, wanted)
    except NoneFoundError as error:
        # Not a notebook, whose cells train and draw; and not a file in which nothing could make a class at run time.
        if source.cells or not (wanted or MAKES_CLASSES.search(source.text)):
            raise
        return replace(_whole(project, main, wanted), none_read=str(error))
    extraction = Extraction(project)
    main_module = choice.source or source
    extraction.need(main_module, used_by(choice.make))
    for each in choice.among:
        extraction.need(each.source, [each.name])
    _raise_if_left_out(project, extraction.unknown)
    notes = [choice.why] if choice.why else []
    notes += [f"{source.place(each.at)} does not parse ({each.message}) and is left out" for each in source.broken]
    return Taken(
        pieces=extraction.pieces(),
        main=main_module.name,
        make=ast.unparse(choice.make),
        judged=extraction.judged(),
        notes=tuple(notes),
        aliases=extraction.names(),
        left_out=_left_out(project, extraction.unknown, used_by(choice.make)),
    )


def _left_out(project: Project, unknown: Collection[str], made_of: Collection[str]) -> dict[str, str]:
    """Return why the *unknown* names are missing that their author has; *made_of* are those that the network is made of."""
    found: dict[str, str] = {}
    for source in filter(None, map(project.source, project.names())):
        for name in unknown:
            line = given_at(source.tree, name, inside=name in made_of)
            if line:
                found.setdefault(name, f"gets its value where nothing is run here ({source.place(line)})")
        absent = project.absent(source)
        for node in ast.walk(source.tree):
            # All its names may come from there, also those that nothing else binds.
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and node.module in absent:
                found["*"] = f"may come from {node.module}, which was neither handed in nor is installed here"
    return found


def _raise_if_left_out(project: Project, unknown: Collection[str]) -> None:
    """Raise where a name that the network needs would be defined in a part that does not parse."""
    for name in project.names():
        source = project.source(name)
        for each in source.broken if source is not None else ():
            if source is not None and set(each.defines) & set(unknown):
                raise unreadable(source, each.at, each.message, each.newer)


def told_in(root: Path, main: Path) -> dict[str, Any]:
    """Return as plain values what the hand-in tells of its training: claims, and the recipe as far as it is written out.

    It is shown beside what was found and decides nothing, so that a fault here must not decide anything either.
    """
    try:
        project = Project(root, main)
        # Why none can be taken is told where the network is asked for; here it only costs what its files would tell.
        with suppress(NotTakenError):
            choose(project, "")  # reads the modules that the main file imports
        beside = [path for path in sorted(main.parent.iterdir()) if path.is_file()]
        training = training_in(project)
        claims = last_run(claims_in(read_cells(main), beside, main), training.recipe.get("epochs"))
    except Exception as error:  # whatever an odd text leads to
        return {"fault": type(error).__name__}
    return {"claims": asdict(claims), "training": asdict(training)}


def _whole(project: Project, main: Path, wanted: str) -> Taken:
    """Return the whole file and those beside it, to be run as Python would: its text alone does not show the network."""
    pieces = []
    for name, path, package in project.files():
        # A wrong byte becomes a sign that matters outside comments and texts alone; Python then names its line.
        text = path.read_bytes().decode("utf-8", "replace")
        pieces.append(Piece(name, str(path.relative_to(project.root)), text, package=package))
    return Taken(tuple(pieces), project.main.name, wanted, f"{main.name} as a whole", whole=True)
