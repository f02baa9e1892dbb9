"""Rows that settle a dispute: idle layers, names, averages of a part of a map, pooled convolutions, gates, blind networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from handgrad.judge.examination.examine import examine
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.assignment_file import load_assignment, parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import Requirement, Verdict
from judge.handed_in.hand_ins import HEAD
from judge.here import judging_here
from judge.hostile_run import small_data

DATA = small_data()
ASKED = parse_assignment(
    "[parameters]\nfewer_than = 1_000\n[layers]\nrequired = ['global_average_pooling', 'fully_connected']", "asked"
)
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, stride=4)
        {init}

    def forward(self, x):
        x = F.relu(self.conv(x))
        {rest}
"""


def judged(init: str, rest: str, folder: Path, monkeypatch: pytest.MonkeyPatch, asked: Assignment = ASKED) -> Verdict:
    """Return the verdict, without training, on a network with these lines; maps before them are 7×7 with 8 channels."""
    (folder / "net.py").write_text(HEAD + NET.format(init=init, rest=rest), encoding="utf-8")
    return judge_network(str(folder / "net.py"), asked, static=True, data=DATA, level=judging_here(monkeypatch))


def row(verdict: Verdict, name: str) -> Requirement:
    """Return the row of one condition."""
    return next(each for each in verdict.requirements if each.name == name)


def test_layers_that_take_no_part_stand_in_the_row_of_the_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = "self.conv6 = nn.Conv2d(8, 9, 3)\n        self.gap, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 10)"
    verdict = judged(init, "return self.fc(self.gap(x).flatten(1))", tmp_path, monkeypatch)
    counted, idle = 80 + 90 + 8 * 9 * 9 + 9, 8 * 9 * 9 + 9
    assert row(verdict, "parameters").found == (
        f"{counted} parameters, of which {idle} (conv6) take no part; a summary that follows the images prints "
        f"{counted - idle}"
    )
    assert row(verdict, "global_average_pooling").found == "gap (over 7×7)"


def test_an_average_over_less_than_the_map_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judged(
        "self.gap, self.fc = nn.AvgPool2d(5, 5), nn.Linear(8, 10)",
        "return self.fc(self.gap(x).flatten(1))",
        tmp_path,
        monkeypatch,
    )
    found = row(verdict, "global_average_pooling")
    assert not found.met and "gap (averages 5×5 of 7×7) does not average the whole map" in found.found


@pytest.mark.parametrize(("counts", "met"), [("fully_connected", True), ("convolution", False)])
def test_what_a_pooled_convolution_counts_as_is_the_assignments_to_say_with_its_reason(
    counts: str, met: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = parse_assignment(
        f"[layers]\nrequired = ['fully_connected']\n[convolution_after_pooling]\ncounts_as = '{counts}'\nbecause = 'so'",
        "asked",
    )
    verdict = judged(
        "self.out = nn.Conv2d(8, 10, 1)", "return self.out(x.mean((2, 3), keepdim=True)).flatten(1)", tmp_path,
        monkeypatch, asked,
    )  # fmt: skip
    assert row(verdict, "fully_connected").met is met
    if met:
        assert (
            row(verdict, "fully_connected").found
            == "out (1×1 convolution after pooling, counts as fully connected: so)"
        )


def test_the_presets_give_their_reason() -> None:
    for name in ("under-20k", "exact-19", "under-10k"):
        assert load_assignment(name).convolution_after_pooling.because


GATE = "self.down, self.up = nn.Linear(8, 2), nn.Linear(2, 8)"
GATED = "x = x * torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3)))))).view(-1, 8, 1, 1)\n        "


def test_squeeze_and_excitation_is_no_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A head of maps that are averaged: without the gate there would be no fully connected layer at all.
    verdict = judged(
        GATE + "\n        self.out = nn.Conv2d(8, 10, 3)", GATED + "return F.avg_pool2d(self.out(x), 5).flatten(1)",
        tmp_path, monkeypatch,
    )  # fmt: skip
    assert not row(verdict, "fully_connected").met and row(verdict, "global_average_pooling").met
    head = judged(
        GATE + "\n        self.fc = nn.Linear(8, 10)", GATED + "return self.fc(x.mean((2, 3)))", tmp_path, monkeypatch
    )
    assert row(head, "fully_connected").found == "fc (10 outputs)"


def test_what_to_change_comes_with_numbers_the_largest_effect_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judged("self.wide = nn.Conv2d(8, 32, 3)", "return self.wide(x).flatten(1)[:, :10]", tmp_path, monkeypatch)
    # 80 + 2,336 = 2,416 parameters, at most 999: 1,417 over. To w channels: 8·w + w·32·9 = 296·w instead of 2,304.
    assert verdict.advice[:2] == (
        "1,417 parameters over: wide has 2,336; a 1×1 to 4 channels before it saves 1,120",
        "then still 297 parameters over: conv has 80; each of its 8 output channels costs 9, and more in the layer after "
        "it",
    )
    assert 8 * 32 * 9 - (8 * 4 + 4 * 32 * 9) == 1120


def test_what_is_left_over_is_advised_by_its_size_and_is_no_part_of_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = "self.wide, self.old, self.fc = nn.Conv2d(8, 32, 3), nn.Conv2d(4, 8, 3), nn.Linear(32 * 25, 10)"
    verdict = judged(layers, "return self.fc(self.wide(x).flatten(1))", tmp_path, monkeypatch)
    assert [each.partition(" over: ")[2] for each in verdict.advice[:3]] == [
        # The average leaves the 32 channels of the layer that runs, and not the 8 of the one left over: 10·(800 − 32).
        "fc has 8,010; global average pooling before it leaves 32 features: saves 7,680",
        "wide has 2,336; a 1×1 to 4 channels before it saves 1,120",
        "leave out old, which takes no part: saves 296",
    ]
    assert row(verdict, "global_average_pooling").found == "none takes part in computing the output"


def narrow(seed: int) -> nn.Module:
    """Return a network through which hardly a signal passes before it is trained."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for i, o in ((1, 2), (2, 4), (4, 8), (8, 2), (2, 4), (4, 8), (8, 2), (2, 4)):
        layers += [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))


def images() -> torch.Tensor:
    """Return some drawn digits, normalised."""
    return ((DATA.train_images[:32].float() / 255 - 0.1307) / 0.3081).unsqueeze(1)


def found_blind(seeds: range) -> list[int]:
    """Return the seeds with which the narrow network is said not to look at its image."""
    return [seed for seed in seeds if "does not depend" in " ".join(examine(narrow(seed), images()).problems)]


def test_a_narrow_network_is_not_called_blind() -> None:
    assert found_blind(range(3)) == []


@pytest.mark.long
def test_a_narrow_network_is_not_called_blind_with_any_of_sixty_seeds() -> None:
    assert found_blind(range(60)) == []


def test_a_network_that_does_not_look_is_called_blind() -> None:
    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.fc = nn.BatchNorm1d(1), nn.Linear(1, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.norm(x.mean((2, 3)) * 0))

    assert "the answer does not depend on the image" in examine(Blind(), images()).problems
