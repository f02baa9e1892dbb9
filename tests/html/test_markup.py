"""HTML from nested calls: text stays text, in elements and in attributes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handgrad.html.document import document
from handgrad.html.markup import Markup, escaped, tag
from handgrad.text import DOES_SOMETHING
from report.pages import Page


def test_text_in_an_attribute_cannot_end_it() -> None:
    assert tag("p", title='" onclick="x') == '<p title="&quot; onclick=&quot;x"></p>'


@given(st.text())
def test_any_text_is_read_back_as_it_was_but_for_what_html_cannot_hold(text: str) -> None:
    page = Page(tag("p", text, title=text))
    node = page.root.children[0]
    assert page.faults == []
    assert (
        node.text
        == node.attributes["title"]
        == "".join(sign if sign in "\n\t" else DOES_SOMETHING.sub("\ufffd", sign) for sign in text)
    )


def test_markup_is_not_escaped_twice() -> None:
    assert escaped(tag("b", "<")) == "<b>&lt;</b>"
    assert isinstance(tag("b"), Markup)


def test_attributes_without_a_value_are_left_out_or_bare() -> None:
    assert tag("img", alt="a", hidden=True, title=None, lang=False) == '<img alt="a" hidden>'


def test_a_page_carries_a_policy_that_lets_nothing_be_loaded_and_no_script_run() -> None:
    page = Page(document("<title>", tag("p", "text")))
    policies = [node.attributes["content"] for node in page.root.all("meta") if "http-equiv" in node.attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
