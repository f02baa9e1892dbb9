"""The sheets of images: the digit that is answered, typed or chosen, and a hundred test digits to choose from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.workbook import looks
from handgrad.export.plan import Convolution, Plan
from handgrad.export.workbook.areas import Area, Rectangle
from handgrad.export.workbook.looks import BLACK, BORDER, CAPTION, PIXEL, TINY, TYPED, WHITE
from handgrad.xlsx.writer import Book, Bounds, Shade, Sheet, address

Bytes = NDArray[np.uint8]
SIDE, ACROSS = 28, 10
DIGIT, IMAGES = "Digit", "Images"
CHOICE = (3, 12)
"""The cell that holds which test digit is shown."""
GRID_TOP = 8
GALLERY_TOP, GALLERY_LEFT = 4, 1
PITCH = SIDE + 1
"""Rows and columns from one test digit to the next, a caption's row or an empty column between them."""


@dataclass(frozen=True, eq=False)
class Hundred:
    """The test digits of the book: ``images [n, 28, 28]``, ``indexes`` in the test set, true ``labels``, the run's ``answers``.

    The first *mistakes* of them are the run's surest mistakes.
    """

    images: Bytes
    indexes: NDArray[np.int64]
    labels: NDArray[np.int64]
    answers: NDArray[np.int64]
    mistakes: int


def common_border(plan: Plan) -> tuple[int, float]:
    """Return how wide the border is that convolutions find round the image, and what is in it; (0, 0) where they differ.

    It is not 0: normalisation moved it, and exactly this number becomes the 0 that the network was trained with.
    """
    found = [
        (max(step.window.padding), float(step.border[0]))
        for step in plan.steps
        if isinstance(step, Convolution) and step.inputs == (0,) and step.window.pads
    ]
    # Two borders cannot lie in the same cells; each convolution then adds its own as a number.
    if not found or len({border for _, border in found}) > 1:
        return 0, 0.0
    return max(width for width, _ in found), found[0][1]


def digit_sheet(book: Book, plan: Plan, hundred: Hundred) -> Area:
    """Write the sheet *Digit* and return where the image lies."""
    sheet = book.sheet(DIGIT, looks.ACCENT)
    margin, border = common_border(plan)
    left = 1 + margin
    # Room for the ring of border cells on every side.
    grid = Rectangle(DIGIT, GRID_TOP + margin, left, SIDE, SIDE)
    typed = Rectangle(DIGIT, GRID_TOP + margin, left + SIDE + margin + 3, SIDE, SIDE)
    sheet.text(0, 0, f"{plan.name}: the digit", looks.TITLE)
    sheet.text(1, 0, "Choose a test digit by its number (sheet Images), or type or paste 28×28 numbers from 0 (paper) to 255 "
               "(ink) into the yellow grid.", looks.SUBTITLE)  # fmt: skip
    sheet.text(CHOICE[0], 0, "Test digit, 1 to 100", looks.TEXT)
    sheet.number(*CHOICE, 1, looks.INPUT)
    sheet.bounds(
        Bounds(CHOICE, CHOICE, 1, len(hundred.images), f"A number from 1 to {len(hundred.images)}.", whole=True)
    )
    book.define("test_digit", f"{DIGIT}!{fixed(CHOICE)}")
    # COUNT and not COUNTA: words typed there are no pixels.
    own = f"COUNT({typed.text(DIGIT)})"
    sheet.formula(4, 0, f'IF({own}>0,"This is the digit of the yellow grid; empty the grid to go back to the test digits.",'
                  f'"Shown: test digit "&test_digit&".")', value="Shown: test digit 1.", look=looks.NOTE)  # fmt: skip
    place(sheet, hundred)
    sheet.text(GRID_TOP - 1, 1, "What the network sees", looks.HEADING)
    sheet.text(GRID_TOP - 1, typed.column, "Type or paste here", looks.HEADING)
    write_grids(sheet, hundred.images[0], grid, typed, own=own)
    write_border(sheet, grid, margin, border)
    sheet.widths({0: 20} | dict.fromkeys(range(1, typed.column + SIDE), 2.9))
    sheet.heights(dict.fromkeys(range(GRID_TOP, GRID_TOP + SIDE + 2 * margin), 15))
    sheet.activate()
    return Area((1, SIDE, SIDE), (grid,), margin, border)


def place(sheet: Sheet, hundred: Hundred) -> None:
    """Write the two numbers that say where the chosen digit lies in the gallery, which every pixel uses."""
    sheet.text(5, 0, "its first row and column there", CAPTION)
    sheet.formula(5, 12, f"INT((test_digit-1)/{ACROSS})*{PITCH}", value=0, look=PIXEL)
    sheet.formula(5, 13, f"MOD(test_digit-1,{ACROSS})*{PITCH}", value=0, look=PIXEL)


def write_grids(sheet: Sheet, image: Bytes, grid: Rectangle, typed: Rectangle, *, own: str) -> None:
    """Write the pixels: each the typed one where anything is typed, else the chosen digit's; and the empty yellow grid."""
    sheet.formula(5, 14, f"{own}>0", value=False, look=PIXEL)
    last = GALLERY_TOP + PITCH * ACROSS, GALLERY_LEFT + PITCH * ACROSS
    gallery = f"{IMAGES}!{fixed((GALLERY_TOP, GALLERY_LEFT))}:{fixed(last)}"
    for row in range(SIDE):
        for column in range(SIDE):
            mine = Rectangle(DIGIT, typed.row + row, typed.column + column, 1, 1).text(DIGIT)
            # An empty cell counts as 0 in both.
            chosen = f"INDEX({gallery},$M$6+{row + 1},$N$6+{column + 1})+0"
            # N() makes 0 of a text, where arithmetic would show an error all the way to the answer.
            text = f"IF($O$6,MIN(255,MAX(0,N({mine}))),{chosen})"
            sheet.formula(grid.row + row, grid.column + column, text, value=int(image[row, column]), look=PIXEL)
            sheet.blank(typed.row + row, typed.column + column, TYPED)
    for each in (grid, typed):
        last = each.row + SIDE - 1, each.column + SIDE - 1
        sheet.shade(Shade((each.row, each.column), last, WHITE, BLACK, (0, 255)))
    sheet.bounds(Bounds((typed.row, typed.column), (typed.row + SIDE - 1, typed.column + SIDE - 1), 0, 255,
                        "A number from 0 (paper) to 255 (ink)."))  # fmt: skip


def write_border(sheet: Sheet, grid: Rectangle, margin: int, border: float) -> None:
    """Write the cells round the image that hold what lies beyond its edge."""
    if not margin:
        return
    for row in range(-margin, SIDE + margin):
        for column in range(-margin, SIDE + margin):
            if not (0 <= row < SIDE and 0 <= column < SIDE):
                sheet.number(grid.row + row, grid.column + column, float(str(np.float32(border))), BORDER)
    words = f"The grey ring holds {border:.4f}. Normalisation makes exactly 0 of it, the value outside of the image."
    sheet.text(GRID_TOP + SIDE + 2 * margin, 1, words, looks.NOTE)


def images_sheet(book: Book, hundred: Hundred) -> None:
    """Write the gallery: ten rows of ten digits in tiny cells, paper left empty."""
    sheet = book.sheet(IMAGES, looks.ACCENT)
    sheet.text(0, 0, "A hundred test digits", looks.TITLE)
    words = (
        f"The first {hundred.mistakes} are the mistakes that the network was surest of; then come eight or more of each "
        f"class, in order. "
        "Type a number into the sheet Digit."
    )
    sheet.text(1, 0, words, looks.SUBTITLE)
    for number, image in enumerate(hundred.images):
        row = GALLERY_TOP + PITCH * (number // ACROSS)
        column = GALLERY_LEFT + PITCH * (number % ACROSS)
        true, answer = int(hundred.labels[number]), int(hundred.answers[number])
        wrong = f", answered {answer}" if true != answer else ""
        caption = f"{number + 1}: a {true}{wrong} (test image {int(hundred.indexes[number]):,})"
        sheet.text(row - 1, column, caption, CAPTION)
        # Paper left empty: four pixels of five are.
        for at in zip(*np.nonzero(image), strict=True):
            sheet.number(row + int(at[0]), column + int(at[1]), int(image[at]), TINY)
    last = GALLERY_TOP + PITCH * ACROSS, GALLERY_LEFT + PITCH * ACROSS
    sheet.shade(Shade((GALLERY_TOP, GALLERY_LEFT), last, WHITE, BLACK, (0, 255)))
    sheet.widths({0: 2} | dict.fromkeys(range(1, last[1] + 1), 0.6))
    captions = {GALLERY_TOP - 1 + PITCH * number for number in range(ACROSS)}
    sheet.heights({row: 12 if row in captions else 5 for row in range(GALLERY_TOP - 1, last[0])})
    sheet.zoom(80)


def fixed(place: tuple[int, int]) -> str:
    """Return the absolute address of a cell."""
    return address(*place, fixed=True)
