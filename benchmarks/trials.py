"""One try of a network with a recipe, judged on a hold-out: how the records' networks and settings are chosen.

    python benchmarks/trials.py NETWORK [--recipe quick] [--set key=value] [--seed 0] [--threads 1]
        [--precision fp32] [--note TEXT]

NETWORK is a name (`stem-16k`), a file (`net.py:Net`) or a call of a class of `handgrad.digits.networks.small` or
`.orbits`, such as ``Narrow([6,6,8,10,12])``. It trains on 50,000 of the training images and is read on the other
10,000, the same for every try; the test set is never opened. A line is added to ``results/trials.jsonl``, from which
`benchmarks/records.py` makes the log in docs/records.md. Seconds are of this machine as it was, so they are no
measurement.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from handgrad.digits.data.dataset import hold_out
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks import orbits, small
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.prepare import HOLDOUT_SEED
from handgrad.digits.training.device import device_of, using
from handgrad.digits.training.loop import Images, begin, train
from handgrad.digits.training.recipe_file import load_recipe, recipe_table
from handgrad.errors import DivergedError
from handgrad.runs.environment import Machine
from handgrad.runs.record import Score

TRIALS = Path(__file__).parent / "results" / "trials.jsonl"
HELD_OUT = 10_000
"""The first 86 tries were read on 5,000: each line of the log says on how many."""


def maker(text: str) -> Callable[[], nn.Module]:
    """Return what makes the network that *text* names or calls."""
    if "(" not in text:
        return lambda: load_network(text)
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise SystemExit(f"{text} – a name, file.py:Net or a call such as Shared([12,20],[2,3])")
    kind: Callable[..., nn.Module] | None = getattr(small, call.func.id, None) or getattr(orbits, call.func.id, None)
    if kind is None:
        raise SystemExit(f"{call.func.id} – neither small.py nor orbits.py has it")
    given = [ast.literal_eval(value) for value in call.args]
    named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    return lambda: kind(*given, **named)


def attempt(
    network: str, recipe: str, overrides: Sequence[str], seed: int, threads: int, precision: str, note: str
) -> dict[str, Any]:
    """Train once and return the line of the log."""
    make, settings = maker(network), load_recipe(recipe, overrides)
    data = os.environ.get("HANDGRAD_DATA")
    held = hold_out(load_dataset(Path(data) if data else None), HELD_OUT, HOLDOUT_SEED)
    training, held_out = Images(held.train_images, held.train_labels), Images(held.test_images, held.test_labels)
    machine = Machine("cpu", precision, threads)
    state = begin(make, settings, seed, device_of(machine))
    began, scores, failed = time.perf_counter(), list[Score](), None
    try:
        with using(machine):
            scores = [score.evaluation for score in train(state, settings, seed, training, held_out)]
    except DivergedError as error:
        failed = str(error)
    return {
        "network": network,
        "parameters": count_parameters(state.network),
        "recipe": recipe,
        "settings": list(overrides),
        "trained_with": recipe_table(settings),
        "epochs": settings.epochs,
        "seed": seed,
        "correct": [score.correct for score in scores],
        "loss": [round(score.loss, 5) for score in scores],
        "of": HELD_OUT,
        "failed": failed,
        "seconds": round(time.perf_counter() - began, 1),
        "threads": threads,
        "precision": precision,
        "note": note,
    }


def main() -> None:
    """Train, print, add the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--note", default="")
    parser.add_argument("--log", type=Path, default=TRIALS)
    given = parser.parse_args()
    line = attempt(given.network, given.recipe, given.overrides, given.seed, given.threads, given.precision, given.note)
    with given.log.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    last = f"{100 * line['correct'][-1] / HELD_OUT:.2f} %" if line["correct"] and not line["failed"] else line["failed"]
    loss = f", loss {line['loss'][-1]:.4f}" if line["loss"] else ""
    print(
        f"{given.network} ({line['parameters']:,}), {' '.join(given.overrides)}: {last}{loss} in {line['seconds']} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
