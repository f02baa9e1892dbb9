"""What the documents say is so: code blocks run, commands and options exist, links and pictures lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from plain_words import breaches, prose_of

ROOT = Path(__file__).parents[1]
INSIDE = sorted((ROOT / "src" / "handgrad").rglob("README.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), *INSIDE]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    """Return the code blocks of *language* that are not marked ``no-run``."""
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    return [body for name, note, body in found if name == language and "no-run" not in note]


def commands(path: Path) -> list[str]:
    """Return every ``handgrad`` and ``make`` line that a document shows to be typed."""
    lines = "\n".join(blocks(path, "console")).splitlines()
    typed = [line.removeprefix("$ ").split("  #")[0].strip() for line in lines if line.startswith("$ ")]
    return [re.sub(r"^\S*bin/", "", part.strip()) for line in typed for part in line.split("&&")]


@cache
def help_of(command: str) -> str:
    """Return what ``handgrad COMMAND --help`` prints, wide enough that no option is cut."""
    run = subprocess.run(
        [sys.executable, "-m", "handgrad", command, "--help"], capture_output=True, text=True, env={"COLUMNS": "200"}
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_shown_exists(path: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands(path):
        words = shlex.split(line)
        if words[0] == "make":
            assert words[1] in targets, line
        if words[0] == "handgrad":
            known = help_of(words[1])
            for option in (word.split("=")[0] for word in words[2:] if word.startswith("--")):
                assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known), f"{line}: {option} is no option"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_and_picture_leads_to_a_file(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{path.name} → {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_python_block_runs_and_prints_what_stands_below_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks of a document go on from each other; ``# → …`` is what the line before it prints."""
    monkeypatch.chdir(tmp_path)
    # A module with a file, as a reader's script is one: where the source of a class is asked for, it is there.
    script, module = tmp_path / "document.py", ModuleType("document")
    module.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "document", module)
    written = ""
    for block in blocks(path, "python"):
        script.write_text(written + block)
        exec(compile("\n" * written.count("\n") + block, str(script), "exec"), vars(module))
        written += block
        printed = capsys.readouterr().out.splitlines()
        shown = re.findall(r"^# → (.*)$", block, re.MULTILINE)
        assert not shown or printed == shown


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: path.parent.name)
def test_the_files_that_a_folders_readme_names_are_there(path: Path) -> None:
    named = re.findall(r"`([\w./]+(?:\.py|/))`", path.read_text(encoding="utf-8"))
    assert named
    for name in named:
        places = (path.parent / name, path.parent.parent / name, ROOT / name)
        assert any(place.exists() for place in places), name


WRITTEN = [
    *DOCUMENTS, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*/*.md")), *sorted((ROOT / "src").rglob("*.py")),
]  # fmt: skip
"""Whatever a person reads: documents, and in the source the help texts, messages, sheets, pages and docstrings."""


def test_everything_that_is_read_is_in_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{place} {breach}"
        for path in WRITTEN
        for place, text in prose_of(path)
        for breach in breaches(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "It mends what is missing.",
        "The table is written anew.",
        "One line a\nstep, hence a long table.",
        "It trained for 1 epochs.",
        "the net input of h1",
        "notes is no folder",
    ],
)
def test_words_that_are_not_plain_are_found(text: str) -> None:
    assert list(breaches(text))


@pytest.mark.parametrize(
    "text",
    [
        "its pre-activation (elsewhere: net input, logit, or z)",
        "one line per step",
        "there is no folder",
        "amendments and 21 epochs",
        "twice a second",
    ],
)
def test_plain_words_pass(text: str) -> None:
    assert not list(breaches(text))


def test_the_checks_find_what_is_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```python\nprint(3)\n# → 4\n```\n")
    with pytest.raises(AssertionError):
        test_every_python_block_runs_and_prints_what_stands_below_it(wrong, tmp_path, monkeypatch, capsys)


def test_the_checks_find_a_wrong_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("```console\n$ handgrad train --sed 3\n```\n")
    with pytest.raises(AssertionError, match="--sed is no option"):
        test_every_command_and_option_shown_exists(wrong)
