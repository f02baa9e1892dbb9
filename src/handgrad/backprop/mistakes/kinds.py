"""The one catalogue of mistakes in a training step: for tasks, for workbooks that are judged, and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from handgrad.backprop.symbols.expression import Node


class MistakeKind(StrEnum):
    """A kind of mistake; the value is what people read.

    The first group changes what a quantity is, and can be made on paper and in a sheet. The second is made in sheets only.
    The last says how a judge came to its word.
    """

    SIGN = "sign"
    TARGET_MINUS = "target minus output"
    PLUS = "plus instead of minus"
    DERIVATIVE = "forgotten derivative"
    ACTIVATION = "activation left out"
    NEW_WEIGHTS = "new weights used"
    SWAPPED = "swapped weights"
    INPUT = "wrong input"
    ONE_PATH = "only one path"
    FACTOR = "factor"
    FACTOR_HALF = "missing factor ½"
    CHAIN = "factor left out"
    BIAS = "bias left out"
    SAMPLES = "sum or mean"
    RATE = "learning rate left out"
    NO_STEP = "no step made"
    HUNDREDFOLD = "hundredfold"
    SQUARE = "square left out"
    DIGITS = "rounding"

    OTHER_SLOPE = "the other unit's slope"
    NET_FOR_ACTIVATION = "pre-activation where the activation belongs"
    ACTIVATION_FOR_NET = "activation where the pre-activation belongs"
    TIMES_FOR_MINUS = "times for minus"
    TWICE_FOR_SQUARE = "times 2 for the square"
    OTHER_GRADIENT = "another weight's slope"
    TENFOLD = "tenfold"

    BRACKETS = "brackets"
    DOLLAR = "missing $"
    NEXT_ROW = "weights of the next row"
    E_TYPED = "e typed in"
    TEXT = "number stored as text"
    CIRCULAR = "reads itself"
    CONSTANT = "a constant where a reference should be"
    TYPED_OVER = "value typed over"
    STOPS = "stops following"
    NO_NUMBER = "no number"

    UNKNOWN = "not recognised"
    CONSEQUENCE = "consequence"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong way to the quantity ``of``: its kind, what to say to who went it, and the expression that it leads to."""

    of: str
    kind: MistakeKind
    advice: str
    expression: Node

    @property
    def words(self) -> str:
        """Return the kind of mistake and the advice, in one line."""
        return f"{self.kind}: {self.advice}"
