"""Gradescope's autograder as one zip: this program, an assignment, and the two scripts that Gradescope runs."""

from __future__ import annotations

import io
import re
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from handgrad.errors import MissingError
from handgrad.judge.course.unpack import is_noise

PACKAGE = Path(__file__).parents[2]
# Shell and not Python, because the image that it runs in has no Python of which the version is known.
SETUP = """#!/usr/bin/env bash
# Run once, as root, when Gradescope builds the image: Python, what is needed to judge, and MNIST.
set -e
root="${AUTOGRADER:-/autograder}"
export XDG_CACHE_HOME="$root/cache" PYTHONPATH="$root/source/package"
fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
python=""
for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if fits "$name"; then python="$name"; break; fi
done
if [ -z "$python" ]; then
    apt-get update
    apt-get install -y python3.12 python3.12-venv || apt-get install -y python3.11 python3.11-venv
    for name in python3.12 python3.11; do if fits "$name"; then python="$name"; break; fi; done
fi
"$python" -m venv "$root/venv"
# torch for the processor alone: a tenth of the size of the one for graphics cards.
"$root/venv/bin/pip" install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu 'torch>=2.11,<3' ||
    "$root/venv/bin/pip" install --no-cache-dir 'torch>=2.11,<3'
"$root/venv/bin/pip" install --no-cache-dir -r "$root/source/requirements.txt"
"$root/venv/bin/python" -m handgrad data --fetch
"""
RUN = """#!/usr/bin/env bash
# Run for each hand-in: judges it and writes results.json; learners see nothing else that is printed here.
root="${AUTOGRADER:-/autograder}"
export XDG_CACHE_HOME="$root/cache" PYTHONPATH="$root/source/package"
mkdir -p "$root/results"
rm -f "$root/results/results.json"
"$root/venv/bin/python" -m handgrad judge "$root/submission" --assignment "$root/source/assignment.toml" \\
    --gradescope "$root/results/results.json" TIME
# Met, not met and no verdict all write results. If there are none, the grader has failed, and Gradescope shows this.
[ -f "$root/results/results.json" ]
"""
AT_ANY_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip, so that the same program and assignment give the same bytes."""


def gradescope_zip(assignment: str, time_limit: float | None = None) -> bytes:
    """Return the zip to upload for the TOML text *assignment*; *time_limit* is for each hand-in, in seconds.

    Raises `MissingError` where the program cannot tell what it needs.
    """
    limit = f"--time-limit {time_limit:g}" if time_limit is not None else ""
    files: dict[str, bytes] = {
        "setup.sh": SETUP.encode(),
        "run_autograder": RUN.replace(" TIME", f" {limit}".rstrip()).encode(),
        "assignment.toml": assignment.encode(),
        "requirements.txt": ("\n".join(_requirements()) + "\n").encode(),
    }
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and not any(is_noise(part) for part in path.relative_to(PACKAGE).parts):
            files[f"package/handgrad/{path.relative_to(PACKAGE).as_posix()}"] = path.read_bytes()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, AT_ANY_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            # The rights of Unix stand in the upper half; without them Gradescope could not start the scripts.
            info.external_attr = (0o755 if name in ("setup.sh", "run_autograder") else 0o644) << 16
            packed.writestr(info, data)
    return whole.getvalue()


def _requirements() -> list[str]:
    """Return what the program needs beside torch, as its own metadata says."""
    try:
        needed = requires("handgrad") or []
    except PackageNotFoundError as error:
        raise MissingError("what handgrad needs is not known – it is not installed – install it with pip") from error
    # torch is installed by a line of its own, from the index without graphics cards.
    return [each for each in needed if "extra ==" not in each and not re.match(r"torch\b", each)]
