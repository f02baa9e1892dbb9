"""The verdict on the same file is the same the second time, its trainings included."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import EpochAnswer, Verdict
from judge.hostile_run import small_data

NETWORK = """
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.Linear(8, 10)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        return self.fc(self.drop(F.relu(self.norm(self.conv(x)))).mean((2, 3)))
"""
ASSIGNMENT = """
name = "twice"
[accuracy]
at_least = 5.0
[layers]
required = ["batch_norm", "dropout", "fully_connected"]
[recipe]
epochs = 2
batch_size = 32
augmentation = { rotation = 5 }
[recipe.optimizer]
learning_rate = 0.05
"""


def judged(file: Path, seeds: tuple[int, ...]) -> tuple[Verdict, list[tuple[int, EpochAnswer]]]:
    """Judge *file* with training, and return the verdict and what was counted after each epoch."""
    counted: list[tuple[int, EpochAnswer]] = []
    verdict = judge_network(
        str(file),
        parse_assignment(ASSIGNMENT, "twice"),
        data=small_data(),
        seeds=seeds,
        on_epoch=lambda seed, answer: counted.append((seed, answer)),
    )
    return verdict, counted


@pytest.mark.timeout(600)
def test_two_judgements_with_training_say_and_count_the_same(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NETWORK)
    (first, counted), (second, again) = judged(file, (0, 1)), judged(file, (0, 1))
    assert first.verdict == "met", first
    assert (first.verdict, first.requirements, first.notes) == (second.verdict, second.requirements, second.notes)
    assert counted == again
    assert [(seed, answer.epoch) for seed, answer in counted] == [
        (seed, epoch) for seed in (0, 1) for epoch in (0, 1, 2)
    ]
    # Another seed is another training: the comparison above could have failed.
    assert [answer for seed, answer in counted if seed == 0] != [answer for seed, answer in counted if seed == 1]
