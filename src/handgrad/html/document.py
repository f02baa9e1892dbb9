"""A complete HTML page that loads nothing."""

from __future__ import annotations

from pathlib import Path

from handgrad.html.markup import Markup, tag

STYLE = Path(__file__).with_name("page.css")


def document(title: str, body: Markup) -> str:
    """Return a complete HTML document that loads nothing."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', tag('main', body)), lang='en')}\n"
