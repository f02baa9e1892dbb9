"""The script that the page on Python shows, as a user's type checkers see it; that it runs is tested with the documents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test_documents import ROOT, blocks

PYRIGHT = ROOT / "tools" / "node" / "node_modules" / ".bin" / "pyright"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The first block of the page, in a file of a user's own."""
    path = tmp_path / "script.py"
    path.write_text(blocks(ROOT / "docs" / "python.md", "python")[0])
    return path


def test_it_is_of_about_twenty_lines_and_uses_every_verb_that_it_should(script: Path) -> None:
    text = script.read_text()
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 24
    for word in ("train", "compare", "backprop", "judge", "datasets"):
        assert f"handgrad.{word}(" in text


def check(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_mypy_finds_nothing_in_it(script: Path) -> None:
    check([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(script.parent / "cache"), str(script)])


@pytest.mark.long
@pytest.mark.skipif(not PYRIGHT.exists() or not shutil.which("node"), reason="pyright: npm ci --prefix tools/node")
def test_pyright_finds_nothing_in_it(script: Path) -> None:
    check([str(PYRIGHT), "--pythonpath", sys.executable, str(script)])


@pytest.mark.long
def test_a_wrong_type_is_found(script: Path) -> None:
    script.write_text(script.read_text().replace("epochs=3", 'epochs="three"'))
    with pytest.raises(AssertionError, match="epochs"):
        test_mypy_finds_nothing_in_it(script)
