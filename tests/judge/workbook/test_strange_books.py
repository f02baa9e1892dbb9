"""Books whose look leads astray: what is not understood passes for nothing, and what is right is not accused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from handgrad.judge.workbook import BookVerdict, judge_workbook
from judge.corpus_workbooks import FORMULAS, PUBLISHED, Layout, Plant, fill, spelling, write

AND = tuple({"i1": one, "i2": two, "t": one * two} for one in (0, 1) for two in (0, 1))
UNIT = {
    "w1": "{<w1}-{eta}*{<g1}",
    "w2": "{<w2}-{eta}*{<g2}",
    "b": "{<b}-{eta}*{<gb}",
    "net": "{w1}*{i1}+{w2}*{i2}+{b}",
    "out": "1/(1+EXP(-{net}))",
    "E": "0.5*({t}-{out})^2",
    "g1": "({out}-{t})*{out}*(1-{out})*{i1}",
    "g2": "({out}-{t})*{out}*(1-{out})*{i2}",
    "gb": "({out}-{t})*{out}*(1-{out})",
}
DELTA_RULE = UNIT | {
    "E": "{t}-{out}",
    "d": "{E}*{out}*(1-{out})",
    "g1": "-{d}*{i1}",
    "g2": "-{d}*{i2}",
    "gb": "-{d}",
}
HEADS = {"i1": "x1", "i2": "x2", "t": "target", "net": "net", "out": "out", "E": "error", "d": "delta"}
HEADS |= {"g1": "dE/dw1", "g2": "dE/dw2", "gb": "dE/db"}


def one_unit(path: Path, formulas: Mapping[str, str], heads: Mapping[str, str] = HEADS) -> Path:
    """Write a unit with two inputs that learns AND, one sample per row."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["B1"] = "learning rate", 0.5
    names = ["i1", "i2", "t", "w1", "w2", "b", *(name for name in formulas if name not in ("w1", "w2", "b"))]
    letters = {name: get_column_letter(place) for place, name in enumerate(names, start=1)}
    first = {"w1": 0.1, "w2": -0.2, "b": 0.3}
    for name, letter in letters.items():
        sheet[f"{letter}3"] = heads.get(name, name)
        for place in range(12):
            row = 4 + place
            here = {key: f"{at}{row}" for key, at in letters.items()}
            here |= {f"<{key}": f"{at}{row - 1}" for key, at in letters.items()} | {"eta": "$B$1"}
            given = AND[place % 4].get(name, None if place else first.get(name))
            sheet[f"{letter}{row}"] = given if given is not None else "=" + _filled(formulas[name], here)
    book.save(path)
    return path


def _filled(formula: str, cells: Mapping[str, str]) -> str:
    for key, cell in cells.items():
        formula = formula.replace("{" + key + "}", cell)
    return formula


def mistakes(verdict: BookVerdict) -> dict[str, str]:
    return {column.name: f"{column.mistake}: {column.explanation}" for column in verdict.mistakes}


@pytest.mark.parametrize("group", ["∂E/∂w|w{n}", "gradients|w{n}"])
def test_a_group_of_heads_reaches_over_its_own_table_only(group: str, tmp_path: Path) -> None:
    layout = Layout("two", spell=spelling(slope=group), steps=3)
    book = openpyxl.Workbook()
    for number in range(2):
        here = replace(layout, left=1 + 40 * number, eta=(0.1, 0.5)[number], eta_at="BD"[number] + "1")
        fill(book.active, here, Plant("dE/dw5", f"-({FORMULAS['dE/dw5']})", ()) if number else None)
    book.save(tmp_path / "two.xlsx")
    verdict = judge_workbook(tmp_path / "two.xlsx", office=False)
    assert mistakes(verdict).keys() == {"dE/dw5"}
    assert [len(table.columns) for table in verdict.tables] == [31, 31]
    assert not any(table.not_judged for table in verdict.tables)


def test_names_that_come_again_at_the_end_of_a_table_are_never_part_of_a_met(tmp_path: Path) -> None:
    path = write(Layout("again", spell=spelling(slope="w{n}"), steps=3), tmp_path / "again.xlsx")
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "no verdict"
    assert verdict.tables[0].not_judged == tuple(f"w{n}" for n in range(1, 9))


def test_a_wrong_column_that_is_not_understood_makes_no_right_activation_wrong(tmp_path: Path) -> None:
    formulas = {"my helper": "{a_o1}*(1+{a_o1})"}
    formulas |= {f"dE/dw{n}": FORMULAS[f"dE/dw{n}"].replace("{a_o1}*(1-{a_o1})", "{my helper}") for n in range(1, 7)}
    columns = (*PUBLISHED[:-8], "my helper", *PUBLISHED[-8:])
    verdict = judge_workbook(
        write(Layout("helper", columns=columns, formulas=formulas), tmp_path / "b.xlsx"), office=False
    )
    assert mistakes(verdict).keys() == {f"dE/dw{n}" for n in range(1, 7)}
    assert all("is not judged" in words for words in mistakes(verdict).values())


@pytest.mark.parametrize("head", ["error", "Error (t − out)", "e = target − out", "err"])
def test_an_error_may_be_target_minus_output(head: str, tmp_path: Path) -> None:
    verdict = judge_workbook(one_unit(tmp_path / "u.xlsx", DELTA_RULE, HEADS | {"E": head}), office=False)
    assert (verdict.verdict, mistakes(verdict)) == ("met", {})
    assert any("target minus output" in note for note in verdict.notes)


def test_a_square_left_out_stays_a_mistake_where_the_head_says_no_error(tmp_path: Path) -> None:
    path = one_unit(tmp_path / "u.xlsx", UNIT | {"E": "0.5*({t}-{out})"}, HEADS | {"E": "E_total"})
    assert mistakes(judge_workbook(path, office=False)).keys() == {"E_total"}


@pytest.mark.parametrize("net", ["z({u}{n})", "{u}{n} (net)"])
def test_brackets_that_name_a_unit_are_no_unit_of_measure(net: str, tmp_path: Path) -> None:
    layout = Layout("calls", spell=spelling(net=net, act=net.replace("z(", "a(").replace("net", "out")), steps=3)
    assert judge_workbook(write(layout, tmp_path / "b.xlsx"), office=False).verdict == "met"


def _said_elsewhere(book: openpyxl.Workbook) -> None:
    book.active["A1"] = "η = 0.5"


def _other_sheet(book: openpyxl.Workbook) -> None:
    other = book.create_sheet("other")
    other["A1"], other["B1"] = "learning rate", 0.1


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (Layout("text", eta_label="", eta_written="0.1", before=_said_elsewhere), "A1 says that the learning rate is 0.5"),
        (Layout("sheet", eta_written="other!$B$1", before=_other_sheet), "labelled as learning rate, Sheet1!B2, holds 0.5"),
        (Layout("as text", eta="0.5"), "Sheet1!B2 holds the number 0.5 as text"),
        (Layout("beside", columns=PUBLISHED[1:], outside={"t1": "E1"}, values={"t1": "0.05"}), "Sheet1!E1 holds the number"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)  # fmt: skip
def test_a_rate_that_is_said_otherwise_than_read_and_a_number_as_text_are_noted(
    layout: Layout, said: str, tmp_path: Path
) -> None:
    verdict = judge_workbook(write(layout, tmp_path / "b.xlsx"), office=False)
    assert verdict.verdict == "met"
    assert sum(said in note for note in verdict.tables[0].notes) == 1, verdict.text()


def test_a_rate_whose_cell_is_empty_gets_a_line_and_no_accusation(tmp_path: Path) -> None:
    verdict = judge_workbook(write(Layout("none", eta=""), tmp_path / "b.xlsx"), office=False)
    assert (verdict.verdict, mistakes(verdict)) == ("no verdict", {})
    assert "Sheet1!B2, which the updates read, holds no number" in " ".join(verdict.notes)


def test_a_rate_may_be_a_division(tmp_path: Path) -> None:
    halved: Callable[[int], str] = lambda n: f"{{<w{n}}}-{{<dE/dw{n}}}/2"  # noqa: E731
    layout = Layout("half", eta_label="", eta_written="X", formulas={f"w{n}": halved(n) for n in range(1, 9)})
    verdict = judge_workbook(write(layout, tmp_path / "b.xlsx"), office=False)
    assert (verdict.verdict, verdict.learning_rate) == ("met", "0.5, typed into the updates")


def test_units_with_a_kink_are_tried_on_both_sides_of_it(tmp_path: Path) -> None:
    # A linear unit behind tanh, which is odd: turning all weights at once would leave its sign as it is.
    linear = UNIT | {"out": "{net}", "g1": "({out}-{t})*{i1}", "g2": "({out}-{t})*{i2}", "gb": "({out}-{t})"}
    verdict = judge_workbook(one_unit(tmp_path / "u.xlsx", linear), office=False)
    assert (verdict.verdict, mistakes(verdict)) == ("met", {})
    assert any("identity" in note for note in verdict.notes)


OWN = {f"b{number}": f"{{<b{number}}}" for number in range(1, 5)}
OWN |= {unit: f"{FORMULAS[unit]}+{{b{number}}}" for number, unit in enumerate(("h1", "h2", "o1", "o2"), start=1)}
SHARED = {unit: f"{FORMULAS[unit]}+{{b{number}}}" for number, unit in ((1, "h1"), (1, "h2"), (2, "o1"), (2, "o2"))}
SHARED |= {"b1": "{<b1}", "b2": "{<b2}"}


@pytest.mark.parametrize(
    ("formulas", "heads"),
    [(SHARED, "b_h b_o"), (SHARED, "Bias hidden|Bias output"), (OWN, "b_h1 b_h2 b_o1 b_o2")],
    ids=["layers", "words", "units"],
)
def test_biases_may_be_named_by_layer_or_unit(formulas: dict[str, str], heads: str, tmp_path: Path) -> None:
    said = heads.split("|") if "|" in heads else heads.split()
    names = {f"b{number}": head for number, head in enumerate(said, start=1)}
    layout = Layout(
        "b", columns=(*PUBLISHED[:4], *names, *PUBLISHED[4:]), formulas=formulas, steps=3,
        values={name: 0.1 * place for place, name in enumerate(names, start=1)}, spell=lambda name: names.get(name, name),
    )  # fmt: skip
    verdict = judge_workbook(write(layout, tmp_path / "b.xlsx"), office=False)
    assert (verdict.verdict, verdict.not_judged, mistakes(verdict)) == ("met", (), {})


def test_a_bias_left_out_where_each_other_unit_has_one_is_found_in_its_unit(tmp_path: Path) -> None:
    def put(book: openpyxl.Workbook) -> None:
        for place, cell in enumerate(("J1", "K1", "L1"), start=1):
            book.active[cell] = 0.1 * place

    formulas = {unit: f"{FORMULAS[unit]}+${letter}$1" for unit, letter in (("h1", "J"), ("h2", "K"), ("o1", "L"))}
    verdict = judge_workbook(
        write(Layout("b", formulas=formulas, before=put, steps=3), tmp_path / "b.xlsx"), office=False
    )
    assert mistakes(verdict).keys() == {"o2"}
    assert "b4 is left out" in mistakes(verdict)["o2"]


def test_a_row_that_updates_itself_is_called_circular(tmp_path: Path) -> None:
    columns = {name: get_column_letter(place) for place, name in enumerate(PUBLISHED, start=1)}
    values = {f"w{n}": f"={columns[f'w{n}']}7-$B$2*{columns[f'dE/dw{n}']}7" for n in range(1, 9)}
    verdict = judge_workbook(write(Layout("loop", steps=0, values=values), tmp_path / "b.xlsx"), office=False)
    assert verdict.verdict == "not met"
    assert {name: words[:12] for name, words in mistakes(verdict).items()} == {
        f"w{n}": "reads itself" for n in range(1, 9)
    }
