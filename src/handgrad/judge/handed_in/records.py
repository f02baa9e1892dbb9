"""What is taken out of a hand-in: plain frozen records, and the two ways in which nothing can be taken."""

from __future__ import annotations

from dataclasses import dataclass, field

HEADER = "if True:"
"""What stands in a piece for ``if __name__ == "__main__":``, above statements that keep their indentation."""


class NotTakenError(Exception):
    """No network can be taken; ``author`` says whether what was handed in is at fault, or only what is known of it."""

    def __init__(self, reason: str, *, author: bool) -> None:
        super().__init__(reason)
        self.author = author


# A kind of its own, because only here a second attempt makes sense: a class that is made by exec shows when it runs.
class NoneFoundError(NotTakenError):
    """The text shows no such network; running the file might."""


@dataclass(frozen=True)
class Cell:
    """One code cell of a notebook, or a whole Python file (number 0): its text, and what it printed when it was run.

    ``number`` counts every cell of the notebook from 1, texts included; ``ran`` is the number in its brackets.
    """

    number: int
    code: str
    printed: str = ""
    ran: int | None = None
    failed: str = ""
    """What kind of error its output shows, "" for none."""


@dataclass(frozen=True)
class Piece:
    """One module as it is loaded: the statements that the network needs, on the lines where they stood."""

    name: str
    file: str
    code: str
    cells: tuple[tuple[int, int], ...] = ()
    """For a notebook: first line in ``code`` and number of each cell, in order."""
    package: bool = False


@dataclass(frozen=True)
class Taken:
    """A network taken out of a hand-in: the modules that it needs, and the expression that makes it in ``main``.

    ``whole``: the file is run from top to bottom, because what is wanted could not be told from its text.
    """

    pieces: tuple[Piece, ...]
    main: str
    make: str
    judged: str
    """Which part of the hand-in this is, in words: ``cells 3 and 5, 42 lines``."""
    notes: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    """Other names under which pieces are imported."""
    whole: bool = False
    left_out: dict[str, str] = field(default_factory=dict)
    """Why names are missing that the author has, in words by name; under ``*`` that of any other."""
    none_read: str = ""
    """Why its text shows no network, to be told where running it shows none either; "" for a file that is run as asked."""


def place_in(cells: tuple[tuple[int, int], ...], line: int) -> str:
    """Return where *line* of a joined text is for its author: ``cell 3, line 7``, or ``line 7`` where there are no cells."""
    found = [(first, number) for first, number in cells if first <= line]
    if not found:
        return f"line {line}"
    first, number = found[-1]
    return f"cell {number}, line {line - first + 1}"
