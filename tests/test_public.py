"""What ``import handgrad`` offers: every name is there, told to type checkers as well, and loads nothing before it is used."""

from __future__ import annotations

import ast
import pydoc
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import handgrad
from handgrad.errors import HandgradError

SOURCE = Path(handgrad.__file__).read_text(encoding="utf-8")


def told_to_type_checkers() -> dict[str, str]:
    """Return each name that is imported below ``if TYPE_CHECKING``, with where from."""
    block = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    found = {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                place = f"{node.module}:{alias.name}"
                found[alias.asname or alias.name] = place
    return found


@pytest.mark.parametrize("name", handgrad.__all__)
def test_every_name_is_there_and_what_type_checkers_are_told(name: str) -> None:
    if name != "__version__":
        module, _, inside = told_to_type_checkers()[name].partition(":")
        told = getattr(__import__(module, fromlist=[inside]), inside)
        found = getattr(handgrad, name)
        # A package that can be called bears the name of its verb: `handgrad.judge` and `handgrad.backprop` are both.
        assert found is told or (isinstance(found, ModuleType) and callable(found)), name


def test_type_checkers_are_told_of_nothing_else() -> None:
    assert (
        set(told_to_type_checkers()) | {"__version__"} == set(handgrad.__all__)
        and sorted(handgrad.__all__) == handgrad.__all__
    )


def test_every_error_is_public() -> None:
    def below(kind: type) -> set[str]:
        return {kind.__name__}.union(*(below(each) for each in kind.__subclasses__()))

    ours = {name for name in below(HandgradError) if name in vars(sys.modules["handgrad.errors"])}
    assert ours <= set(handgrad.__all__)


def test_help_lists_the_verbs() -> None:
    shown = pydoc.plain(pydoc.render_doc(handgrad))
    assert all(f"    {verb}" in shown for verb in ("train(", "study(", "summary")), shown


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import handgrad, sys; dir(handgrad); print(sorted({'torch', 'numpy', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
