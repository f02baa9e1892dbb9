"""The program in processes of its own, without importing torch for each: forked from one that has imported it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Command:
    """One ``handgrad`` under way, with what it has printed so far."""

    def __init__(self, server: Server, process: int, place: Path) -> None:
        self.server, self.process, self.place = server, process, place

    @property
    def output(self) -> str:
        return (self.place / "stdout").read_text()

    @property
    def errors(self) -> str:
        return (self.place / "stderr").read_text()

    def until(self, ready: Callable[[], Any]) -> None:
        """Wait until *ready* holds; fail after three minutes, for a machine may be busy."""
        end = time.monotonic() + 180
        while not ready():
            assert time.monotonic() < end, f"never ready: {self.errors}"
            time.sleep(0.01)

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self.process, number)

    def status(self) -> int:
        """Wait for the end and return the exit status, negative for a signal."""
        status = int(self.server.ask({"wait": self.process}))
        self.server.running.discard(self.process)
        return status


class Server:
    """Forks commands; one a test module is enough."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:0] = {sys.path!r}; from cli.forked import serve; serve()"
        self.running: set[int] = set()
        self.server = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, place: Path, *arguments: object) -> Command:
        """Start ``handgrad`` with *arguments*; its output goes to files in *place*."""
        place.mkdir(parents=True, exist_ok=True)
        for name in ("stdout", "stderr"):
            (place / name).write_text("")
        task = {"arguments": [str(argument) for argument in arguments], "place": str(place)}
        command = Command(self, int(self.ask(task)), place)
        self.running.add(command.process)
        return command

    def ask(self, task: dict[str, Any]) -> str:
        assert self.server.stdin is not None and self.server.stdout is not None
        print(json.dumps(task), file=self.server.stdin, flush=True)
        return self.server.stdout.readline()

    def close(self) -> None:
        """End the server, and what a failed test left running."""
        for process in self.running:
            os.kill(process, signal.SIGKILL)
        self.server.communicate()


def serve() -> None:
    """Start commands and wait for them, as told on standard input."""
    warm()
    for line in sys.stdin:
        task = json.loads(line)
        if "wait" in task:
            print(os.waitstatus_to_exitcode(os.waitpid(task["wait"], 0)[1]), flush=True)
            continue
        child = os.fork()
        if not child:
            perform(task)
        print(child, flush=True)


def warm() -> None:
    """Import what a training imports; torch imports 800 modules more when it makes its first optimizer."""
    import torch

    import handgrad.cli
    import handgrad.digits.study
    import handgrad.report.page  # noqa: F401

    torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def end_with(parent: int) -> None:
    """End this process when *parent* has ended: no training may outlive the tests."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def perform(task: dict[str, Any]) -> None:
    """Run one command in this process and end it."""
    from handgrad.cli import main

    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(task["place"]) / name, os.O_WRONLY | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    main(
        task["arguments"]
    )  # which raises SystemExit: the process ends as the program does, with all that runs at its end
