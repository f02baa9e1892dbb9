"""A run that begins with the weights of another: what is taken, what is new, what is frozen, and that it is on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from digits.small_runs import NETWORK, write_network
from export.finished_runs import data_folder, finished_run
from handgrad.digits import run
from handgrad.digits.start import start_of
from handgrad.digits.training.recipe import Optimizer, Recipe
from handgrad.errors import InterruptedRunError, UsageError
from handgrad.report.markdown import markdown
from handgrad.report.page import run_page
from handgrad.report.setup import command
from handgrad.runs.folder import MODEL
from handgrad.runs.read import read_run

OTHER_HEAD = NETWORK.replace("nn.Linear(6, 10)", "nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 10)")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory.mktemp("first"))


def train(tmp_path: Path, source: str = NETWORK, **more: Any) -> Path:
    tmp_path.mkdir(exist_ok=True)
    network = write_network(tmp_path, source)
    recipe = Recipe(network=network, name="next", epochs=2, batch_size=50, optimizer=Optimizer("adam", 0.01))
    settings = {"data": data_folder(), "threads": 1, "precision": "fp32"}
    return Path(run.train(recipe, out=tmp_path / "runs", **settings, **more).path)


def test_what_is_frozen_keeps_the_weights_of_the_first_run_and_the_rest_learns(first: Path, tmp_path: Path) -> None:
    after = train(tmp_path, weights_of=first, freeze=["0", "4.*"])
    old, new = load_file(first / MODEL), load_file(after / MODEL)
    for name in ("0.weight", "0.bias", "4.weight", "4.bias"):
        assert torch.equal(old[name], new[name])
    assert not torch.equal(old["9.weight"], new["9.weight"])
    ancestry = read_run(after).environment.ancestry
    assert ancestry is not None and ancestry.run == read_run(first).name
    assert (ancestry.new, ancestry.freeze) == ((), ("0", "4.*"))
    # Frozen weights are part of the network: its size is that of the run it began with, and what learns stands beside it.
    kept = sum(new[name].numel() for name in ("0.weight", "0.bias", "4.weight", "4.bias"))
    whole = read_run(first).parameters
    assert whole is not None and read_run(after).parameters == whole and ancestry.trained == whole - kept
    said = f"{whole:,} parameters, of which {whole - kept:,} are trained"
    assert said in run_page(read_run(after)) and said.replace(" parameters", "") in markdown(read_run(after))


def test_another_head_begins_again_and_the_report_says_so(first: Path, tmp_path: Path) -> None:
    after = read_run(train(tmp_path, OTHER_HEAD, weights_of=first))
    ancestry = after.environment.ancestry
    assert ancestry is not None and set(ancestry.new) == {"9.weight", "9.bias", "11.weight", "11.bias"}
    page = run_page(after)
    assert f"the weights of {read_run(first).name}" in page and "new weights for 9.weight" in page
    assert f"--from {first}" in command(after)


def test_a_stopped_run_with_frozen_layers_goes_on_to_the_bytes_of_the_unbroken_one(first: Path, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", weights_of=first, freeze=["0"])
    asked = iter([False] * 6 + [True] * 100)
    with pytest.raises(InterruptedRunError):
        train(tmp_path / "broken", weights_of=first, freeze=["0"], stop=lambda: next(asked))
    (broken,) = (tmp_path / "broken" / "runs").iterdir()
    run.resume(broken)
    for name, value in load_file(whole / MODEL).items():
        assert torch.equal(value, load_file(broken / MODEL)[name]), name


def test_what_cannot_be_meant_is_refused(first: Path, tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    with pytest.raises(UsageError, match=r'--freeze "conv9\.\*" means no parameter'):
        start_of(None, ["conv9.*"], net)
    with pytest.raises(UsageError, match="none of its weights fits"):
        start_of(first, [], net)
    with pytest.raises(UsageError, match="nothing to train"):
        train(tmp_path, freeze=["*"])
    assert start_of(None, [], net) is None


def test_the_command_line_takes_the_recipe_of_the_run_that_it_begins_with(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handgrad.cli import run as command_line

    monkeypatch.chdir(tmp_path)
    data = ["--data", str(data_folder()), "--threads", "1"]
    assert command_line(["train", "--from", str(first), "--freeze", "0", "--set", "epochs=1", *data]) == 0
    (after,) = (path for path in (tmp_path / "runs").iterdir())
    assert read_run(after).recipe["network"] == read_run(first).recipe["network"]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
def test_a_layer_learns_at_the_rate_that_is_asked_for(first: Path, tmp_path: Path, optimizer: str) -> None:
    """Against a training of the layer alone at that rate: with the others frozen, a factor is nothing but another rate."""
    others = ["4", "9"]
    settings = {"weights_of": first, "freeze": [*others, "1", "5"]}
    recipe = {"optimizer.name": optimizer, "averaging.decay": "0"}
    by_factor = train(
        tmp_path / "factor", rates={"0.*": 0.25}, overrides=[f"{k}={v}" for k, v in recipe.items()], **settings
    )
    recipe["optimizer.learning_rate"] = "0.0025"
    by_rate = train(tmp_path / "rate", overrides=[f"{k}={v}" for k, v in recipe.items()], **settings)
    found, expected = load_file(by_factor / MODEL), load_file(by_rate / MODEL)
    assert not torch.equal(found["0.weight"], load_file(first / MODEL)["0.weight"])
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)
    assert read_run(by_factor).environment.ancestry.rates == {"0.*": 0.25}  # type: ignore[union-attr]


def test_rates_are_on_record_resumed_and_in_the_line_that_runs_it_again(first: Path, tmp_path: Path) -> None:
    rates = {"*": 2.0, "0": 0.5}
    whole = train(tmp_path / "whole", weights_of=first, rates=rates)
    asked = iter([False] * 6 + [True] * 100)
    with pytest.raises(InterruptedRunError):
        train(tmp_path / "broken", weights_of=first, rates=rates, stop=lambda: next(asked))
    (broken,) = (tmp_path / "broken" / "runs").iterdir()
    run.resume(broken)
    for name, value in load_file(whole / MODEL).items():
        assert torch.equal(value, load_file(broken / MODEL)[name]), name
    after = read_run(whole)
    assert "learning rates: * × 2, 0 × 0.5" in run_page(after)
    assert "--rate '*=2' --rate 0=0.5" in command(after)


@pytest.mark.parametrize(
    ("rates", "said"), [({"conv9": 2.0}, '--rate "conv9" means no'), ({"0": 0.0}, "a factor above 0")]
)
def test_rates_that_cannot_be_meant_are_refused(
    first: Path, tmp_path: Path, rates: dict[str, float], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train(tmp_path, weights_of=first, rates=rates)


def test_the_command_line_reads_rates() -> None:
    from handgrad.cli.train import parse_rates

    assert parse_rates(["conv1.*=0.1", "a=b=2"]) == {"conv1.*": 0.1, "a=b": 2.0}
    for text in ("conv1", "conv1=", "=2", "conv1=x"):
        with pytest.raises(UsageError, match="write LAYER=FACTOR"):
            parse_rates([text])
