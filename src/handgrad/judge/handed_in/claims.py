"""What the author says of the training: from the outputs of a notebook, its texts, or a README or log beside the file.

Read as text, believed by nobody: it stands beside what was found and is not counted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handgrad.judge.handed_in.cells import prose_of
from handgrad.judge.handed_in.files import TELLS
from handgrad.judge.handed_in.records import Cell

TEST_IMAGES = 10_000
COUNTED = re.compile(r"(?<![\d.,])(\d{1,2}[,.]?\d{3}|\d{1,4})\s*/\s*10[,.]?000\b")
"""``9946/10000``: right answers to the test images, by which nearly every training of this kind reports."""
PERCENT = re.compile(
    r"\b(?:test|val\w*)\b[^\n%]{0,80}?\bacc\w*\b[^\n\d%]{0,14}(\d{2}(?:\.\d+)?|0\.9\d+|100(?:\.0+)?)\b", re.IGNORECASE
)
"""``Test Accuracy: 99.47%``, ``val_acc=0.9947``."""
TOTAL = re.compile(
    r"(?:total params|total parameters|number of parameters|params)\D{0,20}?(\d[\d,]{2,})", re.IGNORECASE
)
LEAST_LIKELY = 5_000
"""Fewer right answers of 10,000 are the count of something else: a batch, a training image."""


@dataclass(frozen=True)
class Claims:
    """What was said, in order: right answers of 10,000 an epoch with the place where they stand, and printed parameters."""

    counts: tuple[int, ...] = ()
    where: str = ""
    parameters: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> int:
        """The largest count."""
        return max(self.counts)

    @property
    def best_epoch(self) -> int:
        """The first epoch with the largest count, from 1."""
        return self.counts.index(self.best) + 1


def claims_in(cells: Sequence[Cell], beside: Sequence[Path], notebook: Path) -> Claims:
    """Return what the outputs of *cells* say, else the texts of *notebook*, else the files *beside* it."""
    told = [(f"the output of cell {cell.number}", counts_in(cell.printed)) for cell in cells if cell.printed]
    told = [(where, counts) for where, counts in told if counts]
    several = [each for each in told if len(each[1]) > 1]
    if not told:
        texts = [(f"the text of {notebook.name}", prose_of(notebook))]
        texts += [(path.name, _text_of(path)) for path in beside if TELLS.fullmatch(path.name)]
        told = [(where, counts) for where, text in texts if (counts := counts_in(text))]
        several = [each for each in told if len(each[1]) > 1]
    # Of several trainings the last one is that of the network which is handed in.
    where, counts = (several or told or [("", ())])[-1]
    printed = tuple(int(found.replace(",", "")) for cell in cells for found in TOTAL.findall(cell.printed))
    return Claims(counts, where, tuple(dict.fromkeys(printed)), tuple(_notes(cells)))


def counts_in(text: str) -> tuple[int, ...]:
    """Return the right answers of 10,000 that *text* reports, in order; percentages where it has no counts."""
    found = [int(each.replace(",", "").replace(".", "")) for each in COUNTED.findall(text)]
    found = [each for each in found if LEAST_LIKELY <= each <= TEST_IMAGES]
    if found:
        return tuple(found)
    shares = [float(each) for each in PERCENT.findall(text)]
    shares = [each if each > 1 else 100 * each for each in shares]
    return tuple(round(each * TEST_IMAGES / 100) for each in shares if each * 100 >= LEAST_LIKELY)


def _text_of(path: Path) -> str:
    """Return the text of a file, "" where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _notes(cells: Sequence[Cell]) -> list[str]:
    """Return what the state of a notebook tells its reader: cells that failed, or were not run in order."""
    notes = []
    ran = [cell.ran for cell in cells if cell.ran is not None]
    if any(second < first for first, second in itertools.pairwise(ran)):
        notes.append("its cells were not run from top to bottom, so its outputs may belong to other code")
    failed = [cell for cell in cells if cell.failed]
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        notes.append(f"cell {failed[0].number}{more} shows an error ({failed[0].failed})")
    return notes
