"""Every console block of the documents is run, in order, in a folder that holds what its reader has by then.

Those that train do so on a few digits that the program draws. A name that no reader types as it stands, such as a run's folder
with a date in it, is taken for what it stands for.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from handgrad.cli import main
from judge.course.classes import EASY, NET, notebook, write
from judge.course.test_results import RUNNER
from test_documents import DOCUMENTS, ROOT, blocks, commands

ELSEWHERE = {
    "handgrad data --fetch": "asks mirrors; tests/digits/data/test_dataset_command.py does it with one of its own",
    "--on tcp://host:8786": "asks a machine called host; tests/cluster/test_dask.py has a scheduler",
    "--resume runs/20260101-120000-study-record-time": "goes on with what was begun on that machine",
}
"""Commands, or parts of them, that only another machine can do, and where they are tried."""
PROGRAMS = ("make", "python", "source", "pip", "cc", "./selftest")
"""What is no command of ours."""
QUICK = {"assignments.md", "tutorial-exercises.md"}
"""Documents whose commands take seconds; those of the others train, judge, export or write large books."""
ENDINGS = {"judge": (0, 1, 8), "predict": (0, 1)}
"""Exit statuses that are no fault: not met, no verdict, no digit; and 0 for all others."""
WRITTEN = ("--csv", "--report", "--out", "--junit", "--gradescope", "--classroom50", "--make-gradescope", "--explain")
# Half an hour of a reader's trainings in small: ten minutes on two busy cores.
LONG = [pytest.mark.long, pytest.mark.timeout(1200)]
RUN = re.compile(r"^runs/\d{8}-\d{6}-(.+)$")


def run(arguments: list[str]) -> int:
    """Return the exit status of the program with these *arguments*."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@cache
def drawn() -> Path:
    """Return a folder of 300 drawn digits to train on and 100 to test, as IDX files."""
    from tempfile import mkdtemp

    from digits.idx_folders import write_folder
    from handgrad.digits.data.drawn import draw_digits

    (images, labels), (test, of_test) = draw_digits(300, seed=1), draw_digits(100, seed=2)
    arrays = {"train-images": images, "train-labels": labels, "t10k-images": test, "t10k-labels": of_test}
    return write_folder(Path(mkdtemp(prefix="handgrad-data-")), arrays, ending="")


def picture(path: Path) -> None:
    """Write a picture of three digits in a row, dark on light."""
    from PIL import Image

    from handgrad.digits.data.drawn import draw_digits

    images, _ = draw_digits(3, seed=4)
    row = np.concatenate(list(images), axis=1)
    Image.fromarray(255 - np.pad(row, 20)).resize((496, 272)).save(path)


def block(name: str, language: str, beginning: str) -> str:
    """Return the block of a document that begins with *beginning*."""
    (found,) = (each for each in blocks(ROOT / "docs" / name, language) if each.startswith(beginning))
    return found


def prepare(document: str) -> None:
    """Write into the working folder what the reader of *document* has."""
    for name in ("photo.jpg", "scan.png"):
        picture(Path(name))
    mine = {
        "tutorial-backprop.md": ("tutorial-backprop.md", ""),
        "zero-to-hand-in.md": ("zero-to-hand-in.md", "network"),
    }
    source, beginning = mine.get(document, ("tutorial-digits.md", "network"))
    Path("mine.toml").write_text(block(source, "toml", beginning))
    Path("mynet.toml").write_text((ROOT / "src/handgrad/backprop/presets/xor.toml").read_text(encoding="utf-8"))
    Path("net.py").write_text(block("tutorial-digits.md", "python", "from torch import nn"))
    parts = ('name = "first-digits"', "[points]", "[gradescope]")
    text = "\n".join(block("tutorial-teacher.md", "toml", beginning) for beginning in parts)
    Path("first-digits.toml").write_text(text)
    Path("easy.toml").write_text(EASY)
    Path("ada.py").write_text(NET)
    printed = (
        f"Test set: Average loss: 0.05, Accuracy: {right}/10000 ({right / 100:.2f}%)" for right in range(9800, 9960, 20)
    )
    Path("log.txt").write_text("\n".join(printed) + "\n")
    write(Path("class"), {"ada.py": NET, "ben/hw.ipynb": notebook(NET)})
    shutil.make_archive("class", "zip", "class")
    write(Path("submission"), {"ada.py": NET})
    Path("hw.ipynb").write_text(notebook("from torch import nn", NETS))
    Path("moodle.csv").write_text(
        "Identifier,Full name,Email address,Status,Grade,Feedback comments\nParticipant 1,ada,,,,\n"
    )


NETS = """class Net(nn.Sequential):
    def __init__(self, norm="BN", dropout=0.1):
        super().__init__(
            nn.Conv2d(1, 8, 5, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout),
            nn.Linear(8, 10),
        )
"""


def before(line: str) -> None:
    """Make what *line* needs and the document does not make itself."""
    words = shlex.split(line)[1:]
    for option, name in pairwise(words):
        # A page shows more than one way to the same file, and none is written over another.
        if option in WRITTEN and "--resume" not in words and Path(name).is_file():
            Path(name).unlink(missing_ok=True)
    for word in words:
        if word in ("homework.xlsx", "sheet.xlsx") and not Path(word).exists() and "judge" in line:
            assert run(["backprop", "--steps", "3", "--out", word]) == 0
        if word == "done.xlsx":
            key = ["--key", "task-key.xlsx"]
            assert run(["backprop", "--exercise", "--out", word, *key]) == 0
    if re.search(r"\b(predict|export|page) quick\b", line) and not list(Path("runs").glob("*-quick-s0")):
        assert run(["train", "quick", "--set", "epochs=2", "--threads", "1"]) == 0


def meant(line: str) -> list[str]:
    """Return the words of *line* with the folders of runs that are there instead of those that are shown."""
    words = []
    for word in shlex.split(line)[1:]:
        shown = RUN.match(word)
        if shown:
            word = str(newest(f"*-{shown[1]}"))
        elif re.fullmatch(r"runs/(a|b|adam|sgd)", word):
            copy = Path(word)
            if not copy.exists():
                place = 0 if word.endswith(("a", "adam")) else 1
                shutil.copytree(two_runs()[place], copy)
        words.append(word)
    # The drawn digits are fewer than a reader holds out.
    if "--holdout" in words:
        words[words.index("--holdout") + 1] = "100"
    elif words[0] == "sweep" and "--over" in words:
        words += ["--holdout", "100"]
    return words


def newest(pattern: str) -> Path:
    """Return the newest run of that name; one is made where the document shows one of a reader's own."""
    found = sorted(Path("runs").glob(pattern))
    if not found:
        assert run(["train", "quick", "--set", "epochs=2", "--threads", "1"]) == 0
        found = sorted(Path("runs").glob(pattern))
    return found[-1]


def two_runs() -> list[Path]:
    """Return the two newest finished runs; they are trained where there are fewer."""
    while len(found := [path.parent for path in sorted(Path("runs").glob("2*/summary.json"))]) < 2:
        assert run(["train", "quick", "--seed", str(7 + len(found)), "--set", "epochs=2", "--threads", "1"]) == 0
    return found[-2:]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(path, id=path.name, marks=[] if path.name in QUICK else LONG)
        for path in DOCUMENTS
        if commands(path)
    ],
)
def test_the_console_blocks_of_a_document_run_in_their_order(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDGRAD_DATA", str(drawn()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # What a runner of Classroom 50 sets, in which the teacher's command for it stands.
    for name, value in RUNNER.items():
        monkeypatch.setenv(name, value)
    prepare(document.name)
    for line in commands(document):
        words = shlex.split(line)
        if words[0] in PROGRAMS or any(part in line for part in ELSEWHERE):
            continue
        assert words[0] == "handgrad", line
        before(line)
        status = run(meant(line))
        assert status in ENDINGS.get(words[1], (0,)), f"{line}: {status}: {capsys.readouterr().err[-2000:]}"


def test_what_is_left_out_stands_in_a_document() -> None:
    lines = [line for path in DOCUMENTS for line in commands(path)]
    for part in ELSEWHERE:
        assert any(part in line for line in lines), part
    assert {path.name for path in DOCUMENTS} >= QUICK


def test_a_command_that_fails_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check: Callable[..., None] = test_the_console_blocks_of_a_document_run_in_their_order
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```console\n$ handgrad summary nothing-16k\n```\n")
    with pytest.raises(AssertionError, match="handgrad summary nothing-16k: 2"):
        check(wrong, tmp_path, monkeypatch, capsys)
