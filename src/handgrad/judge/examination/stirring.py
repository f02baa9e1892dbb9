"""Making what a network holds visible: gates that begin shut are opened a little, and signals made to pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handgrad.judge.examination.answers import COMPANY, answer
from handgrad.judge.examination.restore import Snapshot, seed_all
from handgrad.transcript.modules import parameters_of

ATTEMPTS = 5
"""How often weights are drawn before a network is said not to look at its image."""
ROUNDS = 20
"""Passes in which running statistics with the usual momentum of 0.1 forget nine tenths of where they began."""


def stir(module: nn.Module, images: Tensor) -> None:
    """Move every parameter that learns a little, so that a gate which begins at zero does not hide what it lets through.

    What gets no gradient stays: a gate that can never open keeps hiding it. Without a gradient anywhere nothing moves.
    """
    seed_all(2)
    parameters = [each for each in parameters_of(module).values() if each.requires_grad]
    try:
        output = module.train()(images.clone())
        # Times noise: the sum of a softmax is constant and has no gradient, a weighted sum of it has one.
        gradients = torch.autograd.grad((output * torch.randn_like(output)).sum(), parameters, allow_unused=True)
    # A network without any gradient is examined as it stands; that it cannot learn is found elsewhere.
    except Exception:
        return
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None and parameter.is_floating_point():
                spread = float(parameter.std(unbiased=False))
                # A tenth of their own spread; a scale that is the same number everywhere has none, and gets a unit.
                parameter.add_(torch.randn_like(parameter) * 0.1 * (spread if spread > 1e-6 else 1.0))


def let_signals_pass(module: nn.Module, images: Tensor, name: str) -> None:
    """Give the running statistics of *module* a chance before anything is concluded from answers that are all the same.

    A deep and narrow network with BatchNorm lets hardly a signal through before it is trained: its statistics are those of
    nothing, and its rectifiers are dead by chance. It still trains. So where all answers are one, the statistics see
    images first, and then, a few times, the weights are drawn again; a network that does not look at its image stays blind.
    Most networks need none of it and stay exactly as they are (guarded by the honest networks and the near misses).
    """
    if not _blind(module, images[:COMPANY], name):
        return
    before = Snapshot(module)
    for attempt in range(ATTEMPTS):
        seed_all(100 + attempt)
        # Not the first time: showing images may be enough, and then nothing of the author's is changed.
        if attempt:
            _draw_anew(module)
        for round_number in range(ROUNDS):
            answer(module.train(), images, name, round_number)
        if not _blind(module, images[:COMPANY], name):
            return
        before.restore()


def _blind(module: nn.Module, images: Tensor, name: str) -> bool:
    """Whether all *images* get one and the same answer in ``eval()``."""
    with torch.no_grad():
        scores = answer(module.eval(), images, name).detach().double()
    return scores.dim() == 2 and len(scores) > 1 and float(scores.std(0).max()) == 0


def _draw_anew(module: nn.Module) -> None:
    """Draw every matrix and kernel of *module* that learns again, as large as its inputs ask for; the rest stays."""
    with torch.no_grad():
        for each in parameters_of(module).values():
            if each.requires_grad and each.dim() > 1:
                # He et al., 2015: the width at which signals keep their size through rectifiers.
                each.normal_(0, (2 / max(each[0].numel(), 1)) ** 0.5)
