# ruff: noqa: E501 (lines of programs)
"""The recipe of a hand-in is read as it is written, what cannot be read is named, and a training with it has its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from handgrad.digits.training.optimizers import make_optimizer
from handgrad.digits.training.recipe import Recipe
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.training_found import Found, training_in
from handgrad.judge.network.assignment_file import load_assignment, parse_assignment
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
    recipe, _, words = recipe_with(Told(recipe=found.recipe), Recipe("judged"))
    assert "not read" not in words
    network = torch.nn.Linear(2, 2)
    ours = make_optimizer(network, recipe.optimizer)
    theirs = eval(text, {name: getattr(torch.optim, name) for name in ("SGD", "Adam", "AdamW", "RMSprop")}, {"model": network, "rates": {"high": 0.02}})  # fmt: skip
    kept = ("lr", "momentum", "nesterov", "weight_decay", "betas", "alpha")
    assert type(ours) is type(theirs)
    assert {key: ours.defaults.get(key) for key in kept} == {key: theirs.defaults.get(key) for key in kept}


SCHEDULES: dict[str, dict[str, Any]] = {
    "StepLR(optimizer, step_size=6, gamma=0.1)": {"name": "step", "every": 6, "factor": 0.1},
    "MultiStepLR(optimizer, [5, 10], gamma=0.2)": {"name": "step", "milestones": [5, 10], "factor": 0.2},
    "MultiStepLR(optimizer, milestones=(5, 7))": {"name": "step", "milestones": [5, 7], "factor": 0.1},
    "ExponentialLR(optimizer, 0.9)": {"name": "step", "every": 1, "factor": 0.9},
    "OneCycleLR(optimizer, max_lr=0.1, epochs=15, steps_per_epoch=len(loader), pct_start=3/15, div_factor=10, final_div_factor=100)":
        {"name": "one-cycle", "warmup": 0.2, "start": 0.1, "end": 0.001},
    "CosineAnnealingLR(optimizer, T_max=15)": {"name": "cosine"},
    "CosineAnnealingLR(optimizer, EPOCHS * len(loader), eta_min=0.001)": {"name": "cosine", "end": 0.1},
    "LambdaLR(optimizer, lambda epoch: 0.9 ** epoch)": {"name": "constant"},
    "MultiStepLR(optimizer, [5, later])": {"name": "constant"},
    "StepLR(optimizer, step_size=6, gamma=chosen())": {"name": "constant"},
}  # fmt: skip


@pytest.mark.parametrize("text", SCHEDULES)
def test_a_schedule_is_found_or_named_as_one_that_is_not(text: str, tmp_path: Path) -> None:
    text_of_file = f"EPOCHS = 15\noptimizer = optim.SGD(p, lr=0.01)\nscheduler = optim.lr_scheduler.{text}\n"
    found = found_in(text_of_file, tmp_path)
    assert found.recipe["schedule"] == SCHEDULES[text]
    named = [each for each in found.unread if each.startswith(text.partition("(")[0])]
    assert bool(named) == (SCHEDULES[text]["name"] == "constant")
    assert found.recipe["optimizer"]["learning_rate"] == (0.1 if "max_lr" in text else 0.01)


BY_TORCH = {
    "CosineAnnealingLR(optimizer, T_max=5, eta_min=0.002)": {"T_max": 5, "eta_min": 0.002},
    "CosineAnnealingLR(optimizer, 200)": {"T_max": 200},
    "CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=2)": {"T_0": 3, "T_mult": 2},
    "LinearLR(optimizer, start_factor=0.25, total_iters=4)": {"start_factor": 0.25, "total_iters": 4},
}


@pytest.mark.parametrize("text", BY_TORCH)
def test_a_schedule_that_a_recipe_lacks_is_a_rate_for_each_epoch(text: str, tmp_path: Path) -> None:
    text_of_file = f"EPOCHS = 12\noptimizer = optim.SGD(p, lr=0.1)\nscheduler = {text}\n"
    found = found_in(text_of_file, tmp_path)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    schedule = getattr(torch.optim.lr_scheduler, text.partition("(")[0])(optimizer, **BY_TORCH[text])
    rates = []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    _, beyond, words = recipe_with(
        Told(recipe=found.recipe, beyond=found.beyond, words=tuple(found.words)), Recipe("judged")
    )
    assert [0.1 * each for each in beyond.rates] == pytest.approx(rates)
    assert "one rate per epoch" in words and not [each for each in found.unread if "LR" in each]


def test_a_plateau_is_found_with_its_numbers_and_its_measure_told(tmp_path: Path) -> None:
    text = "optimizer = optim.SGD(p, lr=0.1)\ns = optim.lr_scheduler.ReduceLROnPlateau(optimizer, 'max', factor=0.5, patience=2)\n"
    found = found_in(text, tmp_path)
    _, beyond, words = recipe_with(
        Told(recipe=found.recipe, beyond=found.beyond, words=tuple(found.words)), Recipe("judged")
    )
    assert (beyond.plateau.factor, beyond.plateau.patience, beyond.plateau.threshold) == (0.5, 2, 1e-4)
    assert "by 0.5 after 2 epochs (here by the training loss" in words


def test_settings_are_read_through_a_command_line_a_class_and_a_call(tmp_path: Path) -> None:
    text = """
import argparse
class Config:
    batch = 96
    momentum: float = 0.85
def run(lr, epochs=3, gamma=0.5):
    parser = argparse.ArgumentParser()
    parser.add_argument("--weight-decay", "-w", type=float, default=5e-4)
    args = parser.parse_args()
    optimizer = optim.SGD(p, lr=lr, momentum=Config.momentum, weight_decay=args.weight_decay)
    scheduler = StepLR(optimizer, 4, gamma=gamma)
    loader = DataLoader(train, batch_size=Config.batch, shuffle=True)
    for epoch in range(epochs): pass
run(lr=0.04, epochs=11)
"""
    found = found_in(text, tmp_path)
    optimizer = found.recipe["optimizer"]
    assert (optimizer["learning_rate"], optimizer["momentum"], optimizer["weight_decay"]) == (0.04, 0.85, 5e-4)
    assert (found.recipe["batch_size"], found.recipe["epochs"]) == (96, 11)
    assert found.recipe["schedule"] == {"name": "step", "every": 4, "factor": 0.5}
    assert found.unread == []


def test_batches_epochs_and_changes_are_found_through_names_and_tables(tmp_path: Path) -> None:
    text = (
        "args = dict(shuffle=True, batch_size=64, num_workers=4) if cuda else dict(shuffle=True, batch_size=32)\n"
        "train_loader = torch.utils.data.DataLoader(train, **args)\n"
        "test_loader = torch.utils.data.DataLoader(test, batch_size=1000)\n"
        "t = transforms.Compose([transforms.RandomRotation((-7.0, 7.0), fill=(1,)), transforms.RandomCrop(28, padding=2),\n"
        "    transforms.ColorJitter(brightness=0.1, contrast=(0.5, 2), hue=0.1), transforms.Normalize((0.5,), (0.5,)),\n"
        "    transforms.RandomApply([transforms.CenterCrop(22)], p=0.1), transforms.Resize((28, 28)),\n"
        "    transforms.RandomApply([transforms.RandomAffine(0, shear=5)], 0.3), transforms.RandomErasing()])\n"
        "EPOCHS = 20\nfor epoch in range(1, EPOCHS):\n    pass\n"
    )
    found = found_in(text, tmp_path)
    assert (found.recipe["batch_size"], found.recipe["epochs"]) == (64, 19)
    assert found.recipe["augmentation"] == {"rotation": 7.0, "shift": 2.0, "shear": 5.0}
    assert found.beyond == {
        "brightness": [0.9, 1.1],
        "contrast": [0.5, 2.0],
        "mean": 0.5,
        "deviation": 0.5,
        "crop": 22,
        "crop_chance": 0.1,
    }
    assert [each.split(",")[0] for each in found.unread] == [
        "the optimizer",
        "the chance of RandomAffine",
        "RandomErasing",
    ]


def test_what_is_not_written_out_is_named_and_the_assignments_stays(tmp_path: Path) -> None:
    found = found_in("import sys\noptimizer = optim.Adam(p, lr=float(sys.argv[1]))\n", tmp_path)
    base = load_assignment("under-20k").recipe
    recipe, _, words = recipe_with(
        Told(recipe=found.recipe, words=tuple(found.words), unread=tuple(found.unread)), base
    )
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
