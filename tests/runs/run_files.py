"""Small checkpoints and a process that holds a run folder, for the tests of the run folder."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

RUN = "20260101-000000-a-run"


def checkpoint_bytes(epoch: int, step: int, *, run: str = RUN, form: int = 1, body: bytes = b"\0" * 8) -> bytes:
    """Return a safetensors file of one tensor of two floats whose record says where training stands."""
    record = {"format": form, "run": run, "counters": {"epoch": epoch, "step": step}}
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({"__metadata__": {"record": json.dumps(record)}, "weight": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + body


def hold(folder: Path) -> subprocess.Popen[str]:
    """Start a process that holds the lock of the run in *folder* until its input ends; it says so in a line first."""
    code = (
        "import sys; from pathlib import Path; from handgrad.runs import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process
