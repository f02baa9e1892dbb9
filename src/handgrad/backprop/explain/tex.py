"""Writes a derivation as a LaTeX document that pdfLaTeX, XeLaTeX and LuaLaTeX compile with common packages alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise

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

# An A4 page in the document's font; wider tables are cut in parts that repeat their first column.
MOST_COLUMNS = 10
HEAD = r"""\documentclass[a4paper,11pt]{article}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[utf8]{inputenc}
  \usepackage[T1]{fontenc}
  \newcommand{\othersign}[1]{?} % a letter that pdfLaTeX has no sign for; XeLaTeX and LuaLaTeX may have
\else
  \newcommand{\othersign}[1]{#1}
\fi
\usepackage{amsmath}
\usepackage{graphicx}
\usepackage{array}
\usepackage{longtable}
\usepackage[margin=2cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6em}
\allowdisplaybreaks
\begin{document}
"""
# Without LaTeX's own numbers: the headings carry those that the text refers to.
SECTIONS = {2: "section*", 3: "subsection*"}
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "∂": r"$\partial$",
    "σ": r"$\sigma$",
    "δ": r"$\delta$",
    "Σ": r"$\Sigma$",
    "η": r"$\eta$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "−": r"$-$",
    "±": r"$\pm$",
    "²": r"$^{2}$",
    "⁺": r"$^{+}$",
    "′": r"$'$",
    "½": r"$\frac{1}{2}$",
    "→": r"$\rightarrow$",
    "…": r"\ldots{}",
    "–": "--",
}


def write_tex(document: Document, pictures: str = "pdf") -> str:
    """Return the document as LaTeX; its pictures stand beside it as files of the kind."""
    parts: list[str] = []
    for kind, blocks in groupby(document.blocks, key=type):
        if kind is Equation:
            parts.append(_equations([block for block in blocks if isinstance(block, Equation)]))
        else:
            parts += [_block(block, pictures) for block in blocks]
    body = "\n\n".join(parts)
    return f"{HEAD}\n{body}\n\n\\end{{document}}\n"


def _block(block: Block, pictures: str) -> str:
    match block:
        case Heading(1, line):
            return f"\\begin{{center}}\\LARGE\\bfseries {_line(line)}\\end{{center}}"
        case Heading(level, line):
            return f"\\{SECTIONS[level]}{{{_line(line)}}}"
        case Paragraph(line):
            return _line(line)
        case Bullets(lines):
            items = "\n".join(f"  \\item {_line(line)}" for line in lines)
            return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"
        case Table():
            return _table(block)
        case Picture(name, _):
            size = r"[width=\linewidth,height=0.8\textheight,keepaspectratio]"
            return f"\\begin{{center}}\n\\includegraphics{size}{{{name}.{pictures}}}\n\\end{{center}}"
    raise TypeError(f"not a block: {block!r}")


def _equations(equations: Sequence[Equation]) -> str:
    """Return equations that follow one another, aligned at their first equals signs."""
    lines = [" \\\\\n".join(_equation(equation)) for equation in equations]
    return "\\begin{align*}\n" + " \\\\[0.5em]\n".join(lines) + "\n\\end{align*}"


def _equation(equation: Equation) -> list[str]:
    if all(len(right) == 1 for right in equation.rights):
        whole = " = ".join(right[0] for right in equation.rights)
        if fits(f"{equation.left} = {whole}"):
            return [f"{equation.left} &= {whole}"]
    lines: list[str] = []
    for index, right in enumerate(equation.rights):
        left = f"{equation.left} " if index == 0 else ""
        lines.append(f"{left}&= {right[0]}")
        lines += [f"&\\quad {more}" for more in right[1:]]
    return lines


def _table(table: Table) -> str:
    """Return a table; one that is wider than a page goes in parts below one another, each with the first column."""
    width = len(table.header)
    if width <= MOST_COLUMNS:
        return _part(table, range(width))
    parts = math.ceil((width - 1) / (MOST_COLUMNS - 2))
    ends = [1 + (width - 1) * part // parts for part in range(parts + 1)]
    return "\n\n".join(_part(table, (0, *range(start, end))) for start, end in pairwise(ends))


def _part(table: Table, places: Sequence[int]) -> str:
    # A column of sentences gets a share of the page, so that its lines break.
    prose = [i for i in places if i in table.left and any(_length(row[i]) > 24 for row in table.rows)]
    share = f">{{\\raggedright\\arraybackslash}}p{{{0.56 / len(prose):.2f}\\linewidth}}" if prose else ""
    columns = "".join(share if i in prose else "l" if i in table.left else "r" for i in places)
    head, *rows = (" & ".join(_line(row[i]) for i in places) + r" \\" for row in (table.header, *table.rows))
    wide = len(places) > 8 or prose
    size, spacing = ("\\scriptsize", "\\setlength{\\tabcolsep}{3pt}") if wide else ("\\small", "")
    body = "\n".join(rows)
    return (
        f"{{{size}{spacing}\n\\begin{{longtable}}{{{columns}}}\n\\hline\n{head}\n\\hline\n\\endhead\n"
        f"{body}\n\\hline\n\\end{{longtable}}\n}}"
    )


def _length(line: Line) -> int:
    return sum(len(span.label if isinstance(span, Math) else span.text) for span in line)


def _line(line: Line) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    match span:
        case Math(latex, _):
            return f"${latex}$"
        case Code(text):
            return f"\\texttt{{{escape(text)}}}"
        case User(text) | Text(text):
            return escape(text)
    raise TypeError(f"not a span: {span!r}")


def escape(text: str) -> str:
    """Return a text as LaTeX that shows it letter by letter and does nothing else."""
    return "".join(map(_sign, text))


def _sign(sign: str) -> str:
    if sign in SPECIAL:
        return SPECIAL[sign]
    # T1 has Latin letters with accents; anything further is left to engines that read every script.
    return sign if sign.isascii() or "À" <= sign <= "ÿ" else f"\\othersign{{{sign}}}"
