"""The looks of the book's own cells: numbers in maps, weights, pixels; everything else looks as in the other workbooks."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.workbook.looks import ACCENT, INPUT, RULE, SIDE_FILL, SOFT
from handgrad.xlsx.writer import Look

WHITE, BLACK = "#FFFFFF", "#1F2933"
VALUE = Look(number="0.0;-0.0;0", size=8, align="right")
FINE = Look(number="0.0000", size=9, align="right", border=RULE)
WEIGHT = Look(number="0.000", size=8, align="right", ink=ACCENT, fill=SIDE_FILL)
PIXEL = Look(number="0", size=7, align="center", ink="#7B8794")
"""A grey that can be read on paper and on ink."""
BORDER = Look(number="0.0", size=7, align="center", ink=SOFT, fill=SIDE_FILL)
TYPED = replace(INPUT, number="0", size=7, bold=False, align="center")
TINY = Look(number=";;;", size=4)
LABEL = Look(size=8, ink=SOFT, align="right")
CAPTION = Look(size=8, ink=SOFT)
FINE_WEIGHT = replace(WEIGHT, number="0.0000")
"""For weights below a tenth, as those of the first layer, which takes bytes."""
SHADE_LOW, SHADE_HIGH = "#FFFFFF", "#7FA6C9"
"""Numbers of a map from the lowest to the highest: dark enough to see the picture, light enough to read the numbers."""
