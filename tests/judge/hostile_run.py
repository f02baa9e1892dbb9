"""Judges one file of the hostile corpus in a temporary folder and looks at what it left behind."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.drawn import draw_digits
from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.sandbox.run import Limits, isolation_level
from handgrad.judge.verdict import Verdict
from judge.corpus_hostile import ASSIGNMENT, FILES

GRACE = 2.0
LIMITS = Limits(memory=1 << 30, processes=48, answers=64 << 20, text=16 << 20)


@dataclass(frozen=True)
class Aftermath:
    """The verdict on a hostile file, how long it took, and what is not as it was."""

    verdict: Verdict
    seconds: float
    changed: list[str]
    left: list[str]


def small_data() -> Dataset:
    """Return a few drawn digits."""
    images, labels = draw_digits(256, seed=1)
    test_images, test_labels = draw_digits(200, seed=2)
    return Dataset(
        "drawn",
        "0" * 64,
        torch.from_numpy(images.copy()),
        torch.from_numpy(labels.copy()).long(),
        torch.from_numpy(test_images.copy()),
        torch.from_numpy(test_labels.copy()).long(),
    )


def judge_hostile(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch, limit: float, *, whole: bool = True
) -> Aftermath:
    """Judge the file *name* of the corpus under *limit* seconds.

    *whole*: every line of it runs. Otherwise only its network is taken, and what stands at its top level never has a chance.
    """
    outside, data = place / "outside", place / "data"
    for folder in (outside, data):
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "canary").write_text("sings")
    (data / "t10k-labels-idx1-ubyte").write_bytes(bytes(range(10)) * 20)
    monkeypatch.setenv("HANDGRAD_DATA", str(data))
    # Every process of the run has a path below it in its environment or arguments.
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    handed = place / "handed in"
    handed.mkdir()
    file = handed / "net.py"
    file.write_text(FILES[name].replace("OUTSIDE", str(outside)).replace("DATA", str(data)), encoding="utf-8")
    before = snapshot(outside, data, handed)
    began = time.monotonic()
    verdict = judge_network(
        str(file),
        parse_assignment(ASSIGNMENT, "hostile"),
        data=small_data(),
        time_limit=limit,
        limits=LIMITS,
        whole=whole,
    )
    seconds = time.monotonic() - began
    after = snapshot(outside, data, handed)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    changed += [str(path) for path in place.glob("handgrad-*")]
    changed += [
        folder for folder in ("/tmp", "/", "/etc", "/usr", "/var/tmp", "/root") if Path(folder, "hostile").exists()
    ]
    return Aftermath(verdict, seconds, changed, processes_of(place))


def snapshot(*folders: Path) -> dict[str, str]:
    """Return every path below *folders* with what it holds."""
    return {
        str(path): "folder" if path.is_dir() else path.read_bytes().hex()
        for folder in folders
        for path in [folder, *folder.rglob("*")]
    }


def processes_of(place: Path) -> list[str]:
    """Return the processes that name *place* in their arguments or environment, this one left out."""
    mark, found = str(place).encode(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "cmdline").read_bytes() or mark in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def faults(aftermath: Aftermath, limit: float) -> list[str]:
    """Return what should not have happened."""
    found = [f"changed: {path}" for path in aftermath.changed]
    found += [f"left a process: {process}" for process in aftermath.left]
    if aftermath.verdict.verdict == "met":
        found.append("it is judged met")
    if aftermath.seconds > limit + GRACE:
        found.append(f"{aftermath.seconds:.1f} s with a limit of {limit:g} s")
    if "a fault of the judge" in " ".join(aftermath.verdict.notes):
        found.append(aftermath.verdict.notes[0])
    return found


def needs_sandbox() -> None:
    """Skip a test that runs hostile files where nothing would hold them."""
    if not isolation_level().sandboxed:
        pytest.skip("hostile files are run only in a sandbox, and none can be made here")
