"""The audit of published figures: is what a training log says possible with a recipe, and which of several explains it best?"""

from handgrad.audit.candidates import Candidate, candidates_of, runs_of, train_missing
from handgrad.audit.page import text_lines, write_audit
from handgrad.audit.trace import SERIES, Trace, read_trace, traced
from handgrad.audit.weigh import Audit, Figure, Weighed, weigh

__all__ = [
    "SERIES",
    "Audit",
    "Candidate",
    "Figure",
    "Trace",
    "Weighed",
    "candidates_of",
    "read_trace",
    "runs_of",
    "text_lines",
    "traced",
    "train_missing",
    "weigh",
    "write_audit",
]
