"""What a network answers to images, and what makes its answers worthless."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from handgrad.digits.layers.failure import first_line
from handgrad.errors import UsageError
from handgrad.judge.examination.restore import seed_all
from handgrad.transcript.modules import parameters_of

COMPANY = 16
"""Images in the company of which each is shown again: enough for any dependence to show, few enough for a large network."""
# Each is shown alone, besides in company: that costs a run of its own.
ALONE = 8
SAME = 1e-4
"""How far two answers to one image may be apart, relative to the largest score (at least 1)."""


def answer(module: nn.Module, images: Tensor, name: str, seed: int = 0) -> Tensor:
    """Return the scores for *images*; raises `UsageError` with the reason where there are none."""
    seed_all(seed)
    try:
        # A clone: a forward that normalises in place would change what the next pass is shown.
        output = module(images.clone())
    except Exception as error:
        raise UsageError(f"{name} cannot run: {first_line(error)} – correct the network") from error
    if not isinstance(output, Tensor):
        raise UsageError(f"{name} returns a {type(output).__name__} – a tensor [{len(images)}, 10] is needed")
    return output


def problems_of(module: nn.Module, images: Tensor, name: str) -> Iterator[str]:
    """Say what makes the answers of *module* worthless, one line each; it is in ``eval()``."""
    before = {path: each.detach().clone() for path, each in parameters_of(module).items()}
    first = answer(module, images, name).detach()
    if first.dim() == 0 or len(first) != len(images):
        return
    if not bool(torch.isfinite(first).all()):
        yield "scores are not finite numbers"
        return
    far = _distance(first)
    if far(answer(module, images, name, seed=3)):
        yield "the answer to one image is not always the same in eval()"
        return
    # Reversed rather than shuffled: every image gets other neighbours and another place, without chance.
    order = torch.arange(len(images) - 1, -1, -1)
    shown = {
        "in reverse order": answer(module, images[order], name)[order],
        "in halves": torch.cat([answer(module, part, name) for part in images.chunk(2)]),
        "one at a time": torch.cat([_rows(answer(module, each[None], name), first) for each in images[:ALONE]]),
    }
    for how, scores in shown.items():
        if scores.shape[1:] != first.shape[1:] or far(scores):
            yield f"the answer to an image depends on the other images: shown {how}, it is different"
            break
    # Exactly 0: a barely trained network differs little from image to image, and yet it looks.
    if float(first.double().std(0).max()) == 0:
        yield "the answer does not depend on the image"
    now = parameters_of(module)
    if any(path in now and not torch.equal(now[path].detach(), value) for path, value in before.items()):
        yield "it changes its own parameters in eval()"


def _rows(scores: Tensor, first: Tensor) -> Tensor:
    """Return the scores of one image as a row; ``squeeze()`` without a dimension takes the batch away where it is one."""
    return scores[None] if first.dim() == 2 and scores.shape == first.shape[1:] else scores


def remarks_on(module: nn.Module, images: Tensor, name: str) -> Iterator[str]:
    """Say what is no fault but worth knowing, one line each; *module* is in ``eval()``."""
    with torch.no_grad():
        several, one = answer(module.eval(), images, name), answer(module, images[:1], name)
    if several.dim() == 2 and one.shape == several.shape[1:]:
        yield f"one image alone is answered with {list(one.shape)}, not [1, {len(one)}]: squeeze(1) or flatten(1) keeps the row"


def _distance(first: Tensor) -> Callable[[Tensor], bool]:
    """Return a function that tells whether scores are another answer than *first* to the same images."""
    allowed = SAME * max(1.0, float(first.abs().max()))

    def far(scores: Tensor) -> bool:
        # `not … <=`: a NaN in the difference counts as another answer.
        return not float((scores.detach() - first[: len(scores)]).abs().max()) <= allowed

    return far
