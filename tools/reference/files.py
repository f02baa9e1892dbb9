"""The files that a user writes (network, recipe, assignment), key by key, from the records that read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handgrad.backprop.network.file import NetworkTable
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.digits.training.recipe import Recipe
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.assignment_file import SHIPPED as ASSIGNMENTS
from reference.records import escaped, rows_of, table


@dataclass(frozen=True)
class UserFile:
    """A kind of file: the page's name and title, its first sentences, its record, an example, what to leave to another page."""

    page: str
    title: str
    words: str
    record: type
    example: str
    elsewhere: str = ""
    below: Callable[[], list[str]] = list


def _functions() -> list[str]:
    """Return the activations and losses that a network may name."""
    lines = ["", "## Activations", "", "| name | formula | slope |", "|---|---|---|"]
    lines += [
        f"| `{each.name}` | {escaped(each.reads)} | {escaped(each.slope_reads)} |" for each in ACTIVATIONS.values()
    ]
    lines += ["", "## Losses", "", "| name | formula |", "|---|---|"]
    return lines + [f"| `{each.name}` | {escaped(each.reads)} |" for each in LOSSES.values()]


NETWORK = """\
name = "by hand"
learning_rate = 0.5
bias = "neuron"
weights = [0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55]

[[layers]]
units = 2
activation = "sigmoid"

[[layers]]
units = 2
activation = "sigmoid"

[[samples]]
inputs = [0.05, 0.10]
targets = [0.01, 0.99]
"""

RECIPE = """\
network = "squeeze-16k"
epochs = 8
batch_size = 128

[optimizer]
name = "sgd"
learning_rate = 0.1

[schedule]
name = "one-cycle"

[augmentation]
rotation = 5.0
"""

FILES = (
    UserFile(
        "network-toml.md",
        "The file of a small network",
        "What `handgrad backprop mynet.toml` and `handgrad page mynet.toml` read. A preset's name (`handgrad backprop --list`) "
        "may stand wherever a file may.",
        NetworkTable,
        NETWORK,
        below=_functions,
    ),
    UserFile(
        "recipe-toml.md",
        "The file of a recipe",
        "What `handgrad train mine.toml` and `handgrad study mine.toml` read: a whole training but for its seed. Any key may "
        "be set for one training with `--set`, as in `--set optimizer.learning_rate=0.05`.",
        Recipe,
        RECIPE,
    ),
    UserFile(
        "assignment-toml.md",
        "The file of an assignment",
        "What `handgrad judge … --assignment mine.toml` reads: what is asked of a network that is handed in. What is left "
        "out is not asked. The keys of `recipe` are those of [a recipe](recipe-toml.md).",
        Assignment,
        (ASSIGNMENTS / "under-20k.toml").read_text(encoding="utf-8"),
        elsewhere="recipe.",
    ),
)


def page(file: UserFile) -> str:
    """Return the page of one kind of file."""
    rows = [row for row in rows_of(file.record) if not (file.elsewhere and row.key.startswith(file.elsewhere))]
    missing = [row.key for row in rows if not row.meaning]
    if missing:
        raise ValueError(f"{file.record.__name__}: {', '.join(missing)} have no meaning – write it below the attribute")
    return "\n".join(
        [
            f"# {file.title}",
            "",
            file.words,
            "",
            "```toml",
            file.example.strip(),
            "```",
            "",
            *table(rows),
            *file.below(),
            "",
        ]
    )
