"""A study that trains populations: the same run folders, failures and interruptions, and who decides on the way."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import EVERYTHING, StopAt, small_digits, with_network
from handgrad.digits import study
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.population import probe as population_choice
from handgrad.digits.population.check import KNOWN, check_population
from handgrad.digits.population.loop import begin_population, train_population
from handgrad.digits.population.probe import TrainingPlan, choose_plan, members_at_a_time
from handgrad.digits.population.runs import all_together
from handgrad.digits.prepare import Prepared, prepare
from handgrad.digits.run import resume, train
from handgrad.digits.training.loop import Images
from handgrad.digits.training.recipe import Optimizer, Recipe
from handgrad.digits.watcher import StopError
from handgrad.digits.workers import FailedSeed, Task
from handgrad.errors import InterruptedRunError, UsageError
from handgrad.runs.environment import Machine
from handgrad.runs.record import RunSummary

MACHINE = Machine("cpu", "fp32", 1)
TIED = ("orbit-18k", "orbit-8k", "orbit-3k", "orbit-2k")
"""Shipped networks whose kernels are computed from others: a population knows only layers that hold their own."""
SGD = replace(EVERYTHING, optimizer=Optimizer("sgd", 0.05, nesterov=True))


def tasks(recipe: Recipe, out: Path, seeds: tuple[int, ...] = (3, 4)) -> list[Task]:
    return [Task(recipe, None, seed, 40, str(out), MACHINE, False) for seed in seeds]


def ready(recipe: Recipe, holdout: int = 0) -> Prepared:
    return prepare(recipe, data=small_digits(), holdout=holdout, download=False, watched=False)


def together(recipe: Recipe, out: Path, **changes: Any) -> dict[int, RunSummary | FailedSeed]:
    """Return what becomes of two seeds, 40 training images held out."""
    settings: dict[str, Any] = {"size": 2, "note": lambda line: None, "stop": lambda: False} | changes
    return dict(all_together(tasks(recipe, out), ready(recipe, holdout=40), **settings))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_nearly(found: RunSummary, expected: RunSummary) -> None:
    """Fail unless two runs of few steps tell the same, but for rounding, in the same files."""
    assert (found.seed, found.last_epoch.total, found.best_epoch.selected_on) == (
        expected.seed, 60, expected.best_epoch.selected_on,
    )  # fmt: skip
    assert abs(found.last_epoch.correct - expected.last_epoch.correct) <= 1
    ours, theirs = Path(found.path), Path(expected.path)
    assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}
    for mine, its in zip(lines(ours), lines(theirs), strict=True):
        assert mine["training"]["loss"] == pytest.approx(its["training"]["loss"], rel=1e-3)
        assert (mine["epoch"], mine["evaluation"]["total"]) == (its["epoch"], 40)


def test_members_leave_the_runs_that_their_seeds_alone_leave(tmp_path: Path) -> None:
    recipe, told = with_network(SGD, tmp_path), list[str]()
    found = together(recipe, tmp_path / "runs", note=told.append)
    for seed, run in found.items():
        alone = train(recipe, data=small_digits(), seed=seed, holdout=40, out=tmp_path, precision="fp32", threads=1)
        assert isinstance(run, RunSummary)
        assert_nearly(run, alone)
        assert json.loads((Path(run.path) / "environment.json").read_text())["population"] == 2
        assert resume(run.path, data=small_digits()).last_epoch == run.last_epoch
    assert [line.split(",")[0] for line in told] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_seeds_that_do_not_fit_in_one_population_train_in_several(tmp_path: Path) -> None:
    recipe = with_network(replace(SGD, epochs=1), tmp_path)
    several = together(recipe, tmp_path / "a", size=1)
    assert list(several) == [3, 4] and all(isinstance(run, RunSummary) for run in several.values())


@pytest.mark.parametrize("poll", [1, 3, 7])
def test_a_stopped_population_is_saved_and_each_member_goes_on_alone(poll: int, tmp_path: Path) -> None:
    recipe = with_network(SGD, tmp_path)
    with pytest.raises(InterruptedRunError, match="--resume"):
        together(recipe, tmp_path / "runs", stop=StopAt(poll))
    for seed, folder in zip(
        (3, 4), sorted((tmp_path / "runs").iterdir(), key=lambda path: path.name[-2:]), strict=True
    ):
        alone = train(recipe, data=small_digits(), seed=seed, holdout=40, out=tmp_path, precision="fp32", threads=1)
        assert_nearly(resume(folder, data=small_digits()), alone)


def test_members_that_diverge_are_listed_with_the_reason_that_each_gives_alone(tmp_path: Path) -> None:
    recipe = with_network(replace(SGD, optimizer=Optimizer("sgd", 1e9)), tmp_path)
    for failed in together(recipe, tmp_path / "runs").values():
        assert isinstance(failed, FailedSeed) and failed.status == 7
        assert "no longer finite – epoch 1, step" in failed.reason and "the last good state is in" in failed.reason
    for folder in (tmp_path / "runs").iterdir():
        assert json.loads((folder / "summary.json").read_text())["status"] == "diverged"


def test_one_member_whose_disk_fails_does_not_take_the_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handgrad.digits.population import runs as population_runs
    from handgrad.errors import DiskError

    def refuse_one(job: Any, state: Any) -> None:
        if job.seed == 3 and state.epoch == 3:
            raise DiskError("the disk is full")

    monkeypatch.setattr(population_runs, "_save_member", refuse_one)
    found = together(with_network(SGD, tmp_path), tmp_path / "runs")
    assert found[3] == FailedSeed(3, "the disk is full", 6)
    assert isinstance(found[4], RunSummary)


def test_the_study_says_which_way_it_took_and_its_record_holds_it(tmp_path: Path) -> None:
    data, told = write_folder(tmp_path / "data", digit_arrays(200, 60)), list[str]()
    recipe = with_network(replace(SGD, epochs=1), tmp_path)
    settings: dict[str, Any] = {"data": data, "out": tmp_path / "runs", "precision": "fp32", "note": told.append}
    found = study.study(recipe, seeds=[3, 4], population=True, **settings)
    assert (found.n, found.jobs, found.plan.population, len(found.runs)) == (2, 1, 2, 2)
    assert told[0] == f"cpu, fp32, {found.threads} threads; {found.plan.why}".replace(" 1 threads", " 1 thread")
    assert found.plan.why == "populations of up to 2, as asked"
    assert json.loads((Path(found.path) / "study.json").read_text())["way"]["population"] == 2
    with pytest.raises(UsageError, match="--population with --jobs 2"):
        study.study(recipe, seeds=[3, 4], population=True, jobs=2, **settings)


def plan(recipe: Recipe, **changes: Any) -> TrainingPlan:
    settings: dict[str, Any] = {"jobs": 2, "seeds": range(8)} | changes
    return choose_plan(ready(recipe), MACHINE, settings.pop("seeds"), **settings)


@pytest.mark.parametrize(("alone", "expected"), [(0.010, 0), (0.0229, 0), (0.0231, 8)])
def test_the_probe_weighs_a_members_share_against_the_processes_that_train_at_a_time(
    alone: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(population_choice, "seconds_alone", lambda *_: alone)
    monkeypatch.setattr(population_choice, "seconds_together", lambda *given: 0.04 if given[3].threads == 1 else 0.05)
    monkeypatch.setattr(population_choice, "usable_cores", lambda: 2)
    found = plan(Recipe(network="stem-16k"), timed=True)
    assert (found.population, found.threads) == (expected, 1)
    assert (found.seconds_alone, found.seconds_population) == (alone / 2, 0.01)
    assert ("times as fast" in found.why) and (("needed" in found.why) == (expected == 0))


def test_the_probe_really_times_steps_and_leaves_torch_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population_choice, "usable_cores", lambda: 1)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    found = plan(
        Recipe(network="stem-16k", batch_size=8, optimizer=Optimizer("sgd", 1e9)), seeds=range(2), jobs=1, timed=True
    )
    assert found.seconds_alone and found.seconds_population
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)


def test_what_the_user_asks_for_is_not_probed() -> None:
    recipe = Recipe(network="stem-16k")
    assert plan(recipe).population == 0
    assert plan(recipe, wanted=False).population == 0
    assert plan(recipe, jobs_asked=True).population == 0
    assert plan(recipe, seeds=[5]).population == 0
    assert plan(recipe, wanted=True).population == 8


def test_members_are_as_many_as_memory_holds_in_populations_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    network, recipe = NETWORKS["stem-16k"](), Recipe(network="stem-16k")
    one = population_choice.bytes_of_step(network, recipe.batch_size)
    monkeypatch.setattr(population_choice, "memory_of", lambda machine: 4 * 5 * one)
    assert [members_at_a_time(network, recipe, MACHINE, seeds) for seeds in (1, 5, 6, 12)] == [1, 5, 3, 4]


@pytest.mark.parametrize("name", ["stem-16k", "narrow-5k"])
def test_memory_is_put_at_three_to_five_times_what_torch_allocates_for_a_member(name: str, tmp_path: Path) -> None:
    """Above it, because nobody may run out of memory; not far, because members are lost."""
    peaks = [allocated(name, members, 16, tmp_path / f"{members}.json") for members in (1, 3)]
    estimate = population_choice.bytes_of_step(NETWORKS[name](), 16)
    assert 3 <= estimate / ((peaks[1] - peaks[0]) / 2) <= 5
    assert population_choice.bytes_of_step(NETWORKS[name](), 32) == 2 * estimate


def allocated(name: str, members: int, batch: int, events: Path) -> int:
    """Return the most bytes that two steps of a population held at a time, by torch's own profiler."""
    images = Images(torch.zeros(4 * batch, 28, 28, dtype=torch.uint8), torch.zeros(4 * batch, dtype=torch.long))
    recipe = Recipe(network=name, batch_size=batch)
    population = begin_population(NETWORKS[name], recipe, range(members), torch.device("cpu"))
    steps = iter((False, True))

    def stop_after_two(now: object, rate: float) -> None:
        if next(steps):
            raise StopError

    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as seen, suppress(StopError):
        next(train_population(population, recipe, images, images, bf16=False, after_step=stop_after_two))
    seen.export_chrome_trace(str(events))
    held = [each for each in json.loads(events.read_text())["traceEvents"] if each["name"] == "[memory]"]
    sums = accumulate(each["args"]["Bytes"] for each in sorted(held, key=lambda each: each["ts"]))
    return max(sums)


class Scaled(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, 10))
        self.scale = nn.Parameter(torch.ones(1))


class AcrossTheBatch(nn.Sequential):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images - images.mean(0))


class Noisy(nn.Sequential):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images + torch.rand_like(images))


def flat(kind: type[nn.Sequential] = nn.Sequential, *layers: nn.Module) -> nn.Module:
    return kind(*layers, nn.Flatten(), nn.Linear(784, 10))


def hooked() -> nn.Module:
    network = flat()
    network[1].register_forward_hook(lambda layer, given, output: output)  # type: ignore[index, union-attr]
    return network


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (Scaled, "holds scale itself"),
        (lambda: flat(AcrossTheBatch), "the output of the network differs"),
        (lambda: flat(Noisy), "the output of the network differs"),
        (hooked, "has hooks"),
        (lambda: flat(nn.Sequential, nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")), "pads with reflect"),
        (lambda: flat(nn.Sequential, nn.BatchNorm2d(1, momentum=None)), "needs a momentum"),
        (lambda: flat(nn.Sequential, nn.PReLU()), "holds weight itself"),
    ],
)
def test_a_network_that_a_population_would_train_differently_is_refused(build: Any, complaint: str) -> None:
    with pytest.raises(UsageError, match=f"net: .*{complaint}.* – use --no-population"):
        check_population(Recipe(network="net"), build)


def test_networks_and_recipes_that_a_population_trains_as_alone_are_not_refused() -> None:
    for name in NETWORKS:
        if name not in TIED:
            check_population(replace(EVERYTHING, network=name), NETWORKS[name])
    check_population(EVERYTHING, lambda: flat(nn.Sequential, nn.Dropout(0.2), nn.BatchNorm2d(1)))


def test_tied_kernels_are_refused_by_the_name_of_their_layer() -> None:
    for name in TIED:
        with pytest.raises(UsageError, match=rf"{name}: 0\.parametrizations\.weight .* – use --no-population"):
            check_population(replace(EVERYTHING, network=name), NETWORKS[name])


def test_a_setting_that_a_population_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "averaging", ())
    with pytest.raises(UsageError, match=r"does not know averaging\.decay"):
        check_population(EVERYTHING, flat)
    assert "does not know averaging.decay" in plan(replace(EVERYTHING, network="stem-16k"), timed=True).why


def test_an_optimizer_that_turns_whole_kernels_is_refused_by_its_name() -> None:
    """Muon's step of a weight follows from the gradients of the whole kernel, so members cannot share a tensor in it."""
    muon = replace(EVERYTHING, network="stem-16k", optimizer=Optimizer("muon", 0.1, others_rate=0.1))
    with pytest.raises(UsageError, match=r'does not know the optimizer "muon" – use --no-population'):
        check_population(muon, NETWORKS["stem-16k"])
    assert 'the optimizer "muon"' in plan(muon, timed=True).why
