"""The rules of the house, kept by reading the source, and what importing the package really loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import handgrad
from house_rules import HEAVY_AT_THE_TOP, LAYERS, part_of, read_sources, violations

ROOT = Path(handgrad.__file__).parent


def test_the_house_keeps_its_rules() -> None:
    assert violations(ROOT) == []


def test_every_part_of_the_house_has_its_rule() -> None:
    assert {part_of(name) for name in read_sources(ROOT)} <= set(LAYERS)


LEGAL = {
    "__init__.py": "__version__ = '1'\n",
    "errors.py": "import difflib\n",
    "sheet.py": "import xlsxwriter\nfrom handgrad.errors import E\n",
    "runs/__init__.py": "import handgrad\nfrom handgrad.runs import files\n",
    "runs/files.py": "import os\nos.replace('a', 'b')\n",
    "backprop/__init__.py": "import sympy\nfrom ..sheet import S\n",
    "digits/__init__.py": "",
    "digits/train.py": "import torch, numpy.random\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tqdm\n",
    "digits/recipe.py": "import pydantic\n",
    "digits/data.py": "import pooch\nfrom . import train\n",
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
        ("runs/files.py", "import handgrad.digits.train\n", "runs.files:1 imports digits.train, which runs may not"),
        ("backprop/a.py", "from ..digits import train\n", "backprop.a:1 imports digits.train, which backprop may not"),
        (
            "digits/a.py",
            "def f():\n    from handgrad.backprop import g\n",
            "digits.a:2 imports backprop, which digits may not",
        ),
        ("digits/a.py", "import handgrad.cli\n", "digits.a:1 imports cli, which digits may not"),
        (
            "report/a.py",
            "from handgrad.digits.train import b\n",
            "report.a:1 imports digits.train, which report may not",
        ),
        ("attic/a.py", "import handgrad.errors\n", "attic.a:1 belongs to no known part: add attic to LAYERS"),
        ("digits/train.py", "import pydantic\n", "digits.train:1 imports pydantic, which the training core may not"),
        (
            "digits/recipe.py",
            "from tqdm import tqdm\n",
            "digits.recipe:1 imports tqdm, which the training core may not",
        ),
        (
            "digits/train.py",
            "from handgrad.digits import data\n",
            "digits.data:1 imports pooch, which the training core may not",
        ),
        ("runs/files.py", "def f():\n    import torch.nn\n", "runs.files:2 imports torch.nn, which is forbidden there"),
        ("__init__.py", "def f():\n    import torch\n", "handgrad:2 imports torch, which is forbidden there"),
        (
            "report/a.py",
            "from matplotlib import pyplot\n",
            "report.a:1 imports matplotlib.pyplot, which is forbidden there",
        ),
        ("backprop/a.py", "import xlsxwriter\n", "backprop.a:1 imports xlsxwriter, which is forbidden there"),
        ("cli/a.py", "import numpy as np\n", "cli.a:1 imports numpy at the top: do so inside the command"),
        ("digits/a.py", "print(1)\n", "digits.a:1 uses print, which only cli may"),
        ("digits/a.py", "import os\nx = os.environ['A']\n", "digits.a:2 uses os.environ, which only cli may"),
        ("digits/a.py", "from os import environ as e\nx = e['A']\n", "digits.a:2 uses os.environ, which only cli may"),
        ("sheet.py", "import sys\nsys.exit(1)\n", "sheet:2 uses sys.exit, which only cli may"),
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
