"""The network that a program builds is judged with the arguments that it gives, by whatever name it calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import Verdict
from judge.handed_in.hand_ins import HEAD, notebook
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

    @classmethod
    def title(cls):
        return cls.__name__.upper()

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
    return of_file(file, monkeypatch)


def of_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """Return the verdict, without training, on *file* with what lies beside it."""
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


# Learners leave files open, of which this Python warns; in the judge it is a process of theirs.
LEFT_OPEN = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

# What decides lies in a file beside it, which says {"type": "Wide", "width": 12}: 3·12·9 + 36 + 360 + 10 = 730 parameters.
LOADED = "import json\nconfig = json.load(open('config.json'))\n"
SETTINGS = {
    "read at once": f"{LOADED}model = Wide(config['width'])",
    "read in a block": "import json\nwith open('config.json', 'r') as file:\n    config = json.load(file)\n"
        "model = Wide(config['width'])",
    "read by a path": "import json\nfrom pathlib import Path\nwith Path('config.json').open() as file:\n"
        "    config = json.load(file)\nmodel = Wide(config['width'])",
    "read beside the module": "import json, os\nhere = os.path.dirname(os.path.abspath(__file__))\n"
        "config = json.load(open(os.path.join(here, 'config.json')))\nmodel = Wide(config['width'])",
    "read by a function": "import json\ndef load(path):\n    with open(path) as file:\n        return json.load(file)\n"
        "config = load('config.json')\nmodel = Wide(config['width'])",
    "read by a command line": "import argparse, json\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--config', default='config.json')\nargs = parser.parse_args()\n"
        "with open(args.config) as file:\n    config = json.load(file)\nmodel = Wide(config['width'])",
    "another kind of file": "import configparser\nconfig = configparser.ConfigParser()\nconfig.read('config.ini')\n"
        "model = Wide(config.getint('net', 'width'))",
    "named in globals": f"{LOADED}model = globals()[config['type']](config['width'])",
    "named in the module": f"import sys\n{LOADED}model = getattr(sys.modules[__name__], config['type'])(width=config['width'])",
    "named in a table": f"{LOADED}model = {{'Net': Net, 'Wide': Wide}}[config['type']](config['width'])",
    "got from a table": f"{LOADED}MODELS = {{'Net': Net, 'Wide': Wide}}\nmodel = MODELS.get(config['type'])(config['width'])",
    "named for eval": f"{LOADED}model = eval(config['type'])(config['width'])",
    "built by a function": f"{LOADED}def build(name, width):\n    return globals()[name](width)\n"
        "model = build(config['type'], config['width'])",
    "decided by a condition": f"{LOADED}if config['type'] == 'Wide':\n    model = Wide(config['width'])\n"
        "else:\n    model = Net(12)",
    "decided in one line": f"{LOADED}model = Wide(config['width']) if config['type'] == 'Wide' else Net(12)",
    "decided and moved": f"{LOADED}model = (Wide(12) if config['type'] == 'Wide' else Net(12)).to('cpu')",
}  # fmt: skip


@LEFT_OPEN
@pytest.mark.parametrize("way", SETTINGS)
def test_settings_that_are_handed_in_decide_what_is_built(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"type": "Wide", "width": 12}')
    (tmp_path / "config.ini").write_text("[net]\nwidth = 12\n")
    verdict = judged(HEAD + CLASS.format(before="") + WIDE + SETTINGS[way] + TRAINED, tmp_path, monkeypatch)
    assert "730" in parameters(verdict)


# In a function what is read is its own; nothing of it trains before the network is made.
INSIDE = {
    "read and used": "import json\ndef main():\n    with open('config.json') as file:\n        config = json.load(file)\n"
        "    width = config['width']\n    model = Wide(width)\n    {trained}\nif __name__ == '__main__':\n    main()",
    "given by its caller": "import json\ndef load(path='config.json'):\n    return json.load(open(path))\ndef main(config):\n"
        "    model = Wide(config['width'])\n    {trained}\nif __name__ == '__main__':\n    main(load())",
}  # fmt: skip


@LEFT_OPEN
@pytest.mark.parametrize("way", INSIDE)
def test_settings_are_read_in_functions_too(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"width": 12}')
    text = INSIDE[way].format(trained=TRAINED.strip())
    assert "730" in parameters(judged(HEAD + CLASS.format(before="") + WIDE + text, tmp_path, monkeypatch))


def test_what_a_function_changes_is_not_taken_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = (
        "def main():\n    config = make()\n    config['width'] = 30\n    model = Net(config['width'])\n"
        f"    {TRAINED.strip()}\ndef make():\n    return {{'width': 12}}\nmain()"
    )
    verdict = judged(HEAD + CLASS.format(before="") + changed, tmp_path, monkeypatch)
    assert verdict.verdict == "no verdict" and "the value of config is not written there" in verdict.notes[0]


LOOPS = [
    "for width in (4, 12):", "for number, width in enumerate([4, 12]):", "for width, rate in zip([4, 12, 9], (0.1, 0.2)):",
    "for name, width in {'small': 4, 'large': 12}.items():", "for width in {'small': 4, 'large': 12}.values():",
    "for width in range(4, 13, 4):", "for width, (rate, decay) in [(4, (1, 2)), (12, (3, 4))]:", "for width in tqdm([4, 12]):",
    "for width, rate in itertools.product(WIDTHS, [0.1, 0.2]):", "for number, (width, rate) in enumerate(zip(WIDTHS, (1, 2))):",
]  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
def test_of_a_loop_the_last_network_is_judged(loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"import itertools\nfrom tqdm import tqdm\nWIDTHS = [4, 12]\n{loop}\n    model = Net(width)\n    {TRAINED.strip()}"
    assert "250" in parameters(judged(HEAD + CLASS.format(before="") + text, tmp_path, monkeypatch))


def test_settings_that_were_not_handed_in_are_no_fault_of_the_author(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judged(
        HEAD + CLASS.format(before="") + f"{LOADED}model = Net(config['width'])" + TRAINED, tmp_path, monkeypatch
    )
    assert verdict.verdict == "no verdict"
    assert "config.json" in verdict.notes[0], verdict.notes


# The text alone says which branch is taken, in functions too; the other is built by nobody.
BRANCHES = {
    "a command line": "import argparse\ndef main():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--model', default='wide')\n    args = parser.parse_args()\n    if args.model == 'wide':\n"
        "        model = Wide(12)\n    elif args.model == 'net':\n        model = Net(12)\n    {trained}\n"
        "if __name__ == '__main__':\n    main()",
    "a default": "def main(kind='Wide'):\n    if kind.lower() == 'wide':\n        model = Wide(12)\n    else:\n"
        "        model = Net(12)\n    {trained}\nmain()",
    "a class of settings": "class CFG:\n    arch = 'wide'\ndef main():\n    if CFG.arch != 'net':\n        model = Wide(12)\n"
        "    else:\n        model = Net(12)\n    {trained}\nmain()",
    "a flag": "SMALL = False\ndef main():\n    model = Net(12) if SMALL else Wide(12)\n    {trained}\nmain()",
    "several words": "KIND = 'wide'\ndef main():\n    if KIND in ('wide', 'wider') and not KIND == 'net':\n"
        "        model = Wide(12)\n    else:\n        model = Net(12)\n    {trained}\nmain()",
}  # fmt: skip


@pytest.mark.parametrize("way", BRANCHES)
def test_what_a_program_never_builds_is_not_judged(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = BRANCHES[way].format(trained=TRAINED.strip())
    verdict = judged(HEAD + CLASS.format(before="") + WIDE + text, tmp_path, monkeypatch)
    assert "730" in parameters(verdict)


def test_a_name_with_several_values_decides_nothing_before_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = (
        "def main():\n    for kind in ('net', 'wide'):\n        if kind == 'wide':\n            model = Wide(12)\n"
        f"        else:\n            model = Net(12)\n        {TRAINED.strip()}\nmain()"
    )
    verdict = judged(HEAD + CLASS.format(before="") + WIDE + "kind = 'wide'\n" + loop, tmp_path, monkeypatch)
    # The last that the text builds, and the reader is told.
    assert "250" in parameters(verdict) and "the last that the file trains" in verdict.notes[0]


def test_a_class_method_that_makes_nothing_is_no_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + CLASS.format(before="") + "model = Net(12)\nheading = Net.title()\n"
    assert "250" in parameters(judged(text, tmp_path, monkeypatch))


def test_an_optimizer_by_name_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{LOADED}model = Net(12)\noptimizer = getattr(torch.optim, config['type'])(model.parameters(), lr=0.1)\n"
    assert "250" in parameters(judged(HEAD + CLASS.format(before="") + text, tmp_path, monkeypatch))


def below(text: str) -> str:
    """Return *text* indented by four."""
    return "".join(f"    {line}\n" if line else "\n" for line in text.split("\n"))


MAIN = "if __name__ == '__main__':\n"
ACT = CLASS.format(before="").replace("F.relu(self", "act(self")
IMPORTED = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
# Programs that run for their authors: what the network needs stands below a condition, in some with a print beside it.
STARTED = {
    "an import": f"import torch\nimport torch.nn as nn\n{MAIN}    import torch.nn.functional as F\n{CLASS.format(before='')}",
    "a value": f"{IMPORTED}{ACT}{MAIN}    act = F.relu\n",
    "the class": f"{IMPORTED}{MAIN}{below(CLASS.format(before=''))}",
    "everything": f"{MAIN}{below(IMPORTED + CLASS.format(before=''))}",
    "a function with a decorator": f"{IMPORTED}from functools import cache\n{ACT}{MAIN}    x = 1\n    @cache\n"
        "    def chosen():\n        return F.relu\n    act = chosen()\n",
    "a block indented by tabs": f"{IMPORTED}{ACT}{MAIN}\t# as a program\n\tdef act(x):\n\t\treturn F.relu(x)\n\tx = 1\n",
    "one line": f"{IMPORTED}{ACT}if '__main__' == __name__: act = F.relu; x = 1\n",
    "the other way round": f"{IMPORTED}{ACT}if __name__ != '__main__':\n    act = None\nelse:\n    # as a program\n"
        "    act = F.relu\n",
    "a condition that prints": f"{IMPORTED}import sys\nif sys.version_info > (3,):\n    act = F.relu\n    print('Python 3')\n"
        f"else:\n    act = None\n{ACT}",
    "a block that prints": f"{IMPORTED}with torch.no_grad():\n    print('ready')\n    act = F.relu\n{ACT}",
    "a loop that prints": f"{IMPORTED}for act in (None, F.relu):\n    print(act)\n{ACT}",
}  # fmt: skip


@pytest.mark.parametrize("way", STARTED)
def test_a_file_is_judged_as_the_program_that_its_author_starts(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judged(STARTED[way] + "model = Net(12)" + TRAINED, tmp_path, monkeypatch)
    assert "250" in parameters(verdict)


def test_a_line_below_the_condition_keeps_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = STARTED["the class"].replace("nn.Linear(width, 10)", "nn.Lineer(width, 10)")
    line = 1 + wrong[: wrong.index("Lineer")].count("\n")
    verdict = judged(wrong + "model = Net(12)" + TRAINED, tmp_path, monkeypatch)
    assert any(each.found.startswith(f"line {line}: AttributeError") for each in verdict.requirements)


def test_a_module_that_another_imports_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("")
    (tmp_path / "parts" / "ways.py").write_text(
        "import torch.nn.functional as F\n\ndef act(x):\n    return F.relu(x)\n"
    )
    (tmp_path / "parts" / "blocks.py").write_text(
        f"{MAIN}    import ways\n    act = None\nelse:\n    from . import ways\n    act = ways.act\n"
    )
    text = f"{IMPORTED}from parts.blocks import act\n{ACT}model = Net(12){TRAINED}"
    assert "250" in parameters(judged(text, tmp_path, monkeypatch))


HELPER = "import torch.nn.functional as F\n\ndef act(x):\n    return F.relu(x)\n"
RUN = {
    "a program": ("%run helper.py", "helper.py"),
    "with arguments": ("%run -i ./tools/helper.py --lr 0.1", "tools/helper.py"),
    "without its ending": ("%run helper", "helper.py"),
    "a name that is none of Python's": ("%run my-helper.py", "my-helper.py"),
    "another notebook": ("%run ./helper.ipynb", "helper.ipynb"),
    "an imported notebook": ("import import_ipynb\nfrom helper import act", "helper.ipynb"),
    "as it is exported": ("get_ipython().run_line_magic('run', 'helper.py')", "helper.py"),
}  # fmt: skip


@pytest.mark.parametrize("way", RUN)
def test_what_a_notebook_runs_belongs_to_it(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, place = RUN[way]
    helper = tmp_path / place
    helper.parent.mkdir(exist_ok=True)
    helper.write_text(notebook(["# helpers", HELPER]) if place.endswith(".ipynb") else HELPER)
    main = tmp_path / "hw.ipynb"
    main.write_text(notebook([IMPORTED, line, ACT, "model = Net(12)" + TRAINED]))
    assert "250" in parameters(of_file(main, monkeypatch))
    helper.unlink()
    verdict = of_file(main, monkeypatch)
    assert verdict.verdict == "no verdict" and "helper" in verdict.notes[0], verdict.notes


def test_the_network_itself_may_stand_in_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(IMPORTED + CLASS.format(before=""))
    (tmp_path / "hw.ipynb").write_text(notebook(["%run net.py", "model = Net(12)" + TRAINED]))
    assert "250" in parameters(of_file(tmp_path / "hw.ipynb", monkeypatch))


def test_a_notebook_called_like_a_library_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.ipynb").write_text(notebook(["x = 1"]))
    (tmp_path / "helper.ipynb").write_text(notebook([HELPER]))
    main = tmp_path / "hw.ipynb"
    main.write_text(notebook([IMPORTED, "%run helper.ipynb", ACT, "model = Net(12)" + TRAINED]))
    assert "250" in parameters(of_file(main, monkeypatch))


def test_arguments_that_are_not_written_there_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of a table, whose names are not known either."""
    text = HEAD + CLASS.format(before="") + "def main(options):\n    model = Net(**options)\n    train(model)\n"
    verdict = judged(text, tmp_path, monkeypatch)
    assert verdict.verdict == "no verdict" and verdict.notes[0].endswith("as in net.py:Net(…=…)"), verdict.notes
