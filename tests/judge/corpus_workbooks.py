# ruff: noqa: E501 - one case a line reads as a table
"""Workbooks as people make them, right ones and ones with a single planted mistake: written from formulas of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.worksheet import Worksheet

from handgrad.judge.workbook import MistakeKind

GIVEN = {"t1": 0.01, "t2": 0.99, "i1": 0.05, "i2": 0.10}
WEIGHTS = dict(zip([f"w{n}" for n in range(1, 9)], (0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55), strict=True))
DATA, INNER, OUTER = ("t1", "t2", "i1", "i2"), ("w1", "w2", "w3", "w4"), ("w5", "w6", "w7", "w8")
HIDDEN, OUTPUT = ("h1", "a_h1", "h2", "a_h2"), ("o1", "a_o1", "o2", "a_o2")
ERRORS, SLOPES = ("E1", "E2", "E_total"), tuple(f"dE/dw{n}" for n in range(1, 9))
PUBLISHED = (*DATA, *INNER, *HIDDEN, *OUTER, *OUTPUT, *ERRORS, *SLOPES)

# {x} is the row's own x, {<x} the row's before.
FORMULAS = {
    "h1": "{w1}*{i1}+{w2}*{i2}",
    "h2": "{w3}*{i1}+{w4}*{i2}",
    "a_h1": "1/(1+EXP(-{h1}))",
    "a_h2": "1/(1+EXP(-{h2}))",
    "o1": "{w5}*{a_h1}+{w6}*{a_h2}",
    "o2": "{w7}*{a_h1}+{w8}*{a_h2}",
    "a_o1": "1/(1+EXP(-{o1}))",
    "a_o2": "1/(1+EXP(-{o2}))",
    "E1": "0.5*({t1}-{a_o1})^2",
    "E2": "0.5*({t2}-{a_o2})^2",
    "E_total": "{E1}+{E2}",
    "dE/dw5": "({a_o1}-{t1})*{a_o1}*(1-{a_o1})*{a_h1}",
    "dE/dw6": "({a_o1}-{t1})*{a_o1}*(1-{a_o1})*{a_h2}",
    "dE/dw7": "({a_o2}-{t2})*{a_o2}*(1-{a_o2})*{a_h1}",
    "dE/dw8": "({a_o2}-{t2})*{a_o2}*(1-{a_o2})*{a_h2}",
}
BACK = "(({a_o1}-{t1})*{a_o1}*(1-{a_o1})*{%s}+({a_o2}-{t2})*{a_o2}*(1-{a_o2})*{%s})*{%s}*(1-{%s})*{%s}"
FORMULAS |= {
    "dE/dw1": BACK % ("w5", "w7", "a_h1", "a_h1", "i1"),
    "dE/dw2": BACK % ("w5", "w7", "a_h1", "a_h1", "i2"),
    "dE/dw3": BACK % ("w6", "w8", "a_h2", "a_h2", "i1"),
    "dE/dw4": BACK % ("w6", "w8", "a_h2", "a_h2", "i2"),
}
FORMULAS |= {f"w{n}": f"{{<w{n}}}-{{eta}}*{{<dE/dw{n}}}" for n in range(1, 9)}
FORMULAS |= {name: f"{{<{name}}}" for name in DATA}
DELTAS = {
    "delta_o1": "({a_o1}-{t1})*{a_o1}*(1-{a_o1})",
    "delta_o2": "({a_o2}-{t2})*{a_o2}*(1-{a_o2})",
    "delta_h1": "({delta_o1}*{w5}+{delta_o2}*{w7})*{a_h1}*(1-{a_h1})",
    "delta_h2": "({delta_o1}*{w6}+{delta_o2}*{w8})*{a_h2}*(1-{a_h2})",
    "dE/dw1": "{delta_h1}*{i1}",
    "dE/dw2": "{delta_h1}*{i2}",
    "dE/dw3": "{delta_h2}*{i1}",
    "dE/dw4": "{delta_h2}*{i2}",
    "dE/dw5": "{delta_o1}*{a_h1}",
    "dE/dw6": "{delta_o1}*{a_h2}",
    "dE/dw7": "{delta_o2}*{a_h1}",
    "dE/dw8": "{delta_o2}*{a_h2}",
}


@dataclass(frozen=True)
class Plant:
    """One mistake: what stands in a column's cells from one row of the table to another (0 is the first)."""

    column: str
    content: str | float
    likely: tuple[MistakeKind, ...]
    first: int = 0
    last: int = 10**6


@dataclass(frozen=True)
class Layout:
    """How a workbook looks; ``spell`` maps each quantity to its header."""

    name: str
    columns: tuple[str, ...] = PUBLISHED
    spell: Callable[[str], str] = lambda name: name
    formulas: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float | str] = field(default_factory=dict)
    top: int = 6
    left: int = 1
    sheet: str = "Sheet1"
    eta: float | str = 0.5
    eta_label: str = "Learning Rate (η)"
    eta_at: str = "B2"
    eta_written: str | None = None
    outside: Mapping[str, str] = field(default_factory=dict)
    steps: int = 12
    first_from_cells: bool = False
    before: Callable[[openpyxl.Workbook], None] | None = None
    number_format: str | None = None
    samples: tuple[Mapping[str, float], ...] = ()
    """One sample a row: the data of the rows, over and over."""


def write(layout: Layout, path: Path, *plants: Plant | None) -> Path:
    """Write a workbook with mistakes planted; formulas are written without values, as this library does."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = layout.sheet
    if layout.before is not None:
        layout.before(book)
    fill(sheet, layout, *plants)
    book.save(path)
    return path


def fill(sheet: Worksheet, layout: Layout, *plants: Plant | None) -> None:
    """Write a table and its learning rate into a sheet."""
    formulas = {**FORMULAS, **layout.formulas}
    values = {**GIVEN, **WEIGHTS, **layout.values}
    places = {name: layout.left + number for number, name in enumerate(layout.columns)}
    if layout.eta_label:
        label = sheet[layout.eta_at].offset(0, -1)
        label.value = layout.eta_label
        sheet[layout.eta_at] = layout.eta
    for name, at in layout.outside.items():
        sheet[at].offset(0, -1).value = layout.spell(name)
        sheet[at] = values[name]
    eta = layout.eta_written or re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", layout.eta_at)

    def at(name: str, row: int) -> str:
        if name == "eta-":
            # the cell of the rate, without a $: from the second row on it has slid
            match = re.fullmatch(r"([A-Z]+)(\d+)", layout.eta_at)
            assert match is not None
            return f"{match[1]}{int(match[2]) + row - layout.top - 2}"
        if name.startswith("$"):
            return f"{get_column_letter(places[name[1:]])}${layout.top + 1}"
        if name == "eta":
            return eta if "eta" not in places else f"{get_column_letter(places['eta'])}{row}"
        back = name.startswith("<") - name.startswith(">")
        name = name.lstrip("<>")
        if name in layout.outside:
            return re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", layout.outside[name])
        return f"{get_column_letter(places[name])}{row - back}"

    def filled(text: str, row: int) -> str:
        return "=" + re.sub(r"\{([^{}]+)\}", lambda match: at(match[1], row), text)

    for name, column in places.items():
        above, _, own = layout.spell(name).rpartition("|")
        sheet.cell(layout.top, column, own)
        if above:
            sheet.cell(layout.top - 1, column, above)
        for step in range(layout.steps + 1):
            row = layout.top + 1 + step
            content: str | float
            if name == "eta":
                content = layout.eta
            elif layout.samples and name in DATA:
                content = layout.samples[step % len(layout.samples)][name]
            elif name in values and (step == 0 or name not in formulas):
                content = values[name]
            elif name == "step":
                content = step
            else:
                content = filled(formulas[name], row) if name in formulas else "see above"
            for plant in plants:
                if plant is None or plant.column != name or not plant.first <= step <= plant.last:
                    continue
                if step or name not in values:
                    content = (
                        filled(plant.content, row)
                        if isinstance(plant.content, str) and plant.content
                        else plant.content
                    )
            if content == "":
                continue
            cell = sheet.cell(row, column, content)
            if layout.number_format:
                cell.number_format = layout.number_format


def spelling(**words: str) -> Callable[[str], str]:
    """Headers by the kind of quantity: ``w="W{n}"``, ``net=…``, ``act=…``, ``error``, ``total``, ``slope``, ``delta``."""

    def spell(name: str) -> str:
        if name == "E_total":
            return words.get("total", name)
        kinds = {"w": "w", "t": "t", "i": "i", "E": "error", "b": "b", "dE/dw": "slope", "dE/db": "slope_b"}
        match = re.fullmatch(r"(dE/dw|dE/db|delta_|a_)?([a-zE])?(\d+)", name)
        if match is None:
            return words.get(name, name)
        front, letter, n = match.groups()
        if front in kinds:
            return words.get(kinds[front], front + "{n}").format(n=n, sub=n.translate(SUBSCRIPTS))
        kind = {"a_": "act", "delta_": "delta"}.get(front or "", kinds.get(letter or "", "net"))
        default = f"{front or ''}{{u}}{{n}}"
        return words.get(kind, default).format(u=letter, n=n, sub=n.translate(SUBSCRIPTS))

    return spell


SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
PARTIAL = spelling(total="E_tot", slope="E∂w{n}")
LEIBNIZ = spelling(total="Etotal", slope="∂E/∂w{n}", act="out_{u}{n}", net="net_{u}{n}")
SUBSCRIPT = spelling(w="w{sub}", t="t{sub}", i="x{sub}", slope="∂E/∂w{sub}", error="E{sub}", total="E Total", act="a_{u}{sub}", net="{u}{sub}")  # fmt: skip
SHOUTED = spelling(w="W{n}", t="TARGET{n}", i="INPUT {n}", slope="dE/dW{n}", error="ERROR {n}", total="TOTAL ERROR", act="OUT_{u}{n}", net="NET_{u}{n}")  # fmt: skip
GRADS = spelling(slope="grad w{n}", act="σ({u}{n})", total="Loss", error="loss{n}", t="target{n}", i="in{n}")
TIGHT = spelling(act="a{u}{n}", net="{u}{n}", slope="dEt/dw{n}", total="Et")
UNDER = spelling(slope="dE_dw{n}", w="w_{n}", t="t_{n}", i="i_{n}", error="E_{n}", total="E_tot (sum)")
UNITS = spelling(w="w{n} [-]", slope="∂E_total/∂w{n} [1]", total="E_total [-]", act="a_{u}{n} (activation)")
NABLA = spelling(slope="∇w{n}", net="z_{u}{n}", act="a_{u}{n}", error="E_o{n}")
SPACED = spelling(w="w {n}", slope="d E / d w {n}", act="out {u}{n}", net="net {u}{n}", total="Total error", t="target {n}", i="input {n}")  # fmt: skip

BIASED = {
    "h1": "{w1}*{i1}+{w2}*{i2}+{b1}",
    "h2": "{w3}*{i1}+{w4}*{i2}+{b1}",
    "o1": "{w5}*{a_h1}+{w6}*{a_h2}+{b2}",
    "o2": "{w7}*{a_h1}+{w8}*{a_h2}+{b2}",
    "b1": "{<b1}",
    "b2": "{<b2}",
}
BIASES = {"b1": 0.35, "b2": 0.60}
TRAINED = {
    **BIASED,
    "b1": "{<b1}-{eta}*{<dE/db1}",
    "b2": "{<b2}-{eta}*{<dE/db2}",
    "dE/db1": DELTAS["delta_h1"] + "+" + DELTAS["delta_h2"],
    "dE/db2": "{delta_o1}+{delta_o2}",
}
WITH_DELTAS = (*DATA, *INNER, *OUTER, *HIDDEN, *OUTPUT, *ERRORS, "delta_o1", "delta_o2", "delta_h1", "delta_h2", *SLOPES)  # fmt: skip


def _second_table(book: openpyxl.Workbook) -> None:
    notes = book.create_sheet("Notes", 0)
    notes["A1"] = "My homework"
    notes["A3"], notes["B3"], notes["C3"] = "w1", "w2", "not a table"


def _named_rate(book: openpyxl.Workbook) -> None:
    book.defined_names["lr"] = DefinedName("lr", attr_text="Sheet1!$H$1")
    book["Sheet1"]["H1"] = 0.8


def _titles(book: openpyxl.Workbook) -> None:
    sheet = book.active
    sheet["A1"] = "Backpropagation in a spreadsheet"
    sheet["D4"], sheet["H4"], sheet["AC4"] = "data", "weights", "gradients"


RIGHT: tuple[Layout, ...] = (
    Layout("published"),
    Layout("partial", spell=PARTIAL, eta=0.1, eta_label="η"),
    Layout("leibniz", spell=LEIBNIZ, eta_label="lr"),
    Layout("subscripts", spell=SUBSCRIPT, eta_label="learning rate η"),
    Layout("shouted", spell=SHOUTED, eta_label="LEARNING RATE"),
    Layout("grads", spell=GRADS, eta_label="alpha"),
    Layout("tight", spell=TIGHT, eta=2.0, eta_label="lr ="),
    Layout("underscores", spell=UNDER),
    Layout("units", spell=UNITS),
    Layout("nabla", spell=NABLA),
    Layout("spaced", spell=SPACED, eta_label="Learning-rate:"),
    Layout("reversed", columns=tuple(reversed(PUBLISHED))),
    Layout("weights-first", columns=(*INNER, *OUTER, *DATA, *HIDDEN, *OUTPUT, *ERRORS, *SLOPES), spell=LEIBNIZ),
    Layout("slopes-before-errors", columns=(*SLOPES, *ERRORS, *OUTPUT, *HIDDEN, *INNER, *OUTER, *DATA), spell=PARTIAL),
    Layout("far-away", top=40, left=12, eta_at="C5", before=_titles, spell=PARTIAL),
    Layout("steps-and-gaps", columns=("step", *DATA, "my notes", *INNER, *HIDDEN, "", *OUTER, *OUTPUT, "x?", *ERRORS, *SLOPES)),
    Layout("other-sheet", sheet="Sheet A 1", before=_second_table),
    Layout("deltas", columns=WITH_DELTAS, formulas=DELTAS, spell=spelling(delta="δ_{u}{n}", slope="∂E/∂w{n}")),
    Layout("deltas-partials", columns=WITH_DELTAS, formulas=DELTAS, spell=spelling(delta="dE/dnet_{u}{n}", net="net_{u}{n}", act="out_{u}{n}")),
    Layout("named-rate", eta_label="", eta_written="lr", before=_named_rate),
    Layout("typed-rate", eta_label="", eta_written="0.5"),
    Layout("rate-column", columns=("eta", *PUBLISHED), eta_label="", spell=spelling(eta="η")),
    Layout("rate-as-percentage", eta=0.5, number_format="0.0000%"),
    Layout("scientific", number_format="0.00E+00", eta_label="eta"),
    Layout("constants-outside", columns=(*INNER, *HIDDEN, *OUTER, *OUTPUT, *ERRORS, *SLOPES), outside={"t1": "E2", "t2": "G2", "i1": "I2", "i2": "K2"}),
    Layout("fixed-biases", columns=(*DATA, "b1", "b2", *PUBLISHED[4:]), formulas=BIASED, values=BIASES),
    Layout("biases-outside", formulas=BIASED, values=BIASES, outside={"b1": "E2", "b2": "G2"}, spell=LEIBNIZ),
    Layout("trained-biases", columns=(*WITH_DELTAS[:12], "b1", "b2", *WITH_DELTAS[12:], "dE/db1", "dE/db2"), formulas={**DELTAS, **TRAINED}, values=BIASES),
    Layout("absolute-inputs", formulas={"h1": "{w1}*$C$7+{w2}*$D$7", "h2": "$C$7*{w3}+$D$7*{w4}", "dE/dw1": BACK.replace("{%s}", "{%s}") % ("w5", "w7", "a_h1", "a_h1", "i1")}),
    Layout("sumproduct", columns=("i1", "i2", "w1", "w2", "w3", "w4", *HIDDEN, "t1", "t2", *OUTER, *OUTPUT, *ERRORS, *SLOPES), formulas={"h1": "SUMPRODUCT({i1}:{i2},{w1}:{w2})", "E_total": "SUM({E1}:{E2})"}),
    Layout("other-sigmoid", formulas={"a_h1": "EXP({h1})/(1+EXP({h1}))", "a_h2": "(1+EXP(-{h2}))^-1", "E1": "POWER({t1}-{a_o1},2)/2", "E2": "({a_o2}-{t2})^2/2"}),
    Layout("minus-target", formulas={"dE/dw5": "-({t1}-{a_o1})*{a_o1}*(1-{a_o1})*{a_h1}", "w5": "{<w5}+(-1)*{eta}*{<dE/dw5}"}),
    Layout("typed-data", formulas={"i1": "0.05", "i2": "1/10"}),
    Layout("identity-output", formulas={"a_o1": "{o1}", "a_o2": "{o2}", **{f"dE/dw{n}": FORMULAS[f"dE/dw{n}"].replace("*{a_o1}*(1-{a_o1})", "").replace("*{a_o2}*(1-{a_o2})", "") for n in range(1, 9)}}),
    Layout("without-half", formulas={"E1": "({t1}-{a_o1})^2", "E2": "({t2}-{a_o2})^2", **{f"dE/dw{n}": "2*" + FORMULAS[f"dE/dw{n}"] for n in range(1, 9)}}, eta=0.25),
    Layout("biases-typed", formulas={"h1": "{w1}*{i1}+{w2}*{i2}+0.35", "h2": "{w3}*{i1}+{w4}*{i2}+0.35", "o1": "{w5}*{a_h1}+{w6}*{a_h2}+0.6", "o2": "{w7}*{a_h1}+{w8}*{a_h2}+0.6"}),
    Layout("rate-in-text", eta_label="", eta_written="0.5", before=lambda book: book.active.__setitem__("A1", "learning rate = 0,5")),
    Layout("rate-typed-as-text", eta="0.5"),
    Layout("weights-by-start", formulas={"h1": "{w1}*{i1}+{w3}*{i2}", "h2": "{w2}*{i1}+{w4}*{i2}", "o1": "{w5}*{a_h1}+{w7}*{a_h2}", "o2": "{w6}*{a_h1}+{w8}*{a_h2}", "dE/dw1": BACK % ("w5", "w6", "a_h1", "a_h1", "i1"), "dE/dw3": BACK % ("w5", "w6", "a_h1", "a_h1", "i2"), "dE/dw2": BACK % ("w7", "w8", "a_h2", "a_h2", "i1"), "dE/dw4": BACK % ("w7", "w8", "a_h2", "a_h2", "i2"), "dE/dw6": FORMULAS["dE/dw7"], "dE/dw7": FORMULAS["dE/dw6"]}),
    Layout("bare-activations", spell=spelling(act="{u}{n}", net="net{u}{n}")),
    Layout("one-step", steps=1, spell=PARTIAL),
    Layout("many-steps", steps=150, eta=1.0, spell=LEIBNIZ),
)  # fmt: skip

STYLES = {
    "plain": Layout("plain"),
    "partial": Layout("partial", spell=PARTIAL, top=9, left=2, eta_at="C3"),
    "leibniz": Layout("leibniz", spell=LEIBNIZ, columns=(*INNER, *OUTER, *DATA, *HIDDEN, *OUTPUT, *ERRORS, *SLOPES)),
    "deltas": Layout("deltas", columns=WITH_DELTAS, formulas=DELTAS, spell=spelling(delta="δ_{u}{n}")),
    "biased": Layout("biased", columns=(*DATA, "b1", "b2", *PUBLISHED[4:]), formulas=BIASED, values=BIASES),
}


def _f(name: str, old: str, new: str) -> str:
    changed = {**FORMULAS}[name].replace(old, new)
    assert changed != FORMULAS[name], (name, old)
    return changed


S1, S2 = "{a_o1}*(1-{a_o1})", "{a_o2}*(1-{a_o2})"
L = MistakeKind
WRONG: tuple[tuple[str, Plant], ...] = (
    # sign, target minus output, plus
    ("plain", Plant("dE/dw5", "-" + FORMULAS["dE/dw5"], (L.SIGN, L.TARGET_MINUS))),
    ("plain", Plant("dE/dw7", _f("dE/dw7", "({a_o2}-{t2})", "({t2}-{a_o2})"), (L.TARGET_MINUS, L.SIGN))),
    ("partial", Plant("dE/dw1", _f("dE/dw1", "({a_o1}-{t1})", "({t1}-{a_o1})"), (L.TARGET_MINUS, L.SIGN))),
    ("leibniz", Plant("dE/dw6", _f("dE/dw6", "({a_o1}-{t1})", "({t1}-{a_o1})"), (L.TARGET_MINUS, L.SIGN))),
    ("deltas", Plant("delta_o1", "({t1}-{a_o1})*" + S1, (L.TARGET_MINUS, L.SIGN))),
    ("deltas", Plant("dE/dw3", "-{delta_h2}*{i1}", (L.SIGN, L.TARGET_MINUS))),
    ("plain", Plant("a_h1", "1/(1+EXP({h1}))", (L.SIGN,))),
    ("plain", Plant("h2", "{w3}*{i1}-{w4}*{i2}", (L.SIGN,))),
    ("plain", Plant("E_total", "{E1}-{E2}", (L.SIGN,))),
    ("plain", Plant("dE/dw8", _f("dE/dw8", "(1-{a_o2})", "(1+{a_o2})"), (L.SIGN,))),
    ("plain", Plant("w3", "{<w3}+{eta}*{<dE/dw3}", (L.PLUS,))),
    ("partial", Plant("w8", "{<w8}+{eta}*{<dE/dw8}", (L.PLUS,))),
    ("deltas", Plant("w1", "{<w1}+{eta}*{<dE/dw1}", (L.PLUS,))),
    # forgotten derivative
    ("plain", Plant("dE/dw5", "({a_o1}-{t1})*{a_h1}", (L.DERIVATIVE,))),
    ("leibniz", Plant("dE/dw7", "({a_o2}-{t2})*(1-{a_o2})*{a_h1}", (L.DERIVATIVE, L.FACTOR))),
    ("partial", Plant("dE/dw2", _f("dE/dw2", "*{a_h1}*(1-{a_h1})", ""), (L.DERIVATIVE,))),
    ("deltas", Plant("delta_h1", "({delta_o1}*{w5}+{delta_o2}*{w7})", (L.DERIVATIVE,))),
    ("deltas", Plant("delta_o2", "({a_o2}-{t2})", (L.DERIVATIVE,))),
    ("plain", Plant("dE/dw4", _f("dE/dw4", "*(1-{a_h2})", ""), (L.DERIVATIVE,))),
    ("biased", Plant("dE/dw6", "({a_o1}-{t1})*{a_h2}", (L.DERIVATIVE,))),
    # new weights
    ("plain", Plant("dE/dw1", BACK.replace("{%s}", "({w5}-{eta}*{dE/dw5})", 1).replace("{%s}", "({w7}-{eta}*{dE/dw7})", 1) % ("a_h1", "a_h1", "i1"), (L.NEW_WEIGHTS,))),
    ("partial", Plant("dE/dw4", BACK.replace("{%s}", "({w6}-{eta}*{dE/dw6})", 1).replace("{%s}", "({w8}-{eta}*{dE/dw8})", 1) % ("a_h2", "a_h2", "i2"), (L.NEW_WEIGHTS,))),
    ("deltas", Plant("delta_h2", "({delta_o1}*({w6}-{eta}*{dE/dw6})+{delta_o2}*({w8}-{eta}*{dE/dw8}))*{a_h2}*(1-{a_h2})", (L.NEW_WEIGHTS,))),
    ("biased", Plant("dE/dw2", BACK.replace("{%s}", "({w5}-{eta}*{dE/dw5})", 1) % ("w7", "a_h1", "a_h1", "i2"), (L.NEW_WEIGHTS,))),
    # swapped weights
    ("plain", Plant("o1", "{w5}*{a_h1}+{w7}*{a_h2}", (L.SWAPPED,))),
    ("plain", Plant("o2", "{w6}*{a_h1}+{w8}*{a_h2}", (L.SWAPPED,))),
    ("plain", Plant("h1", "{w2}*{i1}+{w1}*{i2}", (L.SWAPPED,))),
    ("partial", Plant("dE/dw1", BACK % ("w5", "w6", "a_h1", "a_h1", "i1"), (L.SWAPPED,))),
    ("partial", Plant("dE/dw3", BACK % ("w8", "w6", "a_h2", "a_h2", "i1"), (L.SWAPPED,))),
    ("deltas", Plant("delta_h1", "({delta_o1}*{w5}+{delta_o2}*{w6})*{a_h1}*(1-{a_h1})", (L.SWAPPED,))),
    ("deltas", Plant("delta_h2", "({delta_o1}*{w7}+{delta_o2}*{w8})*{a_h2}*(1-{a_h2})", (L.SWAPPED,))),
    # a constant where a reference should be
    ("plain", Plant("h1", "0.15*{i1}+{w2}*{i2}", (L.CONSTANT,))),
    ("plain", Plant("dE/dw1", FORMULAS["dE/dw1"].replace("{i1}", "0.05"), (L.CONSTANT,))),
    ("partial", Plant("E1", "0.5*(0.01-{a_o1})^2", (L.CONSTANT,))),
    ("plain", Plant("w4", "{<w4}-0.5*{<dE/dw4}", (L.CONSTANT,))),
    ("leibniz", Plant("w5", "{<w5}-0.5*{<dE/dw5}", (L.CONSTANT,))),
    ("plain", Plant("o2", "0.5*{a_h1}+{w8}*{a_h2}", (L.CONSTANT, L.STOPS))),
    ("deltas", Plant("dE/dw2", "{delta_h1}*0.1", (L.CONSTANT,))),
    ("plain", Plant("dE/dw6", 0.0826, (L.CONSTANT,))),
    ("biased", Plant("h2", "{w3}*{i1}+{w4}*{i2}+0.35", (L.CONSTANT,))),
    # stops following
    ("plain", Plant("w5", "$M$7-{eta}*{<dE/dw5}", (L.STOPS,))),
    ("plain", Plant("h1", "$E$7*{i1}+{w2}*{i2}", (L.STOPS,))),
    ("plain", Plant("a_h2", "1/(1+EXP(-{<h2}))", (L.STOPS,), first=5)),
    ("partial", Plant("o1", "{<w5}*{a_h1}+{w6}*{a_h2}", (L.STOPS,), first=4, last=4)),
    ("plain", Plant("w2", "{<w2}", (L.STOPS,), first=6)),
    ("plain", Plant("dE/dw7", "Z7", (L.STOPS,), first=8)),
    ("deltas", Plant("w7", "{w7}".replace("{w7}", "{<w7}-{eta}*AH$7"), (L.STOPS,))),
    ("leibniz", Plant("E_total", "{<E1}+{E2}", (L.STOPS,), first=3)),
    ("plain", Plant("i1", "{<i1}+1", (L.STOPS,), first=1)),
    ("plain", Plant("w5", "{<w5}-{eta}*{dE/dw5}", (L.STOPS,))),
    # typed over
    ("plain", Plant("o2", 1.2, (L.TYPED_OVER,), first=4, last=4)),
    ("partial", Plant("w6", 0.45, (L.TYPED_OVER,), first=7, last=7)),
    ("leibniz", Plant("dE/dw3", 0.0005, (L.TYPED_OVER,), first=9, last=12)),
    ("plain", Plant("E_total", 0.2425, (L.TYPED_OVER,), first=0, last=0)),
    # factors
    ("plain", Plant("E1", "({t1}-{a_o1})^2", (L.FACTOR,))),
    ("partial", Plant("E2", "0.5*({t2}-{a_o2})", (L.FACTOR,))),
    ("plain", Plant("dE/dw8", "2*" + FORMULAS["dE/dw8"], (L.FACTOR,))),
    ("plain", Plant("w1", "{<w1}-{<dE/dw1}", (L.FACTOR,))),
    ("deltas", Plant("dE/dw5", "{delta_o1}", (L.FACTOR,))),
    ("plain", Plant("dE/dw5", "{eta}*" + FORMULAS["dE/dw5"], (L.FACTOR,))),
    # one path
    ("plain", Plant("dE/dw1", "({a_o1}-{t1})*" + S1 + "*{w5}*{a_h1}*(1-{a_h1})*{i1}", (L.ONE_PATH,))),
    ("partial", Plant("dE/dw4", "({a_o2}-{t2})*" + S2 + "*{w8}*{a_h2}*(1-{a_h2})*{i2}", (L.ONE_PATH,))),
    ("deltas", Plant("delta_h1", "{delta_o2}*{w7}*{a_h1}*(1-{a_h1})", (L.ONE_PATH,))),
    ("leibniz", Plant("E_total", "{E1}", (L.ONE_PATH,))),
    ("biased", Plant("o1", "{w5}*{a_h1}+{w6}*{a_h2}", (L.ONE_PATH,))),
    # wrong input
    ("plain", Plant("dE/dw2", FORMULAS["dE/dw1"], (L.INPUT,))),
    ("plain", Plant("dE/dw6", FORMULAS["dE/dw5"], (L.INPUT,))),
    ("partial", Plant("h2", "{w3}*{i1}+{w4}*{i1}", (L.INPUT,))),
    ("deltas", Plant("dE/dw8", "{delta_o2}*{a_h1}", (L.INPUT,))),
    ("plain", Plant("E2", "0.5*({t1}-{a_o2})^2", (L.INPUT,))),
    ("plain", Plant("w3", "{<w3}-{eta}*{<dE/dw4}", (L.OTHER_GRADIENT,))),
    ("leibniz", Plant("a_o2", "1/(1+EXP(-{o1}))", (L.INPUT,))),
    # activation
    ("plain", Plant("a_h2", "{h2}", (L.DERIVATIVE,))),
    ("plain", Plant("a_o1", "TANH({o1})", (L.UNKNOWN,))),
)  # fmt: skip
