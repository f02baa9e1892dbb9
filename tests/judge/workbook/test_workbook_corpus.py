"""Right workbooks in many layouts raise no alarm; a planted mistake is found, in its column, and called what it is."""

from __future__ import annotations

import functools
import json
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from handgrad.backprop.presets import load_network, preset_names
from handgrad.backprop.workbook import write_workbook
from handgrad.judge.workbook import BookVerdict, MistakeKind, judge_workbook, lines, rows
from judge.corpus_workbooks import FORMULAS, PARTIAL, RIGHT, STYLES, WRONG, Layout, Plant, write

KNOWN = re.compile(r"(?:t|i|w|b|E|h|o|a_h|a_o|delta_h|delta_o|dE/dw|dE/db)\d+|E_total")


@functools.cache
def wrong_verdicts() -> tuple[BookVerdict, ...]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return tuple(
            judge_workbook(write(STYLES[style], folder / f"{number}.xlsx", plant), office=False)
            for number, (style, plant) in enumerate(WRONG)
        )


@pytest.mark.parametrize("layout", RIGHT, ids=lambda layout: layout.name)
def test_a_right_workbook_raises_no_alarm_and_every_column_is_judged(layout: Layout, tmp_path: Path) -> None:
    verdict = judge_workbook(write(layout, tmp_path / "sheet.xlsx"), office=False)
    assert [(c.name, c.mistake, c.explanation) for c in verdict.columns if not c.right] == []
    assert verdict.verdict == "met"
    assert {c.name for c in verdict.columns} >= {name for name in layout.columns if KNOWN.fullmatch(name)}


# Four times as long as any of the others, and the books that people make have three classes too.
LONG = ("three-classes",)


@pytest.mark.parametrize(
    "preset", [pytest.param(each, marks=pytest.mark.long) if each in LONG else each for each in preset_names()]
)
def test_the_books_of_every_preset_are_right(preset: str, tmp_path: Path) -> None:
    path = write_workbook(load_network(preset), tmp_path / "book.xlsx", steps=4, rates=(0.1, 0.5))
    verdict = judge_workbook(path, office=False)
    assert (verdict.verdict, verdict.values_from, verdict.not_judged) == ("met", "the file", ())
    assert [table.sheet for table in verdict.tables] == ["Training", "Rates working"]
    assert len(verdict.columns) >= len(set(verdict.columns)) >= 40


def test_the_corpus_is_large_enough() -> None:
    assert len(RIGHT) + len(preset_names()) >= 40
    assert len({layout.name for layout in RIGHT}) == len(RIGHT)
    assert len(WRONG) >= 60
    assert len({likely for _, plant in WRONG for likely in plant.likely}) >= 11


@pytest.mark.timeout(240)
def test_every_planted_mistake_is_found_in_its_column_and_nowhere_else() -> None:
    missed = [
        (style, plant.column, plant.content, [(c.name, c.mistake) for c in verdict.mistakes])
        for (style, plant), verdict in zip(WRONG, wrong_verdicts(), strict=True)
        if [column.name for column in verdict.mistakes] != [plant.column] or verdict.verdict != "not met"
    ]
    assert missed == []


@pytest.mark.timeout(240)
def test_the_likely_mistake_is_the_planted_one() -> None:
    called = [
        [column.mistake for column in verdict.mistakes] == [likely] or verdict.mistakes[0].mistake in plant.likely
        for (_, plant), verdict in zip(WRONG, wrong_verdicts(), strict=True)
        for likely in plant.likely[:1]
    ]
    # "not recognised" counts as found, never as named.
    named = [right and MistakeKind.UNKNOWN not in plant.likely for right, (_, plant) in zip(called, WRONG, strict=True)]
    assert sum(named) >= max(50, len(WRONG) - 3)


@pytest.mark.timeout(240)
def test_a_mistake_that_begins_later_is_found_from_its_row_on() -> None:
    for (style, plant), verdict in zip(WRONG, wrong_verdicts(), strict=True):
        if plant.first > 0 and verdict.mistakes:
            assert verdict.mistakes[0].from_row == STYLES[style].top + 1 + plant.first, (plant, verdict.mistakes[0])


@pytest.mark.timeout(240)
def test_what_follows_from_a_mistake_is_called_a_consequence_of_it() -> None:
    (number,) = [
        n for n, (s, p) in enumerate(WRONG) if s == "plain" and p.column == "w3" and MistakeKind.PLUS in p.likely
    ]
    verdict = wrong_verdicts()[number]
    follows = [column for column in verdict.columns if column.mistake == MistakeKind.CONSEQUENCE]
    assert {"h2", "a_h2", "E_total", "dE/dw1", "w5"} <= {column.name for column in follows}
    assert all("w3" in column.follows_from for column in follows)
    assert {"i1", "w3", "t2"}.isdisjoint(column.name for column in follows)


def test_any_changed_sign_or_reference_in_any_formula_is_found(tmp_path: Path) -> None:
    """Not only mistakes with a name: every formula, changed in every place."""
    tried: Counter[str] = Counter()
    for name in ("h1", "a_h2", "o2", "E1", "E_total", "dE/dw3", "dE/dw8", "w6"):
        formula = FORMULAS[name]
        for number, match in enumerate(re.finditer(r"[-+*](?=[({])|\{a_h1\}|\{w[58]\}", formula)):
            new = {"-": "+", "+": "-", "*": "+", "{a_h1}": "{a_h2}", "{w5}": "{w2}", "{w8}": "{w1}"}[match[0]]
            changed = formula[: match.start()] + new + formula[match.end() :]
            plant = Plant(name, changed, tuple(MistakeKind))
            verdict = judge_workbook(write(STYLES["plain"], tmp_path / f"{number}.xlsx", plant), office=False)
            assert [column.name for column in verdict.mistakes] == [name], changed
            tried[name] += 1
    assert sum(tried.values()) >= 30
    assert len(tried) == 8


def test_a_verdict_is_data_and_text_without_control_characters(tmp_path: Path) -> None:
    words = {"dE/dw5": "∂E/∂w5\u001b[31m", "w1": "w1\u202e"}
    layout = Layout("odd", spell=lambda name: words.get(name, name).replace("\u001b", "_x001B_"))
    path = write(layout, tmp_path / "sheet.xlsx", Plant("dE/dw6", "-" + FORMULAS["dE/dw6"], (MistakeKind.SIGN,)))
    verdict = judge_workbook(path, office=False)
    data = json.loads(json.dumps(verdict.as_json()))
    assert data["verdict"] == "not met"
    assert data["assignment"] is None
    assert data["values_from"] == "handgrad's own calculation"
    (own,) = [column for column in data["columns"] if not column["right"] and column["mistake"] != "consequence"]
    assert (own["name"], own["mistake"], own["from_row"]) == ("dE/dw6", "sign", 7)
    said = lines(verdict)
    assert all(line.isprintable() for line in said)
    assert any("dE/dw6" in line and "sign" in line for line in said)
    assert len(rows(verdict)) == len(verdict.columns)


def test_the_verdict_is_the_same_the_second_time(tmp_path: Path) -> None:
    style, plant = WRONG[0]
    path = write(STYLES[style], tmp_path / "sheet.xlsx", plant)
    assert judge_workbook(path, office=False) == judge_workbook(path, office=False)


def test_the_verdict_shown_in_the_documents_is_the_one_given(tmp_path: Path) -> None:
    shown = (Path(__file__).parents[3] / "docs" / "judging-workbooks.md").read_text(encoding="utf-8")
    (plant,) = [p for s, p in WRONG if s == "plain" and p.column == "dE/dw1" and MistakeKind.NEW_WEIGHTS in p.likely]
    path = write(Layout("homework", spell=PARTIAL), tmp_path / "homework.xlsx", plant)
    said = lines(judge_workbook(path, office=False))
    missing = [
        line for line in said if line not in shown and not line.startswith(("values from", "The file stores no value"))
    ]
    assert missing == []
    assert all(
        f"{likely}" in " ".join(shown.split()) for likely in MistakeKind if likely is not MistakeKind.CONSEQUENCE
    )


office = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


@office
@pytest.mark.long
@pytest.mark.parametrize("layout", RIGHT, ids=lambda layout: layout.name)
def test_every_right_workbook_is_met_with_values_from_libreoffice(layout: Layout, tmp_path: Path) -> None:
    verdict = judge_workbook(write(layout, tmp_path / "sheet.xlsx"))
    assert (verdict.values_from, verdict.verdict) == ("LibreOffice", "met")


@office
@pytest.mark.long
@pytest.mark.parametrize("number", range(len(WRONG)))
def test_every_planted_mistake_is_judged_the_same_with_values_from_libreoffice(number: int, tmp_path: Path) -> None:
    style, plant = WRONG[number]
    path = write(STYLES[style], tmp_path / "sheet.xlsx", plant)
    verdict, before = judge_workbook(path), judge_workbook(path, office=False)
    assert verdict.values_from == "LibreOffice"
    assert [(c.name, c.mistake, c.from_row) for c in verdict.mistakes] == [
        (c.name, c.mistake, c.from_row) for c in before.mistakes
    ]
