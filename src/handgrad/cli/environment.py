"""The environment variables that commands take, read here and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder(option: Path | None) -> Path | None:
    """Return the folder of IDX files to use: the one given with ``--data``, else ``$HANDGRAD_DATA``, else None."""
    if option is not None:
        return option
    variable = os.environ.get("HANDGRAD_DATA", "")
    return Path(variable).expanduser() if variable else None
