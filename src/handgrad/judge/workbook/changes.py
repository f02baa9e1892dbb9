"""Every change of a formula in one place: another sign, another pair of brackets, a part put in for another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.trial import tree_of
from handgrad.xlsx.formula import (
    TOKEN,
    Binary,
    Function,
    Minus,
    Number,
    Percent,
    Tree,
)

FACTORS = ((10.0, MistakeKind.TENFOLD), (100.0, MistakeKind.HUNDREDFOLD), (2.0, MistakeKind.FACTOR))
RETYPED = {"+": "plus", "-": "minus", "*": "times sign", "/": "division"}
RETYPED_KINDS = {
    ("*", "-"): MistakeKind.TIMES_FOR_MINUS,
    ("+", "-"): MistakeKind.SIGN,
    ("-", "+"): MistakeKind.SIGN,
}
OPENING = frozenset("=<>&+-*/^(,;")
"""After these a + or - is the sign of what follows."""
Made = tuple[MistakeKind, str]
Change = Callable[[Tree], Iterator[tuple[Tree, Made]]]


def everywhere(tree: Tree, change: Change) -> Iterator[tuple[Tree, Made]]:
    """Yield the formula with one part changed, for every part and every change of it."""
    # The whole first, then deeper: of two repairs the one nearer the top is the one per person sees first.
    yield from change(tree)
    match tree:
        case Binary(sign, left, right):
            yield from ((Binary(sign, new, right), made) for new, made in everywhere(left, change))
            yield from ((Binary(sign, left, new), made) for new, made in everywhere(right, change))
        case Minus(operand):
            yield from ((Minus(new), made) for new, made in everywhere(operand, change))
        case Percent(operand):
            yield from ((Percent(new), made) for new, made in everywhere(operand, change))
        case Function(name, arguments):
            for number, argument in enumerate(arguments):
                for new, made in everywhere(argument, change):
                    yield Function(name, (*arguments[:number], new, *arguments[number + 1 :])), made


def retyped(text: str) -> Iterator[tuple[Tree, Made]]:
    """Yield the formula with one sign typed as another, which may bind its parts otherwise: w * η · slope for w − η · slope."""
    # On the text and not the tree, because one sign typed as another regroups all that stands around it.
    words = [word for _, word in _tokens(text)]
    for place in range(1, len(words) - 1):
        if words[place] not in RETYPED or words[place - 1] in OPENING:
            continue
        for sign in RETYPED:
            tree = tree_of("".join([*words[:place], sign, *words[place + 1 :]]))
            if sign != words[place] and tree is not None:
                kind = RETYPED_KINDS.get((words[place], sign), MistakeKind.FACTOR)
                yield tree, (kind, f"a {RETYPED[words[place]]} instead of a {RETYPED[sign]}")


def bracketed(text: str) -> Iterator[tuple[Tree, Made]]:
    """Yield the formula with one pair of brackets more, or one less."""
    tokens = _tokens(text)
    words = [token for _, token in tokens]
    # The pairs of places grow with the square of the length.
    if len(words) > 120:
        return
    pairs = _pairs(words)
    ends = {last for _, last in pairs}
    for begin in range(len(words)):
        if tokens[begin][0] == "sign" and words[begin] not in ("(", "-"):
            continue
        depth = 0
        for end in range(begin, len(words)):
            depth += (words[end] == "(") - (words[end] == ")")
            if depth < 0:
                break
            if depth or end == begin or (tokens[end][0] == "sign" and end not in ends):
                continue
            tree = tree_of("".join([*words[:begin], "(", *words[begin : end + 1], ")", *words[end + 1 :]]))
            if tree is not None:
                yield tree, (MistakeKind.BRACKETS, f"brackets are missing: ({''.join(words[begin : end + 1])})")
    for begin, end in pairs:
        if begin and tokens[begin - 1][0] == "word":
            continue
        tree = tree_of("".join([*words[:begin], *words[begin + 1 : end], *words[end + 1 :]]))
        if tree is not None:
            yield tree, (MistakeKind.BRACKETS, f"brackets that do not belong there: {''.join(words[begin : end + 1])}")
        # A closing bracket that stands too early or too late.
        for later in range(end + 1, len(words)):
            moved = [*words[:end], *words[end + 1 : later + 1], ")", *words[later + 1 :]]
            if (tree := tree_of("".join(moved))) is not None:
                yield tree, (MistakeKind.BRACKETS, "a bracket closes too early")
        for sooner in range(begin + 2, end):
            moved = [*words[:sooner], ")", *words[sooner:end], *words[end + 1 :]]
            if (tree := tree_of("".join(moved))) is not None:
                yield tree, (MistakeKind.BRACKETS, "a bracket closes too late")


def _tokens(text: str) -> list[tuple[str, str]]:
    """The parts of a formula, each with its kind; none where it is not understood."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            return []
        tokens.append((match.lastgroup or "", match.group().strip()))
        at = match.end()
    return tokens


def _pairs(words: list[str]) -> list[tuple[int, int]]:
    waiting: list[int] = []
    found: list[tuple[int, int]] = []
    for place, word in enumerate(words):
        if word == "(":
            waiting.append(place)
        elif word == ")" and waiting:
            found.append((waiting.pop(), place))
    return found


def other_signs(part: Tree) -> Iterator[tuple[Tree, Made]]:
    """Yield a part with another sign, without one of its sides, or with its sides exchanged."""
    if not isinstance(part, Binary):
        yield Minus(part), (MistakeKind.SIGN, "a sign is turned")
        return
    sign, left, right = part.sign, part.left, part.right
    if sign == "*":
        if right == Number(2.0):
            yield Binary("^", left, right), (MistakeKind.TWICE_FOR_SQUARE, "*2 instead of ^2")
        yield Binary("-", left, right), (MistakeKind.TIMES_FOR_MINUS, "a times sign instead of a minus")
        yield Binary("+", left, right), (MistakeKind.FACTOR, "a times sign instead of a plus")
        yield Binary("/", left, right), (MistakeKind.FACTOR, "a times sign instead of a division")
        yield left, (_size(right), "one factor too many")
        yield right, (_size(left), "one factor too many")
    elif sign == "/":
        yield Binary("*", left, right), (MistakeKind.FACTOR, "a division instead of a times sign")
        yield left, (MistakeKind.FACTOR, "one division too many")
    elif sign == "+":
        yield Binary("-", left, right), (MistakeKind.SIGN, "a plus instead of a minus")
        yield Binary("*", left, right), (MistakeKind.FACTOR, "a plus instead of a times sign")
        yield left, (MistakeKind.FACTOR, "one term too many")
        yield right, (MistakeKind.FACTOR, "one term too many")
    elif sign == "-":
        yield Binary("+", left, right), (MistakeKind.SIGN, "a minus instead of a plus")
        yield Binary("*", left, right), (MistakeKind.FACTOR, "a minus instead of a times sign")
        yield Binary("-", right, left), (MistakeKind.SIGN, "the sides of a difference are exchanged")
        yield left, (MistakeKind.FACTOR, "one term too many")
    elif sign == "^":
        yield Binary("*", left, right), (MistakeKind.FACTOR, "a power instead of a times sign")
        yield left, (MistakeKind.FACTOR, "one power too many")
    yield Minus(part), (MistakeKind.SIGN, "the sign of a part is turned")


def _size(factor: Tree) -> MistakeKind:
    """The kind of mistake that a factor too many is."""
    sizes = {value: kind for size, kind in FACTORS for value in (size, 1.0 / size)}
    return sizes.get(factor.value, MistakeKind.FACTOR) if isinstance(factor, Number) else MistakeKind.FACTOR
