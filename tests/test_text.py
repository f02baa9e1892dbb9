"""A stranger's text does nothing, wherever it is shown, and stays as readable as it was."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.text import aligned, csv_cell, escaped, escaped_markdown, one_line, quoted, visible, width

NAMES = ["Zoë", "李小龙", "علی‌رضا", "ᜋᜃᜓ", "नमस्ते", "👩‍🎓 O'Brien", "Ng̃uyễn"]
NASTY = ["\x1b[31m", "\u202e", "\r", "\x00", "\u2028", "\u200b", "\ud800", "\x9b", "\u2066"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_stays_letter_for_letter(name: str) -> None:
    assert one_line(name) == visible(name) == name and quoted(name) == f'"{name}"'
    assert csv_cell(name) == name


@pytest.mark.parametrize("sign", NASTY)
def test_what_does_something_or_cannot_be_seen_is_replaced(sign: str) -> None:
    for shown in (visible(f"a{sign}b"), quoted(f"a{sign}b"), escaped(f"a{sign}b")):
        assert sign not in shown and "\ufffd" in shown
    assert sign not in one_line(f"a{sign}b")


@given(st.text())
def test_a_line_is_one_line_without_controls(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1 and len(line) <= 300
    assert not {unicodedata.category(sign) for sign in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert one_line(line) == line


def test_a_long_text_is_cut_with_a_sign_for_what_is_left_out() -> None:
    assert one_line("x" * 10_000) == "x" * 299 + "…" and len(one_line("x" * 10_000, None)) == 10_000
    assert one_line("x" * 300) == "x" * 300 and one_line("x" * 301) == "x" * 299 + "…" and one_line("abc", 2) == "a…"
    assert quoted("x" * 40) == f'"{"x" * 40}"' and quoted("x" * 41) == f'"{"x" * 37}…"' and quoted(" y ") == '" y "'


def test_of_an_endless_text_no_more_is_looked_at_than_is_needed() -> None:
    assert one_line(" " * 19 + "x" * 9, 2) == "x" and one_line(" " * 20 + "x", 2) == ""


def test_a_page_keeps_line_breaks_and_tabs_and_does_nothing_else() -> None:
    assert escaped("a\n\tb & <i>'\"\x0b") == "a\n\tb &amp; &lt;i&gt;&#x27;&quot;\ufffd"


def calculated(cell: str) -> bool:
    """Whether a spreadsheet program calculates a cell of a CSV file: a sign first, spaces and unseen signs left out."""
    # A code that Unicode has not given away (Cn) is shown as a box, and so is seen.
    kinds = ((sign, unicodedata.category(sign)) for sign in cell)
    seen = [sign for sign, kind in kinds if (kind == "Cn" or kind[0] not in "CZ") and sign != "\ufffd"]
    return bool(seen) and unicodedata.normalize("NFKC", seen[0])[0] in "=+-@"


@given(st.text(max_size=12) | st.from_regex(r"[\s\u200b]*[=+\-@＝＋－＠].{0,9}", fullmatch=True))
def test_no_text_reaches_a_spreadsheet_as_a_formula(text: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([csv_cell(text), "next"])
    (cells,) = csv.reader(io.StringIO(written.getvalue()))
    assert cells[1:] == ["next"]
    try:
        float(cells[0].replace(",", "."))  # a plain number does no harm, and sorts
    except ValueError:
        assert not calculated(cells[0])
    assert cells[0].removeprefix("'") == one_line(text, None) or text.startswith("'")


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-cmd|' /C calc'!A0", "@SUM(A1)", " =1+1", "\t=1", "＝1"]
)
def test_a_text_that_begins_as_a_formula_gets_an_apostrophe(text: str) -> None:
    assert csv_cell(text) == f"'{text.strip()}"


@pytest.mark.parametrize("number", [-3, 2.5, 0, -1e-9, "-3", "+4.25", "-1,5", "-1e-7"])
def test_a_number_stays_a_number_so_that_a_column_sorts(number: object) -> None:
    assert csv_cell(number) == number
    assert csv_cell(None) == ""


def test_a_cell_of_a_table_is_never_cut() -> None:
    assert csv_cell("x" * 1000) == "x" * 1000


def test_columns_stand_under_their_heads_in_any_script() -> None:
    lines = aligned(["name", "points"], [["李小龙", 7], ["e\u0301mile", 12]], right=["points"])
    assert lines == ["name    points", "李小龙       7", "e\u0301mile       12"]
    assert width("李小龙") == 6 and width("e\u0301") == 1


def test_the_last_column_leaves_no_space_and_a_cell_stays_on_its_line() -> None:
    assert aligned(["a", "long head"], [[" x\ny", None], [1.5, "z"]]) == ["a    long head", "x y  None", "1.5  z"]
    assert aligned(["first"], [["x" * 400]]) == ["first", "x" * 400]
    with pytest.raises(ValueError, match="zip"):
        aligned(["a"], [["b", "c"]])


@given(st.text(alphabet="\\`*_{}[]()<>#+-.!|~&$ab1 \n\t=:\x00"))
def test_a_line_of_markdown_reads_back_as_the_text_and_holds_no_markup(text: str) -> None:
    """A backslash before a sign is that sign and nothing else (CommonMark, 2.4)."""
    written = escaped_markdown(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", written) == one_line(text, None)
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", written)
    assert not set(bare) & set("\\`*_[]<>|")


def test_markdown_of_a_long_text_is_whole() -> None:
    assert escaped_markdown("x" * 1000) == "x" * 1000 and escaped_markdown("*a*") == "\\*a\\*"
