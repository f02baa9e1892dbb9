"""A file is wholly there, read back, or not there at all, whatever the disk does."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handgrad import files
from handgrad.errors import DiskError
from handgrad.files import TEMPORARY, remove_temporaries, write_atomically


class Failing:
    """Lets the *at*-th call of the file layer fail, or ends the process there."""

    def __init__(self, at: int, fail: Callable[[], Any]) -> None:
        self.at, self.fail, self.calls = at, fail, 0

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            return self.fail() if self.calls == self.at else real(*arguments, **named)

        return call

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for owner, name in ((Path, "open"), (os, "fsync"), (Path, "rename"), (os, "open"), (Path, "read_bytes")):
            monkeypatch.setattr(owner, name, self.around(getattr(owner, name)))


def refuse(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_no_refusal_of_the_disk_at_any_call_passes_for_saved(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    at = 0
    while True:
        at += 1
        path.write_bytes(b"old")
        with monkeypatch.context() as patched:
            failing = Failing(at, refuse(number))
            failing.install(patched)
            try:
                write_atomically(path, b"the new content")
                error = None
            except DiskError as caught:
                error = str(caught)
        if failing.calls < at:
            break
        assert error is not None, f"call {at} failed and the write passed for done"
        assert f"cannot write {path}: {os.strerror(number)} – 15 bytes needed, " in error
        assert " bytes free – make room or choose another folder" in error
        assert path.read_bytes() in (b"old", b"the new content")
        assert not list(tmp_path.glob(f"{TEMPORARY}*"))
    assert at >= 6, "open, fsync, rename, open and fsync of the folder, and the reading back are all there to fail"


def test_a_planted_write_that_swallows_refusals_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop above must not accept a save that says nothing: here is one, and it does not raise."""

    def swallowing(path: Path, data: bytes) -> None:
        try:
            path.write_bytes(data)
        except OSError:
            return

    monkeypatch.setattr(sys.modules[__name__], "write_atomically", swallowing)
    with pytest.raises(AssertionError, match=r"passed for done|are all there"):
        test_no_refusal_of_the_disk_at_any_call_passes_for_saved(errno.EACCES, tmp_path, monkeypatch)


def test_what_does_not_read_back_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"something else")
    with pytest.raises(DiskError, match="does not read back as it was written"):
        write_atomically(tmp_path / "file", b"content")


def killed_at(call: int, path: Path) -> int:
    """Write *path* in a process that is killed at its *call*-th step of the file layer; return the signal, 0 for none."""
    code = f"""
import os, signal, sys
sys.path[:0] = {sys.path!r}
import pytest
from pathlib import Path
from runs.test_files import Failing
Failing({call}, lambda: os.kill(os.getpid(), signal.SIGKILL)).install(pytest.MonkeyPatch())
from handgrad.files import write_atomically
write_atomically(Path({str(path)!r}), b"new" * 100_000)
"""
    return -subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_killed_at_any_call_the_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    seen = set()
    for call in range(1, 9):
        path = tmp_path / "file"
        path.write_bytes(b"old")
        killed = killed_at(call, path)
        assert path.read_bytes() in (b"old", b"new" * 100_000)
        seen.add(path.read_bytes()[:3])
        strays = list(tmp_path.glob(f"{TEMPORARY}*"))
        remove_temporaries(tmp_path)
        assert list(tmp_path.iterdir()) == [path]
        if not killed:
            assert not strays and call > 5
            break
        assert killed == signal.SIGKILL
    assert seen == {b"old", b"new"}


def test_a_quota_leaves_the_old_file_and_names_the_space(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DiskError, match=r"File too large – 5,000 bytes needed, [\d,]+ bytes free – make room"):
            write_atomically(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"No such file or directory – 3 bytes needed, the folder is gone"):
        write_atomically(tmp_path / "gone" / "file", b"new")


def test_a_full_disk_leaves_the_old_file(tiny_disk: Path) -> None:
    path = tiny_disk / "file"
    write_atomically(path, b"old" * 1000)
    with pytest.raises(DiskError, match=r"No space left on device – 2,000,000 bytes needed, [\d,]+ bytes free"):
        write_atomically(path, bytes(2_000_000))
    assert path.read_bytes() == b"old" * 1000 and list(tiny_disk.iterdir()) == [path]


def test_the_folder_itself_is_flushed_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    rename, flush = Path.rename, files.flush_folder
    monkeypatch.setattr(Path, "rename", lambda self, to: done.append("rename") or rename(self, to))
    monkeypatch.setattr(files, "flush_folder", lambda folder: done.append(f"flush {folder.name}") or flush(folder))
    write_atomically(tmp_path / "file", b"new")
    assert done == ["rename", f"flush {tmp_path.name}"]
