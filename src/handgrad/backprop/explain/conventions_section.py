"""The section of a derivation about conventions."""

from __future__ import annotations

from collections.abc import Iterator

from handgrad.backprop.conventions import conventions
from handgrad.backprop.explain.document import Block, Heading, Paragraph, Table, say
from handgrad.backprop.explain.forward import number
from handgrad.backprop.explain.scope import Scope


def conventions_section(scope: Scope) -> Iterator[Block]:
    """Yield a table: the choice here, the choice elsewhere, a number both ways."""
    yield Heading(2, say("9. Conventions"))
    yield Paragraph(
        say(
            "Texts on backpropagation choose differently, and each is correct on its own terms. If a number elsewhere "
            "differs from one here, look for the reason in this table first."
        )
    )
    header = ("topic", "here", "elsewhere", "the number", "here", "elsewhere")
    rows = [
        (
            say(one.topic),
            say(one.here),
            say(one.elsewhere),
            say(one.number),
            number(one.value_here, 9),
            number(one.value_elsewhere, 9),
        )
        for one in conventions(scope.graph)
    ]
    yield Table(tuple(say(text) for text in header), tuple(rows), left=frozenset({0, 1, 2, 3}))
