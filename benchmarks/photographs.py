"""How well a run reads photographs: 1,000 that are drawn here from test digits, a hundred with each of ten nuisances.

``python benchmarks/photographs.py RUN`` prints the table of docs/photographs.md and writes it into the page. Three ways from
a photograph to 28×28 are measured: the pipeline of `handgrad predict`; the same without the change of the stroke's width; and
what textbooks do (the whole picture squeezed into 28×28, inverted). A digit counts as right where it is found and answered
right; what is found beside the true digits counts as wrong. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from handgrad.digits.data.load import dataset_of
from handgrad.digits.trained import trained_module
from handgrad.digits.training.loop import predict
from handgrad.files import write_whole
from handgrad.photograph.digits import see
from handgrad.runs.read import Run, read_run
from handgrad.score import percent, wilson_interval

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Answer = Callable[[Bytes], NDArray[np.int64]]
RESULTS = Path(__file__).with_name("results") / "photographs.json"
PAGE = Path(__file__).parents[1] / "docs" / "photographs.md"
MARK = "<!-- made by benchmarks/photographs.py -->"
STROKE_MARK = "<!-- made by benchmarks/photographs.py --stroke-run -->"
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


@dataclass
class Count:
    """Right digits of all, and photographs whose digits were not the true number."""

    right: int = 0
    total: int = 0
    miscounted: int = 0

    def add(self, answers: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
        """Count one photograph."""
        if len(answers) != len(labels):
            self.miscounted += 1
        longer = max(len(answers), len(labels))
        self.total += longer
        self.right += int((answers[: len(labels)] == labels[: len(answers)]).sum())


def ways(answer: Answer) -> dict[str, Callable[[Bytes], NDArray[np.int64]]]:
    """Return the ways from a grey photograph to its answers, by name."""
    return {
        "handgrad": lambda grey: answer(see(grey).images),
        "without the stroke's width": lambda grey: answer(see(grey, stroke=False).images),
        "textbook": lambda grey: answer(255 - as_bytes(cv2.resize(grey, (28, 28), interpolation=cv2.INTER_AREA))[None]),
    }


def as_bytes(values: Any) -> Bytes:
    """Return what OpenCV gave as bytes."""
    return np.asarray(values, np.uint8)


def drawn(images: Bytes, labels: Bytes, each: int, seed: int) -> Iterator[tuple[str, Bytes, NDArray[np.int64]]]:
    """Yield nuisance, grey photograph and labels: *each* of every nuisance, from test digits taken in turn."""
    at = 0
    for number, nuisance in enumerate(NUISANCES):
        for shot in range(each):
            rng = np.random.default_rng([seed, number, shot])
            scene = nuisance(rng)
            chosen = np.arange(at, at + scene.digits) % len(images)
            at += scene.digits
            picture = photograph(images[chosen], scene, rng)
            yield (
                nuisance.__name__,
                as_bytes(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)),
                labels[chosen].astype(np.int64),
            )


def measure(run: Run, images: Bytes, labels: Bytes, each: int, seed: int) -> dict[str, Any]:
    """Return the counts of every way and nuisance, and of plain MNIST with and without the pipeline."""
    module = trained_module(run)

    def answer(digits: Bytes) -> NDArray[np.int64]:
        if not len(digits):
            return np.zeros(0, np.int64)
        with torch.no_grad():
            return np.asarray(predict(module, torch.from_numpy(digits)).argmax(1).numpy(), np.int64)

    counts: dict[str, dict[str, Count]] = {}
    for name, grey, true in drawn(images, labels, each, seed):
        for way, read in ways(answer).items():
            counts.setdefault(name, {}).setdefault(way, Count()).add(read(grey), true)
    plain = {"as they are": Count(), "handgrad": Count()}
    for digit, label in zip(images, labels.astype(np.int64), strict=True):
        plain["handgrad"].add(answer(see(digit).images), np.array([label]))
    plain["as they are"] = Count(int((answer(images) == labels).sum()), len(labels))
    return {
        "run": run.name, "network": run.network, "recipe": run.title, "each": each, "seed": seed,
        "stroke": float(run.recipe["augmentation"].get("stroke", 0)),
        "counts": {name: {way: asdict(count) for way, count in row.items()} for name, row in counts.items()},
        "plain": {name: asdict(count) for name, count in plain.items()},
    }  # fmt: skip


def table(found: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    names = list(next(iter(found["counts"].values())))
    lines = [f"| nuisance | {' | '.join(names)} | digits |", "|---|" + "---|" * (len(names) + 1)]
    sums = {way: Count() for way in names}
    for name, row in found["counts"].items():
        cells = [percent(row[way]["right"], row[way]["total"]) for way in names]
        lines.append(f"| {name} | {' | '.join(cells)} | {row[names[0]]['total']:,} |")
        for way in names:
            sums[way].right += row[way]["right"]
            sums[way].total += row[way]["total"]
    cells = [f"**{percent(sums[way].right, sums[way].total)}**" for way in names]
    lines.append(f"| all | {' | '.join(cells)} | {sums[names[0]].total:,} |")
    low, high = wilson_interval(sums[names[0]].right, sums[names[0]].total)
    asis, through = found["plain"]["as they are"], found["plain"]["handgrad"]
    shots = found["each"] * len(found["counts"])
    lines += [
        "",
        f"Recipe `{found['recipe']}` ({found['network']}, run {found['run']}), {shots:,} photographs, seed {found['seed']}.",
        f"95 % interval of the first column: {low:.2f} to {high:.2f} %.",
        "",
        f"Plain MNIST, {asis['total']:,} test images: {percent(asis['right'], asis['total'])} as they are, "
        f"{percent(through['right'], asis['total'])} through the pipeline.",
    ]
    return lines


def beside(found: dict[str, Any], stroked: dict[str, Any]) -> list[str]:
    """Return the table of two runs that differ in the augmentation ``stroke`` alone."""
    names = ("handgrad", "without the stroke's width")
    lines = [
        f"| trained with | photographs | {names[1]} | `pen` alone | {names[1]} | plain MNIST | through the pipeline |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in (found, stroked):
        cells = [
            percent(*(sum(row[name][key] for row in rows) for key in ("right", "total")))
            for rows in (list(each["counts"].values()), [each["counts"]["pen"]])
            for name in names
        ]
        total = each["plain"]["as they are"]["total"]
        cells += [percent(each["plain"][name]["right"], total) for name in ("as they are", "handgrad")]
        words = f"`augmentation.stroke={each['stroke']:g}`" if each["stroke"] else "the recipe as it is"
        lines.append(f"| {words} | {' | '.join(cells)} |")
    low, high = wilson_interval(*overall(found))
    right, total = overall(stroked)
    inside = low <= 100 * right / total <= high
    words = (
        f"One run each (the second is {stroked['run']}), the same seed, the same photographs. The second lies "
        f"{'inside' if inside else 'outside'} the first's interval ({low:.2f} to {high:.2f} %): "
        + ("on these photographs the augmentation makes no difference that so many digits show." if inside else
           "on these photographs the augmentation makes a difference.")
    )  # fmt: skip
    return [*lines, "", words]


def overall(found: dict[str, Any]) -> tuple[int, int]:
    """Return how many digits of how many the pipeline read right, all nuisances together."""
    rows = [row["handgrad"] for row in found["counts"].values()]
    return sum(row["right"] for row in rows), sum(row["total"] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "run", type=Path, nargs="?", help="left out: the page is made again from the results that are there"
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--stroke-run", type=Path, help="a run of the same recipe with augmentation.stroke")
    parser.add_argument("--each", type=int, default=100, help="photographs of each nuisance")
    parser.add_argument("--plain", type=int, default=10_000, help="test images for the cost on plain MNIST")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--look", type=Path, help="write a sheet of the photographs here and stop")
    parser.add_argument("--dry", action="store_true", help="print, and write nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.run is None:
        write_page(tables_of(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    run = read_run(given.run)
    data = dataset_of(run.dataset, run.environment.dataset_sha256, given.data or run.environment.data, download=False)
    images, labels = data.test_images.numpy()[: given.plain], data.test_labels.numpy()[: given.plain]
    if given.look:
        shots = [cv2.resize(grey, (150, 150)) for _, grey, _ in drawn(images, labels, 8, given.seed)]
        rows = [np.hstack(shots[at : at + 8]) for at in range(0, len(shots), 8)]
        cv2.imwrite(str(given.look), np.vstack(rows))
        return
    found = measure(run, images, labels, given.each, given.seed)
    if given.stroke_run:
        found["with stroke"] = measure(read_run(given.stroke_run), images, labels, given.each, given.seed)
    tables = tables_of(found)
    sys.stdout.write("\n\n".join("\n".join(lines) for lines in tables.values()) + "\n")
    if not given.dry:
        write_whole(RESULTS, (json.dumps(found, indent=1) + "\n").encode())
        write_page(tables)


def tables_of(found: dict[str, Any]) -> dict[str, list[str]]:
    """Return the lines of each table by the mark between which they stand on the page."""
    tables = {MARK: table(found)}
    if "with stroke" in found:
        tables[STROKE_MARK] = beside(found, found["with stroke"])
    return tables


def write_page(tables: dict[str, list[str]]) -> None:
    """Put the tables into the page, each between its two marks."""
    for mark, lines in tables.items():
        write_between(mark, lines)


def write_between(mark: str, lines: list[str]) -> None:
    """Put *lines* into the page between two *mark*s."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(mark)
    write_whole(PAGE, "\n".join([f"{before}{mark}", *lines, f"{mark}{rest.partition(mark)[2]}"]).encode())


if __name__ == "__main__":
    main()
