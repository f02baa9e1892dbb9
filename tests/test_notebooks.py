"""The notebooks of the documents run from top to bottom, on a few drawn digits, and give what they show."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


def shown(notebook: nbformat.NotebookNode) -> list[list[str]]:
    """Return for each cell the kinds of what it shows; what is printed may come in pieces, and warnings beside it."""
    return [
        [", ".join(sorted(each["data"])) for each in cell.get("outputs", []) if "data" in each]
        for cell in notebook.cells
    ]


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first-gradient", "first-network", "hand-it-in"]


TRAINS = {"first-network", "hand-it-in"}


@pytest.mark.parametrize(
    "path",
    [pytest.param(each, id=each.stem, marks=[pytest.mark.long] if each.stem in TRAINS else []) for each in NOTEBOOKS],
)
def test_a_notebook_runs_and_its_outputs_are_of_the_kinds_that_it_was_saved_with(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(path, 4)
    saved = shown(notebook)
    assert any(saved)
    assert not [each for cell in notebook.cells for each in cell.get("outputs", []) if each["output_type"] == "error"]
    # An empty cache and no mirror in reach: the program draws its digits, and says so.
    for name, value in {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONWARNINGS": "ignore"}.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = NotebookClient(
        notebook, timeout=280, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert shown(notebook) == saved
