"""One digit as the network sees it: held against OpenCV, against what is plain by hand, and against the shared fixture."""

from __future__ import annotations

import base64
import json
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from handgrad.photograph.fit import (
    THICKEST,
    THINNEST,
    WORKING,
    distances,
    fit,
    scaled,
    stroke_width,
    with_edge_moved,
)
from photograph.make_fit_fixture import PLACE, pictures

CASES = json.loads(PLACE.read_text(encoding="utf-8"))


def ink_of(case: dict[str, Any]) -> NDArray[np.uint8]:
    flat = np.frombuffer(base64.b64decode(case["ink"]), np.uint8)
    return flat.reshape(case["rows"], case["columns"])


@pytest.mark.parametrize("stroke", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_shared_fixture_holds(case: dict[str, Any], stroke: bool) -> None:
    fitted, expected = fit(ink_of(case), stroke=stroke), case["fitted" if stroke else "as it is"]
    assert (fitted is None) == (expected is None)
    if fitted is not None:
        image = np.frombuffer(base64.b64decode(expected["image"]), np.uint8).astype(int)
        assert np.abs(fitted.image.ravel() - image).max() <= 1
        assert fitted.width == pytest.approx(expected["width"], abs=1e-6)
        assert fitted.changed_to == expected["changed_to"]


def test_distances_are_those_of_opencv() -> None:
    marked = np.random.default_rng(0).random((60, 45)) < 0.02
    found = cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.testing.assert_allclose(distances(marked), found, atol=1e-3)


@pytest.mark.parametrize(("shape", "method"), [((300, 480), cv2.INTER_AREA), ((30, 20), cv2.INTER_LINEAR)])
def test_resampling_is_that_of_opencv(shape: tuple[int, int], method: int) -> None:
    picture = np.random.default_rng(1).random(shape) * 255
    mine = scaled(picture, WORKING)
    np.testing.assert_allclose(mine, cv2.resize(picture, mine.shape[::-1], interpolation=method), atol=1e-6)


@pytest.mark.parametrize("angle", np.radians(range(0, 90, 15)))
@pytest.mark.parametrize("width", [6, 11, 20])
def test_a_stroke_is_measured_whatever_its_direction_and_its_darkness(angle: float, width: int) -> None:
    y, x = np.mgrid[:300, :300] - 149.5
    along, beside = (x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle))
    outside = np.hypot(beside, np.clip(np.abs(along) - 100, 0, None)) - width / 2
    stroke = (180 * np.clip(0.5 - outside, 0, 1)).astype(np.uint8)
    assert stroke_width(stroke) == pytest.approx(width, rel=0.1)
    assert stroke_width(stroke // 3) == pytest.approx(stroke_width(stroke), rel=0.02)


@pytest.mark.parametrize("distance", [6.0, -6.0])
def test_moving_the_edge_changes_the_width_by_twice_as_much(distance: float) -> None:
    ring = cv2.ellipse(np.zeros((200, 200), np.uint8), (100, 100), (60, 60), 0, 0, 360, 255, 20)
    moved = with_edge_moved(ring.astype(float), distance)
    assert stroke_width(moved) == pytest.approx(stroke_width(ring) + 2 * distance, abs=1.3)


@pytest.mark.parametrize("pen", [1, 2, 4, 20, 30])
def test_thin_and_thick_pens_come_to_a_width_that_mnist_has(pen: int) -> None:
    three = np.array([[30, 30], [90, 30], [60, 70], [95, 100], [70, 140], [25, 130]])
    fitted = fit(cv2.polylines(np.zeros((170, 130), np.uint8), [three], False, 255, pen))
    assert fitted is not None
    assert THINNEST - 0.25 <= stroke_width(fitted.image) <= THICKEST + 0.25
    assert fitted.image.shape == (28, 28) and fitted.image.max() > 200


def test_the_ink_fits_into_twenty_pixels_with_its_centre_in_the_middle() -> None:
    for name, ink in pictures().items():
        fitted = fit(ink)
        if fitted is None:
            assert not (ink >= 20).any(), name
            continue
        rows, columns = np.nonzero(fitted.image)
        assert max(np.ptp(rows), np.ptp(columns)) <= 20, name
        mass = fitted.image.astype(float)
        for axis in (0, 1):
            middle = (mass.sum(axis=1 - axis) @ (np.arange(28) + 0.5)) / mass.sum()
            assert middle == pytest.approx(14, abs=0.51), name
