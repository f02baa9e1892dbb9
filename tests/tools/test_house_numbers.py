"""What the script counts is what stands in the source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
house_numbers = pytest.importorskip("house_numbers")

SOURCE = '''"""Title.

# no comment
"""
import os  # noqa: F401
import re  # why it is here

# One reason,
# on two lines.
def free(a, b, /, c, d, e, *, f=1):
    text = "# none either"
    return text


class Box:
    def bound(self, a, b, c, d):
        pass

    @staticmethod
    def loose(a, b, c, d, e):
        pass
'''


def test_comments_are_those_that_a_reader_has() -> None:
    assert house_numbers.comment_lines(SOURCE) == 3


def test_arguments_are_counted_without_the_instance_and_without_those_that_need_a_name() -> None:
    found = {each.place.split()[1]: each for each in house_numbers.functions(ast.parse(SOURCE), "a.py")}
    assert {name: each.positional for name, each in found.items()} == {"free": 5, "bound": 4, "loose": 5}
    assert (found["free"].lines, found["free"].body) == (3, 2)


def test_a_body_begins_after_signature_and_docstring() -> None:
    source = 'def verb(\n    one,\n    two,\n):\n    """Do.\n\n    More.\n    """\n    a = 1\n    # why\n    return a\n'
    (found,) = house_numbers.functions(ast.parse(source), "a.py")
    assert (found.lines, found.body) == (11, 3)


def test_what_stays_as_it_is_is_there_and_beyond_an_aim() -> None:
    house = house_numbers.count_house()
    listed = [line for line in house_numbers.beyond(house, []) if " – " in line]
    assert len(listed) == len(house_numbers.STAYS)


def test_the_table_has_a_row_for_each_aim(tmp_path: Path) -> None:
    for name in ("package", "tests"):
        (tmp_path / name).mkdir()
        for file in ("a.py", "b.py"):
            (tmp_path / name / file).write_text(SOURCE)
    house = house_numbers.count_house(tmp_path / "package", tmp_path / "tests")
    rules = ["a:1 imports b, which a may not", "c imports itself round a circle"]
    rows = {row[0]: row[1] for row in house_numbers.table(house, rules)}
    assert rows["lines of source, files"] == "42, 2"
    assert rows["lines of tests per line of source"] == "1.00"
    assert rows["functions with more than 4 positional arguments"] == "4"
    assert (rows["circles of imports"], rows["arrows upward"]) == ("1", "1")
    assert len(list(house_numbers.beyond(house, rules))) == 6
