"""A file is wholly there, read back, or not there at all, whatever the disk does."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from failing_disk import Failing
from handgrad import files
from handgrad.errors import DiskError, UsageError
from handgrad.files import TEMPORARY, check_free, remove_temporaries, write_whole


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
                write_whole(path, b"the new content")
                error = None
            except DiskError as caught:
                error = str(caught)
        if failing.calls < at:
            break
        assert error is not None, f"call {at} failed and the write passed for done"
        assert f"cannot write {path}: {os.strerror(number)} – " in error
        if number in (errno.ENOSPC, errno.EDQUOT):
            assert re.search(r"( – 15 bytes needed,| –) [\d,]+ bytes free – make room or choose another folder$", error)
        else:
            assert error.endswith(f"{os.strerror(number)} – choose another folder")
        assert path.read_bytes() in (b"old", b"the new content")
        assert not list(tmp_path.glob(f"{TEMPORARY}*"))
    assert at >= 6, "open, fsync, replace, open and fsync of the folder, and the reading back are all there to fail"


def test_a_planted_write_that_swallows_refusals_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop above must not accept a save that says nothing: here is one, and it does not raise."""

    def swallowing(path: Path, data: bytes) -> None:
        try:
            path.write_bytes(data)
        except OSError:
            return

    monkeypatch.setattr(sys.modules[__name__], "write_whole", swallowing)
    with pytest.raises(AssertionError, match=r"passed for done|are all there"):
        test_no_refusal_of_the_disk_at_any_call_passes_for_saved(errno.EACCES, tmp_path, monkeypatch)


def test_what_does_not_read_back_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: [self.write_bytes(b"c0ntent"), replace(self, to)])
    with pytest.raises(DiskError, match="does not read back as it was written"):
        write_whole(tmp_path / "file", b"content")


def killed_at(call: int, path: Path) -> int:
    """Write *path* in a process that is killed at its *call*-th step of the file layer; return the signal, 0 for none."""
    code = f"""
import os, signal, sys
sys.path[:0] = {sys.path!r}
import pytest
from pathlib import Path
from failing_disk import Failing
Failing({call}, lambda: os.kill(os.getpid(), signal.SIGKILL)).install(pytest.MonkeyPatch())
from handgrad.files import write_whole
write_whole(Path({str(path)!r}), b"new" * 100_000)
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
            write_whole(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"No such file or directory – the folder is gone – choose another folder"):
        write_whole(tmp_path / "gone" / "file", b"new")


def test_a_full_disk_leaves_the_old_file(tiny_disk: Path) -> None:
    path = tiny_disk / "file"
    write_whole(path, b"old" * 1000)
    with pytest.raises(DiskError, match=r"No space left on device – 2,000,000 bytes needed, [\d,]+ bytes free"):
        write_whole(path, bytes(2_000_000))
    assert path.read_bytes() == b"old" * 1000 and list(tiny_disk.iterdir()) == [path]


def test_the_folder_itself_is_flushed_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    replace, flush = Path.replace, files.flush_folder
    monkeypatch.setattr(Path, "replace", lambda self, to: done.append("replace") or replace(self, to))
    monkeypatch.setattr(files, "flush_folder", lambda folder: done.append(f"flush {folder.name}") or flush(folder))
    write_whole(tmp_path / "file", b"new")
    assert done == ["replace", f"flush {tmp_path.name}"]


def chunks_that_fail() -> Iterator[bytes]:
    yield b"begun"
    raise RuntimeError("the table cannot be made")


def test_chunks_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    assert write_whole(path, (b"%d\n" % number for number in range(1000))) == path
    whole = path.read_bytes()
    assert whole.splitlines()[999] == b"999"
    with pytest.raises(RuntimeError, match="cannot be made"):
        write_whole(path, chunks_that_fail())
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_the_disk_takes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".csv")
    write_whole(path, b"1")
    assert path.read_bytes() == b"1"


def test_a_link_stays_one_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    target, link = tmp_path / "shelf" / "book.xlsx", tmp_path / "mine.xlsx"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_nobody_gets_a_file_written_elsewhere_by_a_link_under_the_temporary_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.secrets, "token_hex", lambda count: "0" * 8)
    victim = tmp_path / "victim"
    victim.write_bytes(b"dear")
    (tmp_path / f"{TEMPORARY}{os.getpid()}-00000000").symlink_to(victim)
    with pytest.raises(DiskError, match="File exists"):
        write_whole(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"dear"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("there", "there exists – add --overwrite or choose another name"),
        ("dangling", "dangling exists – add --overwrite or choose another name"),
        ("folder", "folder is a folder – give the name of a file"),
        ("gone/file", "file: no such folder – make "),
        ("there/file", "file: no such folder – make "),
        ("nul\0", '" cannot be the name of a file – choose another name'),
    ],
)
def test_a_name_that_is_taken_or_can_be_no_file_is_refused(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=re.escape(found)):
        check_free(tmp_path / name, overwrite=False)
    check_free(tmp_path / "there", tmp_path / "new", overwrite=True)
    check_free(tmp_path / "to come" / "file", overwrite=False, new_folder=True)


def test_a_device_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(UsageError, match="is not a file – give the name of a file"):
            check_free(place, overwrite=True)
