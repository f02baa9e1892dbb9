"""HTML from nested calls. Whatever is not `Markup` already is escaped, so a stranger's text never becomes a tag."""

from __future__ import annotations

from handgrad.text import escaped as escaped_text

VOID = {"meta", "img", "br", "hr", "col", "link"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: object) -> Markup:
    """Return *text* as HTML that shows it, letter for letter; Markup passes unchanged."""
    if isinstance(text, Markup):
        return text
    return Markup(escaped_text(text))


def joined(*parts: object) -> Markup:
    """Return *parts* one after the other, None left out."""
    return Markup("".join(escaped(part) for part in parts if part is not None))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return the element *name*. ``class_`` is class, ``aria_label`` is aria-label; None and False leave one out."""
    pairs = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{pairs}>")
    return Markup(f"<{name}{pairs}>{joined(*children)}</{name}>")


def _attribute(key: str) -> str:
    """Return the attribute's name for a Python keyword."""
    return key.rstrip("_").replace("_", "-")


def table(head: list[object], rows: list[list[object]], *, class_: str = "") -> Markup:
    """Return a table in a box that scrolls sideways; the first cell of each row is its heading."""
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head))),
            tag("tbody", *body),
            class_=class_ or None,
        ),
        class_="scroll",
    )
