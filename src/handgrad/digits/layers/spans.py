"""What each position of a map sees of the input: along one axis, and along both."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Span:
    """Along one axis: position i of ``count`` sees the input from ``low + i·step`` to ``high + i·step``."""

    step: int
    low: int
    high: int
    count: int

    @property
    def size(self) -> int:
        """How many input rows (or columns) one position sees."""
        return self.high - self.low + 1

    def window(self, kernel: int, stride: int, padding: int, dilation: int, *, count: int) -> Span:
        """Return the span after a sliding window that leaves *count* positions."""
        # Both ends, since a step may be negative: a map that was flipped.
        ends = [-self.step * padding, self.step * (dilation * (kernel - 1) - padding)]
        return Span(self.step * stride, self.low + min(ends), self.high + max(ends), count)

    def whole(self) -> Span:
        """Return the span of something that sees every position."""
        reach = self.step * (self.count - 1)
        return Span(0, self.low + min(0, reach), self.high + max(0, reach), 1)

    def turned(self) -> Span:
        """Return the span of the positions in the other order."""
        reach = self.step * (self.count - 1)
        return Span(-self.step, self.low + reach, self.high + reach, self.count)

    def at(self, position: int) -> Span:
        """Return the span of one position alone."""
        move = self.step * (position % max(self.count, 1))
        return Span(0, self.low + move, self.high + move, 1)

    def united(self, other: Span) -> Span:
        """Return the span of something that sees what both see at a position: the hull of the two."""
        # Positions that do not lie over each other: any of one may meet any of the other.
        if (self.step, self.count) != (other.step, other.count):
            mine, others = self.whole(), other.whole()
            return Span(0, min(mine.low, others.low), max(mine.high, others.high), max(self.count, other.count))
        return replace(self, low=min(self.low, other.low), high=max(self.high, other.high))


@dataclass(frozen=True)
class Field:
    """What each position of a map sees; ``placed`` says that the last two dimensions still are rows and columns.

    ``images`` is how many there are.
    """

    rows: Span
    columns: Span
    placed: bool = True
    channels_last: bool = False
    """Whether the last dimension holds channels alone and positions stand before it."""
    joined: bool = False
    """Whether images share their dimension with channels or positions: what mixes values is not followed then."""
    images: int = 0

    @property
    def size(self) -> int | tuple[int, int]:
        """The side of the field in input pixels, or (height, width) where they differ."""
        height, width = self.rows.size, self.columns.size
        return height if height == width else (height, width)

    def whole(self) -> Field:
        """Return the field of something that sees the whole map."""
        return replace(self, rows=self.rows.whole(), columns=self.columns.whole(), placed=False, channels_last=False)

    def united(self, other: Field) -> Field:
        """Return the field of something that sees both."""
        return replace(
            self,
            rows=self.rows.united(other.rows),
            columns=self.columns.united(other.columns),
            placed=self.placed and other.placed,
            channels_last=self.channels_last and other.channels_last,
            joined=self.joined or other.joined,
        )
