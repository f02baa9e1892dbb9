"""The warm process: has imported what every judgement needs, never runs a line of a stranger's, and is copied for each run.

Four processes stand between the judge and a stranger's program, each a copy (fork) of the one before::

    judge ── warm process ── keeper ── guard ── program
             imports torch   outside   first process      the stranger's code,
             once            the walls within the walls   without any right

The *warm process* reads nothing but one line of the judge's for each run. The *keeper* makes the namespaces, tells the judge
how it ended, and kills what is inside when the judge says so or is gone. The *guard* builds the walls and stays behind them
as the first process, so that when it dies the kernel kills everything inside. Each is killed by the kernel when the one
before it dies: the judge may be killed in any way, and nothing of the stranger's goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from handgrad.judge.sandbox import enclose

FAILED = 97
"""The exit status that says: not isolated as it should be, and nothing was run."""
# Handed over together or not at all: a request with fewer is not answered.
DESCRIPTORS = 4
LARGEST_REQUEST = 1 << 16
FORKING = 20.0
"""Seconds in which to go on trying to start a process where the system has none to give: others' may end meanwhile."""


def serve(number: int) -> None:
    """Wait for requests on the socket *number* and answer each with a copy of this process, until the judge is gone."""
    # Copies that have ended need not be waited for; each says itself how it ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    door = socket.socket(fileno=number)
    while True:
        data, files, _, _ = socket.recv_fds(door, LARGEST_REQUEST, DESCRIPTORS)
        if not data or len(files) != DESCRIPTORS:
            # Never ``exit``: what libraries registered for the end is meant for one process, and this is a copy.
            os._exit(0)
        control = socket.socket(fileno=files[0])
        try:
            for name in json.loads(data)["prepared"]:
                _prepare(name)
            warm = os.getpid()
            if fork_patiently() == 0:
                _keep(control, files[1], files[2], files[3], warm=warm)
        except Exception as error:  # what is not installed, or a system that has no process left
            with suppress(OSError):
                control.send(json.dumps({"failed": f"{type(error).__name__}: {error}"[:300]}).encode())
        control.close()
        for file in files[1:]:
            os.close(file)


_prepared: set[str] = set()


def _prepare(name: str) -> None:
    """Import the module *name*, or call the function of ``module:function``; each once."""
    if name not in _prepared:
        module, _, function = name.partition(":")
        found = importlib.import_module(module)
        if function:
            getattr(found, function)()
        _prepared.add(name)


def fork_patiently(seconds: float = FORKING, fork: Callable[[], int] = os.fork) -> int:
    """Return what fork(2) does, tried again for *seconds* where the limit on processes of this user is reached.

    That limit counts everybody's processes under the same user, so that it can pass by itself.
    """
    end, pause = time.monotonic() + seconds, 0.05
    while True:
        try:
            return fork()
        except BlockingIOError:
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        # Doubling, because on a full machine each try takes time from what it waits for.
        pause = min(1.0, 2 * pause)


def _keep(control: socket.socket, answers: int, text: int, described: int, *, warm: int) -> NoReturn:
    """Be the keeper: start the guard in new namespaces, wait for its end or the judge's word, and say how it ended."""
    status = FAILED
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A session of its own: a signal to the judge's group must not reach half of the chain.
        os.setsid()
        enclose.die_with_parent()
        if os.getppid() != warm:
            os._exit(FAILED)
        control.send(json.dumps({"keeper": os.getpid()}).encode())
        enclose.close_all_but([control.fileno(), answers, text, described])
        # Output before errors, on one pipe: a traceback stands behind what was printed before it.
        os.dup2(text, 1)
        os.dup2(text, 2)
        with os.fdopen(described, encoding="utf-8") as file:
            spec = json.load(file)
        # Before the walls, because there is no /proc behind them: torch is here already, and the limit is for what comes.
        spec["limits"]["RLIMIT_DATA"] += enclose.data_held()
        enclose.adopt_orphans()
        if spec["namespaces"]:
            enclose.unshare(spec["namespaces"])
            enclose.die_with_parent()  # a new user namespace may have made the kernel forget it
            if os.getppid() != warm:
                os._exit(FAILED)
        alive, _ = os.pipe()  # the other end stays open here, and is closed by the kernel when this process dies
        guard_ended, guard_lives = os.pipe()
        guard = fork_patiently()
        if guard == 0:
            _guard(spec, answers, alive, guard_lives)
        for number in (answers, text, alive, guard_lives):
            os.close(number)
        _wait_for_either(control.fileno(), guard_ended)
        os.kill(guard, signal.SIGKILL)
        status = _status(os.waitpid(guard, 0)[1])
        _end_orphans()
    except BaseException as error:  # whatever it is, the judge must hear of it
        _say_not_isolated(error)
    with suppress(OSError):
        control.send(json.dumps({"status": status}).encode())
    os._exit(0)


def _wait_for_either(control: int, guard_ended: int) -> None:
    """Return when the guard has ended, or the judge has closed its end of *control* or is gone."""
    poll = select.poll()
    poll.register(control, select.POLLIN | select.POLLHUP)
    poll.register(guard_ended, select.POLLIN | select.POLLHUP)
    # Without a time limit: time is the judge's matter, who closes the socket when it is over.
    poll.poll()


def _end_orphans() -> None:
    """Kill what the guard left and this process has adopted; in a namespace of its own the kernel has done so already."""
    while True:
        children = ""
        with suppress(OSError):
            # Asked again after each round: what was killed may have left children of its own, which are adopted only
            # now.
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
        for child in children.split():
            with suppress(OSError):
                os.kill(int(child), signal.SIGKILL)
        try:
            os.waitpid(-1, 0 if children else os.WNOHANG)
        except ChildProcessError:
            return
        if not children:
            return


def _guard(spec: dict[str, Any], answers: int, alive: int, guard_lives: int) -> NoReturn:
    """Be the guard: build the walls, start the program behind them, bury its orphans, and end as it ended."""
    status = FAILED
    try:
        enclose.close_all_but([answers, alive, guard_lives])
        enclose.die_with_parent()
        # The keeper may have died before the kernel was told; then nobody holds the other end any more.
        if select.select([alive], [], [], 0)[0]:
            os._exit(FAILED)
        enclose.adopt_orphans()
        if spec["root"]:
            enclose.shut_in(spec)
        enclose.out_of_reach()
        program = fork_patiently()
        if program == 0:
            _become(spec, answers)
        os.close(answers)
        while True:
            ended, code = os.wait()
            if ended == program:
                status = _status(code)
                break
    except BaseException as error:
        _say_not_isolated(error)
    os._exit(status)


def _become(spec: dict[str, Any], answers: int) -> NoReturn:
    """Be the program: take the limits, give up every right, close every file, and run the code."""
    try:
        os.setsid()
        enclose.limit(spec["limits"])
        enclose.give_up_rights(spec["drop"], spec["user"])
        enclose.die_with_parent()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        enclose.close_all_but([answers])
        os.chdir(spec["home"])
        os.umask(0o077)
        # Cleared and not just overwritten: a token in the judge's environment has no name that could be listed here.
        os.environ.clear()
        os.environ.update(spec["environment"])
        # The warm process ignores it; a program expects Python's own behaviour.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(answers, bytes.fromhex(spec["enclosed"]))
    except BaseException as error:  # whatever it is, the program must not run less enclosed than was said
        _say_not_isolated(error)
        os._exit(FAILED)
    os._exit(_run(spec["code"], {"__name__": "__main__", "folder": spec["folder"], "answers": answers}))


def _run(code: str, names: dict[str, Any]) -> int:
    """Run *code* and return the exit status that Python would end with. Nothing that it left for the end is run."""
    status = 0
    try:
        exec(compile(code, "<job>", "exec"), names)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:
        with suppress(BaseException):
            traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    # As the kernel would keep it.
    return status & 0xFF


def _status(code: int) -> int:
    """Return the exit status for what waitpid(2) gave: a shell's 128 + n for a process killed by signal n."""
    exit_code = os.waitstatus_to_exitcode(code)
    return exit_code if exit_code >= 0 else 128 - exit_code


def _say_not_isolated(error: BaseException) -> None:
    """Say on what is standard error by now why nothing was run."""
    with suppress(OSError):
        os.write(2, f"not isolated: {type(error).__name__}: {error}\n".encode())
