"""The pages' scripts as code: types, lint, names that do not meet, and a join that keeps every module."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import handgrad.page.join as join
from handgrad.page.document import page_style
from handgrad.page.join import functions_module, join_modules, module_names, module_source

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools" / "node"
ENTRIES = ("lesson", "digits")
TOP = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (?:\[)?(\w+)", re.MULTILINE)


def tool(name: str) -> str:
    """Return the path of a development tool, or skip the test where it is not installed."""
    path = TOOLS / "node_modules" / ".bin" / name
    if shutil.which("node") is None or not path.exists():
        pytest.skip(f"{name} is not installed: npm ci --prefix tools/node")
    return str(path)


def test_the_type_comments_of_the_scripts_are_true() -> None:
    done = subprocess.run([tool("tsc"), "-p", str(TOOLS / "tsconfig.json")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_type_checker_sees_a_wrong_type(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.js"
    wrong.write_text("/** @type {number} */\nexport const count = 'two';\n")
    done = subprocess.run(
        [tool("tsc"), "--allowJs", "--checkJs", "--noEmit", "--strict", str(wrong)], capture_output=True, text=True
    )
    assert done.returncode != 0


def test_the_linter_finds_nothing_in_the_scripts() -> None:
    done = subprocess.run(
        [tool("oxlint"), "-c", str(TOOLS / ".oxlintrc.json"), "src/handgrad/page/scripts"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_two_modules_of_a_page_name_the_same_thing_at_their_top(entry: str) -> None:
    names = Counter(name for module in module_names(entry) for name in TOP.findall(module_source(module)))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_script_is_part_of_a_page_and_each_stands_behind_what_it_needs() -> None:
    files = {path.stem for path in join.SCRIPTS.glob("*.js")}
    assert files == {name for entry in ENTRIES for name in module_names(entry)}
    for entry in ENTRIES:
        order = module_names(entry)
        for place, name in enumerate(order):
            assert set(join.IMPORT.findall(module_source(name))) <= set(order[:place])


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_joined_script_has_no_import_no_comment_and_asks_for_nothing(entry: str) -> None:
    script = join_modules(entry)
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    assert "/**" not in script
    for call in ("fetch(", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "eval(", "innerHTML", "import("):
        assert call not in script


def test_modules_that_need_each_other_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.js").write_text('import { two } from "./two.js";\nexport const one = two;\n')
    (tmp_path / "two.js").write_text('import { one } from "./one.js";\nexport const two = one;\n')
    monkeypatch.setattr(join, "SCRIPTS", tmp_path)
    with pytest.raises(ValueError, match="one → two → one"):
        join_modules("one")


def test_the_functions_are_written_from_the_calculus_and_the_style_has_both_colours_by_choice() -> None:
    assert '"sigmoid": (x) => (x >= 0 ?' in functions_module()
    style = page_style()
    assert style.count("--paper: #14171a") == 2 and style.count("--paper: #fdfdfc") == 2
