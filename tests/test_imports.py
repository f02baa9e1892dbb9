"""The rules of the house, kept by reading the source, and what importing the package really loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import handgrad
from house_rules import GROUND, HEAVY_AT_THE_TOP, ROOMS, read_sources, room_of, violations

ROOT = Path(handgrad.__file__).parent


def test_the_house_keeps_its_rules() -> None:
    assert violations(ROOT) == []


def test_every_room_of_the_house_has_its_rule_and_every_rule_its_room() -> None:
    assert {room_of(name) for name in read_sources(ROOT)} == set(ROOMS)


def test_the_rules_themselves_go_down() -> None:
    """A room may import only rooms that stand above its own line in the table, so that the table is the floor plan."""
    order = list(ROOMS)
    for place, (room, allowed) in enumerate(ROOMS.items()):
        lower = set(order[:place])
        for name in allowed - {room.partition(".")[0]}:
            assert any(other == name or other.startswith(f"{name}.") or name.startswith(f"{other}.") for other in lower)
    assert set(ROOMS) >= GROUND


LEGAL = {
    "__init__.py": "from handgrad.version import V\n",
    "version.py": "V = '1'\n",
    "errors.py": "import difflib\n",
    "xlsx/__init__.py": "",
    "xlsx/writer.py": "import xlsxwriter\nfrom handgrad.errors import E\n",
    "runs/__init__.py": "import handgrad\nfrom handgrad.runs import folder\n",
    "runs/folder.py": "import os\nos.replace('a', 'b')\n",
    "backprop/__init__.py": "from .workbook import file\n",
    "backprop/workbook/__init__.py": "",
    "backprop/workbook/file.py": "from ...xlsx.writer import W\n",
    "digits/__init__.py": "",
    "digits/training/__init__.py": "",
    "digits/training/loop.py": (
        "import torch, numpy.random\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tqdm\n"
    ),
    "digits/training/recipe.py": "",
    "digits/training/state.py": "from . import loop\n",
    "digits/data/__init__.py": "",
    "digits/layers/__init__.py": "",
    "digits/layers/table.py": "import rich\n",
    "digits/data/fetch.py": "import pooch\n",
    "cli/__init__.py": "import os\nprint(os.environ)\ndef command():\n    import torch\n    import handgrad.digits\n",
}


def plant(folder: Path, changed: dict[str, str]) -> Path:
    """Write a small legal house with some files *changed* and return its root."""
    for name, source in (LEGAL | changed).items():
        path = folder / "handgrad" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder / "handgrad"


def test_a_small_legal_house_breaks_no_rule(tmp_path: Path) -> None:
    assert violations(plant(tmp_path, {})) == []


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("errors.py", "from handgrad import runs\n", "errors:1 imports runs, which errors may not"),
        (
            "runs/folder.py",
            "import handgrad.digits.training.loop\n",
            "runs.folder:1 imports digits.training.loop, which runs may not",
        ),
        (
            "backprop/workbook/file.py",
            "from ...digits.training import loop\n",
            "backprop.workbook.file:1 imports digits.training.loop, which backprop.workbook may not",
        ),
        (
            "digits/training/state.py",
            "def f():\n    from handgrad.backprop.workbook.file import g\n",
            "digits.training.state:2 imports backprop.workbook.file, which digits.training may not",
        ),
        (
            "digits/data/fetch.py",
            "import handgrad.digits.training.loop\n",
            "digits.data.fetch:1 imports digits.training.loop, which digits.data may not",
        ),
        ("digits/job.py", "import handgrad.cli\n", "digits.job:1 imports cli, which digits.job may not"),
        (
            "judge/workbook/a.py",
            "from handgrad.digits.training.loop import b\n",
            "judge.workbook.a:1 imports digits.training.loop, which judge.workbook may not",
        ),
        (
            "report/a.py",
            "from handgrad.digits.training.loop import b\n",
            "report.a:1 imports digits.training.loop, which report may not",
        ),
        ("attic/a.py", "import handgrad.errors\n", "attic.a:1 belongs to no known room: add attic to ROOMS"),
        (
            "digits/training/loop.py",
            "import pydantic\n",
            "digits.training.loop:1 imports pydantic, which the training core may not",
        ),
        (
            "digits/training/recipe.py",
            "from tqdm import tqdm\n",
            "digits.training.recipe:1 imports tqdm, which the training core may not",
        ),
        (
            "digits/training/loop.py",
            "from handgrad.digits.layers import table\n",
            "digits.layers.table:1 imports rich, which the training core may not",
        ),
        (
            "runs/folder.py",
            "def f():\n    import torch.nn\n",
            "runs.folder:2 imports torch.nn, which is forbidden there",
        ),
        ("__init__.py", "def f():\n    import torch\n", "handgrad:2 imports torch, which is forbidden there"),
        (
            "report/a.py",
            "from matplotlib import pyplot\n",
            "report.a:1 imports matplotlib.pyplot, which is forbidden there",
        ),
        (
            "backprop/workbook/file.py",
            "import xlsxwriter\n",
            "backprop.workbook.file:1 imports xlsxwriter, which is forbidden there",
        ),
        ("xlsx/reader.py", "import xlsxwriter\n", "xlsx.reader:1 imports xlsxwriter, which is forbidden there"),
        ("digits/job.py", "import sympy\n", "digits.job:1 imports sympy, which is forbidden there"),
        ("cli/a.py", "import numpy as np\n", "cli.a:1 imports numpy at the top: do so inside the command"),
        ("digits/job.py", "print(1)\n", "digits.job:1 uses print, which only cli may"),
        ("digits/job.py", "import os\nx = os.environ['A']\n", "digits.job:2 uses os.environ, which only cli may"),
        (
            "digits/job.py",
            "from os import environ as e\nx = e['A']\n",
            "digits.job:2 uses os.environ, which only cli may",
        ),
        ("xlsx/writer.py", "import sys\nsys.exit(1)\n", "xlsx.writer:2 uses sys.exit, which only cli may"),
        (
            "digits/training/loop.py",
            "def f():\n    from handgrad.digits.training import loop\n",
            "digits.training.loop imports itself round a circle",
        ),
    ],
)
def test_a_planted_violation_is_found_and_named(tmp_path: Path, file: str, source: str, complaint: str) -> None:
    assert violations(plant(tmp_path, {file: source})) == [complaint]


def loaded(statement: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after *statement*."""
    program = (
        f"import sys\n{statement}\nprint('loaded', *{{name.split('.')[0] for name in sys.modules}}, file=sys.stderr)"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "PYTEST"))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    return set(done.stderr.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "statement",
    [
        "import handgrad",
        "import handgrad.cli",
        "import handgrad.runs",
        "import handgrad.errors",
        "from handgrad.cli import run; run(['--help'])",
        "from handgrad.cli import run; run(['summary', '--help'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(statement: str) -> None:
    assert loaded(statement) & set(HEAVY_AT_THE_TOP) == set()


def test_the_look_at_what_is_loaded_sees_what_is_loaded() -> None:
    assert "numpy" in loaded("import numpy")


def test_the_backprop_wing_loads_neither_torch_nor_the_digits_wing() -> None:
    modules = loaded("import handgrad.backprop; assert 'handgrad.digits' not in sys.modules")
    assert "torch" not in modules


def test_two_modules_of_one_room_that_import_each_other_are_both_named(tmp_path: Path) -> None:
    root = plant(tmp_path, {"digits/training/loop.py": "def f():\n    from handgrad.digits.training.state import g\n"})
    assert violations(root) == [
        "digits.training.loop imports itself round a circle",
        "digits.training.state imports itself round a circle",
    ]
