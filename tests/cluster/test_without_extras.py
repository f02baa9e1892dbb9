"""What is said where an optional part is not installed, and that nothing else needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.ends import end_of
from digits.idx_folders import digit_arrays, write_folder


@pytest.mark.parametrize(
    ("hidden", "arguments", "told"),
    [
        ("distributed", ["study", "quick", "--data", "data", "--on", "cluster"], 'pip install "handgrad[cluster]"'),
        ("distributed", ["sweep", "quick", "--over", "batch_size=8,16", "--holdout", "40", "--data", "data", "--out", "sweep",
                         "--on", "cluster"], 'pip install "handgrad[cluster]"'),
        ("distributed", ["judge", "class", "--assignment", "under-20k", "--data", "data", "--on", "cluster"],
         'pip install "handgrad[cluster]"'),
        ("optuna", ["sweep", "quick", "--over", "batch_size=8,16", "--holdout", "40", "--data", "data", "--out", "sweep"],
         'pip install "handgrad[sweep]"'),
    ],
)  # fmt: skip
def test_each_command_says_which_line_installs_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    *, hidden: str, arguments: list[str], told: str,
) -> None:  # fmt: skip
    write_folder(tmp_path / "data", digit_arrays(200, 60), ending="")
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ada.py").write_text("from torch import nn\n\nclass Net(nn.Sequential):\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "handgrad.cluster.on_dask", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == hidden]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, hidden, None)  # as Python answers for a package that is not there
    status, _, errors = end_of(capsys, *arguments)
    assert status == 3 and errors.splitlines()[-1].endswith(told) and errors.count("error: ") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class", "data"], "nothing was begun"


def test_the_core_imports_neither_dask_nor_optuna() -> None:
    code = (
        "import sys, handgrad, handgrad.cli.study, handgrad.cli.sweep, handgrad.digits.study, handgrad.digits.sweep.sweep\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'dask', 'distributed', 'optuna', 'cmaes'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
