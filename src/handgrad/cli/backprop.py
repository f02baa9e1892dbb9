"""``handgrad backprop``."""

from __future__ import annotations
