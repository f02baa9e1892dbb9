"""The frame of a page that is played with: a strict content policy, our style, the data, one script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from handgrad.html.document import STYLE, document_head
from handgrad.html.markup import Markup, tag
from handgrad.page.join import join_modules
from handgrad.page.packing import deflated, json_deflated

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may load: nothing. It talks to nobody, and the browser sees to that."""
LOADER = """
// The scripts of this page are those of the package handgrad, in handgrad/page/scripts; deflated, they are a quarter as long.
(async () => {
  const text = document.getElementById("code").textContent.trim();
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.body.append(script);
})();
"""
OWN_STYLE = Path(__file__).with_name("page.css")
DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}\s*\}", re.DOTALL)
LIGHT = re.compile(r"^:root \{(.*?)\}", re.DOTALL | re.MULTILINE)


def page_document(title: str, body: Markup, entry: str, data: object, *, more: Mapping[str, str] | None = None) -> str:
    """Return a complete page: *entry* is the module that begins, *data* what it reads, *more* texts in base64 by id."""
    referrer = tag("meta", name="referrer", content="no-referrer")
    head = document_head(title, POLICY, page_style(), referrer)
    packed = _text("data", json_deflated(data))
    further = [_text(id_, text) for id_, text in (more or {}).items()]
    code = _text("code", deflated(f'"use strict";\n{join_modules(entry)}'))
    loader = tag("script", Markup(_closed(LOADER)))
    page = tag("html", head, tag("body", tag("main", body), packed, *further, code, loader), lang="en", class_="play")
    return f"<!DOCTYPE html>\n{page}\n"


def _text(id_: str, text: str) -> Markup:
    """A script of a type that is no language is only text: base64, so that no part of it can end the element."""
    return tag("script", Markup(text), type="application/octet-stream", id=id_)


def page_style() -> str:
    """Return the style of the reports, its two sets of colours by choice as well as by the system, and the page's own."""
    style = STYLE.read_text(encoding="utf-8")
    light, dark = LIGHT.search(style), DARK.search(style)
    if light is None or dark is None:
        raise ValueError("html/page.css has no light and dark colours")
    chosen = (
        f"@media screen {{\n:root[data-theme=light] {{ color-scheme: light; {light[1].strip()} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark[1].strip()} }}\n}}\n"
    )
    return _closed(style + chosen + OWN_STYLE.read_text(encoding="utf-8"))


def _closed(text: str) -> str:
    """Refuse what would end its element early: ours are the scripts and styles, so that would be a fault of ours."""
    if re.search(r"</(script|style)|<!--", text, re.IGNORECASE):
        raise ValueError("a script or style of the page holds the end of an element")
    return text
