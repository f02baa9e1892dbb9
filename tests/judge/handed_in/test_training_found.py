# ruff: noqa: E501 (lines of programs)
"""The recipe of a hand-in is read as it is written, what cannot be read is named, and a training with it has its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from handgrad.digits.training.loop import make_optimizer
from handgrad.digits.training.recipe import Recipe
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.training_found import Found, training_in
from handgrad.judge.network.assignment import load_assignment, parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.network.told import Told, claim_of, claim_words, recipe_with, weigh
from handgrad.judge.verdict import EpochAnswer, SeedResult
from judge.handed_in.hand_ins import HEAD, NETWORKS, training
from judge.here import judging_here
from judge.hostile_run import small_data


def found_in(text: str, folder: Path) -> Found:
    """Return what is found in a file with *text*."""
    (folder / "net.py").write_text(text, encoding="utf-8")
    return training_in(Project(folder, folder / "net.py"))


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "SGD(model.parameters(), 0.1)": {"learning_rate": 0.1, "momentum": 0},
    "Adam(model.parameters())": {"learning_rate": 0.001},
    "AdamW(model.parameters(), lr=rates['high'], betas=(0.8, 0.99))": {"learning_rate": 0.02, "beta1": 0.8, "weight_decay": 0.01},
    "RMSprop(model.parameters(), lr=1e-3)": {"learning_rate": 0.001, "momentum": 0, "beta2": 0.99},
}  # fmt: skip


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_an_optimizer_that_is_found_is_the_one_that_torch_makes(text: str, tmp_path: Path) -> None:
    found = found_in(f"rates = {{'high': 0.01 * 2}}\noptimizer = torch.optim.{text}\n", tmp_path)
    table = found.recipe["optimizer"]
    assert table | OPTIMIZERS[text] == table
    recipe, words = recipe_with(Told(recipe=found.recipe), Recipe("judged"))
    assert "not read" not in words
    network = torch.nn.Linear(2, 2)
    ours = make_optimizer(network, recipe.optimizer)
    theirs = eval(text, {name: getattr(torch.optim, name) for name in ("SGD", "Adam", "AdamW", "RMSprop")}, {"model": network, "rates": {"high": 0.02}})  # fmt: skip
    kept = ("lr", "momentum", "nesterov", "weight_decay", "betas", "alpha")
    assert type(ours) is type(theirs)
    assert {key: ours.defaults.get(key) for key in kept} == {key: theirs.defaults.get(key) for key in kept}


SCHEDULES: dict[str, dict[str, Any]] = {
    "StepLR(optimizer, step_size=6, gamma=0.1)": {"name": "step", "every": 6, "factor": 0.1},
    "MultiStepLR(optimizer, [5, 10], gamma=0.2)": {"name": "step", "every": 5, "factor": 0.2},
    "OneCycleLR(optimizer, max_lr=0.1, epochs=15, steps_per_epoch=len(loader), pct_start=0.2)": {"name": "one-cycle", "warmup": 0.2},
    "CosineAnnealingLR(optimizer, T_max=15)": {"name": "cosine"},
    "ReduceLROnPlateau(optimizer, 'max', factor=0.5)": {"name": "constant"},
    "MultiStepLR(optimizer, [5, 7])": {"name": "constant"},
}  # fmt: skip


@pytest.mark.parametrize("text", SCHEDULES)
def test_a_schedule_is_found_or_named_as_one_that_is_not(text: str, tmp_path: Path) -> None:
    found = found_in(f"optimizer = optim.SGD(p, lr=0.01)\nscheduler = optim.lr_scheduler.{text}\n", tmp_path)
    assert found.recipe["schedule"] == SCHEDULES[text]
    named = [each for each in found.unread if each.startswith(text.partition("(")[0])]
    assert bool(named) == (SCHEDULES[text]["name"] == "constant")
    assert found.recipe["optimizer"]["learning_rate"] == (0.1 if "max_lr" in text else 0.01)


def test_batches_epochs_and_changes_are_found_through_names_and_tables(tmp_path: Path) -> None:
    text = (
        "args = dict(shuffle=True, batch_size=64, num_workers=4) if cuda else dict(shuffle=True, batch_size=32)\n"
        "train_loader = torch.utils.data.DataLoader(train, **args)\n"
        "test_loader = torch.utils.data.DataLoader(test, batch_size=1000)\n"
        "t = transforms.Compose([transforms.RandomRotation((-7.0, 7.0), fill=(1,)), transforms.RandomCrop(28, padding=2),\n"
        "    transforms.ColorJitter(brightness=0.1), transforms.Normalize((0.5,), (0.5,))])\n"
        "EPOCHS = 20\nfor epoch in range(1, EPOCHS):\n    pass\n"
    )
    found = found_in(text, tmp_path)
    assert (found.recipe["batch_size"], found.recipe["epochs"]) == (64, 19)
    assert found.recipe["augmentation"] == {"rotation": 7.0, "shift": 2.0}
    assert [each.split(",")[0].split(";")[0] for each in found.unread] == [
        "the optimizer",
        "ColorJitter",
        "its own Normalize",
    ]


def test_what_is_not_written_out_is_named_and_the_assignments_stays(tmp_path: Path) -> None:
    found = found_in("import sys\noptimizer = optim.Adam(p, lr=float(sys.argv[1]))\n", tmp_path)
    base = load_assignment("under-20k").recipe
    recipe, words = recipe_with(Told(recipe=found.recipe, words=tuple(found.words), unread=tuple(found.unread)), base)
    assert recipe.optimizer.learning_rate == base.optimizer.learning_rate
    assert recipe.batch_size == base.batch_size
    assert "the learning rate of Adam" in words and "the batch size" in words and "the number of epochs" in words


def test_a_hand_in_is_trained_with_its_own_recipe_and_the_conditions_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = NETWORKS[2]
    text = HEAD + network.definition + training(network.build).replace("EPOCHS = 15", "EPOCHS = 2")
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    asked = parse_assignment("epochs = { at_most = 1 }\naccuracy = { at_least = 1.0 }\n[recipe]\nepochs = 1", "asked")
    level = judging_here(monkeypatch)
    own = judge_network(str(tmp_path / "net.py"), asked, data=small_data(), level=level, recipe="found")
    assert own.verdict == "not met" and [each.name for each in own.requirements if each.met is False] == ["epochs"]
    assert any(each.startswith("trained with the recipe found in the hand-in: SGD, rate 0.01") for each in own.notes)
    usual = judge_network(str(tmp_path / "net.py"), asked, data=small_data(), level=level)
    assert usual.verdict == "met"
    assert "(--recipe found trains with it)" in usual.said[0]


def result(*counts: int) -> SeedResult:
    """Return a training that had these right answers of 10,000 after its epochs."""
    return SeedResult(0, tuple(EpochAnswer(epoch, count, 10_000) for epoch, count in enumerate(counts, 1)))


@pytest.mark.parametrize(
    ("claimed", "word"),
    [((9930, 9947, 9938), "likely"), ((9930, 9961, 9940), "possible"), ((9990, 9985), "not explained"), ((9600,), "not explained")],
)  # fmt: skip
def test_a_claim_is_weighed_against_the_interval_of_a_training_here(claimed: tuple[int, ...], word: str) -> None:
    assert weigh(claimed, [result(9920, 9940, 9936)]) == word


def test_the_sentence_says_best_last_interval_and_whether_that_explains_it() -> None:
    told = Told(counts=(9930, 9947, 9938), where="the output of cell 9")
    claim = claim_of(told, [result(9920, 9936)])
    assert claim is not None
    assert claim_words(claim, [result(9920, 9936)], own_recipe=False) == (
        "claims 99.47 % in epoch 2 of 3 (the best of 3, seen on the test set); last epoch 99.38 % (the output of cell 9); "
        "trained again here with the assignment's recipe: 99.36 % (95 % interval 99.18 to 99.50 %), so the claim is likely"
    )
