"""``handgrad audit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import DataOption, DeviceOption, JsonOption, OnOption, PrecisionOption, SetOption, parse_seeds
from handgrad.cli.signals import stop_on_signals
from handgrad.cli.study import Told
from handgrad.errors import UsageError
from handgrad.files import check_free


@app.command("audit", short_help="Compare published figures with what a recipe gives.")
def audit_command(
    log: Annotated[
        Path, typer.Argument(help="A printed log: text, a notebook, or a table in CSV.", show_default=False)
    ],
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a TOML file.", show_default=False)],
    *,
    candidates: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=A,B", help="Settings to try for the log; may be repeated."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of every candidate, at least two.")] = "0..2",
    overrides: SetOption = None,
    runs: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Also take finished runs from here; may be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder of the candidates' runs.")] = Path("audit"),
    train: Annotated[bool, typer.Option(help="Train missing runs, or only use those that are there.")] = True,
    page: Annotated[
        Path | None, typer.Option("--report", help="Write a page with the curves here.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the page if it exists.")] = False,
    data: DataOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Trainings at a time; default: one per core.")
    ] = None,
    on: OnOption = "local",
    offline: Annotated[bool, typer.Option(help="Never download; without files, draw digits.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare published figures with a recipe: is each possible, and which candidate explains them best?"""
    if page is not None:
        check_free(page, overwrite=overwrite)
    chosen = parse_seeds(seeds)
    if len(chosen) < 2:
        raise UsageError(f'--seeds "{seeds}" is one seed – an audit needs at least 2, as in 0..2')
    from handgrad.audit import candidates_of, read_trace, runs_of, text_lines, traced, train_missing, weigh, write_audit
    from handgrad.runs.find import complete_runs

    trace = read_trace(log)
    found = candidates_of(recipe, overrides or (), candidates or ())
    settings = {"data": data_folder(data), "device": device, "precision": precision, "jobs": jobs, "on": on}
    settings["download"] = not offline
    # Read once for all candidates: a folder of runs can be large.
    there = [run for root in (*(runs or ()), out) for run in complete_runs(root)]
    weighed = {}
    with stop_on_signals() as stop:
        for candidate in found:
            known = runs_of(candidate, chosen, there)
            missing = [seed for seed in chosen if seed not in known]
            if missing and train:
                print(f"{candidate.name}: {len(missing)} of {len(chosen)} seeds to train", file=sys.stderr)
                known |= train_missing(candidate, missing, out, done=Told(len(missing)), stop=stop, **settings)
            weighed[candidate.name] = [(seed, traced(known[seed])) for seed in chosen if seed in known]
    audit = weigh(trace, weighed)
    written = None if page is None else write_audit(audit, page, overwrite=overwrite)
    if as_json:
        print(json.dumps(audit.as_json() | {"page": None if written is None else str(written)}, indent=2))
        return
    print("\n".join(text_lines(audit)))
    print(f"page: {written}" if written else "curves: add --report audit.html for a page")
