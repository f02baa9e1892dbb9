"""``handgrad backprop``: the workbook of a small network, its derivation, pictures and numbers."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handgrad.cli.app import app
from handgrad.cli.exercise import TaskWanted, refuse_beside_task, write_task
from handgrad.errors import UsageError, counted
from handgrad.files import check_free, write_whole

if TYPE_CHECKING:
    from handgrad.backprop import Network, RateSweep, Trace

NUMBERS = "0.1,0.2,…"

NetworkArgument = Annotated[str, typer.Argument(help="A preset (see --list) or a TOML file.")]
WeightsOption = Annotated[str | None, typer.Option(metavar=NUMBERS, help="First weights, w1 to the last.")]
RateOption = Annotated[float | None, typer.Option(help="Learning rate.")]
StepsOption = Annotated[int | None, typer.Option(help="Updates, 1 to 10,000.", show_default="100")]
RatesOption = Annotated[
    str | None, typer.Option(metavar=NUMBERS, help="Learning rates to compare; else the network's own.")
]
BiasOption = Annotated[str | None, typer.Option(help="none, fixed, neuron or layer.")]
OrderOption = Annotated[str | None, typer.Option(help="old-weights or output-layer-first.")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        help="The workbook; backprop.xlsx, unless only --explain, --pictures, --csv or --json is wanted.",
        show_default=False,
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Write over files that exist.")]
ExplainOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write the derivation there as README.md, with pictures.")
]
TexOption = Annotated[bool, typer.Option("--tex", help="With --explain: as derivation.tex.")]
PicturesOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Draw network, error and learning rates there as PNG and SVG.")
]
CsvOption = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write every quantity of every step.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print every quantity of every step as JSON.")]
ExerciseOption = Annotated[
    bool, typer.Option("--exercise", help="Write a task with blanks instead, task.xlsx, with numbers of its own.")
]
TestOption = Annotated[
    bool, typer.Option("--test", help="With --exercise: a test, without answers; otherwise it marks itself.")
]
SeedOption = Annotated[int | None, typer.Option(help="With --exercise: the seed of its numbers.", show_default="0")]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="With --exercise: write the key there; a test always has one.", show_default=False
    ),
]
PrintTomlOption = Annotated[
    bool, typer.Option("--print-toml", help="Print the network as a TOML file with every key, and stop.")
]
ListOption = Annotated[bool, typer.Option("--list", help="Show the presets and stop.")]


@dataclass(frozen=True)
class Wanted:
    """What is to be written, and where."""

    book: Path | None
    explain: Path | None
    tex: bool
    pictures: Path | None
    csv: Path | None
    overwrite: bool


@app.command("backprop", short_help="Write a small network as a workbook of live formulas.")
def backprop_command(
    *,
    network: NetworkArgument = "classic",
    weights: WeightsOption = None,
    learning_rate: RateOption = None,
    steps: StepsOption = None,
    rates: RatesOption = None,
    bias: BiasOption = None,
    order: OrderOption = None,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    explain: ExplainOption = None,
    tex: TexOption = False,
    pictures: PicturesOption = None,
    csv: CsvOption = None,
    as_json: JsonOption = False,
    exercise: ExerciseOption = False,
    test: TestOption = False,
    seed: SeedOption = None,
    key: KeyOption = None,
    print_toml: PrintTomlOption = False,
    list_presets: ListOption = False,
) -> None:
    """Write the workbook of a small network, every number a live formula; also its derivation, pictures and numbers."""
    if list_presets:
        return _print_presets(as_json)
    task = TaskWanted(exercise, test, seed, key)
    if exercise:
        numbers = {"--weights": weights, "--learning-rate": learning_rate, "--steps": steps, "--rates": rates}
        refuse_beside_task(numbers | {"--explain": explain, "--tex": tex, "--pictures": pictures, "--csv": csv})
        return write_task(_adapted(network, bias=bias, order=order), out, task, overwrite, as_json=as_json)
    task.refuse_alone()
    from handgrad.backprop import trace
    from handgrad.backprop.export import json_chunks
    from handgrad.backprop.limits import DEFAULT_STEPS, MAX_STEPS, check_steps
    from handgrad.backprop.network.words import hints

    steps = DEFAULT_STEPS if steps is None else steps
    if tex and explain is None:
        raise UsageError("--tex says how to write the derivation – found no --explain – add --explain DIR")
    check_steps(steps, MAX_STEPS, least=1, prefix="--")
    compared = None if rates is None else _parse_numbers("--rates", rates)
    first = None if weights is None else _parse_numbers("--weights", weights)
    used = _adapted(network, weights=first, learning_rate=learning_rate, bias=bias, order=order, rates=compared)
    if print_toml:
        return _print_toml(used)
    for hint in hints(used):
        print(f"hint: {hint}", file=sys.stderr)
    # Something has to come of the command; what was asked for stands alone.
    if out is None and not (explain or pictures or csv or as_json):
        out = Path("backprop.xlsx")
    wanted = Wanted(out, explain, tex, pictures, csv, overwrite)
    _refuse_before_work(wanted)
    done = trace(used, steps)
    written = _write_files(wanted, done)
    lines = json_chunks(done, tuple(map(str, written))) if as_json else ("\n".join(_describe(done, wanted)), "\n")
    # In pieces: the numbers of ten thousand steps are a long text, which nobody needs whole.
    sys.stdout.writelines(lines)
    return None


def _adapted(
    network: str, *, bias: str | None, order: str | None, weights: tuple[float, ...] | None = None,
    learning_rate: float | None = None, rates: tuple[float, ...] | None = None,
) -> Network:  # fmt: skip
    """Return the network of a name or file with what the options replace."""
    from handgrad.backprop import load_network
    from handgrad.backprop.verb import adapt

    described = load_network(network)
    changes: dict[str, Any] = {"weights": weights, "learning_rate": learning_rate, "bias": bias, "order": order}
    return adapt(described, **changes, rates=rates, prefix="--")


def _refuse_before_work(wanted: Wanted) -> None:
    """Raise `UsageError` if anything that would be written exists, before the first file is written."""
    files = [path for path in (wanted.book, wanted.csv) if path is not None]
    if len(files) == 2 and files[0].absolute() == files[1].absolute():
        raise UsageError(f"--out and --csv both name {files[0]} – choose different names")
    check_free(*files, overwrite=wanted.overwrite)
    if wanted.explain is not None:
        from handgrad.backprop.explain import explanation_paths

        check_free(*explanation_paths(wanted.explain, wanted.tex), overwrite=wanted.overwrite, new_folder=True)
    if wanted.pictures is not None:
        from handgrad.backprop.pictures.files import picture_paths

        check_free(*picture_paths(wanted.pictures), overwrite=wanted.overwrite, new_folder=True)


def _write_files(wanted: Wanted, done: Trace) -> list[Path]:
    """Write what is wanted; returns the files."""
    network, written = done.graph.network, []
    if wanted.book is not None:
        from handgrad.backprop.workbook import write_workbook

        book = write_workbook(network, wanted.book, steps=done.steps, overwrite=wanted.overwrite)
        written.append(book)
    if wanted.explain is not None or wanted.pictures is not None:
        from handgrad.backprop import rate_sweep

        sweep = rate_sweep(network, network.rates, done.steps)
        written += _write_drawn(wanted, done, sweep)
    if wanted.csv is not None:
        from handgrad.backprop.export import csv_chunks

        written.append(write_whole(wanted.csv, csv_chunks(done)))
    return written


def _write_drawn(wanted: Wanted, done: Trace, sweep: RateSweep) -> list[Path]:
    """Write the derivation and the pictures, if they are wanted."""
    written: list[Path] = []
    if wanted.explain is not None:
        from handgrad.backprop.explain import write_explanation

        written += write_explanation(done, sweep, wanted.explain, tex=wanted.tex, overwrite=wanted.overwrite)
    if wanted.pictures is not None:
        from handgrad.backprop.pictures.files import save_pictures

        # In one folder both write the same drawings, and the first of the two has just done so.
        again = wanted.overwrite or wanted.explain is not None
        written += save_pictures(done, sweep, wanted.pictures, overwrite=again)
    return written


def _describe(done: Trace, wanted: Wanted) -> list[str]:
    """Return what was written as lines for people: what to open first, and what is in it."""
    network = done.graph.network
    from handgrad.backprop.network.words import shape_words

    lines = [f"{network.name}, {shape_words(network)}, learning rate {network.learning_rate:g}: {_outcome(done)}"]
    if wanted.book is not None:
        lines.append(f"{wanted.book}: open the sheet Network first; it says how to read the others.")
        lines.append("Change a marked cell (learning rate, inputs, targets, first weights) and every sheet follows.")
    if wanted.explain is not None:
        text = wanted.explain / ("derivation.tex" if wanted.tex else "README.md")
        lines.append(f"{text}: the derivation, with its pictures beside it.")
    if wanted.pictures is not None:
        lines.append(f"{wanted.pictures}: network, error, rates and rates-log, as PNG and SVG.")
    if wanted.csv is not None:
        lines.append(f"{wanted.csv}: every quantity of steps 0 to {done.steps:,}.")
    return lines


def _outcome(done: Trace) -> str:
    """Return how the error went, in words."""
    errors = done["E_total"]
    if done.diverged_at is not None:
        return f"E_total {errors[0]:.10g}, diverged at step {done.diverged_at:,}"
    count = counted(done.steps, "step")
    return f"E_total {errors[0]:.10g} before, {errors[-1]:.10g} after {count}"


def _parse_numbers(option: str, text: str) -> tuple[float, ...]:
    """Return the numbers in ``0.1,0.2``; raise `UsageError` for one that is not a finite number."""
    numbers: list[float] = []
    for place, part in enumerate(text.split(","), start=1):
        try:
            number = float(part)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            found = part.strip()[:40]
            raise UsageError(f'{option} needs numbers with commas between – number {place} is "{found}"')
        numbers.append(number)
    return tuple(numbers)


def _print_toml(network: Network) -> None:
    """Print the network as a file, with what the options replace."""
    from handgrad.backprop.network.toml_text import network_toml

    sys.stdout.write(network_toml(network))


def _print_presets(as_json: bool) -> None:
    """Print every preset in words."""
    from handgrad.backprop import load_network, preset_names

    rows = [{"name": name, "network": _in_words(load_network(name))} for name in preset_names()]
    if as_json:
        print(json.dumps(rows))
        return
    width = max(len(row["name"]) for row in rows)
    print("\n".join(f"{row['name']:{width}}  {row['network']}" for row in rows))


def _in_words(network: Network) -> str:
    """Return a network in a line: sizes, activations, loss, biases, samples, learning rate."""
    from handgrad.backprop.network.words import in_one_line

    return f"{in_one_line(network)}, learning rate {network.learning_rate:g}"
