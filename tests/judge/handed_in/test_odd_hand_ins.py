# ruff: noqa: E501 (programs in strings)
"""Hand-ins of odd make, each of a kind that was met: which network is taken, with which arguments, and what is said else."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from handgrad.judge.course.choose import read_program
from handgrad.judge.handed_in.cells import read_cells
from handgrad.judge.handed_in.load import loaded, on_the_processor
from handgrad.judge.handed_in.records import NotTakenError, Taken
from handgrad.judge.handed_in.take import take
from handgrad.judge.network.author import author_at_fault, made
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
    with on_the_processor([each.code for each in found.pieces]), loaded(found) as module:
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
    "options of a command line": (
        {"hw.ipynb": notebook("import argparse\nap = argparse.ArgumentParser()\nap.add_argument('--width', type=int, default=13)\nargs = ap.parse_args()", NET, "model = Net(args.width)\n" + TRAINS)},
        "hw.ipynb",
        13,
    ),
    "settings that are changed before": (
        {"hw.ipynb": notebook("class CFG:\n    width = 3\nCFG.width = 4\nsetattr(CFG, 'width', 14)", NET, "model = Net(CFG.width)\n" + TRAINS)},
        "hw.ipynb",
        14,
    ),
    "a layer that is put in afterwards": (
        {"hw.ipynb": notebook(NET, "model = Net(9)\nmodel.conv, model.norm = nn.Conv2d(1, 15, 3), nn.BatchNorm2d(15)\nmodel.fc = nn.Linear(15, 10)\nmodel = model.to(nowhere)\n" + TRAINS)},
        "hw.ipynb",
        15,
    ),
    "a class whose name its network takes": (
        {"hw.ipynb": notebook(NET.replace("class Net", "class net"), "net = net(16).to('cuda')\nopt = torch.optim.SGD(net.parameters(), lr=0.1)")},
        "hw.ipynb",
        16,
    ),
    "a sequence beside a module of its own": (
        {
            "hw.ipynb": notebook(
                HEAD + "class Mean(nn.Module):\n    def forward(self, x):\n        return x.mean((2, 3))\n",
                "w = 17\nmodel = nn.Sequential(nn.Conv2d(1, w, 3), nn.BatchNorm2d(w), nn.ReLU(), Mean(), nn.Linear(w, 10))\n" + TRAINS,
            )
        },
        "hw.ipynb",
        17,
    ),
    "a module of a training library": (
        {
            "hw.ipynb": notebook(
                "import pytorch_lightning as pl\nfrom torchmetrics import Accuracy\n" + HEAD,
                NET.replace("nn.Module", "pl.LightningModule")
                .replace("super().__init__()", "super().__init__()\n        self.save_hyperparameters()\n        width = self.hparams.width\n        self.hits = Accuracy()")
                .replace("return self.fc", "self.log('mean', x.mean())\n        return self.fc"),
                "model = Net(18)\ntrainer = pl.Trainer()\ntrainer.fit(model)",
            )
        },
        "hw.ipynb",
        18,
    ),
    "annotations of libraries that are not here": (
        {
            "hw.ipynb": notebook(
                "from typing import override\nfrom jaxtyping import Float\nfrom typeguard import typechecked\n" + HEAD,
                NET.replace("    def forward(self, x)", "    @override\n    @typechecked\n    def forward(self, x: Float[torch.Tensor, 'n 1 28 28'])"),
                "model = Net(19)",
            )
        },
        "hw.ipynb",
        19,
    ),
    "as many scores as the data has classes": (
        {
            "hw.ipynb": notebook(
                "from torchvision import datasets\ntrain_set = datasets.MNIST('data', download=True)",
                NET.replace("width=5", "scores, planes, width=20").replace("width, 10", "width, scores").replace("Conv2d(1,", "Conv2d(planes,"),
                "model = Net(len(train_set.classes), train_set[0][0].shape[0])",
            )
        },
        "hw.ipynb",
        20,
    ),
    "a notebook that bears the name of a library": (
        {"keras.ipynb": notebook("from keras import layers", NET, "model = Net(21)")},
        "keras.ipynb",
        21,
    ),
    "a class in the place of its base": (
        {"hw.ipynb": notebook(NET, "class Net(Net):\n    def __init__(self):\n        super().__init__(22)", "model = Net()")},
        "hw.ipynb",
        22,
    ),
    "arguments of a training beside it, in the place of defaults": (
        {"model.py": NET, "train.py": "from model import *\nmodel = Net(23)\n" + TRAINS, "try.py": "from model import Net\nNet(2)\n"},
        "model.py",
        23,
    ),
    "a module beside it by the name of a folder that is not there": (
        {"model.py": "from model.config import width\n" + NET.replace("width=5", "width=width"), "config.py": "width = 24\n"},
        "model.py",
        24,
    ),
    "values below the line that starts the program": (
        {"net.py": NET + "if __name__ == '__main__':\n    size = 25\n    model = Net(size)\n    " + TRAINS.replace("\n", "\n    ")},
        "net.py",
        25,
    ),
    "options of a command line in a function, by the names of the network's own": (
        {
            "net.py": NET + "import argparse\ndef main():\n    ap = argparse.ArgumentParser()\n    ap.add_argument('--width', default=26)\n"
            "    args = ap.parse_args()\n    width, rate = args.width, 0.1\n    model = Net(width=width)\n    " + TRAINS.replace("\n", "\n    ") + "\nmain()\n"
        },
        "net.py",
        26,
    ),
    "a value that is worked out in a function": (
        {"net.py": NET + "def main():\n    base = 9\n    wide = base * 3\n    model = Net(wide)\n    " + TRAINS.replace("\n", "\n    ")},
        "net.py",
        27,
    ),
    "a class that trains, told how wide": (
        {
            "net.py": NET + "class Trainer:\n    def __init__(self, size=7):\n        self.size = size\n        self.model = Net(self.size)\n"
            "        self.optimizer = torch.optim.Adam(self.model.parameters())\nTrainer(size=28)\n"
        },
        "net.py",
        28,
    ),
    "a table that a function is given": (
        {"net.py": NET + "def main(options):\n    model = Net(width=options['w'])\n    " + TRAINS.replace("\n", "\n    ") + "\nCFG = dict(w=29)\nmain(CFG)\n"},
        "net.py",
        29,
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
    "hw.ipynb is a pointer of Git LFS – hand in the real file": (
        {"hw.ipynb": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"},
        "hw.ipynb",
    ),
    "no network was found in hw.ipynb – it imports mine and library, which were neither handed in with it nor installed here": (
        {"hw.ipynb": notebook("import pandas\nimport mine\nfrom library import run", "run(mine)")},
        "hw.ipynb",
    ),
    "no network was found in hw.ipynb": (
        {"hw.ipynb": notebook("from torchvision import datasets", "train = datasets.MNIST('data')\nmodel = load(train)")},
        "hw.ipynb",
    ),
    "net.py builds Net(width=width) (line 13), and the value of width is not written there – write what is meant, as in net.py:Net(width=…)": (
        {"net.py": NET + "width = 3\ndef main(width):\n    model = Net(width=width)\n    " + TRAINS.replace("\n", "\n    ") + "\nmain(found())\n"},
        "net.py",
    ),
    "no network of torch is defined in hw.ipynb – models.Sequential (cell 3, line 1) is tensorflow's, and networks of torch are judged": (
        {"hw.ipynb": notebook("x", "from tensorflow.keras import layers, models", "model = models.Sequential([layers.Dense(10)])\nmodel.fit(x, y)")},
        "hw.ipynb",
    ),
    "no network of torch is defined in hw.ipynb – torchvision.models.resnet18 (cell 2, line 1) makes a network of torchvision's; what is judged is a network that the file defines": (
        {"hw.ipynb": notebook("import torchvision", "model = torchvision.models.resnet18(num_classes=10)")},
        "hw.ipynb",
    ),
    "line 5: type parameters (Python 3.12) may be here, and this Python cannot read it": (
        {"net.py": HEAD + "\ndef first[T](values: list[T]) -> T:\n    return values[0]\n" + NET[len(HEAD):].replace("nn.Linear(width, 10)", "first([nn.Linear(width, 10)])")},
        "net.py",
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
    with pytest.raises(NotTakenError, match=r"hw\.ipynb is not a notebook"):
        read_cells(tmp_path / "hw.ipynb")
    (tmp_path / "net.ipynb").write_text(NET, encoding="utf-8")
    assert read_program(tmp_path / "net.ipynb").network
    (tmp_path / "net.ipynb").write_text(json.dumps({"cells": []}), encoding="utf-8")
    assert not read_program(tmp_path / "net.ipynb").network


def test_a_value_that_is_not_here_is_asked_for_with_the_call(tmp_path: Path) -> None:
    found = taken(
        tmp_path,
        {"hw.ipynb": notebook("import yaml\ncfg = yaml.safe_load(open('c.yaml'))", NET, "model = Net(width=cfg['w'])")},
        "hw.ipynb",
    )
    with (
        pytest.raises(
            NotTakenError,
            match=r"cfg could not be made here .* – if it is for an argument, write that out, as in hw\.ipynb:Net\(width=…\)",
        ) as caught,
        author_at_fault(found),
        loaded(found) as module,
    ):
        made(found, module)
    assert not caught.value.author


@pytest.mark.parametrize(
    ("line", "newer"),
    [
        ('x = f"{\'a\' + f"{w}"}"', True),
        ("x = f'{d['a']}'", True),
        ("x = f\"{'\\n'.join(d)}\"", True),
        ("x = f'{w # the width\n}'", True),
        ("x = f'{w:>{d['n']}}' + \"it's\"", True),
        ("x = f'{{}} {d['a']} }}'", True),
        ("x = f'{w'", False),
        ("x = f'{a b}'", False),
        ("x = 'leaf'{", False),
    ],
)
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads them")
def test_a_string_that_newer_pythons_read_is_told_from_a_wrong_one(line: str, newer: bool, tmp_path: Path) -> None:
    files = {"net.py": NET.replace("        super()", f"        d, w = dict(a=1), 2\n        {line}\n        super()")}
    with pytest.raises(NotTakenError) as caught:
        taken(tmp_path, files, "net.py")
    assert caught.value.author is not newer


def test_memory_that_is_not_here_is_not_the_authors_fault(tmp_path: Path) -> None:
    found = taken(
        tmp_path,
        {"net.py": NET.replace("        self.fc", "        self.store = torch.zeros(10**13)\n        self.fc")},
        "net.py",
    )
    with (
        pytest.raises(NotTakenError, match="it asks for more memory than a judgement may take") as caught,
        author_at_fault(found),
        loaded(found) as module,
    ):
        made(found, module)
    assert not caught.value.author


@pytest.mark.parametrize("body", ["        self.fc = nn.Linear(784, 10)", "        pass"])
def test_a_module_that_does_not_begin_is_told_how(body: str, tmp_path: Path) -> None:
    code = (
        HEAD
        + f"class Net(nn.Module):\n    def __init__(self):\n{body}\n    def forward(self, x):\n        return self.fc(x)\n"
    )
    found = taken(tmp_path, {"net.py": code}, "net.py")
    said = r"its __init__ has to call super\(\)\.__init__\(\) first"
    with pytest.raises(NotTakenError, match=said) as caught, author_at_fault(found), loaded(found) as module:
        list(made(found, module).named_modules())
    assert caught.value.author
