"""Every person of a class is found, whatever a platform or a computer put beside what they handed in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from handgrad.errors import UsageError
from handgrad.judge.course.people import HandIn, find_people, one_hand_in
from judge.course.classes import NET, notebook, pack, write

MAC = b"\0\5\26\7Mac OS X"


def found(place: Path, tmp_path: Path) -> dict[str, HandIn]:
    """Return the people in *place* by name."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    people = find_people([place], scratch)
    assert len({each.person for each in people}) == len(people)
    return {each.person: each for each in people}


def chosen(hand_in: HandIn) -> str:
    return hand_in.file.name if hand_in.file is not None else hand_in.reason


def test_a_folder_for_each_person_gives_each_a_row_and_programs_leavings_none(tmp_path: Path) -> None:
    place = write(
        tmp_path / "class",
        {
            "ada/net.py": NET,
            "ben/model.py": NET,
            "ben/utils.py": "import math\n",
            "ben/train.py": "from model import Net\n",
            "cleo/hw.ipynb": notebook("%pip install torch\n!ls", NET),
            "dora/src/net.py": NET,
            "dora/layers/conv2d.py": "X = 1\n",
            "emil/report.pdf": b"%PDF",
            "fay/notes.py": "print('hello')\n",
            "__MACOSX/ada/._net.py": MAC,
            "ada/._net.py": MAC,
            "ada/.ipynb_checkpoints/net-checkpoint.py": NET,
            "ben/__pycache__/model.cpython-312.pyc": b"x",
            ".git/config": "x",
            "class.csv": "a,b\n",
        },
    )
    (place / "gus").mkdir()
    (place / "link.py").symlink_to("/etc/passwd")
    people = found(place, tmp_path)
    assert {name: chosen(each) for name, each in people.items()} == {
        "ada": "net.py",
        "ben": "model.py",
        "cleo": "hw.ipynb",
        "dora": "net.py",
        "emil": "nothing to judge: neither a Python file nor a notebook nor a workbook among report.pdf",
        "fay": "nothing to judge: no network is defined in notes.py",
        "gus": "nothing to judge: the folder is empty",
    }
    assert people["dora"].shown == "dora/src/net.py" and people["dora"].root == place / "dora"


def test_of_several_files_the_notebook_with_the_network_is_taken_and_the_others_are_named(tmp_path: Path) -> None:
    place = write(
        tmp_path / "class",
        {
            "ada/S6.ipynb": notebook("import torch\n", NET),
            "ada/S10.ipynb": notebook("print(1)\n"),
            "ada/old.py": NET,
            "ben/book.xlsx": b"PK",
            "cleo/a.ipynb": notebook("from parts import Block\nfrom model import Net\n"),
            "cleo/model.py": "from parts import Block\nclass Net(Block): pass\nfrom torch import nn\nx = nn.Sequential(1)\n",
            "cleo/parts.py": "import torch.nn as nn\nclass Block(nn.Module): pass\n",
        },
    )
    people = found(place, tmp_path)
    assert {name: chosen(each) for name, each in people.items()} == {
        "ada": "S6.ipynb",
        "ben": "book.xlsx",
        "cleo": "model.py",
    }
    assert people["ada"].others == ("old.py",) and people["ben"].is_book


def test_names_come_from_moodles_folders_and_files(tmp_path: Path) -> None:
    place = write(
        tmp_path / "class",
        {
            "Ada Byron_101_assignsubmission_file_/hw 1.ipynb": notebook(NET),
            "Ada Byron_101_assignsubmission_onlinetext_/onlinetext.html": "see file",
            "Zoë O'Neil-Müller_1020_assignsubmission_file/net.py": NET,
            "J_r_g von_7_assignsubmission_file_net.py": NET,
        },
    )
    people = found(place, tmp_path)
    assert {(each.person, each.number, chosen(each)) for each in people.values()} == {
        ("Ada Byron", "101", "hw 1.ipynb"),
        ("Zoë O'Neil-Müller", "1020", "net.py"),
        ("J_r_g von", "7", "net.py"),
    }


def test_canvas_puts_the_files_of_one_person_side_by_side_under_changed_names(tmp_path: Path) -> None:
    place = write(
        tmp_path / "class",
        {
            "byronada_LATE_101_555_model-2.py": "from utils import width\n" + NET,
            "byronada_101_556_utils.py": "width = 3\n",
            "omarali_102_557_hw.ipynb": notebook(NET),
            "nobody_103_558_essay.pdf": b"%PDF",
        },
    )
    people = found(place, tmp_path)
    assert {(each.person, each.number) for each in people.values()} == {
        ("byronada", "101"),
        ("omarali", "102"),
        ("nobody", "103"),
    }
    ada = people["byronada"]
    assert ada.root is not None and sorted(path.name for path in ada.root.iterdir()) == ["model.py", "utils.py"]
    assert people["nobody"].file is None


def test_files_side_by_side_are_people_but_modules_that_import_each_other_are_one(tmp_path: Path) -> None:
    several = write(tmp_path / "several", {"ada.py": NET, "ben.py": "from ada import Net\n" + NET, "notes.md": ""})
    assert list(found(several, tmp_path)) == ["ada", "ben"]
    assert all(each.root is None for each in found(several, tmp_path).values())
    one = write(tmp_path / "one", {"model.py": "import utils\n" + NET, "utils.py": "import model\n"})
    assert {name: chosen(each) for name, each in found(one, tmp_path).items()} == {"one": "model.py"}


def test_a_zip_from_a_mac_with_zips_in_it_is_opened_and_stays_inside(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"proj/model.py": NET, "proj/utils.py": "x = 1\n", "__MACOSX/._model.py": MAC})
    outer = pack(
        tmp_path / "submissions.zip",
        {
            "submissions/Jörg/hw.zip": inner.read_bytes(),
            "submissions/ada/net.py": NET,
            "submissions/bad/hw.zip": b"PK\3\4 no zip",
            "submissions/../../evil/net.py": NET,
            "submissions/ada/../../../outside.py": NET,
            "__MACOSX/submissions/ada/._net.py": MAC,
            "submissions/.DS_Store": b"x",
        },
    )
    people = found(outer, tmp_path)
    assert {name: chosen(each) for name, each in people.items()} == {
        "Jörg": "model.py",
        "ada": "net.py",
        "bad": "nothing to judge: hw.zip is not a complete zip – File is not a zip file – pack it again",
    }
    inside = [path for path in tmp_path.rglob("*") if path.name in ("evil", "outside.py")]
    assert inside == []


def test_a_zip_that_asks_for_a_password_or_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handgrad.judge.course.unpack.LARGEST_ALL", 1000)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("ada.py", b"#" * 5000)
    with pytest.raises(UsageError, match=r"bomb\.zip unpacks to more than"):
        found(bomb, tmp_path)
    locked = pack(tmp_path / "locked.zip", {"ada.py": NET})
    data = bytearray(locked.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + place] |= 1  # the bit that says: encrypted
    locked.write_bytes(data)
    with pytest.raises(UsageError, match=r"locked\.zip asks for a password"):
        found(locked, tmp_path)


def test_a_graders_folder_is_one_hand_in(tmp_path: Path) -> None:
    place = write(tmp_path / "submission", {"a.py": "x = 1\n", "b.py": NET})
    assert chosen(one_hand_in(place, tmp_path / "scratch")) == "b.py"
    with pytest.raises(UsageError, match="holds no hand-in"):
        find_people([write(tmp_path / "none", {"notes.md": ""})], tmp_path)


def test_a_drives_folder_names_people_before_their_files(tmp_path: Path) -> None:
    files = ("Ada Lovelace - S6.ipynb", "Bob - S6.ipynb", "Bob - model.py")
    write(
        tmp_path / "class",
        {files[0]: notebook(NET), files[1]: notebook("from model import Net", "Net()"), files[2]: NET},
    )
    write(tmp_path / "class", {"marks.csv": "a,b"})
    found = find_people([tmp_path / "class"], tmp_path / "scratch")
    assert [(each.person, each.shown) for each in found] == [("Ada Lovelace", files[0]), ("Bob", files[1])]
    # Where one name has no dash, none is a person's mark.
    write(tmp_path / "class", {"cy.py": NET})
    found = find_people([tmp_path / "class"], tmp_path / "again")
    assert {each.person for each in found} == {"Ada Lovelace - S6", "Bob - S6", "Bob - model", "cy"}


def test_of_numbered_modules_the_one_that_a_program_builds_last_is_taken(tmp_path: Path) -> None:
    files = {f"ada/model{number}.py": NET.replace("Net", f"Model{number}") for number in (1, 2, 10)}
    files["ada/train.py"] = "from models import *\nModel10()\nfor epoch in range(2):\n    train(Model2())\n"
    files["ada/test_all.py"] = "Model1()\n"
    found = find_people([write(tmp_path / "class", {**files, "bob.py": NET})], tmp_path / "scratch")
    assert [each.shown for each in found] == ["ada/model2.py", "bob.py"]
    assert found[0].others == ("model1.py", "model10.py")


BASE = NET.replace("Net", "BaseModel")
HEIR = "from base import BaseModel\nclass DigitModel(BaseModel):\n    pass\n"


def test_a_network_may_inherit_from_one_of_another_file(tmp_path: Path) -> None:
    # As project templates are laid out: the base has a package of its own, and a helper lies there that nothing imports.
    files = {
        "base/__init__.py": "from .base_model import *\n",
        "base/base_model.py": BASE,
        "model/model.py": HEIR,
        "model/deep.py": "from .model import DigitModel\nclass Deep(DigitModel):\n    pass\n",
        "trainer/__init__.py": "",
        "train.py": "import model.model as arch\nfrom base import *\nmake(arch)\n",
        "new_project.py": "import shutil\n",
    }
    people = found(write(tmp_path / "template", files), tmp_path)
    assert {name: chosen(each) for name, each in people.items()} == {"template": "deep.py"}
    # The base itself may not have been handed in: what it is then is the judge's to say.
    heir = HEIR.replace(
        "    pass", "    def __init__(self):\n        pass\n    def forward(self, x):\n        return x"
    )
    people = found(write(tmp_path / "alone", {"ann/nn.py": heir, "ann/a.py": "x = 1\n", "bob/net.py": NET}), tmp_path)
    assert chosen(people["ann"]) == "nn.py"
    # Of a class's files none is another's base, and a learner who imports one folder is no program of all.
    files = {f"{name}/model.py": NET for name in ("ann", "bob")} | {"cy.py": f"from model import Net\n{NET}"}
    assert sorted(found(write(tmp_path / "class", files), tmp_path)) == ["ann", "bob", "cy"]


def test_files_that_a_platform_put_side_by_side_are_shown_by_the_platforms_name(tmp_path: Path) -> None:
    files = {
        "bob_LATE_12_345_model-2.py": NET,
        "bob_LATE_12_347_S6-1.ipynb": notebook("from model import Net", "Net()"),
    }
    (found,) = find_people([write(tmp_path / "class", files)], tmp_path / "scratch")
    assert (found.person, found.shown) == ("bob", "bob_LATE_12_347_S6-1.ipynb")


def test_a_project_of_packages_that_import_each_other_is_one_persons(tmp_path: Path) -> None:
    files = {
        "train.py": "from src.models import Net\nNet(7)\n",
        "src/__init__.py": "",
        "src/utils.py": "WIDTH = 5\n",
        "src/models/__init__.py": "from .net import *\n",
        "src/models/net.py": f"from ..utils import WIDTH\n{NET}",
        "notes/ideas.md": "",
    }
    people = found(write(tmp_path / "project", files), tmp_path)
    assert {name: chosen(each) for name, each in people.items()} == {"project": "net.py"}
    # Two people who both have a module of a usual name are two, though each imports one that is called so.
    both = write(
        tmp_path / "class",
        {
            "ann/train.py": "from model import Net\n",
            "ann/model.py": NET,
            "bob/main.py": "import model\n",
            "bob/model.py": NET,
        },
    )
    assert sorted(found(both, tmp_path)) == ["ann", "bob"]


def test_who_handed_in_something_else_is_told_what_is_needed(tmp_path: Path) -> None:
    place = write(tmp_path / "class", {"ann/hw.html": "<html>", "bob/hw.tar.gz": b"x", "cy/essay.pdf": b"%PDF"})
    told = {name: each.reason.rpartition("among ")[2] for name, each in found(place, tmp_path).items()}
    assert told == {
        "ann": "hw.html – a printed notebook cannot be judged: the .ipynb itself is needed",
        "bob": "hw.tar.gz – of archives only .zip is opened",
        "cy": "essay.pdf",
    }


def test_a_program_that_looks_its_network_up_is_judged_itself(tmp_path: Path) -> None:
    """Of several networks the text does not show which one: none of them is taken by its place in the alphabet."""
    imports = "import torch, model.lenet as lenet, model.wide as wide\n"
    lines = {
        "module": "module = lenet if config['type'] == 'LeNet' else wide\nnet = getattr(module, config['type'])()\n",
        "globals": "net = globals()[config['type']](width=3)\n",
        "eval": "net = eval(config['type'])()\n",
        # An optimizer by name says nothing of the network, and a call by its own name says more.
        "optimizer": "make = getattr(torch.optim, config['optimizer'])(parameters)\n",
        "both": "net = getattr(wide, config['type'])()\nnet = wide.WideNet()\n",
    }
    judged = {}
    for name, line in lines.items():
        files = {"model/lenet.py": NET.replace("Net", "LeNet"), "model/wide.py": NET.replace("Net", "WideNet")}
        people = found(write(tmp_path / name, files | {"train.py": f"{imports}{line}"}), tmp_path)
        (judged[name],) = map(chosen, people.values())
    assert judged == {
        "module": "train.py", "globals": "train.py", "eval": "train.py", "optimizer": "lenet.py", "both": "wide.py"
    }  # fmt: skip


def test_settings_belong_to_what_a_verdict_depends_on(tmp_path: Path) -> None:
    settings = {f"config{end}": "width" for end in (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")}
    person = one_hand_in(write(tmp_path / "ada", {"net.py": NET, **settings, "digits.npy": ""}), tmp_path / "scratch")
    assert {path.name for path in person.files()} == {"net.py", *settings}
