# ruff: noqa: E501 (programs in strings)
"""Hand-ins of odd make, each of a kind that was met: which network is taken, with which arguments, and what is said else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from handgrad.judge.course.choose import read_program
from handgrad.judge.handed_in.cells import read_cells
from handgrad.judge.handed_in.load import loaded
from handgrad.judge.handed_in.records import NotTakenError, Taken
from handgrad.judge.handed_in.take import take
from handgrad.judge.network.author import made
from judge.course.classes import notebook, write

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
NET = HEAD + (
    "class Net(nn.Module):\n"
    "    def __init__(self, width=5, norm='BN'):\n"
    "        super().__init__()\n"
    "        self.conv, self.norm = nn.Conv2d(1, width, 3), nn.BatchNorm2d(width) if norm == 'BN' else nn.GroupNorm(1, width)\n"
    "        self.fc = nn.Linear(width, 10)\n"
    "    def forward(self, x):\n"
    "        return self.fc(F.relu(self.norm(self.conv(x))).mean((2, 3)))\n"
)
TRAINS = "opt = torch.optim.SGD(model.parameters(), lr=0.1)\nfor epoch in range(3):\n    train(model, opt)\n"
RUNS = (
    "import torch\nfrom utils import model as m\n"
    "def experiment(loader, norm, width):\n"
    "    network = m.Net(width, norm)\n"
    "    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)\n"
    "    return [], network\n"
)


def parameters(width: int) -> int:
    """Return how many parameters Net has, by hand: 3×3 kernels and biases, two numbers a channel, ten scores."""
    return 9 * width + width + 2 * width + 10 * width + 10


def taken(folder: Path, files: Mapping[str, str | bytes], main: str) -> Taken:
    """Write *files* and return what is taken of *main*."""
    write(folder, files)
    return take(folder, folder / main)


def count(found: Taken) -> int:
    """Return the parameters of the network that was taken, loaded."""
    with loaded(found) as module:
        return sum(each.numel() for each in made(found, module).parameters())


RIGHT: dict[str, tuple[Mapping[str, str | bytes], str, int]] = {
    "a program that is called a notebook": ({"hw.ipynb": NET + "model = Net(7)\n" + TRAINS}, "hw.ipynb", 7),
    "a notebook as PowerShell writes it": ({"hw.ipynb": notebook(NET, TRAINS).encode("utf-16")}, "hw.ipynb", 5),
    "a class inside a function": (
        {"net.py": HEAD + "def get_model(width=6):\n" + "".join(f"    {line}\n" for line in NET.split("\n")[3:]) + "    return Net(width)\n"},
        "net.py",
        6,
    ),
    "an argument that is a name of the module": (
        {"hw.ipynb": notebook(NET, "width = 9\ndef run(width, norm):\n    model = Net(width, norm)\n    " + TRAINS.replace("\n", "\n    "), "run(width, 'GN')", "width = 3")},
        "hw.ipynb",
        9,
    ),
    "a module in a folder of its name": (
        {"hw.ipynb": notebook("import sys\nsys.path.append('/content/drive/model')\nfrom model import Net", "model = Net(8)\n" + TRAINS), "model/model.py": NET},
        "hw.ipynb",
        8,
    ),
    "a network that a helper builds": (
        {
            "hw.ipynb": notebook("from utils import train, model, helper", "log, model = helper.experiment(loader, 'LN', 11)", "model.eval()"),
            "utils/__init__.py": "",
            "utils/model.py": NET,
            "utils/helper.py": RUNS,
            "utils/train.py": "def train(model, device): pass\n",
        },
        "hw.ipynb",
        11,
    ),
    "modules known by their names": (
        {"hw.ipynb": notebook("import parts\nimport model", "net = model.Net(4)\nopt = SGD(net.parameters())"), "parts.py": "size = 3\n", "model.py": "import parts\n" + NET},
        "hw.ipynb",
        4,
    ),
    "arguments that a program beside it gives": (
        {"model.py": NET.replace("width=5", "width"), "test_model.py": "from model import Net\nNet(2)\n", "train.py": "from model import Net\nmodel = Net(12)\n" + TRAINS},
        "model.py",
        12,
    ),
    "versions of which a program beside them builds one": (
        {"models.py": NET + NET[len(HEAD):].replace("Net", "Net2").replace("width=5", "width=3"), "main.py": "import models\ndef main():\n    return models.Net2()\nmain()\n"},
        "models.py",
        3,
    ),
    "a function that fetches weights": (
        {"app.py": NET + "def load_model():\n    model = Net(10)\n    model.load_state_dict(torch.load('net.pt'))\n    return model\nmodel = load_model()\n"},
        "app.py",
        10,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_the_network_is_found_in(name: str, tmp_path: Path) -> None:
    files, main, width = RIGHT[name]
    assert count(taken(tmp_path, files, main)) == parameters(width)


def test_a_network_that_a_helper_builds_is_said_with_the_helper(tmp_path: Path) -> None:
    files, main, _ = RIGHT["a network that a helper builds"]
    found = taken(tmp_path, files, main)
    assert found.notes == ("judged: m.Net(11, 'LN'), the last that utils/helper.py, which it imports, trains (line 4)",)
    assert not [each for each in found.pieces if each.file.endswith(".ipynb")]


SAID: dict[str, tuple[Mapping[str, str | bytes], str]] = {
    "hw.ipynb builds Net, which it imports from model.py, and that has none – found Net2 (line 4)": (
        {"hw.ipynb": notebook("from model import Net", "model = Net()\n" + TRAINS), "model.py": NET.replace("Net(", "Net2(")},
        "hw.ipynb",
    ),
    "hw.ipynb is a pointer of Git LFS – hand in the file itself": (
        {"hw.ipynb": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"},
        "hw.ipynb",
    ),
    "no network was found in hw.ipynb – it imports mine and library, which were not handed in with it": (
        {"hw.ipynb": notebook("import pandas\nimport mine\nfrom library import run", "run(mine)")},
        "hw.ipynb",
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_what_cannot_be_taken_is_nobodys_fault_and_said(said: str, tmp_path: Path) -> None:
    files, main = SAID[said]
    with pytest.raises(NotTakenError) as caught:
        taken(tmp_path, files, main)
    assert (str(caught.value), caught.value.author) == (said, False)


def test_a_page_saved_as_a_notebook_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "hw.ipynb").write_text("<html>\nimport this page\nclass='x'\n</html>", encoding="utf-8")
    with pytest.raises(NotTakenError, match=r"hw\.ipynb is no notebook"):
        read_cells(tmp_path / "hw.ipynb")
    (tmp_path / "net.ipynb").write_text(NET, encoding="utf-8")
    assert read_program(tmp_path / "net.ipynb").network
    (tmp_path / "net.ipynb").write_text(json.dumps({"cells": []}), encoding="utf-8")
    assert not read_program(tmp_path / "net.ipynb").network
