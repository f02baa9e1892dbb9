"""Why no network of a hand-in can be judged: what was found instead, and where."""

from __future__ import annotations

import ast

from handgrad.judge.handed_in.candidates import OTHER_FRAMEWORKS, Candidate, came_from
from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.records import NoneFoundError, NotTakenError
from handgrad.text import and_joined

READY_MADE = frozenset({"timm", "torchvision", "transformers", "segmentation_models_pytorch", "efficientnet_pytorch"})
# About what fits into three lines of a terminal; a collection of fifty models would fill it.
SHOWN = 12
"""How many candidates a message lists."""


def missing(source: Source, wanted: str, found: dict[str, Candidate]) -> NotTakenError:
    """Return why the network *wanted* is not there."""
    broken = next((each for each in source.broken if wanted in each.defines), None)
    if broken is not None:
        return unreadable(source, broken.at, broken.message, broken.newer)
    there = f"found {listed(found, source)}" if found else "no network was found in it"
    return NoneFoundError(f'{source.file} has no "{wanted}" – {there}', author=False)


def nothing(project: Project, source: Source) -> NotTakenError:
    """Return why no network is found at all: a part that does not parse may hold it, or a file that was not handed in."""
    # A part that defines nothing (a stray line of shell) hides no network; whoever is told to correct it would be
    # misled.
    for each in source.broken:
        if each.defines or not source.tree.body:
            return unreadable(source, each.at, each.message, each.newer)
    foreign = _made_elsewhere(source)
    if foreign:
        return NoneFoundError(f"no network of torch is defined in {source.file} – {foreign}", author=False)
    absent = project.absent(source)
    were = "were" if len(absent) > 1 else "was"
    beside = (
        f" – it imports {and_joined(absent[:3])}, which {were} neither handed in with it nor installed here"
        if absent
        else ""
    )
    return NoneFoundError(f"no network was found in {source.file}{beside}", author=False)


def _made_elsewhere(source: Source) -> str:
    """Say which other library makes the network of *source*, "" where none seems to.

    Networks of torch alone are judged; one that a library brings ready made needs that library here.
    """
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        called = dotted(node.value.func)
        module = came_from(called.partition(".")[0], source)
        package = module.partition(".")[0]
        if package in OTHER_FRAMEWORKS:
            return f"{called} ({source.place(node.lineno)}) is {package}'s, and networks of torch are judged"
        # Of torchvision only its models: nearly every file loads its data with it.
        other = package == "torchvision" and "models" not in f"{module}.{called}".split(".")
        if called and package in READY_MADE and not other:
            where = source.place(node.lineno)
            return (
                f"{called} ({where}) makes a network of {package}'s; what is judged is a network that the file defines"
            )
    return ""


def unreadable(source: Source, line: int, message: str, newer: str) -> NotTakenError:
    """Return the author's syntax error, or that the form belongs to a newer Python."""
    where = source.place(line)
    if newer:
        return NotTakenError(f"{where}: {newer} may be here, and this Python cannot read it", author=False)
    return NotTakenError(f"{where}: {message} – correct the file", author=True)


def listed(found: dict[str, Candidate], source: Source) -> str:
    """Return the candidates with their places."""
    words = [
        f"{name} ({each.source.place(each.line) if each.source is source else each.source.file})"
        for name, each in found.items()
    ]
    return and_joined([*words[:SHOWN], *([f"{len(words) - SHOWN} more"] if len(words) > SHOWN else [])])
