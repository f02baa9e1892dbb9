"""The rooms that are done speak one dialect: docstrings begin with a verb, and a module's own functions carry an underscore."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

import handgrad
from dialect import breaches
from house_rules import read_sources

ROOT = Path(handgrad.__file__).parent

DONE = (
    "handgrad", "__main__", "version", "errors", "system", "files", "score", "toml_records",
    "xlsx", "xlsx.[acfpw]*",
    "backprop", "backprop.exercise*", "backprop.graph*", "backprop.network", "backprop.network.file",
    "backprop.symbols*", "backprop.verb",
    "backprop.limits", "backprop.presets", "backprop.conventions",
    "cli", "cli.app", "cli.assignments", "cli.backprop", "cli.doctor", "cli.ending", "cli.environment", "cli.exercise",
    "cli.page", "cli.progress", "cli.signals", "cli.streams",
    "runs.record", "judge.verdict", "export.plan",
)  # fmt: skip
"""Patterns of modules. Extend it with each room that has been gone over; at the end it is one star."""


def test_the_rooms_that_are_done_speak_one_dialect() -> None:
    found = [complaint for module, complaint in breaches(ROOT) if any(fnmatch(module, pattern) for pattern in DONE)]
    assert found == []


def test_every_pattern_names_a_module() -> None:
    modules = list(read_sources(ROOT))
    assert all(any(fnmatch(module, pattern) for module in modules) for pattern in DONE)


@pytest.mark.parametrize(
    ("source", "complaints"),
    [
        ('def _own():\n    """Three."""\n', []),
        ('__all__ = ["told"]\ndef told():\n    """Return three."""\n', []),
        (
            '__all__ = ["told"]\ndef told():\n    """Three of them."""\n',
            ['a:2 told: a docstring begins with a verb, not with "Three"'],
        ),
        ('def alone():\n    """Return 3."""\n', ["a:1 alone: only this module uses it: _alone"]),
        ('@cache\ndef alone():\n    """Return 3."""\n', ["a:2 alone: only this module uses it: _alone"]),
        ('@table.entry("x")\ndef listed():\n    """Return 3."""\n', []),
        ('class A:\n    @property\n    def size(self):\n        """The size."""\n', []),
        (
            'class A:\n    def size(self):\n        """The size."""\n',
            ['a:2 size: a docstring begins with a verb, not with "The"'],
        ),
    ],
)
def test_a_planted_breach_is_found_and_named(tmp_path: Path, source: str, complaints: list[str]) -> None:
    (tmp_path / "handgrad").mkdir()
    (tmp_path / "handgrad" / "a.py").write_text(source)
    assert [complaint for _, complaint in breaches(tmp_path / "handgrad")] == complaints


@pytest.mark.parametrize(
    "other", ["from handgrad.a import used\n", "from handgrad import a\na.used()\n", 'VERB = "handgrad.a:used"\n']
)
def test_what_another_module_uses_is_no_modules_own(tmp_path: Path, other: str) -> None:
    (tmp_path / "handgrad").mkdir()
    (tmp_path / "handgrad" / "a.py").write_text('def used():\n    """Return 3."""\n')
    (tmp_path / "handgrad" / "b.py").write_text(other)
    assert list(breaches(tmp_path / "handgrad")) == []
