"""Descriptions packed small: what repeats is said once, and numbers as differences, so that they shrink when deflated.

``scripts/unpack.js`` reads what is written here; a test holds both to the graph itself. What only differs by the sample is
written for the first of them (``[1]``), and sums over samples as one sample's terms.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from handgrad.backprop.graph.graph import Factor, Quantity
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum, names_in

PLACES: tuple[tuple[str, Callable[[Quantity], int | None]], ...] = (
    ("u", lambda q: q.unit),
    ("s", lambda q: q.source),
    ("n", lambda q: q.number),
    ("m", lambda q: q.sample),
    ("l", lambda q: q.layer),
    ("o", lambda q: int(found[0]) if (found := re.findall(r"\d+", q.of or "")) else None),
)
MOST_PRODUCTS, FIRST_PRODUCTS = 4, 2
"""Of a longer chain rule the first two products and the last are kept."""


class Pool:
    """Different values, each with a number from 0."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}

    def __call__(self, value: Hashable) -> int:
        """Return the number of a value, a new one where it was not met before."""
        return self.numbers.setdefault(value, len(self.numbers))

    @property
    def items(self) -> list[Any]:
        """The values in the order of their numbers."""
        return list(self.numbers)


class Stream:
    """Numbers in runs, each as the difference to the run before it of the same kind."""

    def __init__(self) -> None:
        self.before: dict[object, list[int]] = {}
        self.numbers: list[int] = []

    def add(self, kind: object, run: list[int]) -> None:
        """Append a run; all runs of a kind are of one length."""
        # The run before of the same form mostly differs by one in each place: a stream of ones deflates to nothing.
        base = self.before.get(kind, [0] * len(run))
        self.numbers += [number - was for was, number in zip(base, run, strict=True)]
        self.before[kind] = run


class Packer:
    """Packs quantities, each different one once; of ``samples`` samples the first stands for all."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.names, self.shapes, self.chains, self.rows = Pool(), Pool(), Pool(), Pool()
        self.spelled: dict[str, tuple[str, str]] = {}

    def row(self, quantity: Quantity) -> int:
        """Return the number of a quantity, whatever its first value."""
        # Without its value: variants of a network differ in first values, and share all else.
        return self.rows(quantity if quantity.value is None else replace(quantity, value=None))

    def expression(self, node: Node) -> tuple[int, list[int]]:
        """Return the number of an expression's shape, and the numbers of the names in its gaps."""
        names: list[int] = []
        return self.shapes(json.dumps(self._shape(node, names))), names

    def _shape(self, node: Node, names: list[int]) -> Any:
        def inside(parts: Iterable[Node]) -> list[Any]:
            return [self._shape(part, names) for part in parts]

        match node:
            case Ref(name):
                names.append(self.names(name))
                return 0
            case Const(value):
                return ["c", value]
            case Sum(parts) if (one := self._one_sample(parts)) is not None:
                return ["s", *inside(one)]
            case Sum(parts):
                return ["+", *inside(parts)]
            case Product(parts):
                return ["*", *inside(parts)]
            case Neg(operand):
                return ["-", *inside((operand,))]
            case Quotient(above, below):
                return ["/", *inside((above, below))]
            case Power(base, exponent):
                return ["^", *inside((base, exponent))]
            case Call(function, parts):
                return [function.name, *inside(parts)]
        raise TypeError(f"not an expression: {node!r}")

    def _one_sample(self, terms: tuple[Node, ...]) -> tuple[Node, ...] | None:
        """The first sample's terms, where the sum is over all samples and says the same of each; else None."""
        if self.samples == 1 or len(terms) % self.samples:
            return None
        each = len(terms) // self.samples
        first = [name for term in terms[:each] for name in names_in(term)]
        if not any("[1]" in name for name in first):
            return None
        for sample in range(2, self.samples + 1):
            here = [name for term in terms[(sample - 1) * each : sample * each] for name in names_in(term)]
            # Names in the same order, or it is no sum that says the same of each sample.
            if here != [name.replace("[1]", f"[{sample}]") for name in first]:
                return None
        return terms[:each]

    def _chain(self, chain: tuple[tuple[Factor, ...], ...]) -> tuple[int, list[int]]:
        """The number of a chain's form (products in all, factors of each that is kept), and its names in pairs."""
        kept = chain if len(chain) <= MOST_PRODUCTS else (*chain[:FIRST_PRODUCTS], chain[-1])
        numbers: list[int] = []
        for product in kept:
            for factor in product:
                numbers.append(self.spell(factor.name, factor.label, factor.latex))
                numbers.append(-1 if factor.quantity is None else self.names(factor.quantity))
        return self.chains((len(chain), *map(len, kept))), numbers

    def spell(self, name: str, label: str, latex: str) -> int:
        """Return the number of a name, and keep how it is spelled."""
        self.spelled[name] = (label, latex)
        return self.names(name)

    def packed(self) -> dict[str, Any]:
        """Return everything as plain data."""
        quantities: list[Quantity] = self.rows.items
        family, families = Pool(), _families(quantities)
        refs, links, columns = Stream(), Stream(), Stream()
        for quantity in quantities:
            shape, chain = -1, -1
            if quantity.expression is not None:
                shape, names = self.expression(quantity.expression)
                refs.add(shape, names)
            if quantity.chain:
                chain, numbers = self._chain(quantity.chain)
                links.add(chain, numbers)
            name = self.spell(quantity.name, quantity.label, quantity.latex)
            of = -1 if quantity.of is None else self.names(quantity.of)
            place = [quantity.unit or 0, quantity.source or 0, quantity.number or 0, quantity.sample or 0]
            # Nine numbers a quantity, kept as nine columns: alike lies beside alike.
            columns.add("row", [name, family(families[quantity]), *place, of, shape, chain])
        return {
            **self._spelling(),
            "families": [json.loads(text) for text in family.items],
            "shapes": [json.loads(shape) for shape in self.shapes.items],
            "chains": self.chains.items,
            "columns": [columns.numbers[at::9] for at in range(9)],
            "refs": refs.numbers,
            "links": links.numbers,
        }

    def _spelling(self) -> dict[str, Any]:
        """Names by their form (the numbers taken out) and their numbers, and how each form is spelled."""
        forms, numbers, kinds = Pool(), Stream(), []
        spelling: dict[str, tuple[str, str]] = {}
        single: dict[str, tuple[str, str]] = {}
        for name in self.names.items:
            found = re.findall(r"\d+", name)
            kind = forms(re.sub(r"\d+", "#", name))
            kinds.append(kind)
            numbers.add(kind, [int(number) for number in found])
            if name in self.spelled:
                spelled = self.spelled[name]
                form = (re.sub(r"\d+", "#", spelled[0]), re.sub(r"\d+", "#", spelled[1]))
                same = all(re.findall(r"\d+", text) == found for text in spelled)
                # A name whose label has other numbers than itself, or another form than its fellows, is spelled out.
                if not same or spelling.setdefault(forms.items[kind], form) != form:
                    single[name] = spelled
        return {
            "forms": forms.items,
            "kinds": kinds,
            "numbers": numbers.numbers,
            "spelling": spelling,
            "single": single,
        }


def _families(quantities: Sequence[Quantity]) -> dict[Quantity, str]:
    """What quantities of a family share: kind, layer, and what they mean, with gaps for their numbers."""
    groups: dict[tuple[str, int | None, str], list[Quantity]] = {}
    for quantity in quantities:
        bare = re.sub(r"\d+", "#", quantity.meaning)
        groups.setdefault((quantity.kind, quantity.layer, bare), []).append(quantity)
    found: dict[Quantity, str] = {}
    for (kind, layer, bare), members in groups.items():
        numbers = [re.findall(r"\d+", member.meaning) for member in members]
        gaps = [_gap(members, [int(row[at]) for row in numbers]) for at in range(bare.count("#"))]
        if None in gaps:
            found |= {member: json.dumps([kind, layer, member.meaning, []]) for member in members}
        else:
            found |= dict.fromkeys(members, json.dumps([kind, layer, bare, gaps]))
    return found


def _gap(members: Sequence[Quantity], numbers: Sequence[int]) -> str | int | None:
    """What always fills a gap: a place of the quantity, or one and the same number; None where neither does."""
    for letter, place in PLACES:
        if all(place(member) == number for member, number in zip(members, numbers, strict=True)):
            return letter
    return numbers[0] if len(set(numbers)) == 1 else None


def differences(numbers: Sequence[int]) -> list[int]:
    """Return each number less the one before it."""
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]


def deflated(text: str) -> str:
    """Return text deflated, in base64, which no page can take for markup."""
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def json_deflated(data: object) -> str:
    """Return data as deflated JSON in base64; a number that is not finite is refused."""
    return deflated(json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
