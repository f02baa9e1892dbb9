"""The sheet of a hundred boxes: printed to pixels, filled with digits, photographed badly, and read back box by box."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from handgrad.digits.data.drawn import draw_digits
from handgrad.errors import UsageError
from handgrad.photograph.fit import fit
from handgrad.photograph.sheet import HIGH, MM, PAPERS, WIDE, box_place, sheet_figure, sheet_pdf
from handgrad.photograph.sheet_read import read_sheet

Bytes = NDArray[np.uint8]
DIGITS, _ = draw_digits(100, seed=12)


def printed(paper: str, dpi: int) -> Bytes:
    """Return the sheet in pixels, grey."""
    figure = sheet_figure(paper)
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return cv2.cvtColor(np.asarray(canvas.buffer_rgba())[..., :3].copy(), cv2.COLOR_RGB2GRAY)


def filled(page: Bytes, paper: str, dpi: int, boxes: list[int]) -> Bytes:
    """Return the page with a digit written into each of *boxes*, a little off its middle."""
    page = page.copy()
    left, top = (PAPERS[paper][0] - WIDE) / 2, (PAPERS[paper][1] - HIGH) / 2
    rng = np.random.default_rng(0)
    for number in boxes:
        place = box_place(*divmod(number, 10))
        side = round(11.5 / MM * dpi)
        x = round((left + place.x + 1.5 + rng.uniform(-0.3, 0.3)) / MM * dpi)
        y = round((top + place.y + 1.5 + rng.uniform(-0.3, 0.3)) / MM * dpi)
        ink = cv2.resize(DIGITS[number], (side, side), interpolation=cv2.INTER_AREA if side < 28 else cv2.INTER_CUBIC)
        part = page[y : y + side, x : x + side]
        page[y : y + side, x : x + side] = np.minimum(part, 255 - 0.85 * ink).astype(np.uint8)
    return page


def photographed(page: Bytes, seed: int) -> Bytes:
    """Return the page on a dark table, seen from the side, in a shadow, a little out of focus, noisy."""
    rng = np.random.default_rng(seed)
    rows, columns = page.shape
    edge = round(0.1 * columns)
    canvas = np.full((rows + 2 * edge, columns + 2 * edge), 90, np.uint8)
    canvas[edge:-edge, edge:-edge] = page
    high, wide = canvas.shape
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    moved = corners + rng.uniform(-0.05, 0.05, (4, 2)) * np.array([wide, high])
    lens = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen = cv2.warpPerspective(canvas, lens, (wide, high), borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    y, x = np.mgrid[0:high, 0:wide]
    seen *= 1 - 0.5 / (1 + np.exp(-(x / wide + 0.4 * y / high - 0.7) * 14))
    seen = cv2.GaussianBlur(seen, (0, 0), 0.5) + rng.normal(0, 3, seen.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


def check_read(picture: Bytes, boxes: list[int]) -> None:
    """Check that exactly *boxes* were read, each with its own digit."""
    sheet = read_sheet(picture)
    assert list(10 * sheet.rows + sheet.columns) == boxes
    expected = [fit(DIGITS[number]) for number in boxes]
    clean = np.array([each.image.ravel() for each in expected if each is not None], float)
    seen = sheet.images.reshape(len(boxes), -1).astype(float)
    alike = np.corrcoef(seen, clean)[: len(boxes), len(boxes) :]
    # Drawn digits of one kind are much alike, and at 72 dpi a box is 40 pixels: a few are nearer to another of their kind.
    assert (alike.argmax(axis=1) == np.arange(len(boxes))).mean() >= 0.8
    assert np.median(np.diag(alike)) > 0.75 and np.diag(alike).min() > 0.4


@pytest.mark.parametrize(("paper", "dpi"), [("a4", 150), ("letter", 72)])
def test_a_hundred_boxes_are_read_at_their_places(paper: str, dpi: int) -> None:
    boxes = list(range(100))
    check_read(photographed(filled(printed(paper, dpi), paper, dpi, boxes), seed=dpi), boxes)


@pytest.mark.long
@pytest.mark.parametrize("dpi", [72, 100, 200, 300])
@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("turn", range(4))
def test_every_paper_resolution_and_turn_is_read(paper: str, dpi: int, turn: int) -> None:
    boxes = list(range(0, 100, 3))
    picture = photographed(filled(printed(paper, dpi), paper, dpi, boxes), seed=turn)
    check_read(np.ascontiguousarray(np.rot90(picture, turn)), boxes)


def test_boxes_left_empty_are_left_out_and_an_upside_down_page_is_turned() -> None:
    boxes = [3, 14, 15, 92, 65 + 1]
    boxes.sort()
    picture = photographed(filled(printed("a4", 110), "a4", 110, boxes), seed=5)
    check_read(np.ascontiguousarray(picture[::-1, ::-1]), boxes)


def test_a_picture_without_the_marks_and_an_empty_sheet_are_refused() -> None:
    with pytest.raises(UsageError, match="four corner marks are not all on the picture, 0 found"):
        read_sheet(np.full((400, 300), 220, np.uint8))
    with pytest.raises(UsageError, match="no box of the sheet is written in"):
        read_sheet(photographed(printed("a4", 100), seed=1))


def test_the_pdf_is_the_same_each_time_and_an_unknown_paper_is_refused() -> None:
    data = sheet_pdf("letter")
    assert data.startswith(b"%PDF-") and data == sheet_pdf("letter")
    with pytest.raises(UsageError, match='--paper "a5" is not known'):
        sheet_pdf("a5")
