"""What a number cell shows reads back as its value: the text is LibreOffice's, in every sheet of every kind of book."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, settings

from handgrad.backprop import Network, UpdateRule, load_network, preset_names
from handgrad.backprop.exercise import exam_plan, key_plan, make_exercise, practice_plan
from handgrad.backprop.workbook import CellKind, Plan, workbook_bytes, workbook_plan
from oracle.drawn_networks import networks
from oracle.libreoffice import SOFFICE, converted, shown_numbers

pytestmark = pytest.mark.skipif(
    SOFFICE is None, reason="LibreOffice (soffice) is not installed: apt-get install libreoffice-calc"
)
NUMBER = re.compile(r"(?:η = )?(-?\d+(?:\.(\d+))?(?:E([+-]\d+))?)")
LARGE = 1e3


def unlike(value: float, text: str) -> bool:
    """Whether a shown text is another number than the value, further off than half of its last digit or of other sign."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return True
    shown, exponent = float(found[1]), int(found[3] or 0)
    last = 10.0 ** (exponent - len(found[2] or ""))
    return abs(shown - value) > 0.51 * last or shown * value < 0


def hidden_in_zeros(plan: Plan) -> list[str]:
    """Cells whose fixed decimals would show their value as 0, or as a row of digits that no column holds."""
    found: list[str] = []
    for sheet in plan.sheets:
        for at, cell in sheet.all_cells():
            value, look = cell.value, cell.look
            decimals = re.match(r"0(?:\.(0+))?(?:;|$)", look.number)
            if isinstance(value, str) or value is None or decimals is None or look.least:
                continue
            if (value and abs(value) < 0.5 * 10.0 ** -len(decimals[1] or "")) or abs(value) >= LARGE:
                found.append(f"{sheet.name} {at}: {value!r} as {look.number}")
    return found


def numbers_in(plan: Plan) -> int:
    shown = (sheet for sheet in plan.sheets if not sheet.hidden)
    cells = (cell for sheet in shown for at, cell in sheet.all_cells() if at[0] not in sheet.folded)
    return sum(cell.kind is not CellKind.TEXT and isinstance(cell.value, float | int) for cell in cells)


def adapted(name: str, rule: UpdateRule) -> Network:
    network = load_network(name)
    return dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule))


def quick_books() -> dict[str, Plan]:
    """A key with negative numbers, a network that has learned (tiny slopes of both signs), one that has diverged."""
    exercise = make_exercise(load_network("classic"), 11)
    return {
        "key": key_plan(exercise, test=True),
        "learned": workbook_plan(dataclasses.replace(load_network("diverging"), learning_rate=0.5), steps=60, rates=(0.5,)),
        "diverging": workbook_plan(load_network("diverging"), steps=30, rates=(2.0, 50.0)),
    }  # fmt: skip


def all_books() -> dict[str, Plan]:
    books: dict[str, Plan] = {}
    for name in preset_names():
        network = load_network(name)
        for rule in UpdateRule:
            books[f"{name}-{rule}"] = workbook_plan(adapted(name, rule), steps=12, rates=(0.1, 2.0, 20.0))
        for seed in (0, 7, 11):
            exercise = make_exercise(network, seed)
            books |= {
                f"{name}-{seed}-key": key_plan(exercise, test=False),
                f"{name}-{seed}-test": exam_plan(exercise),
                f"{name}-{seed}-practice": practice_plan(exercise),
            }
    drawn: list[Network] = []

    def collect(network: Network) -> bool:
        drawn.append(network)
        return len(drawn) >= 30

    find(
        networks(order=None), collect,
        settings=settings(max_examples=200, derandomize=True, database=None, suppress_health_check=list(HealthCheck)),
    )  # fmt: skip
    return books | {f"drawn{n}": workbook_plan(one, steps=4, rates=(0.1, 2.0)) for n, one in enumerate(drawn[:30])}


def check(books: dict[str, Plan], folder: Path) -> None:
    pages = converted({name: workbook_bytes(plan) for name, plan in books.items()}, folder, "html", "html")
    for name, plan in books.items():
        shown = shown_numbers(pages[name])
        assert len(shown) >= numbers_in(plan) > 20, name
        assert [pair for pair in shown if unlike(*pair)][:10] == [], name
        assert hidden_in_zeros(plan)[:10] == [], name


def test_every_shown_number_of_a_key_reads_back_as_its_value(tmp_path: Path) -> None:
    check({"key": quick_books()["key"]}, tmp_path)


@pytest.mark.long
def test_every_shown_number_of_every_option_reads_back_as_its_value(tmp_path: Path) -> None:
    check(quick_books() | all_books(), tmp_path)


@pytest.mark.long
def test_what_is_small_or_large_is_shown_as_a_power_of_ten_with_its_sign(tmp_path: Path) -> None:
    """On the printed page, as the HTML knows no conditional format."""
    path = converted({"book": workbook_bytes(quick_books()["diverging"])}, tmp_path, "pdf", "pdf")["book"]
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert "###" not in text
    assert re.search(r"(?<![\d.])-?0\.0{4,}(?!\d)", text) is None
    assert re.search(r"-\d\.\d\dE-\d\d", text) and re.search(r"\d\.\d\dE\+\d\d", text)


def test_a_lost_sign_a_rounded_digit_and_a_word_are_noticed() -> None:
    assert not unlike(-0.32, "-0.320000") and not unlike(0.5, "η = 0.5") and not unlike(-1.234e-5, "-1.23E-05")
    assert unlike(-0.32, "3.2E-01") and unlike(-1.2e-5, "1.2E-05") and unlike(0.5, "0.51") and unlike(0.5, "###")
