"""``handgrad judge``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import DataOption, parse_seeds
from handgrad.errors import UndecidedError, UsageError
from handgrad.files import check_free, write_whole

if TYPE_CHECKING:
    from handgrad.judge.verdict import EpochAnswer, Verdict

SHEETS = (".xlsx", ".xlsm", ".ods", ".xls")


@app.command("judge")
def judge_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="net.py or net.py:Net, a folder of them, or sheet.xlsx.")],
    assignment: Annotated[
        str | None, typer.Option(metavar="NAME", help="A shipped assignment or a TOML file.", show_default=False)
    ] = None,
    static: Annotated[bool, typer.Option("--static", help="Only what needs no training.")] = False,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="0..2 or 1,5; left out, as many as are asked.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a page to hand back.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="For a folder: write one row a file.", show_default=False)] = None,
    data: DataOption = None,
    time_limit: Annotated[float, typer.Option(min=1.0, max=1e6, help="Seconds for each file.")] = 3600.0,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Judge nothing where only limits can be set.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    key: Annotated[
        Path | None, typer.Option(help="For a practice workbook: the key made with it.", show_default=False)
    ] = None,
) -> int:
    """Judge a network file, a class of them, or somebody's workbook, and say what is met and what is not."""
    from handgrad.judge.page import class_csv, class_page, verdict_page

    path = Path(file)
    _check_targets(overwrite, report, csv)
    if path.suffix.lower() in SHEETS:
        _refuse("a workbook", {"--assignment": assignment, "--seeds": seeds, "--csv": csv})
        return _judge_book(path, key, as_json, report)
    _refuse("a network", {"--key": key})
    if assignment is None:
        raise UsageError("--assignment is missing – name one, `handgrad assignments` lists them")
    listed = parse_seeds(seeds) if seeds is not None else None
    folder, name = _folder_and_network(file)
    if folder is not None:
        verdicts = _judge_class(folder, name, assignment, static, listed, data, time_limit, require_sandbox, as_json)
        _write(csv, class_csv(verdicts))
        _write(report, class_page(verdicts))
        return _finish(verdicts, static)
    _refuse("one file", {"--csv": csv})
    from handgrad.judge.network.judging import judge_network
    from handgrad.judge.page import as_json as table_of
    from handgrad.judge.page import table_text

    verdict = judge_network(
        file,
        assignment,
        static=static,
        seeds=listed,
        data=data_folder(data),
        time_limit=time_limit,
        require_sandbox=require_sandbox,
        on_epoch=_print_epoch,
    )
    print(json.dumps(table_of(verdict)) if as_json else table_text(verdict))
    _write(report, verdict_page(verdict))
    return _finish([verdict], static)


def _folder_and_network(file: str) -> tuple[Path | None, str]:
    """Return the folder in ``FOLDER`` or ``FOLDER:Net`` and the network, or None for what is no folder."""
    if Path(file).is_dir():
        return Path(file), ""
    name, _, network = file.rpartition(":")
    return (Path(name), network) if name and Path(name).is_dir() else (None, "")


def _judge_class(
    folder: Path,
    network: str,
    assignment: str,
    static: bool,
    seeds: list[int] | None,
    data: Path | None,
    time_limit: float,
    require_sandbox: bool,
    as_json: bool,
) -> list[Verdict]:
    """Judge a folder and print a line a file, or JSON at the end."""
    from handgrad.judge.network.classroom import judge_folder
    from handgrad.judge.page import as_json as table_of
    from handgrad.judge.page import why

    def on_verdict(verdict: Verdict) -> None:
        if not as_json:
            reason = why(verdict)
            print(f"{verdict.file}: {verdict.verdict}{f' – {reason}' if reason else ''}", flush=True)

    verdicts = judge_folder(
        folder,
        assignment,
        network=network,
        static=static,
        seeds=seeds,
        data=data_folder(data),
        time_limit=time_limit,
        require_sandbox=require_sandbox,
        on_verdict=on_verdict,
    )
    if as_json:
        print(json.dumps([table_of(verdict) for verdict in verdicts]))
    else:
        met = sum(verdict.verdict == "met" for verdict in verdicts)
        print(f"{met} of {len(verdicts)} met; isolation: {verdicts[0].isolation}")
    return verdicts


def _judge_book(path: Path, key: Path | None, as_json: bool, report: Path | None) -> int:
    """Judge a workbook and return the exit status."""
    from handgrad.judge.workbook import book_page, judge_workbook

    verdict = judge_workbook(path, key=key)
    print(json.dumps(verdict.as_json()) if as_json else verdict.text())
    _write(report, book_page(verdict))
    if verdict.verdict == "no verdict":
        raise UndecidedError(f"{path}: no verdict – the reason stands above – see --json for all of it")
    return 0 if verdict.verdict == "met" else 1


def _print_epoch(seed: int, answer: EpochAnswer) -> None:
    """Print one plain line on standard error for each epoch."""
    from handgrad.score import percent

    when = f"epoch {answer.epoch}" if answer.epoch else "before training"
    line = f"seed {seed}, {when}: {percent(answer.correct, answer.total)} of the test images"
    print(line, file=sys.stderr, flush=True)


def _refuse(what: str, given: dict[str, object]) -> None:
    """Refuse options that would be ignored."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} does not go with {what} – leave it out")


def _check_targets(overwrite: bool, *targets: Path | None) -> None:
    """Refuse to write over what exists, before anything is judged."""
    check_free(*(target for target in targets if target is not None), overwrite=overwrite)


def _write(target: Path | None, text: str) -> None:
    """Write *text* where a target is given."""
    if target is not None:
        write_whole(target, text.encode())


def _finish(verdicts: list[Verdict], static: bool) -> int:
    """Return 0 where all are met (or, without training, nothing is missed) and 1 where one is not.

    Raises `UndecidedError` where a file got no verdict.
    """
    if any(verdict.verdict == "not met" for verdict in verdicts):
        return 1
    undecided = [verdict for verdict in verdicts if verdict.verdict == "no verdict"]
    if static:
        # Without training nothing is decided; only a judgement that could not even examine is an error.
        undecided = [verdict for verdict in undecided if not verdict.requirements]
    if undecided:
        reason = undecided[0].notes[0] if undecided[0].notes else "a condition is not decided"
        raise UndecidedError(f"{undecided[0].file}: no verdict – {reason}")
    return 0
