"""What the package says of itself to an installer is what it is."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BY_NAME = re.findall(r'_part\("([\w.]+)"', (ROOT / "src/handgrad/photograph/library.py").read_text(encoding="utf-8"))
PROVIDERS = metadata.packages_distributions()
"""The distributions that each module which is installed comes from: some seconds to find out, so once."""
OF_A_SYSTEM = {"fcntl", "msvcrt", "resource"}
"""In the standard library of one system and not of another."""


def imported() -> dict[str, list[Path]]:
    """Return every package outside the standard library that the source imports, and the files that do."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - {"handgrad"}:
                if name not in sys.stdlib_module_names | OF_A_SYSTEM:
                    found.setdefault(name, []).append(path)
    return found


def distributions(requirements: list[str]) -> set[str]:
    """Return the names in *requirements*, spelled in one way."""
    return {re.split(r"[^A-Za-z0-9._-]", each)[0].lower().replace("_", "-") for each in requirements}


def provider(module: str) -> str:
    """Return the distribution that *module* comes from, or its own name where it is not installed."""
    return (PROVIDERS.get(module) or [module])[0].lower().replace("_", "-")


def test_every_package_that_is_imported_is_declared_and_every_declared_one_is_imported() -> None:
    used = {provider(module) for module in imported()}
    needed = distributions(PROJECT["dependencies"])
    extras = {name: distributions(listed) for name, listed in PROJECT["optional-dependencies"].items() if name != "dev"}
    optional = set().union(*extras.values())
    # Asked for by name, so that a missing part is told in a line.
    used |= {provider(name.partition(".")[0]) for name in BY_NAME}
    assert used - needed - optional == set(), "imported and not declared"
    assert needed - used == set(), "declared and imported by nothing"
    assert optional - used == set(), "an extra that nothing imports"


def test_the_pythons_that_are_promised_are_those_that_are_tested() -> None:
    promised = [
        line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.fullmatch(r".*Python :: \d\.\d+", line)
    ]
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    (tested,) = re.findall(r"python: \[([^\]]*)\]", workflow)
    assert promised == [each.strip().strip('"') for each in tested.split(",")]
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_every_system_that_is_promised_is_tested() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    for words, runner in (("MacOS", "macos-latest"), ("Windows", "windows-latest"), ("Linux", "ubuntu-latest")):
        assert any(words in line for line in PROJECT["classifiers"]) and runner in workflow


def test_no_file_of_the_build_names_a_path_outside_the_project() -> None:
    for name in (
        "Makefile",
        "pyproject.toml",
        "constraints.txt",
        "hatch_build.py",
        *map(str, Path(".github").rglob("*.yml")),
    ):
        assert "../" not in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.fixture
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_and_links_of_the_readme_lead_somewhere_from_elsewhere(hook: ModuleType) -> None:
    project = "https://github.com/a/b"
    text = "![p](docs/p.png) [l](docs/x.md#top) [here](#below) [out](https://x.y/z)"
    raw = "https://raw.githubusercontent.com/a/b"
    assert hook.absolute(text, project, "1.2") == (
        f"![p]({raw}/v1.2/docs/p.png) [l]({project}/blob/v1.2/docs/x.md#top) [here](#below) [out](https://x.y/z)"
    )
    whole = hook.absolute((ROOT / "README.md").read_text(encoding="utf-8"), project, "1")
    assert not re.findall(r"\]\((?!https?://|#)", whole)
