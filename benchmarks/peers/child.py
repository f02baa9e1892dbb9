"""Runs one script of this folder in a process of its own: ``python child.py SCRIPT STARTED GIVEN RESULT``.

SCRIPT is a module's name, STARTED the monotonic second at which the process was started, GIVEN a `Given` as JSON, RESULT the
file that takes what the clock saw.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from given import Clock, given_from


def main() -> None:
    """Run the script and write what the clock saw."""
    script, started, given, result = sys.argv[1:]
    clock = Clock(float(started))
    import_module(script).main(given_from(given), clock)
    Path(result).write_text(json.dumps(clock.record()), encoding="utf-8")


if __name__ == "__main__":
    main()
