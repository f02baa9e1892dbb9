# ruff: noqa: E501 (programs in strings and what is said of them keep their lines)
"""Whose fault it is: *not met* for the network's own faults alone, *no verdict* for what is missing here, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import Verdict
from judge.handed_in.hand_ins import HEAD, LOG, notebook, training
from judge.here import judging_here
from judge.hostile_run import small_data

DATA = small_data()
ASKED = parse_assignment("[parameters]\nfewer_than = 20_000", "asked")
NET = """
class Net(nn.Module):
    def __init__(self{arguments}):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 8, 3), nn.Linear(8, 10)
        {init}

    def forward(self, x):
        x = F.relu(self.conv(x)).mean((2, 3))
        return {result}
"""


def net(result: str = "self.fc(x)", init: str = "pass", arguments: str = "") -> str:
    """Return a file with a network that is right but for what is given."""
    return HEAD + NET.format(result=result, init=init, arguments=arguments)


def judged(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, wanted: str = "") -> Verdict:
    """Return the verdict, without training, on a file or (where the text is one) a notebook."""
    file = folder / ("hw.ipynb" if text.startswith("{") else "net.py")
    file.write_text(text, encoding="utf-8")
    name = f"{file}:{wanted}" if wanted else str(file)
    return judge_network(name, ASKED, static=True, data=DATA, level=judging_here(monkeypatch))


AUTHOR = {
    "a syntax error in the class": (net(result="self.fc(x"), "was never closed"),
    "a cell that does not parse": (notebook([HEAD, "class Net(nn.Module)\n    pass\n"]), "cell 2, line 1: expected ':'"),
    "rows": (net(result="self.fc(x).view(-1, 5)"), "64 rows: a view or reshape does not keep one row per image"),
    "three channels": (net().replace("Conv2d(1,", "Conv2d(3,"), "takes 3 channels – found 1 – this assignment gives images "
        "of 1×28×28"),
    "a slip of the pen": (net(init="self.more = nn.Cov2d(1, 2, 3)"), "line 9: AttributeError: module 'torch.nn' has no attribute 'Cov2d'"),
    "a name that is nowhere": (net(result="self.fc(x) * factor"), "name 'factor' is not defined"),
    "a name of another function": (f"{net(result='self.fc(x) * factor')}def other():\n    factor = 2\n", "name 'factor' is not defined"),
    "a list": (net(result="[self.fc(x)] * 0"), "returns a list"),
}  # fmt: skip


@pytest.mark.parametrize("name", AUTHOR)
def test_the_networks_own_fault_is_not_met_with_its_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, words = AUTHOR[name]
    verdict = judged(text, tmp_path, monkeypatch)
    found = next(each.found for each in verdict.requirements if each.met is False)
    assert (verdict.verdict, words in found) == ("not met", True), found


OURS = {
    "a package": (net(init="self.more = torchvision.ops.Permute([0])").replace("import torch\n", "import torch\nimport torchvision\n"),
                  "the network uses torchvision.ops.Permute, but torchvision is not installed here"),
    "a newer torch": (net(init="self.more = nn.Zyzzyva9d(3)"), "here has no Zyzzyva9d"),
    "a module of an older Python": (f"import distutils_of_old\n{net()}".replace("pass", "distutils_of_old.spawn()"), "distutils_of_old is not installed here"),
    "data": (f"classes = torch.load('labels.pt')\n{net(init='self.out = nn.Linear(8, len(classes))')}".replace(HEAD, "", 1), "classes could not be made here"),
    "an answer": (f"width = int(input())\n{net(init='self.out = nn.Linear(8, width)')}", "width could not be made here (it asks for input"),
    "arguments": (net(arguments=", norm, dropout"), "Net needs norm and dropout, and net.py does not build it – write the "
        "call, as in net.py:Net(norm=…, dropout=…)"),
    "several": (net() + net().replace("Net", "Model_2"), "several networks and builds none of them: Net (line 5) and Model_2"),
    "nothing": ("x = 1\n", "no network was found"),
    "a value of a loop that trains": (f"{net(result='self.fc(x) * scale')}for epoch in range(3):\n    scale = 1 / (epoch + 1)\n    loss.backward()\n",
              "scale gets its value where nothing is run here (line 1"),
    "a value by global": (f"{net(result='self.fc(x) * scale')}def begin():\n    global scale\n    scale = 2.0\nbegin()\n",
              "scale gets its value where nothing is run here (line 1"),
    "a value in globals": (f"{net(result='self.fc(x) * scale')}globals()['scale'] = 2.0\n", "scale gets its value where nothing is run here (line 1"),
    "a value by globals": (f"{net(result='self.fc(x) * scale')}globals().update({{'scale': 2.0}})\n", "scale gets its value where nothing is run here (line 1"),
    "a star": (f"from shared_parts import *\n{net(result='self.fc(x) * scale')}",
              "scale may come from shared_parts, which was neither handed in nor is installed here"),
    "a value by exec": (f"{net(result='self.fc(x) * scale')}exec('scale = 2.0')\n", "scale gets its value where nothing is run here (line 1"),
    "an heir without a forward": ("from shared_parts import Base\n\nclass Net(Base):\n    def test(self):\n        self.net.eval()\n",
              "it imports shared_parts, which was neither handed in with it nor installed here"),
    "a file beside it": (net().replace("import torch\n", "import torch\nfrom .parts import act\n").replace("F.relu", "act"),
              "it imports from a file beside it that was not handed in"),
    "no notebook": ("{", "is not a notebook"),
    "a notebook in another language": ('{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "a notebook in R"),
    "a newer Python": (HEAD + "class Net[T](nn.Module, metaclass=T[0):\n    pass\n", "type parameters (Python 3.12)"),
}  # fmt: skip


IMPORTED = "from packages_of_mine.layers import Base, BaseModule, Mixin, Settings\nimport packages_of_mine as p\n"
BUILT_ON = {
    # The network's base is not here: what it gives is unknown, and its author cannot be blamed for it.
    "a whole network": "class Net(Base):\n    pass\n",
    "a part of it, by super()": net(result="super().forward(x)").replace("nn.Module", "Base"),
    "by its package": net().replace("nn.Module", "p.models.ResNet"),
    "a module that makes layers": net(result="self.head(x)").replace("nn.Module", "BaseModule"),
    "a module that answers": "class Net(BaseModule):\n    pass\n",
    "layers of a mixin, behind": net(result="self.pooled(x)").replace("nn.Module", "nn.Module, Mixin"),
    "layers of a mixin, before": net(result="self.pooled(x)").replace("nn.Module", "Mixin, nn.Module"),
    "a base with arguments": net().replace("nn.Module", "Base").replace("super().__init__()", "super().__init__(10)"),
    "a class that makes it": net().replace("nn.Module", "Base") + "model = Net.from_settings('small')\n",
    "an heir of an heir": net().replace("Net(nn.Module)", "Inner(Base)") + "class Net(Inner):\n    pass\n",
    "settings": "class Config(Settings):\n    width: int = 8\n" + net(init="self.more = nn.Linear(8, Config(width=3).width)"),
    "settings that are called": "class Config(Settings):\n    pass\n" + net(init="self.more = nn.Linear(8, Config()())"),
}  # fmt: skip


@pytest.mark.parametrize("name", BUILT_ON)
def test_a_base_that_is_missing_here_is_no_verdict(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = "" if BUILT_ON[name].startswith(HEAD) else HEAD
    verdict = judged(IMPORTED + head + BUILT_ON[name], tmp_path, monkeypatch, "Net")
    assert verdict.verdict == "no verdict", verdict
    assert "packages_of_mine is not installed here" in verdict.notes[0], verdict.notes


BUILT_WELL = {
    "a mixin, behind": net().replace("nn.Module", "nn.Module, Mixin"),
    "a mixin, before": net().replace("nn.Module", "Mixin, nn.Module"),
    "a module that begins by itself": net().replace("nn.Module", "p.Module").replace("super().__init__()", "pass"),
    "a module with an option of its class": net().replace("nn.Module", "nn.Module, Mixin, tags=['digits']"),
    "settings": "class Config(Settings):\n    width: int = 8\n" + net().replace("8, 10", "Config().width, 10"),
    "a trainer around it": net() + "class Trainer(Base):\n    pass\ntrainer = Trainer(Net(), steps=3)\n",
}


@pytest.mark.parametrize("name", BUILT_WELL)
def test_a_base_that_is_missing_here_and_decides_nothing_is_passed_over(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judged(IMPORTED + BUILT_WELL[name], tmp_path, monkeypatch)
    assert [each for each in verdict.requirements if each.met is False] == []
    assert verdict.parameters == 170


@pytest.mark.parametrize("name", OURS)
def test_what_is_missing_here_is_no_verdict_with_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, words = OURS[name]
    if name == "data":
        text = HEAD + text
    verdict = judged(text, tmp_path, monkeypatch)
    assert (verdict.verdict, words in verdict.notes[0]) == ("no verdict", True), verdict.notes


FINE = {
    "squeeze": net(result="self.fc(x).squeeze()"),
    "a tuple": net(result="self.fc(x), x"),
    "a graphics processor": net(init="self.cuda()", result="self.fc(x.cuda().to('cuda:0'))"),
    "a class that inherits from its own former self": net() + "\nclass Net(Net):\n    pass\n",
    "a base by another name": net()
    .replace("(nn.Module)", "(M)")
    .replace("import torch\n", "import torch\nfrom torch.nn import Module as M\n"),
    "a class of an experiment": f"if True:\n    width = 8\nelse:\n    width = 9\n{net().replace('Conv2d(1, 8', 'Conv2d(1, width')}",
    "a decorator that reads the source": f"import inspect\nimport torch\ndef kept(f):\n    assert inspect.getsource(f)\n    return f\n@kept\ndef twice(x: torch.Tensor):\n    return 2 * x\n{net(result='twice(self.fc(x))')}",
    "sizes collected in a loop": f"sizes = []\nfor size in (8, 10):\n    sizes.append(size)\n{net().replace('Linear(8, 10)', 'Linear(*sizes)')}",
    "a table of settings": f"from dataclasses import dataclass\n@dataclass\nclass Config:\n    out: int = 10\ncfg = Config()\n{net().replace('(8, 10)', '(8, cfg.out)')}",
    "a base that leaves its forward to heirs": f'class Digits(nn.Module):\n    def forward(self, x):\n        """Answer."""\n        raise NotImplementedError\n{net().replace(HEAD, "").replace("Net(nn.Module)", "Mine(Digits)")}',
    "a base whose forward is abstract": f"from abc import abstractmethod\nclass Digits(nn.Module):\n    @abstractmethod\n    def forward(self, x):\n        return x\n{net().replace(HEAD, '').replace('Net(nn.Module)', 'Mine(Digits)')}",
    "a device": f'device = "cuda"\n{net(init="self.extra = torch.zeros(3, device=device)")}',
    "a syntax error elsewhere": f"{net()}\nfor x in range(3)\n    pass\n",
    "a training at its end": f"{net()}\n{training('Net()')}",
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_no_fault_is_judged(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FINE[name] if HEAD in FINE[name] else HEAD + FINE[name]
    verdict = judged(text, tmp_path, monkeypatch)
    assert [each for each in verdict.requirements if each.met is False] == []
    assert verdict.parameters == 170


def test_a_batch_of_one_and_a_tuple_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "one image alone is answered with [10]" in judged(FINE["squeeze"], tmp_path, monkeypatch).notes[0]
    assert "returns a tuple; judged by its first part" in " ".join(judged(FINE["a tuple"], tmp_path, monkeypatch).notes)


@pytest.mark.parametrize("wanted", ["Net('BN', dropout=0.1)", "Net"])
def test_arguments_can_be_given_or_are_those_that_the_file_builds_with(
    wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = net(arguments=", norm, dropout", init="self.more = nn.Linear(2, 3 if norm == 'BN' else 5)")
    text += "\nfor norm in ['GN', 'BN']:\n    model = Net(norm, 0.1)\n    train(model)\n"
    assert judged(text, tmp_path, monkeypatch, wanted).parameters == 170 + 9


def test_what_the_author_says_stands_beside_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [HEAD, NET.format(arguments="", init="pass", result="self.fc(x)"), training("Net()")]
    text = notebook(cells, printed={1: "Total params: 1,234", 2: LOG})
    verdict = judged(text, tmp_path, monkeypatch)
    assert verdict.judged == "cells 1 and 2, 11 lines"
    assert verdict.claim is not None
    assert (verdict.claim.best, verdict.claim.best_epoch, verdict.claim.last) == (9931, 3, 9926)
    assert verdict.said == (
        "claims 99.31 % in epoch 3 of 4 (the best of 4, seen on the test set); last epoch 99.26 % (the output of cell 3)",
        "its own recipe, as far as it could be read: SGD, rate 0.01, momentum 0.9; batches of 128; 15 epochs "
        "(--recipe found trains with it)",
        "its printed summary has 1,234 parameters, the network judged has 170",
    )
