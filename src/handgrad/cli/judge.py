"""``handgrad judge``: one hand-in, several, or a whole class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from handgrad.cli import judge_class
from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.judge_class import Asked, finish, parted, print_epoch, refuse, write
from handgrad.cli.options import DataOption, OnOption, parse_seeds
from handgrad.errors import UndecidedError, UsageError
from handgrad.files import check_free
from handgrad.text import one_line
from handgrad.xlsx.kinds import TABLES

if TYPE_CHECKING:
    from handgrad.judge.verdict import Verdict


def _option(text: str, metavar: str | None = None, name: str | None = None) -> typer.models.OptionInfo:
    """Return an option that is left out unless it is given."""
    info: typer.models.OptionInfo = typer.Option(
        *([name] if name else []), help=text, metavar=metavar, show_default=False
    )
    return info


@app.command("judge", short_help="Judge networks, whole classes of them, or workbooks.")
def judge_command(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="WHAT", help="net.py, net.py:Net, book.xlsx; a folder or zip of a class."),
    ] = None,
    *,
    assignment: Annotated[str | None, _option("A shipped assignment or a TOML file.", "NAME")] = None,
    static: Annotated[bool, typer.Option("--static", help="Judge only the conditions that need no training.")] = False,
    recipe: Annotated[
        str, typer.Option(metavar="NAME", help="found: train with the recipe found in the hand-in.")
    ] = "assignment",
    seeds: Annotated[str | None, _option("0..2 or 1,5; default: as many as the assignment asks for.", "LIST")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    report: Annotated[Path | None, _option("Write a page to hand back.")] = None,
    csv: Annotated[Path | None, _option("For a class: write one row per person.")] = None,
    data: DataOption = None,
    time_limit: Annotated[float, typer.Option(min=1.0, max=1e6, help="Seconds for each hand-in.")] = 3600.0,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to judge if only limits can be set.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue with a class; judge nothing twice.")] = False,
    on: OnOption = "local",
    key: Annotated[Path | None, _option("For a practice workbook: the key made with it.")] = None,
    grades: Annotated[Path | None, _option("A grade book exported from Moodle or Canvas; goes with --out.")] = None,
    out: Annotated[Path | None, _option("Write the grade book, filled.")] = None,
    column: Annotated[
        str | None,
        _option(
            "Which column to fill: Canvas's assignment, or Moodle's grades in a language that is not recognised.",
            "NAME",
        ),
    ] = None,
    gradescope: Annotated[Path | None, _option("Write Gradescope's results.json.")] = None,
    classroom50: Annotated[Path | None, _option("Write Classroom 50's result.json.")] = None,
    junit: Annotated[Path | None, _option("Write JUnit's XML.")] = None,
    make_gradescope: Annotated[Path | None, _option("Write the zip to upload to Gradescope.")] = None,
) -> int:
    """Judge a network, a class of them, or somebody's workbook, and say what is met and what is not."""
    check_free(
        *(each for each in (report, csv, out, gradescope, classroom50, junit, make_gradescope) if each is not None),
        overwrite=overwrite or resume,
    )
    if make_gradescope is not None:
        return judge_class.make_gradescope(make_gradescope, assignment, what, time_limit)
    if not what:
        raise UsageError("there is nothing to judge – found no file – name a file, a folder or a zip")
    asked = Asked(
        what=tuple(what),
        assignment=assignment,
        static=static,
        recipe=_which_recipe(recipe),
        seeds=parse_seeds(seeds) if seeds is not None else None,
        as_json=as_json,
        report=report,
        csv=csv,
        data=data_folder(data),
        time_limit=time_limit,
        require_sandbox=require_sandbox,
        overwrite=overwrite,
        resume=resume,
        grades=grades,
        out=out,
        column=column,
        gradescope=gradescope,
        classroom50=classroom50,
        junit=junit,
        on=on,
    )
    away = on if on != "local" else None
    if len(what) == 1 and Path(what[0]).suffix.lower() in TABLES:
        refuse(
            "a workbook",
            {"--assignment": assignment, "--seeds": seeds, "--csv": csv, "--gradescope": gradescope, "--on": away},
        )
        return _judge_book(Path(what[0]), key, as_json, report)
    refuse("a network", {"--key": key})
    if judge_class.is_class(asked):
        return judge_class.judge(asked)
    class_alone: dict[str, object] = {
        "--csv": csv,
        "--grades": grades,
        "--out": out,
        "--resume": resume or None,
        "--on": away,
    }
    refuse("one file", class_alone)
    return _judge_one(asked)


def _which_recipe(name: str) -> Literal["assignment", "found"]:
    """Return the recipe that *name* asks for."""
    if name == "found":
        return "found"
    if name == "assignment":
        return "assignment"
    raise UsageError(f'--recipe "{one_line(name)}" is not known – known: assignment, found')


def _judge_one(asked: Asked) -> int:
    """Judge one hand-in and return the exit status."""
    from handgrad.judge.network.judging import judge_network
    from handgrad.judge.page import as_json, table_text, verdict_page

    stopped = judge_class.gradescope_attempts(asked)
    if stopped is not None:
        return stopped
    assignment = asked.loaded()
    path, _ = parted(asked.what[0])
    verdict: Verdict
    if path.is_dir():
        verdict = judge_class.judge_one_folder(asked, assignment)
    else:
        verdict = judge_network(
            asked.what[0],
            assignment,
            static=asked.static,
            recipe=asked.recipe,
            seeds=asked.seeds,
            data=asked.data,
            time_limit=asked.time_limit,
            require_sandbox=asked.require_sandbox,
            on_epoch=print_epoch,
        )
    print(json.dumps(as_json(verdict)) if asked.as_json else table_text(verdict))
    write(asked.report, verdict_page(verdict))
    judge_class.write_results(asked, [verdict], assignment)
    return finish([verdict], asked.static)


def _judge_book(path: Path, key: Path | None, as_json: bool, report: Path | None) -> int:
    """Judge a workbook and return the exit status."""
    from handgrad.judge.workbook import book_page, judge_workbook

    verdict = judge_workbook(path, key=key)
    print(json.dumps(verdict.as_json()) if as_json else verdict.text())
    write(report, book_page(verdict))
    if verdict.verdict == "no verdict":
        raise UndecidedError(f"{path}: no verdict – see the reason above, or everything with --json")
    return 0 if verdict.verdict == "met" else 1
