"""Words that a first-year student may have to look up, and phrases that read like a telegram; with what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_OF_EACH = (
    "book channel class core epoch file image layer line member network neuron person pixel question rate row run sample "
    "seed step study task trial unit"
)
_COUNTED = "answer column dot draw entry label line matrix number place process rate record row scale slope task"
INSTEAD = {
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again",
    r"hence|thence|whence|whither|thither|hither": "so, from which, to which",
    r"(there|where|here)(of|in|by|upon|unto)": "of it, in it, by it",
    r"nought|naught|ought|shalt?": "nothing, 0, should",
    r"reckon(s|ed|ing)?": "compute, count",
    r"seldom|oftener|commonest": "rarely, more often, most frequent",
    r"lest|albeit|withal|amid|amiss": "so that … not, although, wrong",
    r"by turns": "in turn",
    r"at rest": "in evaluation mode",
    r"be it": "whether it is",
    r"of (its|their) own accord": "by itself",
    r"looks? (how|what|whether)": "look at how",
    r"(?<!there )is no (number|file|folder|picture|network|notebook|shape|cell|run|list|study|sweep)": "is not a …",
    r"cannot be meant": "is not valid",
    r"goes? on with": "continue with",
    r"(is|was|are|were) (not )?to be had": "is available",
    r"(stands? )?in the place of": "instead of, replaces",
    r"(is|are|was|were) (not )?at hand": "is available",
    r"(trains?|answers?|used?|writes?|written) (it )?all the same": "anyway",
    r"accuses? nobody": "does not count, does not prove",
    rf"(an?|one) ({_COUNTED.replace(' ', '|')}) an? ({_OF_EACH.replace(' ', '|')})": "one … per …",
    rf"(one|once) an? ({_OF_EACH.replace(' ', '|')})": "one per …, once per …",
    r"1 (epochs|steps|seeds|threads|runs|images|trials|figures|parameters|digits|workers|decimals)": "1 with a singular",
    r"(the )?net inputs?": "pre-activation",
}
"""Patterns of words, and what says the same plainly."""
ELSEWHERE = re.compile(r"\((elsewhere|other texts call it|unlike|called):? [^)]*\)|other texts call it [^)]*")
"""Where other texts' words for a thing are named, once, beside ours."""
_PATTERNS = {re.compile(rf"(?<![\w-])({pattern})(?![\w-])", re.IGNORECASE): say for pattern, say in INSTEAD.items()}


def breaches(text: str) -> Iterator[str]:
    """Yield each word or phrase of *text* that is not plain, with what to write instead."""
    line = ELSEWHERE.sub("", " ".join(text.split()))
    for pattern, say in _PATTERNS.items():
        for found in pattern.finditer(line):
            yield f"…{line[max(0, found.start() - 30) : found.end() + 30]}… – write: {say}"


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each passage of a document, code left out, or of each string of a module."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        for number, passage in enumerate(
            re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).split("\n\n")
        ):
            yield number + 1, passage
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
