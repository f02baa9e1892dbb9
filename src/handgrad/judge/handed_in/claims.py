"""What the author says of the training: from the outputs of a notebook, its texts, or a README or log beside the file.

Read as text, believed by nobody: it stands beside what was found and is not counted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handgrad.errors import counted
from handgrad.judge.handed_in.cells import prose_of
from handgrad.judge.handed_in.files import TELLS
from handgrad.judge.handed_in.records import Cell

# MNIST's test set, on which a course's figures are given; a share claimed of it is turned back into a count.
TEST_IMAGES = 10_000
COUNTED = re.compile(r"(?<![\d.,])(\d{1,2}[,.]?\d{3}|\d{1,4})\s*/\s*10[,.]?000\b")
"""``9946/10000``: right answers to the test images, by which nearly every training of this kind reports."""
OF_OTHERS = re.compile(r"(?<![\d.,])\d{4,5}\s*/\s*([2-6]0000)\b")
"""``58764/60000``: right answers to other images than the test images, mostly to those that were trained with."""
SHARE = r"(\d{2}\.\d+|0\.[5-9]\d+|100(?:\.0+)?)(?![\d.])"
"""A percentage with decimals, or a fraction; ``98 %`` may be any share that begins so."""
PERCENT = re.compile(
    rf"(?<![a-z])(?:test|val|valid|validation|eval)(?![a-z])[^\n%]{{0,80}}?acc(?:uracy)?(?![a-z])[^\n\d%]{{0,14}}{SHARE}",
    re.IGNORECASE,
)
"""``Test Accuracy: 99.47%``, ``val_acc=0.9947``."""
OF_THE_NETWORK = re.compile(rf"accuracy of the \w+ on the [^\n%]{{0,20}}test[^\n\d%]{{0,20}}{SHARE}", re.IGNORECASE)
"""``Accuracy of the network on the 10000 test images: 99.12 %``."""
BAR = re.compile(r"\d+%\|[^|\n]*\|[^\[\n]*(?:\[[^\]\n]*\])?")
"""What tqdm draws: its percent is how much of the data was gone through."""
NO_EPOCH = re.compile(
    r"best|highest|max|final|target|goal|should|must|require|expect|less than|>=|threshold", re.IGNORECASE
)
"""What stands in a line that repeats an epoch, or says what is to be reached."""
TOTAL = re.compile(
    r"(?:total params|(?:total|trainable|model) parameters|number of (?:trainable )?parameters|parameters|params)"
    r"[^\d\n]{0,20}?(\d[\d,_]{2,})(?!\.?\d)|(?<![\d.,])(\d[\d,_]{2,}) (?:trainable |total )?param(?:eter)?s\b",
    re.IGNORECASE,
)
SAYS = re.compile(r"\b(?:test|val\w*)\b.*acc|accuracy", re.IGNORECASE)
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
    # Outputs before texts: what the program printed was true when it ran, a README may be of another year.
    told = [(where, counts) for where, counts in told if counts]
    # A single figure may be a final test of anything; a list has an epoch each.
    several = [each for each in told if len(each[1]) > 1]
    if not told:
        # The last one counts below: the notebook's own text before what lies beside it.
        texts = [(path.name, _text_of(path)) for path in beside if TELLS.fullmatch(path.name)]
        texts.append((f"the text of {notebook.name}", prose_of(notebook)))
        told = [(where, counts) for where, text in texts if (counts := counts_in(text))]
        several = [each for each in told if len(each[1]) > 1]
    # Of several trainings the last one is that of the network which is handed in.
    where, counts = (several or told or [("", ())])[-1]
    printed = [number for cell in cells for number in parameters_in(cell.printed)]
    others = [found for cell in cells for found in OF_OTHERS.findall(cell.printed)]
    notes = list(_notes(cells))
    if others and not counts:
        notes.append(f"its tests are of {counted(int(others[-1]), 'image')}, and not of the 10,000 test images")
    return Claims(counts, where, tuple(dict.fromkeys(printed)), tuple(notes))


def parameters_in(text: str) -> list[int]:
    """Return the numbers of parameters that *text* reports: torchsummary's and torchinfo's lines, and sentences."""
    found = [first or second for first, second in TOTAL.findall(text)]
    return [int(each.replace(",", "").replace("_", "")) for each in found]


def last_run(claims: Claims, epochs: object) -> Claims:
    """Return the claims of the last training where one output holds several of *epochs* each."""
    count = len(claims.counts)
    # Only where they divide evenly: with a run that broke off in between nothing can be said.
    if not isinstance(epochs, int) or epochs < 2 or count <= epochs or count % epochs:
        return claims
    return replace(claims, counts=claims.counts[-epochs:])


def counts_in(text: str) -> tuple[int, ...]:
    """Return the right answers of 10,000 that *text* reports, in order; percentages where it has no counts."""
    found = [count for line in text.split("\n") for count in counts_of_line(line)]
    if found:
        return tuple(found)
    shares = []
    # Line by line: "test" of one line and the percentage of the next belong to different things.
    for line in BAR.sub(" ", text).split("\n"):
        said = None if NO_EPOCH.search(line) else PERCENT.search(line) or OF_THE_NETWORK.search(line)
        shares += [float(said[1])] if said else []
    # 0.9947 and 99.47 are both written, and no test accuracy is 1 %.
    shares = [each if each > 1 else 100 * each for each in shares]
    return tuple(round(each * TEST_IMAGES / 100) for each in shares if each * 100 >= LEAST_LIKELY)


def counts_of_line(line: str) -> list[int]:
    """Return the right answers of 10,000 that stand in one line as counts, such as ``9908/10000``."""
    counts = [int(each.replace(",", "").replace(".", "")) for each in COUNTED.findall(line)]
    # A first epoch may be as bad as guessing, and still is one, where its line says what it counts.
    least = 0 if SAYS.search(line) else LEAST_LIKELY
    return [each for each in counts if least <= each <= TEST_IMAGES]


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
    # Jupyter numbers each run; a number that falls was run before what stands above it.
    if any(second < first for first, second in itertools.pairwise(ran)):
        notes.append("its cells were not run from top to bottom, so its outputs may belong to other code")
    failed = [cell for cell in cells if cell.failed]
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        notes.append(f"cell {failed[0].number}{more} shows an error ({failed[0].failed})")
    return notes
