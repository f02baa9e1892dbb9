"""Where and how the program is started: every command under every encoding, and in places that lack what a program expects.

Each runs as a user runs it, in a process of its own: no traceback, one line where it refuses, and the status that fits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import write_network
from handgrad.cli.app import command_names

ASSIGNMENT = """parameters = { fewer_than = 20_000 }
accuracy = { at_least = 5.0, held = "last" }
[recipe]
epochs = 1
batch_size = 32
optimizer = { name = "adam", learning_rate = 0.01 }
"""
COMMANDS: Mapping[str, Sequence[str]] = {
    "backprop": ["backprop", "--steps", "2", "--out", "book.xlsx", "--json"],
    "judge": ["judge", "book.xlsx"],
    "train": ["train", "small.toml", "--data", "data", "--out", "runs"],
    "train another": ["train", "small.toml", "--data", "data", "--out", "runs", "--seed", "1"],
    "study": ["study", "small.toml", "--data", "data", "--seeds", "0..1", "--out", "runs"],
    "runs": ["runs", "runs"],
    "report": ["report", "runs/one"],
    "compare": ["compare", "runs/one", "runs/two", "--out", "compared.html"],
    "export": ["export", "runs/one", "--to", "c", "--out", "exported"],
    "summary": ["summary", "net.py:Net"],
    "data": ["data", "--data", "data"],
    "page": ["page", "--out", "page.html"],
    "assignments": ["assignments"],
    "doctor": ["doctor"],
}
"""One line for each command; what a later one reads an earlier one has made."""
WHOLE_TABLE = 1800
"""Seconds for all commands one after another: on a machine that does other things too they take longer than one test may."""
NETWORK_JUDGED = ["judge", "net.py:Net", "--assignment", "easy.toml", "--data", "data", "--static"]
ELSEWHERE = {"exercise", "predict", "digits-sheet", "sweep", "audit"}
"""Commands that need what this table does not make, or an optional part; their own tests run them."""


@dataclass(frozen=True)
class Place:
    """A folder with data, a network, a recipe and an assignment, and how the program is started there."""

    folder: Path
    environment: Mapping[str, str]
    flags: Sequence[str] = ()
    before: str = ""
    """What a shell does first."""

    def run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        """Run the program with *arguments*."""
        program = [sys.executable, *self.flags, "-m", "handgrad", *arguments]
        command = ["sh", "-c", f'{self.before}\nexec "$@"', "sh", *program]
        environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "HOME": str(self.folder)}
        environment |= {"PYTHONPATH": os.pathsep.join(sys.path)} | self.environment
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=300, check=False)

    def works(self, arguments: Sequence[str]) -> None:
        """Run the program and fail unless it ends well; what it says must be readable in the encoding of its streams."""
        done = self.run(arguments)
        encoding = self.environment.get("PYTHONIOENCODING", "utf-8")
        said = f"{arguments}: {done.stderr.decode(encoding)}{done.stdout.decode(encoding)[-400:]}"
        assert done.returncode == 0 and "Traceback" not in said, said
        if arguments[0] == "train":
            name_runs(self.folder / "runs")


def name_runs(root: Path) -> None:
    """Give the first two runs below *root* the names by which the commands of the table ask for them."""
    kept = [path for path in sorted(root.glob("*/environment.json")) if not path.parent.is_symlink()]
    for name, file in zip(("one", "two"), kept, strict=False):
        if not (root / name).exists():
            (root / name).symlink_to(file.parent.name)


def made(folder: Path) -> Path:
    """Make *folder* with all that the commands read."""
    write_folder(folder / "data", digit_arrays(200, 60), ending="")
    write_network(folder)
    (folder / "small.toml").write_text('network = "net.py:Net"\nepochs = 1\nbatch_size = 64\n')
    (folder / "easy.toml").write_text(ASSIGNMENT)
    return folder


def test_every_command_stands_in_the_table() -> None:
    assert set(command_names()) <= COMMANDS.keys() | ELSEWHERE


def test_a_command_of_each_wing_under_an_encoding_without_our_signs(tmp_path: Path) -> None:
    place = Place(made(tmp_path), {"PYTHONIOENCODING": "cp437"})
    for name in ("backprop", "judge", "assignments", "data"):
        place.works(COMMANDS[name])


@pytest.mark.long
@pytest.mark.timeout(WHOLE_TABLE)
@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp932", "ascii", "latin-1"])
def test_every_command_under_every_encoding(tmp_path: Path, encoding: str) -> None:
    place = Place(made(tmp_path), {"PYTHONIOENCODING": encoding})
    for arguments in (*COMMANDS.values(), NETWORK_JUDGED):
        place.works(arguments)


STARTS: Mapping[str, Place] = {
    "no HOME": Place(Path(), {}, before="unset HOME"),
    "HOME that cannot be written": Place(Path(), {"HOME": "/proc/nothing"}),
    "TMPDIR that is missing": Place(Path(), {"TMPDIR": "/nonexistent/folder"}),
    "umask 077": Place(Path(), {}, before="umask 077"),
    "every warning an error": Place(Path(), {}, flags=("-W", "error")),
    "no assertions": Place(Path(), {}, flags=("-O",)),
    "no locale": Place(Path(), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
}


@pytest.mark.long
@pytest.mark.timeout(WHOLE_TABLE)
@pytest.mark.parametrize("start", STARTS)
def test_every_command_however_it_is_started(tmp_path: Path, start: str) -> None:
    made(tmp_path)
    place = Place(tmp_path, STARTS[start].environment, STARTS[start].flags, STARTS[start].before)
    for arguments in (*COMMANDS.values(), NETWORK_JUDGED):
        place.works(arguments)


@pytest.mark.long
@pytest.mark.timeout(WHOLE_TABLE)
@pytest.mark.parametrize(
    "name",
    [
        "with spaces  two",
        "a\nline break",
        "x" * 120 + "/" + "y" * 120,
        "\u05e9\u05dc\u05d5\u05dd \u202e",
        "-dash",
        "%s{0}",
    ],
)
def test_every_command_in_a_folder_of_an_odd_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    place = Place(made(tmp_path / name), {})
    for arguments in (*COMMANDS.values(), NETWORK_JUDGED):
        place.works(arguments)


@pytest.mark.long
@pytest.mark.timeout(WHOLE_TABLE)
def test_every_command_with_an_installation_that_cannot_be_written(tmp_path: Path) -> None:
    source = Path(sys.modules["handgrad"].__file__ or "").parents[1]
    inside = f"mount --bind {source} {source} && mount -o remount,ro,bind {source}"
    if subprocess.run(["unshare", "-m", "sh", "-c", inside], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    made(tmp_path)
    for arguments in (*COMMANDS.values(), NETWORK_JUDGED):
        place = Place(tmp_path, {}, before=f'exec unshare -m sh -c \'{inside} && exec "$@"\' sh "$@"')
        place.works(arguments)


@pytest.mark.long
@pytest.mark.timeout(WHOLE_TABLE)
def test_few_open_files_are_enough_or_told_in_a_line(tmp_path: Path) -> None:
    place = Place(made(tmp_path), {}, before="ulimit -n 20")
    for arguments in (*COMMANDS.values(), NETWORK_JUDGED):
        done = place.run(arguments)
        lines = done.stderr.decode().splitlines()
        assert "Traceback" not in done.stderr.decode(), done.stderr.decode()
        refused = [line for line in lines if line.startswith("error: ")]
        assert len(refused) <= 1 and (done.returncode == 0) == (not refused), (arguments, done.returncode, lines)
        name_runs(tmp_path / "runs")


@pytest.mark.long
@pytest.mark.timeout(WHOLE_TABLE)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_every_command_that_prints_ends_with_6_where_its_output_is_full(tmp_path: Path) -> None:
    plain, full = Place(made(tmp_path / "a"), {}), Place(made(tmp_path / "b"), {}, before="exec > /dev/full")
    for arguments in (*COMMANDS.values(), NETWORK_JUDGED):
        expected, done = plain.run(arguments), full.run(arguments)
        assert expected.returncode == 0, (arguments, expected.stderr)
        assert done.returncode == (6 if expected.stdout else 0), (arguments, done.stderr)
        assert b"Traceback" not in done.stderr
        for place in (plain, full):
            name_runs(place.folder / "runs")


def test_a_working_folder_that_is_gone_is_told_before_anything_else(tmp_path: Path) -> None:
    expected = "error: the working folder is gone – found nothing there – change to another folder\n"
    for arguments in (["train"], ["assignments"]):
        (tmp_path / "here").mkdir()
        done = Place(tmp_path, {}, before="cd here && rmdir ../here").run(arguments)
        assert (done.returncode, done.stderr.decode(), done.stdout) == (2, expected, b"")


def test_a_program_that_is_not_on_the_path_of_an_isolated_python_runs(tmp_path: Path) -> None:
    """``-I`` takes neither the folder nor the environment: the installed package must do."""
    program = shutil.which("handgrad", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("handgrad is not installed beside this Python")
    done = subprocess.run(
        [sys.executable, "-I", program, "assignments"], capture_output=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
