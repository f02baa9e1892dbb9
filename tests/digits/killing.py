"""Runs trainings in processes that are killed: at a given call of the file layer, or after a given time.

As a program it reads one task per line and answers one exit status a line; it forks right after the imports, so that a kill
costs no import of torch.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from digits.small_runs import EVERYTHING, small_digits, trained
from failing_disk import Failing
from handgrad.digits import run


class Killer:
    """The program above, kept running."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:0] = {sys.path!r}; from digits.killing import serve; serve()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, network: str, place: Path, *, call: int = 0, after: float = 0) -> int:
        """Train below *place*, or resume it where it is a run, and return the exit status, negative for a signal."""
        assert self.process.stdin is not None and self.process.stdout is not None
        task = {"network": network, "place": str(place), "call": call, "after": after}
        print(json.dumps(task), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self.process.communicate()


def serve() -> None:
    """Answer tasks until standard input ends."""
    small_digits()
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])  # the first optimizer imports 800 modules of torch
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if not child:
            perform(task)
        if task["after"]:
            time.sleep(task["after"])
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def perform(task: dict[str, Any]) -> None:
    """Do one task in this process and end it."""
    if task["call"]:
        Failing(task["call"], lambda: os.kill(os.getpid(), signal.SIGKILL)).install(pytest.MonkeyPatch())
    status, place = 1, Path(task["place"])
    try:
        if (place / "environment.json").exists():
            run.resume(place, data=small_digits())
        else:
            recipe = replace(EVERYTHING, network=task["network"])
            trained(recipe, place, holdout=40)
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)
