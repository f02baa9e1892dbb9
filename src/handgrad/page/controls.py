"""Controls that the bodies of all pages use, each with its label."""

from __future__ import annotations

from handgrad.html.markup import Markup, tag


def choice(id_: str, label: str, options: list[tuple[str, str]]) -> Markup:
    """Return a labelled list to choose from."""
    entries = [tag("option", text, value=value) for value, text in options]
    return tag("label", tag("span", label), tag("select", *entries, id=id_))


def button(id_: str, *children: object, **attributes: object) -> Markup:
    """Return a button."""
    return tag("button", *children, type="button", id=id_, **attributes)


def slider(id_: str, least: int, most: int, label: str) -> Markup:
    """Return a slider over any number from *least* to *most*, which says what it is to whoever does not see it."""
    return tag("input", type="range", id=id_, min=least, max=most, step="any", aria_label=label)
