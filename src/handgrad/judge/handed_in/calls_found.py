"""The calls in a hand-in that tell of its training, and the record of what they were found to say."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.values import UnreadError, Value, Values


@dataclass
class Found:
    """What was read: ``recipe`` a table in the form of a recipe, ``words`` what a reader is shown, ``unread`` what was not.

    ``beyond`` is what a recipe has no words for and a training of the hand-in can still have.
    """

    recipe: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    beyond: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call by the last part of its name, with the value of each argument that can be read.

    ``chance`` is that of the ``RandomApply`` around it, 1 without one, None where it is not written out.
    """

    name: str
    line: int
    arguments: dict[str, Value]
    text: str
    unread: tuple[str, ...]
    chance: float | None = 1.0

    def lacks(self, key: str) -> bool:
        """Whether an argument is given, and its value is not written out."""
        return key in self.unread


SIGNATURES: dict[str, tuple[str, ...]] = {
    "SGD": ("params", "lr", "momentum", "dampening", "weight_decay", "nesterov"),
    "Adam": ("params", "lr", "betas", "eps", "weight_decay", "amsgrad"),
    "AdamW": ("params", "lr", "betas", "eps", "weight_decay", "amsgrad"),
    "RMSprop": ("params", "lr", "alpha", "eps", "weight_decay", "momentum", "centered"),
    "StepLR": ("optimizer", "step_size", "gamma"),
    "MultiStepLR": ("optimizer", "milestones", "gamma"),
    "ExponentialLR": ("optimizer", "gamma"),
    "OneCycleLR": ("optimizer", "max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy"),
    "ReduceLROnPlateau": (
        "optimizer",
        "mode",
        "factor",
        "patience",
        "threshold",
        "threshold_mode",
        "cooldown",
        "min_lr",
    ),
    "CosineAnnealingLR": ("optimizer", "T_max", "eta_min"),
    "CosineAnnealingWarmRestarts": ("optimizer", "T_0", "T_mult", "eta_min"),
    "LinearLR": ("optimizer", "start_factor", "end_factor", "total_iters"),
    "PolynomialLR": ("optimizer", "total_iters", "power"),
    "DataLoader": ("dataset", "batch_size", "shuffle"),
    "RandomRotation": ("degrees",),
    "RandomAffine": ("degrees", "translate", "scale", "shear"),
    "RandomCrop": ("size", "padding"),
    "ColorJitter": ("brightness", "contrast", "saturation", "hue"),
    "CenterCrop": ("size",),
    "Normalize": ("mean", "std"),
}
"""The first arguments of each call, by name, as torch and torchvision declare them."""


def calls_in(source: Source, wanted: Collection[str]) -> Iterator[Call]:
    """Return the calls in *source* of what is *wanted*, in the order of the file."""
    values = Values(source)
    nodes = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    chances = _chances(nodes, values)
    # `ast.walk` goes by depth; "the last call counts" needs the order of the page.
    for node in sorted(nodes, key=lambda each: (each.lineno, each.col_offset)):
        name = dotted(node.func).rpartition(".")[2]
        if name not in wanted:
            continue
        given = dict(zip(SIGNATURES.get(name, ()), node.args, strict=False))
        for keyword in node.keywords:
            # `DataLoader(train, **settings)`: a keyword without a name is a table of them.
            given |= {keyword.arg: keyword.value} if keyword.arg else values.table(keyword.value)
        arguments, unread = {}, []
        for key, value in given.items():
            try:
                arguments[key] = values.of(value)
            except UnreadError:
                unread.append(key)
        # For looking whether it says "train"; a call with a whole transform in it can be pages long.
        text = ast.unparse(node)[:120]
        yield Call(name, node.lineno, arguments, text, tuple(unread), chances.get(id(node), 1.0))


def _chances(nodes: list[ast.Call], values: Values) -> dict[int, float | None]:
    """Return the chance with which each call inside a ``RandomApply`` is carried out."""
    found: dict[int, float | None] = {}
    for node in nodes:
        if dotted(node.func).rpartition(".")[2] != "RandomApply":
            continue
        given = dict(zip(("transforms", "p"), node.args, strict=False)) | {
            each.arg: each.value for each in node.keywords if each.arg
        }
        try:
            # torchvision's own default.
            chance = float(values.of(given["p"])) if "p" in given else 0.5
        except (UnreadError, TypeError, ValueError):
            chance = None
        for each in ast.walk(given.get("transforms", node)):
            found[id(each)] = chance
    return found


def last_of(calls: list[Call], names: Collection[str]) -> Call | None:
    """Return the last call of one of *names*."""
    return next((each for each in reversed(calls) if each.name in names), None)
