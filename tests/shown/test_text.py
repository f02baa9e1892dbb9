"""A record in a terminal: every column keeps its place on the line, and says that it is cut."""

from __future__ import annotations

from handgrad.shown.text import WIDTH, as_text
from handgrad.shown.view import View


def test_a_long_column_gives_up_room_to_the_others() -> None:
    found = "drop (p=0.05), which zeroes 5 % of 24 values"
    rows = (("dropout", "used " + "and asked for " * 20, found), ("answers", "depend only on the image", "the same"))
    lines = as_text(View("verdict", head=("condition", "asked", "found"), rows=rows)).splitlines()
    assert all(len(line) <= WIDTH for line in lines)
    assert "…" in lines[2] and lines[2].startswith("dropout") and lines[2].rstrip().endswith("values")


def test_numbers_end_together_and_words_begin_together() -> None:
    rows = (("one", "1.5 %", "10 scores"), ("three", "12.25 %", "BatchNorm"), ("none", "–", ""))
    _, head, *lines = as_text(View("t", head=("name", "share", "words"), rows=rows)).splitlines()
    end = lines[0].index("1.5 %") + 5
    assert lines[1].index("12.25 %") + 7 == lines[2].index("–") + 1 == end
    assert lines[0].index("10 scores") == lines[1].index("BatchNorm") == head.index("words")
