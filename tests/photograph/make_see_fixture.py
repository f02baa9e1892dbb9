"""Writes ``tests/fixtures/see.json``: photographs and the digits that `see` finds on them, for Python and JavaScript.

Run where the steps change on purpose: ``python tests/photograph/make_see_fixture.py``. Each case is ``columns``, ``grey``
(base64 of the deflated bytes), ``reason`` and ``digits``: of each its ``box`` and its ``image`` (base64 of 784 bytes).
Another version of OpenCV, or another language, may round a byte the other way: ±1.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.drawn import draw_digits
from handgrad.photograph.digits import see
from photograph_scenes import Scene, photograph

PLACE = Path(__file__).parents[1] / "fixtures" / "see.json"
Bytes = NDArray[np.uint8]
SIDE = 150
"""Pixels along the longer side: enough for ruled lines to be looked for, few enough for a small file."""


def pictures() -> dict[str, Bytes]:
    """Return grey photographs by the name of what spoils them."""
    digits, _ = draw_digits(8, seed=9)
    plain = Scene(noise=1.0)
    scenes = {
        "plain": plain,
        "a shadow over a part": replace(plain, shadow=0.6),
        "ruled paper": replace(plain, ruling="lines"),
        "squared paper": replace(plain, ruling="squares"),
        "three digits": replace(plain, digits=3),
        "a pencil": replace(plain, ink=(150, 150, 150)),
    }
    found = {
        name: small(photograph(digits[at : at + scene.digits], scene, np.random.default_rng(at)))
        for at, (name, scene) in enumerate(scenes.items())
    }
    return found | {
        "light on dark": 255 - found["plain"],
        "a digit of MNIST": digits[7],
        "an empty sheet": np.full((90, 110), 228, np.uint8),
        "a blot": cv2.circle(np.full((100, 100), 230, np.uint8), (50, 50), 11, 30, -1),
        "five pixels": np.zeros((5, 90), np.uint8),
    }


def small(photo: Bytes) -> Bytes:
    """Return a photograph in grey, at most `SIDE` pixels along its longer side."""
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    factor = min(1.0, SIDE / max(grey.shape))
    return np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def cases() -> list[dict[str, Any]]:
    """Return every picture with what is seen on it."""
    return [record(name, grey) for name, grey in pictures().items()]


def record(name: str, grey: Bytes) -> dict[str, Any]:
    """Return a picture with what is seen on it."""
    seen = see(grey)
    digits = [{"box": list(each.box), "image": packed(each.fitted.image)} for each in seen.digits]
    packed_grey = base64.b64encode(zlib.compress(grey.tobytes(), 9)).decode("ascii")
    return {"name": name, "columns": grey.shape[1], "grey": packed_grey, "reason": seen.reason, "digits": digits}


def packed(values: Bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(values.tobytes()).decode("ascii")


def unpacked(case: dict[str, Any]) -> Bytes:
    """Return a case's picture."""
    flat = np.frombuffer(zlib.decompress(base64.b64decode(case["grey"])), np.uint8)
    return flat.reshape(-1, case["columns"])


def images_of(case: dict[str, Any]) -> NDArray[np.int64]:
    """Return the digits of a case, ``[n, 784]``, wide enough to be subtracted."""
    flat = [np.frombuffer(base64.b64decode(each["image"]), np.uint8) for each in case["digits"]]
    return np.array(flat, np.int64).reshape(-1, 784)


if __name__ == "__main__":
    PLACE.write_text(json.dumps(cases(), indent=0) + "\n", encoding="utf-8")
