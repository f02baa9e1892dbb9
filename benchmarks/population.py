"""A population against the same seeds one after another: how many times as fast, for each number of seeds.

    python benchmarks/population.py [--recipes a,b] [--seeds 1,2,4,8,16] [--rounds 3] [--device cpu] [--precision fp32]
                                    [--threads 1] [--data FOLDER] [--json FILE] [--whole]

* a step is all of a training step: images, augmentation, network, optimizer, average, meter; the median of a few, at the
  recipe's batch size, and in each round the two take turns; figures are medians of the rounds, with the least and the most;
* ratio: the seconds of a step of one seed alone × the seeds, divided by the seconds of a step of the population;
* ``--whole`` instead trains every number of seeds once, to the recipe's last epoch with an evaluation after each, and tells
  the seconds and the accuracies: what a population costs from its first weights to its last figure, without files.

The machine should have nothing else to do: the load average is kept in the record.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alone import surroundings
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.population.check import check_population
from handgrad.digits.population.loop import begin_population, train_population
from handgrad.digits.population.probe import seconds_alone, seconds_together
from handgrad.digits.training.device import choose_device, device_of, using
from handgrad.digits.training.loop import Images
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.runs.environment import Machine
from handgrad.runs.record import EpochScore

RECIPES = "quick,squeeze-16k-sgd,transition-11k"


@dataclass(frozen=True)
class Row:
    """One recipe and number of seeds; seconds of a step by round."""

    recipe: str
    network: str
    parameters: int
    batch_size: int
    seeds: int
    alone: tuple[float, ...]
    """Of one seed."""
    together: tuple[float, ...]
    """Of all seeds."""

    @property
    def ratios(self) -> list[float]:
        """How many times as fast the population was, by round."""
        return [self.seeds * alone / together for alone, together in zip(self.alone, self.together, strict=True)]


@dataclass(frozen=True)
class Whole:
    """One population trained to its end."""

    recipe: str
    network: str
    seeds: int
    epochs: int
    seconds: float
    """From the first weights to the last evaluation."""
    accuracies: tuple[float | None, ...]
    """Of the last epoch in percent, None for a member that diverged."""


def compare(name: str, recipe: Recipe, training: Images, machine: Machine, seeds: int, rounds: int) -> Row:
    """Time steps of *seeds* seeds alone and together, in turns."""
    build, alone, together = partial(load_network, recipe.network), [], []
    for _ in range(rounds):
        alone.append(seconds_alone(recipe, build, training, machine, 0))
        together.append(seconds_together(recipe, build, training, machine, range(seeds)))
    parameters = count_parameters(build())
    return Row(name, recipe.network, parameters, recipe.batch_size, seeds, tuple(alone), tuple(together))


def train_whole(name: str, recipe: Recipe, data: tuple[Images, Images], machine: Machine, seeds: int) -> Whole:
    """Train *seeds* seeds to the end of *recipe*."""
    device = device_of(machine)
    training, evaluation = (images.to(device) for images in data)
    with using(machine):
        began = time.perf_counter()
        population = begin_population(partial(load_network, recipe.network), recipe, range(seeds), device)
        bf16 = machine.precision == "bf16"
        *_, last = train_population(population, recipe, training, evaluation, bf16=bf16)
        seconds = time.perf_counter() - began  # the last evaluation's counts have reached the host
    accuracies = [
        100 * score.evaluation.correct / score.evaluation.total if isinstance(score, EpochScore) else None
        for score in last
    ]
    return Whole(name, recipe.network, seeds, recipe.epochs, seconds, tuple(accuracies))


def told(row: Row | Whole) -> str:
    """Return one line of the table."""
    if isinstance(row, Whole):
        good = [value for value in row.accuracies if value is not None]
        mean = f"{statistics.fmean(good):.3f} %" if good else "none finished"
        return f"| {row.recipe} | {row.seeds} | {row.epochs} | {row.seconds:.1f} | {row.seconds / row.seeds:.2f} | {mean} |"
    alone, together = 1000 * statistics.median(row.alone), 1000 * statistics.median(row.together)
    ratio, least, most = statistics.median(row.ratios), min(row.ratios), max(row.ratios)
    return (
        f"| {row.recipe} | {row.parameters:,} | {row.batch_size} | {row.seeds} | {alone:.2f} | {together / row.seeds:.2f} "
        f"| {ratio:.2f} ({least:.2f} to {most:.2f}) |"
    )


HEAD = """| recipe | parameters | batch | seeds | ms a step alone | ms a step and seed together | times as fast |
|---|---|---|---|---|---|---|"""
HEAD_WHOLE = """| recipe | seeds | epochs | seconds | seconds a seed | mean of the last epoch |
|---|---|---|---|---|---|"""


def main() -> None:
    """Print the table as it grows and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", default=RECIPES)
    parser.add_argument("--seeds", default="1,2,4,8,16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_args()
    machine = Machine(choose_device(given.device), given.precision, given.threads)
    dataset = load_dataset(given.data)
    training = Images(dataset.train_images, dataset.train_labels)
    evaluation = Images(dataset.test_images, dataset.test_labels)
    rows: list[Row | Whole] = []
    print(HEAD_WHOLE if given.whole else HEAD, flush=True)
    for name in given.recipes.split(","):
        recipe = load_recipe(name)
        check_population(recipe, partial(load_network, recipe.network))
        for seeds in map(int, given.seeds.split(",")):
            if given.whole:
                rows.append(train_whole(name, recipe, (training, evaluation), machine, seeds))
            else:
                rows.append(compare(name, recipe, training, machine, seeds, given.rounds))
            print(told(rows[-1]), flush=True)
    if given.json:
        record: dict[str, Any] = {
            "machine": asdict(machine),
            "dataset": dataset.name,
            "rows": [asdict(r) for r in rows],
        }
        given.json.write_text(json.dumps(record | surroundings(("handgrad", "torch", "numpy")), indent=2) + "\n")


if __name__ == "__main__":
    main()
