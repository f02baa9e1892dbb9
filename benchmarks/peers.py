"""The same network, recipe, epochs and machine with each tool: seconds per epoch, memory, start-up, lines of code.

The scripts are in ``benchmarks/peers``, each what a user of the tool writes after its documentation; their docstrings say what
was chosen. Every training runs in a process of its own and an empty folder.

    python benchmarks/peers.py [--networks a,b] [--tools a,b] [--rounds 3] [--epochs 2] [--images 60000] [--json FILE]

* network and recipe: the five published networks with their batch size, learning rate and momentum, at a constant rate, with
  rotation of up to 5 degrees and the last short batch kept; torch's threads as each tool sets them;
* seconds per epoch: of the last epoch, from its beginning to the end of its last step, evaluation and start-up left out;
* first batch: from the start of the process to the end of the first training step, imports, data and our probe included;
* memory: the most that the process held, or all of its processes together;
* lines: what carries code in the script, without blank lines, comments, docstrings, the network's definition, and the lines
  marked ``# measurement``.

The tools take turns in each round; figures are medians of the rounds, with the spread. Parameters and steps are counted in
each training, and one that differs ends the benchmark. Missing tools are left out by name;
``pip install -r benchmarks/peers/requirements.txt`` gets them.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import math
import os
import statistics
import tempfile
import tokenize
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alone import SCRIPTS, Seen, run_alone, surroundings, write_first
from given import Given
from handgrad.allowance import usable_cores
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.training.recipe_file import load_recipe

PUBLISHED = {
    "squeeze-16k": "squeeze-16k-sgd",
    "twopool-17k": "twopool-17k",
    "biasfree-12k": "biasfree-12k",
    "transition-11k": "transition-11k",
    "gap10-17k": "gap10-17k",
}
MARK = "# measurement"
OURS = "handgrad"
LIBRARIES = ("handgrad", "torch", "lightning", "skorch", "keras", "numpy", "pillow")


@dataclass(frozen=True)
class Tool:
    """A row of the table."""

    script: str
    files: tuple[str, ...] = ()
    """What a user writes beside the script."""
    library: str = "torch"
    workers: int = 0
    """Processes that prepare batches."""

    @property
    def installed(self) -> bool:
        """Whether its library is there."""
        return find_spec(self.library) is not None

    @property
    def lines(self) -> int:
        """How many lines a user writes."""
        paths = [SCRIPTS / f"{self.script}.py", *(SCRIPTS.parent / f"{name}.py" for name in self.files)]
        return sum(count_lines(path.read_text(encoding="utf-8")) for path in paths)


TOOLS = {
    OURS: Tool("with_handgrad"),
    "usual": Tool("with_pytorch", ("one_by_one",)),
    "usual-workers": Tool("with_pytorch", ("one_by_one",), workers=usable_cores()),
    "lightning": Tool("with_lightning", ("one_by_one",), "lightning"),
    "skorch": Tool("with_skorch", ("one_by_one",), "skorch"),
    "keras": Tool("with_keras", library="keras"),
}


def count_lines(text: str) -> int:
    """Return how many lines of the program *text* carry code: no blanks, comments, docstrings, lines that end in `MARK`."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in quiet:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    marked = {number for number, line in enumerate(text.splitlines(), 1) if line.rstrip().endswith(MARK)}
    return len(lines - marked)


def given_for(network: str, data: str, epochs: int) -> Given:
    """Return what every tool is given for *network*."""
    recipe = load_recipe(PUBLISHED[network])
    optimizer = recipe.optimizer
    return Given(network, data, epochs, recipe.batch_size, optimizer.learning_rate, optimizer.momentum)


def check(name: str, seen: Seen, given: Given, images: int) -> Seen:
    """Return *seen*; raise SystemExit unless it trained the whole network, for every step of every epoch."""
    parameters = count_parameters(load_network(given.network))
    steps = given.epochs * math.ceil(images / given.batch_size)
    if (seen.parameters, seen.steps, len(seen.seconds_by_epoch)) != (parameters, steps, given.epochs):
        raise SystemExit(
            f"{name}, {given.network}: {seen.parameters} parameters, {seen.steps} steps, {len(seen.seconds_by_epoch)} epochs"
            f" – {parameters}, {steps} and {given.epochs} were asked for: no figure is worth printing"
        )
    return seen


def measure(network: str, tools: dict[str, Tool], data: str, images: int, epochs: int, rounds: int) -> dict[str, Any]:
    """Return what each of *tools* took for *network* in every round, in turn."""
    given = given_for(network, data, epochs)
    seen: dict[str, list[Seen]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, tool in tools.items():
            asked = Given(**asdict(given) | {"workers": tool.workers})
            seen[name].append(check(name, run_alone(tool.script, asked), given, images))
    rows = {name: figures(runs, tools[name], seen.get(OURS)) for name, runs in seen.items()}
    return {"network": network, "batch_size": given.batch_size, "learning_rate": given.learning_rate, "tools": rows}


def figures(runs: list[Seen], tool: Tool, ours: list[Seen] | None) -> dict[str, Any]:
    """Return medians and spreads of *runs*, and each round's seconds as a multiple of *ours* in the same round."""
    ratios = [run.seconds / mine.seconds for run, mine in zip(runs, ours, strict=True)] if ours else []
    return {
        "seconds_an_epoch": spread([run.seconds for run in runs]),
        "times_ours": spread(ratios) if ratios else None,
        "peak_bytes": spread([run.peak_bytes for run in runs]),
        "seconds_to_first_batch": spread([run.seconds_to_first_batch for run in runs]),
        "accuracy": spread([run.accuracy for run in runs]),
        "lines": tool.lines,
        "workers": tool.workers,
        "rounds": [asdict(run) for run in runs],
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return median, lowest and highest."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


HEAD = (
    f"{'network':15} {'tool':14} {'s/epoch':>8} {'spread':>16} {'× ours':>7}"
    f" {'MB':>6} {'1st batch':>11} {'lines':>5} {'test':>8}"
)


def row(network: str, tool: str, found: dict[str, Any]) -> str:
    """Return a line of the table."""
    seconds, times = found["seconds_an_epoch"], found["times_ours"]
    times_ours = f"{times['median']:.2f}" if times else "–"
    between = f"{seconds['lowest']:.2f} to {seconds['highest']:.2f}"
    return (
        f"{network:15} {tool:14} {seconds['median']:8.2f} {between:>16} {times_ours:>7}"
        f" {found['peak_bytes']['median'] / 1e6:6.0f} {found['seconds_to_first_batch']['median']:9.1f} s"
        f" {found['lines']:5} {found['accuracy']['median']:6.2f} %"
    )


def arguments() -> argparse.Namespace:
    """Return what the command line says; unknown networks and tools end it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(PUBLISHED))
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--data", type=Path, default=os.environ.get("HANDGRAD_DATA"))
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "peers.json")
    given = parser.parse_args()
    given.networks, given.tools = given.networks.split(","), given.tools.split(",")
    for kind, names, known in (("network", given.networks, PUBLISHED), ("tool", given.tools, TOOLS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            parser.error(f"no such {kind}: {', '.join(unknown)} – known: {', '.join(known)}")
    if min(given.rounds, given.epochs) < 1 or given.images < 100:
        parser.error("at least 1 round, 1 epoch and 100 images are needed")
    return given


def main() -> None:
    """Measure, print the table, write the JSON file."""
    given = arguments()
    tools = {name: TOOLS[name] for name in given.tools if TOOLS[name].installed}
    missing = [name for name in given.tools if name not in tools]
    dataset = load_dataset(Path(given.data) if given.data else None)
    record: dict[str, Any] = {"dataset": dataset.name, "rounds": given.rounds, "epochs": given.epochs}
    record |= surroundings(LIBRARIES) | {"not_installed": missing, "networks": []}
    with tempfile.TemporaryDirectory() as folder:
        record["images"] = images = write_first(Path(folder), dataset, given.images, test=given.images)
        print(f"{images:,} images of dataset: {dataset.name}, {given.rounds} rounds, the last of {given.epochs} epochs")
        for name in missing:
            print(f"left out: {name} is not installed – pip install -r benchmarks/peers/requirements.txt")
        print(HEAD)
        for network in given.networks:
            found = measure(network, tools, folder, images, given.epochs, given.rounds)
            record["networks"].append(found)
            for name, each in found["tools"].items():
                print(row(network, name, each), flush=True)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"written: {given.json}")


if __name__ == "__main__":
    main()
