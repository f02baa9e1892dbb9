# ruff: noqa: E501 (programs in strings keep their own lines)
"""Eighty hand-ins made from ten networks and eight ways to hand one in, forty of them notebooks.

The networks are written as learners write them; the ways are those of public course work: a script that goes on to train, a
helper that imports its importer, a package, several versions of which the last is trained, a notebook with magics, one with
broken cells and an older definition, one that imports the file beside it, one that writes that file itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
UNUSED = (
    "from torchvision import datasets, transforms\nfrom torchsummary import summary\nfrom tqdm.notebook import tqdm\n"
    "import matplotlib.pyplot as plt\n"
)


@dataclass(frozen=True)
class Network:
    """One network: its definition, and the expression that builds it ("" where the definition is a value itself)."""

    name: str
    definition: str
    build: str = "Net()"

    @property
    def makes(self) -> str:
        """The expression that gives the network once the definition has run."""
        return self.build or "model"


@dataclass(frozen=True)
class HandIn:
    """What one person hands in: files by path, the one to be judged, and the network that must be found in it."""

    name: str
    files: dict[str, str]
    main: str
    network: Network

    def write(self, folder: Path) -> Path:
        """Write the files below *folder* and return the path of the one to be judged."""
        for path, text in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return folder / self.main


NETWORKS = [
    Network("plain", '''
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1)
        self.drop = nn.Dropout2d(0.1)
        self.fc1 = nn.Linear(12 * 6 * 6, 20)
        self.fc2 = nn.Linear(20, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2))
        x = x.view(-1, 12 * 6 * 6)
        x = F.dropout(F.relu(self.fc1(x)), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)
'''),
    Network("blocks in Sequential", '''
dropout_value = 0.05

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convblock1 = nn.Sequential(nn.Conv2d(1, 10, (3, 3), padding=0, bias=False), nn.ReLU(), nn.BatchNorm2d(10), nn.Dropout(dropout_value))
        self.convblock2 = nn.Sequential(nn.Conv2d(10, 16, (3, 3), padding=0, bias=False), nn.ReLU(), nn.BatchNorm2d(16), nn.Dropout(dropout_value))
        self.pool1 = nn.MaxPool2d(2, 2)
        self.convblock3 = nn.Sequential(nn.Conv2d(16, 10, (1, 1), bias=False), nn.ReLU())
        self.gap = nn.Sequential(nn.AvgPool2d(kernel_size=12))
        self.convblock4 = nn.Sequential(nn.Conv2d(10, 10, (1, 1), bias=False))

    def forward(self, x):
        x = self.pool1(self.convblock2(self.convblock1(x)))
        x = self.convblock4(self.gap(self.convblock3(x)))
        x = x.view(-1, 10)
        return F.log_softmax(x, dim=-1)
'''),
    Network("a block of its own", '''
class Block(nn.Module):
    def __init__(self, i, o, p=0.1):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(i, o, 3, bias=False), nn.BatchNorm2d(o), nn.Dropout(p)

    def forward(self, x):
        return self.drop(F.relu(self.norm(self.conv(x))))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.b1, self.b2, self.pool = Block(1, 8), Block(8, 16), nn.MaxPool2d(2)
        self.gap, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 10)

    def forward(self, x):
        x = self.gap(self.b2(self.pool(self.b1(x))))
        return self.fc(torch.flatten(x, 1))
'''),
    Network("a function", '''
WIDTH = 4 * 3

def conv(i, o):
    return [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU()]

def make_model(width=WIDTH):
    layers = conv(1, width) + [nn.MaxPool2d(2)] + conv(width, 10)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LogSoftmax(dim=1))
''', "make_model()"),
    Network("a value", '''
width = 6
model = nn.Sequential(
    nn.Conv2d(1, width, 5, stride=2), nn.ReLU(), nn.BatchNorm2d(width),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(width * 12 * 12, 10),
)
''', ""),
    Network("arguments", '''
class Net(nn.Module):
    def __init__(self, norm, dropout=0.0, widths=(6, 12)):
        super().__init__()
        first, second = widths
        self.conv1, self.conv2 = nn.Conv2d(1, first, 3), nn.Conv2d(first, second, 3)
        self.norm = nn.BatchNorm2d(first) if norm == "BN" else nn.GroupNorm(2, first)
        self.drop, self.fc = nn.Dropout(dropout), nn.Linear(second, 10)

    def forward(self, x):
        x = F.relu(self.conv2(self.drop(F.relu(self.norm(self.conv1(x))))))
        return F.log_softmax(self.fc(x.mean(dim=[2, 3])), dim=1)
''', 'Net("BN", dropout=0.15, widths=(5, 9))'),
    Network("inherited", '''
class Base(nn.Module):
    def features(self, x):
        return F.max_pool2d(F.relu(self.bn(self.conv(x))), 4)

class Net(Base):
    def __init__(self, outputs=10):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 7, 3), nn.BatchNorm2d(7)
        self.linear = nn.Linear(7 * 6 * 6, outputs)

    def forward(self, x):
        return self.linear(self.features(x).reshape(x.shape[0], -1))
'''),
    Network("squeeze and excitation", '''
class SE(nn.Module):
    def __init__(self, channels, r=4):
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.down, self.up = nn.Linear(channels, channels // r), nn.Linear(channels // r, channels)

    def forward(self, x):
        b, c, _, _ = x.size()
        w = torch.sigmoid(self.up(F.relu(self.down(self.squeeze(x).view(b, c))))).view(b, c, 1, 1)
        return x * w

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.se = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), SE(8)
        self.conv2, self.pool = nn.Conv2d(8, 10, 3), nn.MaxPool2d(2)

    def forward(self, x):
        x = self.pool(self.se(F.relu(self.bn1(self.conv1(x)))))
        return F.log_softmax(F.adaptive_avg_pool2d(self.conv2(x), 1).squeeze(), dim=-1)
'''),
    Network("depthwise", '''
config = {"width": 8, "p": 0.08}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        w = config["width"]
        self.stem = nn.Conv2d(1, w, 3, padding=1)
        self.depth, self.point = nn.Conv2d(w, w, 3, groups=w), nn.Conv2d(w, 2 * w, 1)
        self.bn, self.drop = nn.BatchNorm2d(2 * w), nn.Dropout(config["p"])
        self.out = nn.Conv2d(2 * w, 10, 1)

    def forward(self, x):
        x = self.drop(F.relu(self.bn(self.point(self.depth(F.max_pool2d(F.relu(self.stem(x)), 2))))))
        return F.log_softmax(self.out(x).mean((2, 3)), dim=1)
'''),
    Network("narrow", '''
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        sizes, layers = [1, 2, 4, 4, 4], []
        for i, o in zip(sizes, sizes[1:]):
            layers += [nn.Conv2d(i, o, 3, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.body, self.fc = nn.Sequential(*layers), nn.Linear(4, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean([2, 3]))
'''),
]  # fmt: skip


def training(build: str, *, cuda: bool = False) -> str:
    """Return the lines with which hand-ins go on once the network is defined: data, optimizer, loop. Nothing of it works here."""
    move = ".cuda()" if cuda else ".to(device)"
    made = f"model = {build}{move}\n" if build else f"model = model{move}\n"
    return (
        'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n'
        'train_set = datasets.MNIST("../data", train=True, download=True, transform=transforms.ToTensor())\n'
        "train_loader = torch.utils.data.DataLoader(train_set, batch_size=128, shuffle=True)\n"
        f"{made}"
        "summary(model, input_size=(1, 28, 28))\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)\n"
        "EPOCHS = 15\n"
        "for epoch in range(1, EPOCHS + 1):\n"
        "    for data, target in tqdm(train_loader):\n"
        "        loss = F.nll_loss(model(data.to(device)), target.to(device))\n"
        "        loss.backward()\n        optimizer.step()\n"
    )


def script(network: Network) -> HandIn:
    """A file that asks, reads and trains at its end."""
    tail = 'name = input("name of the run: ")\nimages = torch.load("../data/train.pt")\nprint(len(images))\n'
    text = f'"""My work."""\n{HEAD}{UNUSED}{network.definition}\n{tail}{training(network.build)}'
    return HandIn(f"{network.name}, script", {"net.py": text}, "net.py", network)


def circle(network: Network) -> HandIn:
    """A model and its helper, which import each other; the helper also brings what the network does not need."""
    model = f"{HEAD}from utils import get_device, plot\n{network.definition}\nif __name__ == '__main__':\n    {f'model = {network.build}' if network.build else 'pass'}\n"
    utils = "import matplotlib.pyplot as plt\nfrom model import *\n\ndef get_device():\n    return 'cpu'\n\ndef plot(x):\n    plt.imshow(x)\n"
    builds = f"{HEAD}from model import *\nnet = {network.build}\n" if "(" in network.build else ""
    files = {"model.py": f"{model}{'model = ' + network.build if network.build else ''}\n", "utils.py": utils}
    return HandIn(f"{network.name}, circle", files | ({"train.py": builds} if builds else {}), "model.py", network)


def package(network: Network) -> HandIn:
    """A program whose network lies in a package, reached by relative imports."""
    name = network.build.partition("(")[0] or "model"
    files = {
        "main.py": f"{HEAD}{UNUSED}from models import {name}\n\ndef main():\n    {training(network.build).replace(chr(10), chr(10) + '    ')}\n\nif __name__ == '__main__':\n    main()\n",
        "models/__init__.py": f"from .net import {name}\n",
        "models/net.py": f"import torch\nfrom .parts import nn, F\n{network.definition}",
        "models/parts.py": "import torch.nn as nn\nimport torch.nn.functional as F\n",
    }
    if not network.build:
        files["main.py"] = f"{HEAD}from models import model\n"
    return HandIn(f"{network.name}, package", files, "main.py", network)


def several(network: Network) -> HandIn:
    """A file with an earlier try of another size, of which the last one is trained, on a graphics processor."""
    early = (
        "class Early(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(784, 10)\n\n"
        "    def forward(self, x):\n        return self.fc(x.flatten(1))\n"
    )
    first = training("Early()").replace("EPOCHS = 15", "EPOCHS = 1")
    text = f"{HEAD}{UNUSED}{early}\n{first if network.build else ''}\n{network.definition}\n{training(network.build, cuda=True)}"
    if not network.build:
        text = f"{HEAD}{UNUSED}{network.definition}\n{training('', cuda=True)}"
    return HandIn(f"{network.name}, several", {"several.py": text}, "several.py", network)


def notebook(cells: list[str], *, form: int = 4, printed: dict[int, str] | None = None) -> str:
    """Return a notebook with these code cells; *printed* is what the cells at these places show."""
    entries = []
    for place, code in enumerate(cells):
        lines = code.splitlines(keepends=True)
        shown = (
            [{"output_type": "stream", "name": "stdout", "text": [printed[place]]}] if place in (printed or {}) else []
        )
        entry = {"cell_type": "code", "metadata": {}, "outputs": shown}
        entries.append(
            entry
            | ({"source": lines, "execution_count": place + 1} if form == 4 else {"input": lines, "language": "python"})
        )
    if form == 4:
        return json.dumps({"cells": entries, "metadata": {}, "nbformat": 4, "nbformat_minor": 0})
    return json.dumps({"worksheets": [{"cells": entries}], "metadata": {}, "nbformat": 3, "nbformat_minor": 0})


LOG = "\n".join(
    f"Test set: Average loss: 0.03, Accuracy: {count}/10000 ({count / 100}%)" for count in (9801, 9902, 9931, 9926)
)


def magics(network: Network) -> HandIn:
    """A notebook with installs, magics, a mounted drive and a log."""
    cells = [
        "!pip install torchsummary\n%matplotlib inline\n", f"{HEAD}{UNUSED}",
        "from google.colab import drive\ndrive.mount('/content/drive')\n%cd /content\n",
        network.definition.lstrip(), f"%%time\n{training(network.build)}", "model?\nfiles = !ls\n",
    ]  # fmt: skip
    return HandIn(f"{network.name}, magics", {"hw.ipynb": notebook(cells, printed={4: LOG})}, "hw.ipynb", network)


def broken(network: Network) -> HandIn:
    """A notebook of format 3 with two cells that do not parse and an older definition of the same names."""
    older = network.definition.replace("10", "20").replace("class Net(", "class Net(").lstrip()
    cells = [
        f"{HEAD}{UNUSED}", "for broken in range(3)\n    print(broken)\n", older, network.definition.lstrip(),
        "def unfinished(:\n", training(network.build),
    ]  # fmt: skip
    return HandIn(f"{network.name}, broken", {"work.ipynb": notebook(cells, form=3)}, "work.ipynb", network)


def beside(network: Network) -> HandIn:
    """A notebook that imports everything from the file beside it."""
    files = {
        "S6.ipynb": notebook(
            [f"{HEAD}{UNUSED}", "from net import *\nfrom helpers import train, plot\n", training(network.build)]
        ),
        "net.py": f"{HEAD}from torchsummary import summary\n{network.definition}",
        "helpers.py": "def train(model):\n    pass\n\ndef plot(model):\n    pass\n",
    }
    if not network.build:
        files["S6.ipynb"] = notebook([HEAD, "from net import model\nsummary(model)\n"])
    return HandIn(f"{network.name}, beside", files, "S6.ipynb", network)


def written(network: Network) -> HandIn:
    """A notebook that writes its module and builds the network inside a function."""
    name = network.build.partition("(")[0] or "model"
    used = f"import model as m\nfrom model import {name}\n"
    body = training(network.build).replace("\n", "\n    ")
    cells = [
        "%%writefile model.py\n" + HEAD + network.definition,
        f"{HEAD}{UNUSED}",
        used,
        f"def run():\n    {body}\n",
        "run()\n",
    ]
    if not network.build:
        cells = [*cells[:3]]
    return HandIn(f"{network.name}, written", {"Session 7.ipynb": notebook(cells)}, "Session 7.ipynb", network)


WAYS: list[Callable[[Network], HandIn]] = [script, circle, package, several, magics, broken, beside, written]
HAND_INS = [way(network) for network in NETWORKS for way in WAYS]
