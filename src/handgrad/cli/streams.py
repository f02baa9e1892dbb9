"""Standard input, output and error as a command needs them: there, able to show every character, and never in its way."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

SPELLED = {
    "–": "-", "—": "-", "−": "-", "‑": "-", "…": "...", "→": "->", "←": "<-", "×": "x", "·": "*", "±": "+/-", "≥": ">=",
    "≤": "<=", "≠": "!=", "≈": "~", "½": "1/2", "²": "^2", "³": "^3", "¹": "(1)", "√": "sqrt", "∂": "d", "Σ": "sum",
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "•": "*", "■": "#", "█": "#", "│": "|", "─": "-", "━": "=",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "λ": "lambda",
    "µ": "u", "μ": "mu", "σ": "sigma", "φ": "phi", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ",
    "\N{REPLACEMENT CHARACTER}": "?",
}  # fmt: skip
"""How a character that we print reads where the stream's encoding lacks it."""


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Return a spelling of what a stream cannot show, and where to go on; an error handler for `codecs`.

    What is not in the table (a letter in a file's name) keeps its number, as Python itself shows it on standard error.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    spelled = (SPELLED.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in text)
    return "".join(spelled), error.end


class Stream(io.TextIOWrapper):
    """A standard stream whose writes never raise: what went wrong is kept in `lost`.

    A reader that goes away (``| head``) and a disk that is full must not decide what a command does: a network that is not
    met stays so. From then on all that is written goes nowhere, and the command ends with the status that fits.
    """

    lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write *text*; its length is returned whatever became of it."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.lost = error
        # The bytes that are still in the buffer would fail again at the next flush, and when Python shuts down.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        super().flush()


def prepare_streams() -> None:
    """Put the three standard streams in order; call once, before anything is opened or printed.

    Streams that a test or another program has put in place are left alone.
    """
    codecs.register_error("handgrad-spelled", _spell)
    _open_closed()
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = _prepared(sys.stdout, 1), _prepared(sys.stderr, 2)


def _open_closed() -> None:
    """Open what the caller had closed (``2>&-``): the next file would get its number, and stray messages with it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The system gives the lowest number that is free, and all below this one are taken.
            os.open(os.devnull, os.O_RDWR)


def _prepared(stream: TextIO | None, number: int) -> TextIO:
    if stream is not None and (type(stream) is not io.TextIOWrapper or stream.fileno() != number):
        return stream
    encoding, line_buffering = "utf-8", number == 2
    if isinstance(stream, io.TextIOWrapper):
        stream.flush()
        encoding, line_buffering = stream.encoding, stream.line_buffering
        buffer = stream.detach()
    else:
        buffer = open(number, "wb", closefd=False)  # noqa: SIM115
    return Stream(buffer, encoding=encoding, errors="handgrad-spelled", line_buffering=line_buffering)


def lost_output() -> OSError | None:
    """Flush standard output; return why it was lost, None where all was written or its reader went away."""
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    return None if isinstance(lost, BrokenPipeError) else lost
