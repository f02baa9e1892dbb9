"""The run folder: the record of a training. Layout, atomic writes, checkpoints, locks; imports no torch.

A run folder holds ``recipe.toml`` (complete), ``environment.json``, ``metrics.jsonl`` (a line per epoch), ``checkpoint/``
and, once complete, ``summary.json``, ``model.safetensors``, ``evidence.safetensors``, ``plots/`` and ``report.html``.
Everything that is shown later is made from these files.
"""

from __future__ import annotations

from handgrad.runs.checkpoints import Checkpoint, newest_checkpoint, save_checkpoint, set_aside
from handgrad.runs.folder import RunFolder, check_root, create_run, find_runs, open_run

__all__ = [
    "Checkpoint",
    "RunFolder",
    "check_root",
    "create_run",
    "find_runs",
    "newest_checkpoint",
    "open_run",
    "save_checkpoint",
    "set_aside",
]
