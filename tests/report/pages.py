"""Reads a page as a browser would and says what is wrong with it."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "col", "link", "input"}
LOADING = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"}


@dataclass
class Node:
    """One element with its attributes, its text and its children."""

    name: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    own_text: str = ""

    @property
    def classes(self) -> list[str]:
        """The names in its class attribute."""
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All text in it, in the order of the page."""
        return self.own_text

    def all(self, name: str, class_: str = "") -> list[Node]:
        """Return every element *name* below this one, with that class if one is given."""
        found = []
        for child in self.children:
            if child.name == name and (not class_ or class_ in child.classes):
                found.append(child)
            found += child.all(name, class_)
        return found


class Page(HTMLParser):
    """A parsed page; ``faults`` lists what is not well-formed, not self-contained or not described."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]
        self.faults: list[str] = []
        self.feed(source)
        self.close()
        self.faults += [f"<{node.name}> is never closed" for node in self.open[1:]]
        self.faults += [f"a style loads {url}" for style in self.root.all("style") for url in loads(style.text)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        attributes = {name: value or "" for name, value in attrs}
        if len(names) != len(attributes):
            self.faults.append(f"<{tag}> has an attribute twice")
        self.check(tag, attributes)
        node = Node(tag, attributes)
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def check(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form", "link"):
            self.faults.append(f"<{tag}> has no place here")
        for name, value in attributes.items():
            if name.startswith("on"):
                self.faults.append(f"<{tag}> has a handler, {name}")
            if name in LOADING and not value.startswith(("data:image/png;base64,", "#")):
                self.faults.append(f"<{tag} {name}> loads {value}")
            if name == "style":
                self.faults += [f"<{tag}> loads {url}" for url in loads(value)]
        if tag == "img" and not attributes.get("alt"):
            self.faults.append("<img> has no alt text")

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].name != tag:
            self.faults.append(f"</{tag}> closes <{self.open[-1].name}>")
            return
        node = self.open.pop()
        if tag == "svg" and "aria-hidden" not in node.attributes and not node.all("title"):
            self.faults.append("<svg> has no title")

    def handle_data(self, data: str) -> None:
        for node in self.open:
            node.own_text += data


def loads(style: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    return re.findall(r"@import[^;]*|url\([^)]*\)", style)


def images(page: Page) -> list[bytes]:
    """Return the bytes of every image on the page."""
    return [base64.b64decode(node.attributes["src"].partition(",")[2]) for node in page.root.all("img")]


def cells(table: Node) -> list[list[str]]:
    """Return the texts of a table's body, row by row."""
    return [[cell.text for cell in row.children] for row in table.all("tbody")[0].all("tr")]


def section(page: Page, title: str) -> Node:
    """Return the section under the heading *title*."""
    found = [node for node in page.root.all("section") if node.all("h2")[0].text == title]
    assert len(found) == 1, f"{len(found)} sections are called {title}"
    return found[0]
