"""Verdicts on the eighty hand-ins: met where all that is asked is there, not met where one thing is not; torch's types decide.

And a narrow network, which before it is trained lets hardly a signal through, is never told that its answers do not depend on
the image.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from judge.handed_in.hand_ins import HAND_INS, HEAD, HandIn
from judge.handed_in.test_hand_ins import DATA, EVERY, by_hand
from judge.here import judging_here

TYPES: dict[str, tuple[type[nn.Module], ...]] = {
    "batch_norm": (nn.BatchNorm2d, nn.BatchNorm1d),
    "dropout": (nn.Dropout, nn.Dropout2d),
    "max_pooling": (nn.MaxPool2d,),
    "convolution": (nn.Conv2d,),
}
FUNCTIONS = {
    "batch_norm": "F.batch_norm",
    "dropout": "F.dropout",
    "max_pooling": "max_pool2d",
    "convolution": "F.conv2d",
}
RECIPE = "[recipe]\nepochs = 1\nbatch_size = 50\n"


def present(hand_in: HandIn, network: nn.Module) -> list[str]:
    """Return the kinds of layer that a network has, as modules of torch's types or as functions by their names."""
    found = [
        kind
        for kind, types in TYPES.items()
        if any(isinstance(each, types) and getattr(each, "p", 1) for each in network.modules())
    ]
    return [kind for kind in TYPES if kind in found or FUNCTIONS[kind] in hand_in.network.definition]


def asked(parameters: str, required: list[str], forbidden: list[str]) -> Assignment:
    """Return an assignment whose accuracy anything reaches."""
    text = f"parameters = {{ {parameters} }}\naccuracy = {{ at_least = 0.01, held = 'any' }}\n"
    return parse_assignment(f"{text}layers = {{ required = {required}, forbidden = {forbidden} }}\n{RECIPE}", "asked")


def judge_each_way(hand_in: HandIn, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a hand-in by what it has, which is met, and by each thing that it lacks, which is not."""
    main, network = hand_in.write(folder), by_hand(hand_in.network)
    count = sum(each.numel() for each in network.parameters())
    has = present(hand_in, network)
    lacks = [kind for kind in TYPES if kind not in has]
    level = judging_here(monkeypatch)
    fair = judge_network(str(main), asked(f"exactly = {count}", has, lacks), data=DATA, level=level, root=folder)
    assert fair.verdict == "met", (fair.requirements, fair.notes)
    first = has[0]
    unfair = [asked(f"fewer_than = {count}", has, lacks), asked(f"at_most = {count}", has[1:], [*lacks, first])]
    unfair += [asked(f"at_most = {count}", [kind], []) for kind in lacks[:1]]
    for each in unfair:
        verdict = judge_network(str(main), each, static=True, data=DATA, level=level, root=folder)
        assert verdict.verdict == "not met"
        assert len([row for row in verdict.requirements if row.met is False]) == 1


@pytest.mark.parametrize("hand_in", HAND_INS[5::EVERY], ids=lambda each: each.name)
def test_the_verdict_on_a_hand_in_is_right(hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge_each_way(hand_in, tmp_path, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("hand_in", HAND_INS, ids=lambda each: each.name)
def test_the_verdict_on_every_hand_in_is_right(
    hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_each_way(hand_in, tmp_path, monkeypatch)


NARROW = (
    HEAD
    + """
def three(channels, pool):
    layers = []
    for inputs, outputs in ((channels, 2), (2, 4), (4, 8)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return layers + [nn.MaxPool2d(2)] * pool


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*three(1, True), *three(8, True), *three(8, False)[:-2])
        self.gap, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.gap(self.body(x)).flatten(1))
"""
)
EASY = asked("fewer_than = 20_000", [], [])


def judge_narrow(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a narrow network, made with the chance of *seed*: everything but the accuracy is met."""
    (folder / "net.py").write_text(NARROW, encoding="utf-8")
    verdict = judge_network(
        str(folder / "net.py"), EASY, static=True, seeds=[seed], data=DATA, level=judging_here(monkeypatch)
    )
    assert verdict.verdict == "no verdict"
    assert {row.met for row in verdict.requirements} == {True, None}
    said = " ".join([*verdict.notes, *(row.found for row in verdict.requirements)])
    assert "does not depend on the image" not in said


@pytest.mark.parametrize("seed", [0, 1])
def test_a_narrow_network_is_not_told_that_it_ignores_the_image(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_narrow(seed, tmp_path, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60))
def test_of_sixty_seeds_none_makes_a_narrow_network_one_that_ignores_the_image(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_narrow(seed, tmp_path, monkeypatch)


GHOST = (
    HEAD
    + """
class GhostBatchNorm(nn.BatchNorm2d):
    def __init__(self, channels, splits):
        super().__init__(channels)
        self.splits = splits
        self.register_buffer("running_mean", torch.zeros(channels * splits))
        self.register_buffer("running_var", torch.ones(channels * splits))

    def forward(self, x):
        count, channels, rows, columns = x.shape
        if self.training:
            shared = x.view(-1, channels * self.splits, rows, columns)
            return F.batch_norm(
                shared, self.running_mean, self.running_var, self.weight.repeat(self.splits), self.bias.repeat(self.splits),
                True, self.momentum, self.eps,
            ).view(count, channels, rows, columns)
        mean, var = self.running_mean.view(self.splits, -1).mean(0), self.running_var.view(self.splits, -1).mean(0)
        return F.batch_norm(x, mean, var, self.weight, self.bias, False, self.momentum, self.eps)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(1, 6, 3), GhostBatchNorm(6, SPLITS), nn.Linear(6, 10)

    def forward(self, x):
        return self.fc(F.relu(self.norm(self.conv(x))).mean((2, 3)))
"""
)


@pytest.mark.parametrize("splits", [2, 4])
def test_ghost_batch_normalisation_which_shares_a_batch_out_is_judged_and_trained(
    splits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(GHOST.replace("SPLITS", str(splits)), encoding="utf-8")
    wanted = parse_assignment("accuracy = { at_least = 0.01 }\n[recipe]\nepochs = 1\nbatch_size = 64\n", "asked")
    verdict = judge_network(str(tmp_path / "net.py"), wanted, data=DATA, level=judging_here(monkeypatch))
    assert (verdict.verdict, verdict.parameters) == ("met", 60 + 12 + 70), verdict.notes


def test_a_network_that_does_ignore_the_image_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = NARROW.replace("self.body(x)", "self.body(x) * 0")
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    verdict = judge_network(str(tmp_path / "net.py"), EASY, static=True, data=DATA, level=judging_here(monkeypatch))
    assert verdict.verdict == "not met"
