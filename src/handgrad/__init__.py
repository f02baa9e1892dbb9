"""From a gradient worked out by hand to a digit classifier whose accuracy can be trusted."""

from __future__ import annotations

__version__ = "0.1.0"
