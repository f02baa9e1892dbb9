"""Photographs of digits drawn here, under each of ten nuisances: what `photographs.py` measures, and the tests look at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
SIDE = 300


@dataclass
class Scene:
    """What a photograph is drawn with; a nuisance changes some of it."""

    paper: tuple[float, float, float] = (238, 236, 232)
    texture: float = 0.0
    shadow: float = 0.0
    ruling: str = ""
    perspective: float = 0.0
    blur: float = 0.6
    pen: float | None = None
    ink: tuple[float, float, float] = (45, 42, 40)
    noise: float = 2.0
    digits: int = 1
    rotation: float = 0.0
    jpeg: int = 90


def paper(rng: np.random.Generator) -> Scene:
    """Coloured and rough papers."""
    tones: list[tuple[float, float, float]] = [
        (150, 195, 225),
        (225, 215, 190),
        (190, 230, 200),
        (120, 160, 195),
        (205, 205, 205),
    ]
    return Scene(paper=tones[rng.integers(len(tones))], texture=float(rng.uniform(4, 14)))


def shadow(rng: np.random.Generator) -> Scene:
    """A shadow over a part of the paper, down to a third of the light."""
    return Scene(shadow=float(rng.uniform(0.3, 0.65)))


def ruling(rng: np.random.Generator) -> Scene:
    """Ruled or squared paper."""
    return Scene(ruling=str(rng.choice(["lines", "squares"])))


def perspective(rng: np.random.Generator) -> Scene:
    """Photographed from the side."""
    return Scene(perspective=float(rng.uniform(0.06, 0.16)))


def blur(rng: np.random.Generator) -> Scene:
    """Out of focus."""
    return Scene(blur=float(rng.uniform(2.0, 5.0)))


def pen(rng: np.random.Generator) -> Scene:
    """From a fine pen to a thick marker, in pixels of 28×28."""
    return Scene(pen=float(rng.choice([0.7, 0.9, 1.2, 4.5, 5.0])))


def colour(rng: np.random.Generator) -> Scene:
    """Blue, red and green ink, a pencil; chalk on slate."""
    inks: list[tuple[float, float, float]] = [
        (190, 80, 40),
        (50, 50, 200),
        (60, 130, 40),
        (140, 140, 140),
        (235, 238, 240),
    ]
    ink = inks[rng.integers(len(inks))]
    return Scene(ink=ink, paper=(70, 75, 60) if ink[0] > 220 else Scene.paper)


def noise(rng: np.random.Generator) -> Scene:
    """A dark room: noise, and hard compression."""
    return Scene(noise=float(rng.uniform(10, 25)), jpeg=int(rng.integers(20, 45)))


def several(rng: np.random.Generator) -> Scene:
    """Two to five digits side by side."""
    return Scene(digits=int(rng.integers(2, 6)))


def rotation(rng: np.random.Generator) -> Scene:
    """Turned by up to 15°."""
    return Scene(rotation=float(rng.uniform(-15, 15)))


NUISANCES = (paper, shadow, ruling, perspective, blur, pen, colour, noise, several, rotation)


def photograph(digits: Bytes, scene: Scene, rng: np.random.Generator) -> Bytes:
    """Return the photograph of *digits* ``[n, 28, 28]`` under *scene*: bytes ``[rows, columns, 3]``, blue first."""
    alphas = [pen_stroke(digit, scene.pen, int(rng.integers(110, 190))) for digit in digits]
    rows, columns = SIDE, SIDE if len(digits) == 1 else 40 + sum(alpha.shape[1] + 24 for alpha in alphas)
    ink = np.zeros((rows, columns))
    x = int(rng.integers(20, columns - alphas[0].shape[1] - 20)) if len(digits) == 1 else 20
    line = int(rng.integers(40, rows - max(alpha.shape[0] for alpha in alphas) - 20))
    for alpha in alphas:
        # Nobody writes exactly on the line.
        y = line + int(rng.integers(-12, 13))
        ink[y : y + alpha.shape[0], x : x + alpha.shape[1]] = np.maximum(
            ink[y : y + alpha.shape[0], x : x + alpha.shape[1]], alpha
        )
        x += alpha.shape[1] + int(rng.integers(10, 24))
    if scene.rotation:
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), scene.rotation, 1.0)
        ink = cv2.warpAffine(ink, turn, (columns, rows), flags=cv2.INTER_LINEAR)
    sheet = np.ones((rows, columns, 3)) * scene.paper
    if scene.texture:
        rough = cv2.GaussianBlur(rng.normal(size=(rows, columns)), (0, 0), 2.5)
        sheet += (rough / rough.std() * scene.texture / 2)[..., None]
    if scene.ruling:
        draw_rules(sheet, scene.ruling, rng)
    picture = sheet * (1 - ink[..., None]) + np.array(scene.ink) * ink[..., None]
    return through_the_lens(picture, scene, rng)


def pen_stroke(digit: Bytes, pen: float | None, size: int) -> Floats:
    """Return a test digit drawn large, 0 to 1; with *pen* along its middle line, so many pixels of 28×28 wide."""
    large = cv2.resize(digit.astype(np.float64), (size, size), interpolation=cv2.INTER_CUBIC)
    large = np.clip((cv2.GaussianBlur(large, (0, 0), 1.0) - 95) / 65, 0, 1)
    if pen is None:
        return np.asarray(large)
    away = cv2.distanceTransform((~thinned(large > 0.5)).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.clip(pen * size / 28 / 2 - away + 0.5, 0, 1))


def thinned(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the middle line of *mask* (T. Y. Zhang, C. Y. Suen, CACM 27, 1984): the edge taken away while nothing breaks."""
    mask = np.pad(mask, 1)
    while True:
        before = mask.sum()
        for step in (0, 1):
            north, east, south, west = (
                np.roll(mask, shift, axis) for shift, axis in ((1, 0), (-1, 1), (-1, 0), (1, 1))
            )
            ring = [
                north, np.roll(north, -1, 1), east, np.roll(south, -1, 1), south, np.roll(south, 1, 1), west,
                np.roll(north, 1, 1),
            ]  # fmt: skip
            around = sum(each.astype(int) for each in ring)
            turns = sum((~ring[at] & ring[(at + 1) % 8]).astype(int) for at in range(8))
            if step == 0:
                may = ~(north & east & south) & ~(east & south & west)
            else:
                may = ~(north & east & west) & ~(north & south & west)
            mask = mask & ~((around >= 2) & (around <= 6) & (turns == 1) & may)
        if mask.sum() == before:
            return np.asarray(mask[1:-1, 1:-1])


def draw_rules(sheet: Floats, kind: str, rng: np.random.Generator) -> None:
    """Draw faint rules over *sheet*, from edge to edge, one or two pixels thick."""
    pitch, first = int(rng.integers(28, 60)), int(rng.integers(0, 28))
    tone = np.array([225, 190, 160]) - rng.uniform(0, 50)
    thick = int(rng.integers(1, 3))
    for at in range(first, sheet.shape[0] - 2, pitch):
        sheet[at : at + thick] = tone
    if kind == "squares":
        for at in range(first, sheet.shape[1] - 2, pitch):
            sheet[:, at : at + thick] = tone


def through_the_lens(picture: Floats, scene: Scene, rng: np.random.Generator) -> Bytes:
    """Return *picture* as a camera keeps it: from the side, shaded, out of focus, noisy, compressed."""
    rows, columns = picture.shape[:2]
    if scene.perspective:
        corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        moved = corners + rng.uniform(-1, 1, (4, 2)) * scene.perspective * np.array([columns, rows]) / 2
        lens = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
        picture = np.asarray(
            cv2.warpPerspective(picture, lens, (columns, rows), borderMode=cv2.BORDER_REPLICATE), float
        )
    if scene.shadow:
        y, x = np.mgrid[0:rows, 0:columns] / SIDE
        angle = rng.uniform(0, 2 * np.pi)
        along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + rng.uniform(-0.25, 0.25)
        picture = picture * (1 - scene.shadow / (1 + np.exp(-along * rng.uniform(8, 40))))[..., None]
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), scene.blur), np.float64)
    picture = picture + rng.normal(0, scene.noise, picture.shape)
    taken = np.clip(picture, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, scene.jpeg])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
