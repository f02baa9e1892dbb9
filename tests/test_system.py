"""Each door to the operating system, as it is and with the call taken away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from handgrad import system


def asked_elsewhere(program: str, path: Path) -> str:
    """Return what another process prints that opens *path* as ``handle`` and runs *program*."""
    code = f"import os, sys\nfrom handgrad import system\nhandle = os.open({str(path)!r}, os.O_RDWR)\n{program}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


TRY = "print(system.try_lock(handle))"


def test_a_lock_is_had_by_one_process_alone_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    handle = os.open(path, os.O_RDWR)
    assert system.try_lock(handle)
    assert asked_elsewhere(TRY, path) == "False"
    os.close(handle)
    assert asked_elsewhere(TRY, path) == "True"


class Msvcrt:
    """The lock of Windows: a range of bytes from the place of the handle on, read by nobody else while it is held."""

    LK_NBLCK = 2

    def __init__(self, taken: bool) -> None:
        self.taken, self.asked = taken, list[tuple[int, int, int]]()

    def locking(self, handle: int, mode: int, count: int) -> None:
        self.asked.append((os.lseek(handle, 0, os.SEEK_CUR), mode, count))
        if self.taken:
            raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("taken", [False, True])
def test_without_fcntl_the_lock_is_that_of_windows_far_from_the_id_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    fake = Msvcrt(taken)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    with (tmp_path / "lock").open("w+b") as file:
        assert system.try_lock(file.fileno()) is not taken
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 0
    assert fake.asked == [(system.LOCKED_BYTE, Msvcrt.LK_NBLCK, 1)]


def test_a_lock_that_fails_is_no_lock_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(handle: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "lock").open("w+b") as file, pytest.raises(OSError, match="No locks available"):
        system.try_lock(file.fileno())


def test_a_folder_is_flushed_where_folders_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    system.flush_folder(tmp_path)
    assert len(flushed) == 1
    monkeypatch.delattr(os, "O_DIRECTORY")
    system.flush_folder(tmp_path)
    assert len(flushed) == 1


def test_a_process_runs_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert system.is_running(process.pid)
    process.communicate(b"\n")
    assert not system.is_running(process.pid)
    assert not system.is_running(1 << 80)
    # Where signal 0 is none, nothing may be sent to find out.
    monkeypatch.delattr(signal, "SIGKILL")
    monkeypatch.setattr(os, "kill", None)
    assert system.is_running(process.pid)


@pytest.mark.parametrize("groups", [True, False])
def test_a_group_is_ended_with_its_leader_or_the_leader_alone(monkeypatch: pytest.MonkeyPatch, groups: bool) -> None:
    program = "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); input()"
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    child = int(process.stdout.readline())
    if not groups:
        monkeypatch.delattr(os, "killpg")
    system.end_group(process)
    process.stdin.close()
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    ended = wait_for_the_end(child)
    if not groups:
        assert not ended
        os.kill(child, signal.SIGKILL)
    else:
        assert ended


def wait_for_the_end(process: int) -> bool:
    """Return whether *process* is gone, or a zombie, within two seconds."""
    for _ in range(40):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


ASK = """
import signal
masked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
print(masked, signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
"""


@pytest.mark.parametrize(("masks", "answer"), [(True, "True False"), (False, "False True")])
def test_a_child_that_is_started_meanwhile_never_sees_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, masks: bool, answer: str
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        if not masks:
            patched.delattr(signal, "pthread_sigmask")
        with system.children_without_interrupts():
            done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == answer
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize("kill", [True, False])
def test_a_process_ends_itself_at_once(kill: bool) -> None:
    take = "" if kill else "del signal.SIGKILL; "
    code = f"import atexit, signal; {take}from handgrad import system\natexit.register(print, 'tidied')\n"
    code += "system.end_this_process()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -(signal.SIGKILL if kill else signal.SIGTERM) and done.stdout == b""


@pytest.mark.parametrize("error", [TypeError, OSError, AttributeError])
def test_without_glibc_freed_memory_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def no_library(name: None) -> None:
        raise error

    monkeypatch.setattr(system.ctypes, "CDLL", no_library)
    system.keep_freed_memory()


def test_with_glibc_freed_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: dict[int, int] = {}
    library = SimpleNamespace(mallopt=lambda option, size: set_to.update({option: size}))
    monkeypatch.setattr(system.ctypes, "CDLL", lambda name: library)
    system.keep_freed_memory()
    # malloc.h of glibc: M_MMAP_THRESHOLD -3, M_TRIM_THRESHOLD -1, M_TOP_PAD -2; each is an int of 32 bits.
    assert set(set_to) == {-3, -1, -2} and all(2**28 <= size < 2**31 for size in set_to.values())
