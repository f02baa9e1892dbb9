"""The network that a program builds is judged with the arguments that it gives, by whatever name it calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import Verdict
from judge.handed_in.hand_ins import HEAD
from judge.here import judging_here
from judge.hostile_run import small_data

DATA = small_data()
ASKED = parse_assignment("[parameters]\nfewer_than = 200", "asked")
CLASS = """
{before}class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, width, 3), nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))

    @classmethod
    def small(cls):
        return cls(12)

    @staticmethod
    def of(width):
        return Net(width)

"""
WIDE = """
class Wide(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 3 * width, 3), nn.Linear(3 * width, 10)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))

"""
TRAINED = "\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
REGISTRY = (
    "MODELS = {}\n\ndef register(made):\n    MODELS[made.__name__.lower()] = made\n    return made\n\n@register\n"
)

# Each builds Net(12), which has 12·9 + 12 + 12·10 + 10 = 250 parameters; Net() has 170 and would meet what is asked.
WAYS = {
    "an alias": "Model = Net\nmodel = Model(12)",
    "an alias of an alias": "Model = Net\nChosen = Model\nmodel = Chosen(12)",
    "a partial": "from functools import partial\nbuild = partial(Net, 12)\nmodel = build()",
    "a partial called at once": "import functools\nmodel = functools.partial(Net, width=12)()",
    "a lambda": "build = lambda width: Net(width)\nmodel = build(12)",
    "a table of classes": "MODELS = {'small': Net}\nmodel = MODELS['small'](width=12)",
    "a table made by dict": "MODELS = dict(small=Net)\nmodel = MODELS['small'](width=12)",
    "a table of lambdas": "MODELS = {'small': lambda: Net(12)}\nmodel = MODELS['small']()",
    "a list of classes": "MODELS = [Net]\nmodel = MODELS[0](12)",
    "a class method": "model = Net.small()",
    "a static method": "model = Net.of(12)",
    "the method of another class": "class Maker:\n    @staticmethod\n    def of(): return Net(12)\n\nmodel = Maker.of()",
    "a name in globals": "model = globals()['Net'](12)",
    "a name in vars": "model = vars()['Net'](width=12)",
    "getattr": "import sys\nmodel = getattr(sys.modules[__name__], 'Net')(12)",
    "a comprehension": "models = [Net(width) for width in (4, 12)]\nmodel = models[-1]",
    "a table of networks": "models = {'a': Net(4), 'b': Net(12)}\nmodel = models['b']",
    "a call with stars": "config = dict(width=12)\nmodel = Net(**config)",
}  # fmt: skip


def judged(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """Return the verdict, without training, on *text* as a file."""
    file = folder / "net.py"
    file.write_text(text, encoding="utf-8")
    return judge_network(str(file), ASKED, static=True, data=DATA, level=judging_here(monkeypatch))


def parameters(verdict: Verdict) -> str:
    """Return what the verdict found of parameters."""
    return next(each.found for each in verdict.requirements if "parameters" in each.name)


@pytest.mark.parametrize("way", WAYS)
def test_a_network_is_judged_as_it_is_built(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judged(HEAD + CLASS.format(before="") + WAYS[way] + TRAINED, tmp_path, monkeypatch)
    assert (verdict.verdict, "250" in parameters(verdict)) == ("not met", True), parameters(verdict)


def test_a_class_of_a_registry_is_built_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + CLASS.format(before=REGISTRY) + "model = MODELS['net'](width=12)" + TRAINED
    assert "250" in parameters(judged(text, tmp_path, monkeypatch))


@pytest.mark.parametrize(("key", "count"), [("small", "250"), ("wide", "730")])
def test_a_table_of_two_classes_gives_the_one_that_is_asked_for(
    key: str, count: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = f"MODELS = {{'small': Net, 'wide': Wide}}\nmodel = MODELS['{key}'](12)"
    verdict = judged(HEAD + CLASS.format(before="") + WIDE + tables + TRAINED, tmp_path, monkeypatch)
    assert count in parameters(verdict)


def test_asking_a_network_out_of_a_table_builds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "nets = {'a': Net(12)}\nmodel = nets['a']\nscores = nets['a'](torch.zeros(2, 1, 28, 28))"
    verdict = judged(HEAD + CLASS.format(before="") + asked + TRAINED, tmp_path, monkeypatch)
    assert "250" in parameters(verdict)
