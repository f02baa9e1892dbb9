"""Writes a derivation as Markdown with mathematics between dollar signs, as code hosts and viewers render it."""

from __future__ import annotations

import re

from handgrad.backprop.explain.document import (
    Block,
    Bullets,
    Code,
    Document,
    Equation,
    Heading,
    Line,
    Math,
    Paragraph,
    Picture,
    Span,
    Table,
    Text,
    User,
)
from handgrad.backprop.explain.equations import fits
from handgrad.text import escaped_markdown

MARKUP = re.compile(r"([\\`*_\[\]<>|$~&])")


def write_markdown(document: Document, pictures: str = "svg") -> str:
    """Return the document as Markdown; its pictures stand beside it as files of the kind."""
    return "\n\n".join(_block(block, pictures) for block in document.blocks) + "\n"


def _block(block: Block, pictures: str) -> str:
    match block:
        case Heading(level, line):
            return f"{'#' * level} {''.join(_plain_span(span) for span in line)}"
        case Paragraph(line):
            return _line(line)
        case Equation():
            return "\n\n".join(f"$$\n{text}\n$$" for text in _display_lines(block))
        case Bullets(lines):
            return "\n".join(f"- {_line(line)}" for line in lines)
        case Table():
            return _table(block)
        case Picture(name, shows):
            alternative = "".join(_plain_span(span) for span in shows)
            return f"![{alternative}]({name}.{pictures})"
    raise TypeError(f"not a block: {block!r}")


def _display_lines(equation: Equation) -> list[str]:
    """Return the equation as one formula where it fits on a line, otherwise as one a side (and a side as several).

    Blocks of aligned lines would look better and are beyond mathtext, by which every formula is checked.
    """
    if all(len(right) == 1 for right in equation.rights):
        whole = " = ".join([equation.left, *(right[0] for right in equation.rights)])
        if fits(whole):
            return [whole]
    # A space before a sign: a line that began with + or - would be the item of a list.
    first, *more = equation.rights[0]
    lines = [f"{equation.left} = {first}", *(rf"\quad {line}" for line in more)]
    for right in equation.rights[1:]:
        if len(right) == 1 and fits(f"{lines[-1]} = {right[0]}"):
            lines[-1] += f" = {right[0]}"
        else:
            lines += [rf"\quad = {right[0]}", *(rf"\quad {line}" for line in right[1:])]
    return lines


def _table(table: Table) -> str:
    rules = [":--" if index in table.left else "--:" for index in range(len(table.header))]
    rows = [[_line(cell) for cell in row] for row in (table.header, *table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'|'.join(rules)}|", *lines[1:]])


def _line(line: Line) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    return f"${span.latex}$" if isinstance(span, Math) else _plain_span(span)


def _plain_span(span: Span) -> str:
    match span:
        case Math(latex, label):
            return MARKUP.sub(r"\\\1", label or latex)
        case Code(text):
            return f"`{text.replace('`', '')}`"
        case User(text):
            return escaped_markdown(text)
        case Text(text):
            return MARKUP.sub(r"\\\1", text)
    raise TypeError(f"not a span: {span!r}")
