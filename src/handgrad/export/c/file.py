"""The whole C file: a head that says what it is and what was proven of it, the kernels, the weights, and a test of itself."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handgrad.export.c.float_file import float_source
from handgrad.export.c.int8_file import int8_source
from handgrad.export.c.source import array_text
from handgrad.export.evaluate import evaluate
from handgrad.export.plan import Array, Plan
from handgrad.export.quantised import IntegerPlan, evaluate_integers

TOLERANCE = 1e-3
"""How far a score of the self-test may lie from the stored one, as a part of the largest: compilers round in any order."""
BODY = """\
#include <stdint.h>

void handgrad_predict(const uint8_t image[{pixels}], float scores[{classes}]);

{kernels}
{data}
static {kind} memory[{memory}]; /* values that are not needed at once lie in the same place */

void handgrad_predict(const uint8_t image[{pixels}], float scores[{classes}])
{{
    int n;
{calls}
}}

#ifdef HANDGRAD_SELFTEST
#include <stdio.h>

{images}
{scores}
int main(void)
{{
    int image, n, same = 0;
    float largest = 0.0f;
    for (image = 0; image < {count}; image++) {{
        float scores[{classes}];
        int found = 0, wanted = 0;
        handgrad_predict(test_images[image], scores);
        for (n = 0; n < {classes}; n++) {{
            const float apart = scores[n] - test_scores[image][n];
            if (!(apart < largest && -apart < largest)) largest = apart < 0.0f ? -apart : apart;
            if (scores[n] > scores[found]) found = n;
            if (test_scores[image][n] > test_scores[image][wanted]) wanted = n;
        }}
        same += found == wanted;
    }}
    printf("%d of {count} images as in Python, largest difference of a score %g\\n", same, (double)largest);
    return same == {count} && largest < {tolerance} ? 0 : 1;
}}
#endif
"""


def c_file(plan: Plan | IntegerPlan, images: NDArray[np.uint8], head: Sequence[str]) -> str:
    """Return the C file of *plan*, with *head*, paragraphs of plain words, above; it can test itself on *images*."""
    if isinstance(plan, IntegerPlan):
        (source, memory), kind, scores = int8_source(plan), "int8_t", evaluate_integers(plan, images)
        classes = plan.plan.classes
    else:
        (source, memory), kind, scores = float_source(plan), "float", evaluate(plan, images)
        classes = plan.classes
    body = BODY.format(
        pixels=images[0].size,
        classes=classes,
        kernels=source.kernel_text(),
        data="\n".join(source.data),
        kind=kind,
        memory=memory,
        calls="\n".join(f"    {call}" for call in source.calls),
        images=array_text("uint8_t", "test_images", images.reshape(len(images), -1), rows=True),
        scores=array_text("float", "test_scores", scores, rows=True),
        count=len(images),
        tolerance=f"{tolerance(scores):.3g}f",
    )
    return f"{head_text(head)}\n{body}"


def head_text(paragraphs: Sequence[str]) -> str:
    """Return *paragraphs* as a comment of C, in ASCII."""
    # Names of runs and data sets stand in it: none may end the comment, and nested ones are warned of.
    plain = [ascii_text(each).replace("*/", "* /").replace("/*", "/ *") for each in paragraphs]
    lines = [line for each in plain for line in ["", *textwrap.wrap(each, 112)]][1:]
    return "/*\n" + "\n".join(f" * {line}".rstrip() for line in lines) + "\n */"


def ascii_text(text: str) -> str:
    """Return *text* with the signs that we use spelled in ASCII, and a question mark for any other."""
    for sign, plain in {"–": "-", "×": "x", "²": "^2", "…": "...", "·": "*", "≤": "<=", "’": "'"}.items():
        text = text.replace(sign, plain)
    return text.encode("ascii", "replace").decode()


def tolerance(scores: Array) -> float:
    """Return how far a score may lie from the stored one."""
    return TOLERANCE * max(1.0, float(np.abs(scores).max()))
