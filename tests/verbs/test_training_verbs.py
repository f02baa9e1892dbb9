"""The verbs as a user's script calls them: own networks, own data, values by name, what comes back."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import torch
from torch import nn

import handgrad
from digits.small_runs import NETWORK, write_network
from handgrad.digits.data.arrays import dataset_from
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.handed import handed
from handgrad.digits.networks.source import standalone_source
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import load_recipe, recipe_table, shipped_recipes
from handgrad.digits.training.recipe_values import PLACES, RecipeValues, with_values
from handgrad.errors import UsageError
from handgrad.judge.verb import written
from handgrad.runs.read import read_run
from handgrad.toml_records import flat
from handgrad.verbs.training import DrawnDigitsWarning, asked_for
from verbs.networks_of_a_user import MyNet, make_net

SMALL: dict[str, Any] = {"epochs": 1, "batch_size": 50, "threads": 1, "precision": "fp32"}
ENOUGH = 200


@pytest.fixture(scope="module")
def arrays() -> tuple[Any, ...]:
    images, labels = draw_digits(ENOUGH, seed=1)
    test_images, test_labels = draw_digits(60, seed=2)
    return images, labels, test_images, test_labels


@pytest.mark.parametrize(
    "what", [MyNet, MyNet(), make_net, lambda: MyNet(4)], ids=["class", "module", "function", "lambda"]
)
def test_a_network_of_ones_own_is_trained_and_comes_back(what: Any, arrays: tuple[Any, ...], tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in what.state_dict().items()} if isinstance(what, nn.Module) else {}
    result = handgrad.train(what, data=arrays, out=tmp_path, optimizer="adam", learning_rate=0.01, **SMALL)
    record = read_run(result.folder)
    assert record.recipe["optimizer"]["name"] == "adam" and record.recipe["epochs"] == 1
    assert result.dataset.startswith("arrays-")
    images = (torch.from_numpy(arrays[2]).float().unsqueeze(1) / 255 - 0.1307) / 0.3081
    with torch.no_grad():
        assert (result.module(images).argmax(dim=1).numpy() == result.predictions).all()
    assert result.confusion.sum() == 60
    assert int(np.trace(result.confusion)) == result.last_epoch.correct == int((result.predictions == arrays[3]).sum())
    for name, value in before.items():
        assert torch.equal(value, what.state_dict()[name])


def test_a_module_begins_with_the_weights_that_it_has(arrays: tuple[Any, ...], tmp_path: Path) -> None:
    module = MyNet()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    module.head.bias.requires_grad_(True)
    result = handgrad.train(module, data=arrays, out=tmp_path, **SMALL)
    trained = result.module.state_dict()
    assert torch.equal(trained["block.conv.weight"], module.state_dict()["block.conv.weight"])
    assert not torch.equal(trained["head.bias"], module.state_dict()["head.bias"])


def test_a_run_of_a_class_is_resumed_from_its_source_alone(arrays: tuple[Any, ...], tmp_path: Path) -> None:
    result = handgrad.train(MyNet, data=arrays, out=tmp_path, **SMALL)
    assert result.network.endswith(":MyNet")
    again = handgrad.resume(result.path, data=arrays)
    assert again.last_epoch == result.last_epoch and again.module is not None


def test_a_run_without_a_source_says_that_the_module_must_be_handed_in_again(
    arrays: tuple[Any, ...], tmp_path: Path
) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    result = handgrad.train(net, data=arrays, out=tmp_path, **SMALL)
    assert result.network == "python:Sequential"
    (result.folder / "summary.json").unlink()
    with pytest.raises(UsageError, match=r"give it again: handgrad\.resume"):
        handgrad.resume(result.path, data=arrays)
    assert handgrad.resume(result.path, data=arrays, network=net).last_epoch == result.last_epoch


def test_a_file_is_trained_in_python_and_on_the_command_line(
    arrays: tuple[Any, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from export.finished_runs import data_folder
    from handgrad.cli import run

    name = write_network(tmp_path, NETWORK)
    result = handgrad.train(name, data=arrays, out=tmp_path / "runs", **SMALL)
    assert result.recipe == "Net" and result.network == name
    line = ["train", name, "--set", "epochs=1", "--data", str(data_folder()), "--out", str(tmp_path / "runs"), "--json"]
    assert run([*line, "--threads", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == name


def test_a_study_takes_a_class_and_refuses_one_set_of_weights(arrays: tuple[Any, ...], tmp_path: Path) -> None:
    found = handgrad.study(MyNet, seeds=[0, 1], data=arrays, out=tmp_path, epochs=1, batch_size=50)
    assert found.n == 2 and not found.failed and len(found.accuracies) == 2
    with pytest.raises(UsageError, match="hand in its class"):
        handgrad.study(MyNet(), seeds=[0, 1], data=arrays, out=tmp_path)


def test_summary_takes_whatever_train_takes() -> None:
    tables = [handgrad.summary(what) for what in (MyNet, MyNet(), lambda: MyNet())]
    assert len({table.total_parameters for table in tables}) == 1
    assert handgrad.summary("squeeze-16k").total_parameters > 10_000


@pytest.mark.long
def test_judge_judges_the_source_of_a_class() -> None:
    verdict = handgrad.judge(MyNet, assignment="under-20k", static=True)
    assert [each.met for each in verdict.requirements if "parameters" in each.name] == [True]


def test_judge_takes_a_class_by_its_source(tmp_path: Path) -> None:
    place = written(handed(MyNet), tmp_path)
    assert place == f"{tmp_path / 'MyNet.py'}:MyNet" and "class MyNet" in (tmp_path / "MyNet.py").read_text()
    with pytest.raises(UsageError, match="assignment is missing"):
        handgrad.judge(MyNet)
    with pytest.raises(UsageError, match="is not available"):
        handgrad.judge(lambda: MyNet(), assignment="under-20k", static=True)


def test_the_source_holds_what_the_network_names_and_nothing_else() -> None:
    source = standalone_source(MyNet)
    assert source is not None
    for part in ("WIDTH = 6", "class Block", "def pooled", "import torch.nn.functional as F", "from torch import"):
        assert part in source or part == "from torch import"
    assert "make_net" not in source
    namespace: dict[str, Any] = {}
    exec(compile(source, "source.py", "exec"), namespace)
    assert {name: tuple(v.shape) for name, v in namespace["MyNet"]().state_dict().items()} == {
        name: tuple(v.shape) for name, v in MyNet().state_dict().items()
    }


def test_a_parameter_that_bears_the_name_of_a_global_is_no_global(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(sys.modules[MyNet.__module__]), "images", object())
    assert standalone_source(MyNet) is not None


def test_a_closure_has_no_source() -> None:
    width = 3

    def make() -> nn.Module:
        return MyNet(width)

    assert handed(make).source is None


KEYS = set(flat(recipe_table(Recipe(network="stem-16k", dropout=0.1))))


def test_every_value_of_a_recipe_is_a_keyword_with_its_type() -> None:
    hints = get_type_hints(RecipeValues)
    assert {".".join(PLACES.get(key, (key,))) for key in hints} == KEYS - {"network"}
    for key, hint in hints.items():
        place: Any = Recipe
        for part in PLACES.get(key, (key,)):
            wanted = get_type_hints(place)[part]
            place = wanted
        assert hint == wanted, key


def test_values_are_checked_as_those_of_a_file() -> None:
    recipe = load_recipe("quick")
    assert with_values(recipe, {"epochs": 3, "learning_rate": 0.5}).optimizer.learning_rate == 0.5
    with pytest.raises(UsageError, match="epochs must be a whole number"):
        with_values(recipe, {"epochs": "three"})  # type: ignore[typeddict-item]
    with pytest.raises(UsageError, match="epoch is not known"):
        with_values(recipe, {"epoch": 3})  # type: ignore[typeddict-unknown-key]
    with pytest.raises(UsageError, match="sgd"):
        with_values(recipe, {"optimizer": "sdg"})  # type: ignore[typeddict-item]


def test_images_in_every_form_become_the_same_bytes(arrays: tuple[Any, ...]) -> None:
    images, labels, test_images, test_labels = arrays
    wanted = dataset_from(arrays)
    one_hot = np.eye(10)[labels]
    floats = torch.from_numpy(images).float().unsqueeze(1) / 255
    pairs = torch.utils.data.TensorDataset(floats, torch.from_numpy(labels.astype(np.int64)))
    tests = torch.utils.data.TensorDataset(torch.from_numpy(test_images), torch.from_numpy(test_labels))
    for form in (
        ((images, labels), (test_images, test_labels)),
        (floats, torch.from_numpy(labels), test_images.reshape(-1, 784), list(test_labels)),
        (images[..., None], one_hot, test_images.astype(np.int64), test_labels[:, None]),
        (pairs, tests),
    ):
        assert dataset_from(form).sha256 == wanted.sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: (a[0][:, :20], *a[1:]), "square images with sides of 8 to 64 pixels"),
        (lambda a: ((a[0] / 255 - 0.13) / 0.31, *a[1:]), "do not normalise them"),
        (lambda a: (np.where(a[0] > 9, np.nan, 0.0), *a[1:]), "NaN"),
        (lambda a: (a[0], a[1] + 0.5, *a[2:]), "whole numbers"),
        (lambda a: (a[0], a[1][:-1], *a[2:]), "each image needs one label"),
        (lambda a: a[:3], "3 parts"),
        (lambda a: {"x": a[0]}, "dict"),
        (lambda a: (np.stack([a[0]] * 3, axis=1), *a[1:]), "give all the same size and colour"),
    ],
)
def test_what_cannot_be_trained_on_is_said_before_training(arrays: tuple[Any, ...], change: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        dataset_from(change(arrays))


def test_drawn_digits_in_the_place_of_mnist_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.warns(DrawnDigitsWarning, match="drawn by the program"):
        from handgrad.verbs.training import loaded

        loaded(None, download=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded("a folder", download=False)


def test_a_name_means_a_recipe_and_a_network_with_the_default_recipe() -> None:
    root = Path("unused")
    # Also where a network has the same name: four publications give theirs to both.
    found = {name: asked_for(name, None, overrides=(), values={}, root=root).recipe for name in shipped_recipes()}
    assert found == {name: load_recipe(name) for name in shipped_recipes()}
    asked = asked_for("squeeze-16k", None, overrides=(), values={"epochs": 2}, root=root)
    assert asked.recipe.network == "squeeze-16k" and asked.recipe.optimizer == load_recipe("quick").optimizer
    mixed = asked_for("squeeze-16k-adam", "stem-16k", overrides=("epochs=3",), values={}, root=root).recipe
    assert (mixed.network, mixed.epochs) == ("stem-16k", 3)
