"""Which machine a figure comes from: the same words in every file of results."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe_machine(*packages: str) -> dict[str, object]:
    """Return processor, cores, load when asked, system, Python and the versions of *packages* and of Handgrad."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in (*packages, "handgrad")},
    }


def _processor() -> str:
    """Return the processor's model where Linux says it, else what Python knows: often the instruction set alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
