"""What a person does on Windows or macOS: the modules and calls that these lack are taken away from a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from digits.idx_folders import digit_arrays, file_name, idx_bytes
from handgrad.errors import MissingError
from handgrad.judge.network.judging import judge_network
from handgrad.judge.sandbox import run as sandbox

SMALL = """
network = "net.py:Net"
epochs = 2
batch_size = 20
"""
NET = """
from torch import nn
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 2, 5, stride=4), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10))
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a recipe, a network and eighty digits."""
    (tmp_path / "small.toml").write_text(SMALL)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "data").mkdir()
    for stem, values in digit_arrays().items():
        (tmp_path / "data" / file_name(stem)).write_bytes(idx_bytes(values))
    return tmp_path


def test_workbook_training_resume_and_report_need_nothing_of_linux(desk: Path) -> None:
    program = str(Path(__file__).with_name("elsewhere.py"))
    done = subprocess.run(
        [sys.executable, "-W", "error", program, str(desk)], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "done" and "is in use by process " in lines[-2]
    assert not list(desk.rglob(".writing-*"))


@pytest.mark.parametrize(("platform", "name"), [("darwin", "macOS"), ("win32", "Windows")])
def test_judging_a_network_file_says_elsewhere_that_it_needs_linux(
    desk: Path, monkeypatch: pytest.MonkeyPatch, platform: str, name: str
) -> None:
    # Not for the whole process: other libraries ask too.
    monkeypatch.setattr(sandbox, "sys", SimpleNamespace(platform=platform))
    with pytest.raises(MissingError, match=f"^judging a network file needs Linux – this is {name} – "):
        judge_network(str(desk / "net.py"), "under-20k", data=desk / "data")
