"""The three ways an expression is written: spreadsheet formula, plain text and LaTeX; it is computed in ``graph.compiled``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from handgrad.backprop.symbols.expression import ATOM, NEG, POWER, PRODUCT, Function, Node, Style, Text, render

Names = Callable[[str], str] | Mapping[str, str]
"""From the name of a quantity to how it is written: a cell address, a label, a LaTeX symbol, a variable."""


def formula(node: Node, address: Names) -> str:
    """Return a spreadsheet formula without its leading ``=``.

    Uses ``+ - * / ^`` and functions that Excel 2010 and LibreOffice share. ``address`` gives the cell of each name.
    """
    return render(node, replace(_FORMULA, ref=_written(address)))


def plain(node: Node, label: Names, values: Mapping[str, float] | None = None, digits: int = 6) -> str:
    """Return the expression as Unicode text; with ``values``, the same line with the numbers put in."""
    return render(
        node, replace(_PLAIN, ref=_written(label) if values is None else _numbers(values, digits, plain_number))
    )


def latex(node: Node, symbol: Names, values: Mapping[str, float] | None = None, digits: int = 6) -> str:
    """Return the expression as LaTeX that matplotlib's mathtext reads too; with ``values``, with the numbers put in."""
    return render(
        node, replace(_LATEX, ref=_written(symbol) if values is None else _numbers(values, digits, latex_number))
    )


def plain_number(value: float, digits: int = 6) -> str:
    """Return a number for people: significant digits, a true minus sign, ``1.5·10^−7`` instead of ``1.5e-07``."""
    mantissa, _, exponent = f"{value:.{digits}g}".replace("-", "−").partition("e")
    return f"{mantissa}·10^{_bare(exponent)}" if exponent else mantissa


def latex_number(value: float, digits: int = 6) -> str:
    """Return the same for LaTeX."""
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa} \\cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _bare(exponent: str) -> str:
    return str(int(exponent.replace("−", "-"))).replace("-", "−")


def _written(names: Names) -> Callable[[str], Text]:
    look_up = names if callable(names) else names.__getitem__
    return lambda name: Text(look_up(name), ATOM)


def _numbers(values: Mapping[str, float], digits: int, write: Callable[[float, int], str]) -> Callable[[str], Text]:
    def written(name: str) -> Text:
        return _level(write(float(values[name]), digits))

    return written


def _level(text: str) -> Text:
    if text.startswith(("-", "−")):
        return Text(text, NEG)
    return Text(text, PRODUCT if "10^" in text else ATOM)


def _slash(slash: str) -> Callable[[Text, Text], Text]:
    def quotient(top: Text, bottom: Text) -> Text:
        return Text(f"{_held(top, POWER)}{slash}{_held(bottom, POWER)}", PRODUCT)

    return quotient


def _held(piece: Text, level: int) -> str:
    return piece.text if piece.level >= level else f"({piece.text})"


def _caret(base: Text, exponent: Text) -> Text:
    return Text(f"{_held(base, ATOM)}^{_held(exponent, ATOM)}", POWER)


def _squared(base: Text, exponent: Text) -> Text:
    # A name may be a fraction itself, ∂E/∂w, whose square would read as that of w alone.
    held = Text(base.text, PRODUCT) if "/" in base.text and base.level == ATOM else base
    return Text(f"{_held(held, ATOM)}²", POWER) if exponent.text == "2" else _caret(held, exponent)


def _fraction(top: Text, bottom: Text) -> Text:
    return Text(f"\\frac{{{top.text}}}{{{bottom.text}}}", POWER)


def _latex_power(base: Text, exponent: Text) -> Text:
    plain = not any(sign in base.text for sign in ("^", r"\frac"))
    held = base.text if base.level >= ATOM and plain else f"\\left({base.text}\\right)"
    return Text(f"{held}^{{{exponent.text}}}", POWER)


def _template(kind: str, separator: str = ", ") -> Callable[[Function, tuple[Text, ...]], str]:
    def call(function: Function, arguments: tuple[Text, ...]) -> str:
        first = arguments[0]
        template: str = getattr(function, kind)
        values = {"x": first.text, "X": _held(first, ATOM), "args": separator.join(piece.text for piece in arguments)}
        # Not str.format: LaTeX is full of braces of its own.
        for key, text in values.items():
            template = template.replace(f"⟨{key}⟩", text)
        return template

    return call


def _formula_number(value: float) -> Text:
    text = repr(value).upper()
    return Text(text.removesuffix(".0"), ATOM)


def _unset(name: str) -> Text:
    raise KeyError(name)


_FORMULA = Style(
    ref=_unset,
    number=_formula_number,
    call=_template("formula", ","),
    plus="+",
    minus="-",
    sign="-",
    times="*",
    quotient=_slash("/"),
    power=_caret,
)
_PLAIN = Style(
    ref=_unset,
    number=lambda value: _level(plain_number(value)),
    call=_template("plain"),
    plus=" + ",
    minus=" − ",
    sign="−",
    times=" · ",
    quotient=_slash(" / "),
    power=_squared,
)
_LATEX = Style(
    ref=_unset,
    number=lambda value: _level(latex_number(value)),
    call=_template("latex"),
    plus=" + ",
    minus=" - ",
    sign="-",
    times=r" \cdot ",
    quotient=_fraction,
    power=_latex_power,
    brackets=(r"\left(", r"\right)"),
)
