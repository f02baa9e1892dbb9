"""The sheet of a hundred boxes: printed to pixels, filled with digits, photographed badly, and read back box by box.

Filled with drawn digits everywhere, and with MNIST's test digits where ``$HANDGRAD_DATA`` names its folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.data.load import load_dataset
from handgrad.errors import UsageError
from handgrad.photograph.fit import fit
from handgrad.photograph.read import read_picture
from handgrad.photograph.sheet import HIGH, MM, PAPERS, WIDE, box_place, sheet_figure, sheet_pdf
from handgrad.photograph.sheet_read import SCALE, read_sheet

Bytes = NDArray[np.uint8]
DIGITS, _ = draw_digits(100, seed=12)
MNIST = os.environ.get("HANDGRAD_DATA", "")
PRINTER = shutil.which("pdftoppm")
needs_mnist = pytest.mark.skipif(not MNIST, reason="HANDGRAD_DATA names no folder")


@cache
def mnist_hundred() -> Bytes:
    """Return ten MNIST test digits of each class, those of class r for row r, the first that come."""
    dataset = load_dataset(Path(MNIST))
    labels = dataset.test_labels.numpy()
    return dataset.test_images.numpy()[np.concatenate([np.flatnonzero(labels == digit)[:10] for digit in range(10)])]


def printed(paper: str, dpi: int) -> Bytes:
    """Return the sheet in pixels, grey."""
    figure = sheet_figure(paper)
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return cv2.cvtColor(np.asarray(canvas.buffer_rgba())[..., :3].copy(), cv2.COLOR_RGB2GRAY)


def printed_from_pdf(paper: str, dpi: int, folder: Path) -> Bytes:
    """Return the PDF itself in pixels, as another program prints it."""
    assert PRINTER is not None
    (folder / "sheet.pdf").write_bytes(sheet_pdf(paper))
    subprocess.run([PRINTER, "-r", str(dpi), "-gray", "-singlefile", "sheet.pdf", "sheet"], cwd=folder, check=True)
    page = cv2.imread(str(folder / "sheet.pgm"), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    return np.asarray(page, np.uint8)


def filled(page: Bytes, paper: str, dpi: int, boxes: list[int], *, digits: Bytes = DIGITS) -> Bytes:
    """Return the page with one of *digits* written into each of *boxes*, a little off its middle."""
    page = page.copy()
    left, top = (PAPERS[paper][0] - WIDE) / 2, (PAPERS[paper][1] - HIGH) / 2
    rng = np.random.default_rng(0)
    for number in boxes:
        place = box_place(*divmod(number, 10))
        side = round(11.5 / MM * dpi)
        x = round((left + place.x + 1.5 + rng.uniform(-0.3, 0.3)) / MM * dpi)
        y = round((top + place.y + 1.5 + rng.uniform(-0.3, 0.3)) / MM * dpi)
        ink = cv2.resize(digits[number], (side, side), interpolation=cv2.INTER_AREA if side < 28 else cv2.INTER_CUBIC)
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


def check_read(picture: Bytes, boxes: list[int], *, digits: Bytes = DIGITS) -> None:
    """Check that exactly *boxes* were read, each with its own of *digits*."""
    sheet = read_sheet(picture)
    assert list(10 * sheet.rows + sheet.columns) == boxes
    expected = [fit(digits[number]) for number in boxes]
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


def seen_from_above(page: Bytes, paper: str, dpi: int) -> Bytes:
    """Return a printed page as a reader that makes no mistake straightens it: the rectangle between the marks."""
    grow = SCALE * MM / dpi
    left, top = (PAPERS[paper][0] - WIDE) / 2, (PAPERS[paper][1] - HIGH) / 2
    # Pixels count from their centres, so half a pixel is lost or won where they grow.
    moves = np.array([[grow, 0, (grow - 1) / 2 - left * SCALE], [0, grow, (grow - 1) / 2 - top * SCALE]])
    size = round(WIDE * SCALE), round(HIGH * SCALE)
    return np.asarray(cv2.warpAffine(page, moves, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def box_beside(page: Bytes, ideal: Bytes, number: int) -> float:
    """Return how far, in millimetres, a box with its frame and digit lies on *page* from where *ideal* has it."""
    place = box_place(*divmod(number, 10))
    x, y, wide, high = (
        round(each * SCALE) for each in (place.x - 0.6, place.y - 0.6, place.wide + 1.2, place.high + 1.2)
    )
    one, other = (each[y : y + high, x : x + wide].astype(np.float32) for each in (page, ideal))
    window = cv2.createHanningWindow((wide, high), cv2.CV_32F)
    apart, _ = cv2.phaseCorrelate(one / one.max(), other / other.max(), window)
    return float(np.hypot(*apart)) / SCALE


def check_handwriting(page: Bytes, paper: str, dpi: int, folder: Path) -> None:
    """Fill *page* with MNIST's test digits, photograph it, keep it as a JPEG, and check every box's place and digit."""
    digits, boxes = mnist_hundred(), list(range(100))
    full = filled(page, paper, dpi, boxes, digits=digits)
    cv2.imwrite(str(folder / "photo.jpg"), photographed(full, seed=dpi), [cv2.IMWRITE_JPEG_QUALITY, 85])
    sheet = read_sheet(read_picture(folder / "photo.jpg"))
    assert list(10 * sheet.rows + sheet.columns) == boxes
    ideal = seen_from_above(full, paper, dpi)
    # A printer of 72 points an inch moves a frame by up to half a point, and the reader leaves out 0.9 mm beside it.
    assert max(box_beside(sheet.page, ideal, number) for number in boxes) < 0.6
    clean = np.array([each.image.ravel() for digit in digits if (each := fit(digit)) is not None], float)
    alike = np.corrcoef(sheet.images.reshape(100, -1).astype(float), clean)[:100, 100:]
    # Some 1 are as like another's as their own; all others know themselves among the hundred.
    assert (alike.argmax(axis=1) == boxes).sum() >= 90


def test_the_measure_of_a_place_sees_a_box_that_is_a_millimetre_off() -> None:
    page = seen_from_above(filled(printed("a4", 150), "a4", 150, [44]), "a4", 150)
    assert box_beside(page, page, 44) < 0.01
    assert box_beside(np.roll(page, 6, axis=0), page, 44) == pytest.approx(1.0, abs=0.1)


@needs_mnist
@pytest.mark.skipif(PRINTER is None, reason="no pdftoppm")
@pytest.mark.parametrize(("paper", "dpi"), [("a4", 72), ("letter", 150)])
def test_the_pdf_filled_with_a_hundred_test_digits_is_read_box_for_box(paper: str, dpi: int, tmp_path: Path) -> None:
    check_handwriting(printed_from_pdf(paper, dpi, tmp_path), paper, dpi, tmp_path)


@needs_mnist
@pytest.mark.long
@pytest.mark.parametrize("dpi", [72, 96, 110, 150, 200, 300])
@pytest.mark.parametrize("paper", PAPERS)
def test_a_hundred_test_digits_are_read_box_for_box_at_every_resolution(paper: str, dpi: int, tmp_path: Path) -> None:
    check_handwriting(printed(paper, dpi), paper, dpi, tmp_path)


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
    with pytest.raises(UsageError, match="all boxes of the sheet are empty"):
        read_sheet(photographed(printed("a4", 100), seed=1))


def test_the_pdf_is_the_same_each_time_and_an_unknown_paper_is_refused() -> None:
    data = sheet_pdf("letter")
    assert data.startswith(b"%PDF-") and data == sheet_pdf("letter")
    with pytest.raises(UsageError, match='--paper "a5" is not known'):
        sheet_pdf("a5")
