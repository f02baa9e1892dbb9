"""One run of a comparison: as the cells of a table, and as plain values."""

from __future__ import annotations

from typing import Any

from handgrad.report.numbers import interval, share
from handgrad.runs.read import Run

HEAD = (
    "recipe", "network", "parameters", "dataset", "seed", "epochs", "last epoch", "95 % interval",
    "best epoch (selected on)", "s/epoch", "state",
)  # fmt: skip


def run_cells(label: str, run: Run) -> list[str]:
    """Return one run as the cells under `HEAD`."""
    result, seconds = run.result, run.seconds_an_epoch
    best = "–"
    if result is not None:
        chosen = result.best_epoch.chosen_on
        words = chosen.words if chosen else "not selected"
        best = f"{share(result.best_epoch)} ({result.best_epoch.epoch}, {words})"
    return [
        label,
        run.network,
        "–" if run.parameters is None else f"{run.parameters:,}",
        run.dataset,
        str(run.seed),
        f"{len(run.epochs)}/{run.planned}",
        share(result.last_epoch) if result else "–",
        interval(result.last_epoch.interval95) if result else "–",
        best,
        "–" if seconds is None else f"{seconds:.1f}",
        run.state,
    ]


def failures(table: dict[str, Any]) -> str:
    """Return the seeds without a result."""
    return ", ".join(f"seed {failed['seed']} ({failed['state']})" for failed in table["failed"]) or "none"


def run_json(label: str, run: Run) -> dict[str, Any]:
    """Return one run as plain values."""
    last: dict[str, Any] | None = None
    best: dict[str, Any] | None = None
    if run.result is not None:
        chosen = run.result.best_epoch.chosen_on
        last = run.result.last_epoch.as_json()
        best = run.result.best_epoch.as_json() | {"selected_on": chosen.words if chosen else ""}
    return {
        "run": run.name,
        "path": str(run.path),
        "state": run.state,
        "recipe": label,
        "network": run.network,
        "parameters": run.parameters,
        "dataset": run.dataset,
        "holdout": run.holdout,
        "seed": run.seed,
        "epochs": len(run.epochs),
        "planned": run.planned,
        "last_epoch": last,
        "best_epoch": best,
        "seconds_an_epoch": run.seconds_an_epoch,
    }
