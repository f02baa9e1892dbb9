"""A complete HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from pathlib import Path

from handgrad.html.markup import Markup, tag

STYLE = Path(__file__).with_name("page.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Were a stranger's text a tag, against all that `handgrad.html.markup` does, a browser would load and run nothing."""


def document_head(title: str, policy: str, style: str, *more: Markup) -> Markup:
    """Return the head of a page: its *policy* for what a browser may load, its *style* whole, and *more* elements."""
    return tag(
        "head",
        # First, because a browser guesses the encoding from what it has read until then.
        tag("meta", charset="utf-8"),
        # Before anything that could load: a policy says nothing about what stands above it.
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        *more,
        tag("title", title),
        tag("style", Markup(style)),
    )


def document(title: str, body: Markup) -> str:
    """Return a complete HTML document that loads nothing; a policy in it keeps a browser to that."""
    head = document_head(title, POLICY, STYLE.read_text(encoding="utf-8"))
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', tag('main', body)), lang='en')}\n"
