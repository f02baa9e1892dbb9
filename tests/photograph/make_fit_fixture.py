"""Writes ``tests/fixtures/fit.json``: pictures and what `handgrad.photograph.fit` makes of them, for Python and JavaScript.

Run where the steps change on purpose: ``python tests/photograph/make_fit_fixture.py``. Each case is ``rows``, ``columns``,
``ink`` (base64 of the bytes, 0 paper, 255 ink) and what comes out: ``fitted``, and ``as it is`` where the stroke may not
be changed; each null, or ``image`` (base64 of 784 bytes), ``width`` and ``changed_to``. Another language may round a byte the
other way: ±1.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.drawn import draw_digits
from handgrad.photograph.fit import fit

PLACE = Path(__file__).parents[1] / "fixtures" / "fit.json"
Bytes = NDArray[np.uint8]


def pictures() -> dict[str, Bytes]:
    """Return grey pictures by the name of what is special in them."""
    digits, _ = draw_digits(3, seed=5)
    blank = np.zeros((64, 48), np.uint8)
    thin = cv2.polylines(np.zeros((150, 100), np.uint8), [np.array([[20, 20], [80, 22], [40, 130]])], False, 255, 3)
    thick = cv2.ellipse(np.zeros((90, 120), np.uint8), (60, 45), (40, 28), 0, 0, 360, 255, 22)
    soft = cv2.GaussianBlur(cv2.line(np.zeros((70, 70), np.uint8), (12, 60), (55, 8), 230, 9), (0, 0), 2.5)
    dash, dot = blank.copy(), blank.copy()
    dash[30, 5:43] = 255
    dot[10, 40] = 200
    return {
        "a drawn digit": digits[0],
        "another": digits[1],
        "an empty picture": blank,
        "a thin seven": thin,
        "a thick zero": thick,
        "a soft one": soft,
        "a line one pixel wide": dash,
        "a single pixel": dot,
        "noise below the threshold": np.full((30, 30), 19, np.uint8),
        "at the edge": np.pad(digits[2][4:24, 4:24], ((0, 9), (0, 5))),
    }


def cases() -> list[dict[str, Any]]:
    """Return every picture with what it becomes, its stroke changed where that is needed and left as it is."""
    return [
        {
            "name": name,
            "rows": ink.shape[0],
            "columns": ink.shape[1],
            "ink": packed(ink),
            "fitted": record(ink, stroke=True),
            "as it is": record(ink, stroke=False),
        }
        for name, ink in pictures().items()
    ]


def record(ink: Bytes, *, stroke: bool) -> dict[str, Any] | None:
    """Return what becomes of *ink*."""
    fitted = fit(ink, stroke=stroke)
    if fitted is None:
        return None
    return {"image": packed(fitted.image), "width": round(fitted.width, 9), "changed_to": fitted.changed_to}


def packed(values: Bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(values.tobytes()).decode("ascii")


if __name__ == "__main__":
    PLACE.write_text(json.dumps(cases(), indent=1) + "\n", encoding="utf-8")
