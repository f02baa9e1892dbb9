"""Finds the f-strings that only Python 3.12 and newer can read: inside their braces stands what older ones do not allow there.

There an f-string ends at the first quote of its own kind that stands outside its braces (PEP 701); before, at the first one
anywhere, and no backslash and no comment may stand between the braces.
"""

from __future__ import annotations

import re

OPENS = re.compile(r"(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>\"\"\"|'''|\"|')")
WORD = re.compile(r"\w+")
PAIRS = {"(": ")", "[": "]", "{": "}"}


def without_newer_strings(code: str) -> str:
    """Return *code* with an empty string instead of each f-string that older Pythons cannot read.

    Where that parses and *code* does not, the f-strings were what this Python does not read.
    """
    kept: list[str] = []
    at = 0
    while at < len(code):
        opened = OPENS.match(code, at)
        if opened is not None:
            end, newer = _string_end(code, opened)
            # An open string ends nowhere: the rest stays as it is, and the parser's words hold.
            end = end if end > 0 else len(code)
            kept.append("''" if newer else code[at:end])
        elif code[at] == "#":
            end = _line_end(code, at)
            kept.append(code[at:end])
        else:
            word = WORD.match(code, at)  # whole: the f of "leaf" before a quote is no prefix
            end = word.end() if word is not None else at + 1
            kept.append(code[at:end])
        at = end
    return "".join(kept)


def _line_end(code: str, at: int) -> int:
    """Return where the line of the place *at* ends."""
    found = code.find("\n", at)
    return found if found >= 0 else len(code)


def _string_end(code: str, opened: re.Match[str]) -> tuple[int, bool]:
    """Return where a string ends, -1 for nowhere, and whether it is an f-string that older Pythons do not read."""
    quote, prefix = opened["quote"], opened["prefix"].lower()
    at, newer = opened.end(), False
    while at < len(code):
        sign = code[at]
        if code.startswith(quote, at):
            return at + len(quote), newer
        if sign == "\n" and len(quote) == 1:
            return -1, newer
        if sign == "\\":
            at += 2
        elif "f" in prefix and sign == "{" and not code.startswith("{{", at):
            end, inside = _braces_end(code, at, quote)
            if end < 0:
                return -1, False
            newer, at = newer or inside, end
        else:
            at += 2 if code.startswith(("{{", "}}"), at) else 1
    return -1, newer


def _braces_end(code: str, at: int, quote: str) -> tuple[int, bool]:
    """Return where the braces that open at *at* close, -1 for nowhere, and whether only newer Pythons read what is inside."""
    start, open_ones = at, list[str]()
    newer = False
    while at < len(code):
        sign = code[at]
        opened = OPENS.match(code, at)
        if opened is not None:
            at, inside = _string_end(code, opened)
            if at < 0:
                return -1, False
            newer = newer or inside or opened["quote"][0] == quote[0]
            continue
        if sign in PAIRS:
            open_ones.append(PAIRS[sign])
        elif open_ones and sign == open_ones[-1]:
            open_ones.pop()
            if not open_ones:
                inner = code[start:at]
                return at + 1, newer or "\\" in inner or ("\n" in inner and len(quote) == 1)
        elif sign == "#":
            newer, at = True, _line_end(code, at)
            continue
        at += 1
    return -1, False
