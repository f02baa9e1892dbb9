"""What ``--json`` prints, found by running each command on something small and walking through what came out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from handgrad.cli import run
from handgrad.digits.data.drawn import draw_digits
from handgrad.errors import HandgradError

NETWORK = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.drop(torch.relu(self.norm(self.conv(x)))).mean((2, 3)))
"""
TRAINING = ["--set", "epochs=1", "--set", "network=net.py:Net", "--offline"]

CALLS: dict[str, tuple[str, list[str]]] = {
    "assignments": ("a list, one record for each assignment", ["under-20k"]),
    "audit": (
        "what was weighed; candidates from the nearest",
        ["log.csv", "quick", "--seeds", "0,1", "--jobs", "1", "--out", "audit", *TRAINING],
    ),
    "backprop": ("every quantity of every step", ["classic", "--steps", "2"]),
    "compare": ("runs side by side", ["RUN", "OTHER"]),
    "data": ("the data set that would be used", []),
    "doctor": ("what was found on this machine", []),
    "export": (
        "what was written and what it was proven to do",
        ["RUN", "--to", "onnx", "--out", "run.onnx", "--offline"],
    ),
    "judge": ("a verdict; of a class, a list of them", ["net.py", "--assignment", "under-20k", "--static"]),
    "page": ("what was written", ["classic", "--out", "page.html"]),
    "predict": ("a list, one record for each picture", ["RUN", "seven.png"]),
    "report": ("the pages that were made", ["RUN"]),
    "runs": ("a list, one record for each run", ["runs"]),
    "study": ("several seeds of one recipe", ["quick", "--seeds", "1", "--jobs", "1", "--out", "runs", *TRAINING]),
    "summary": ("the layer table", ["squeeze-16k"]),
    "sweep": (
        "a sweep",
        [
            *("quick", "--over", "batch_size=64,128", "--trials", "2", "--sampler", "grid", "--final-seeds", "1"),
            *("--jobs", "1", "--holdout", "500", "--out", "sweep", *TRAINING),
        ],
    ),
    "train": ("a run", ["quick", "--out", "runs", *TRAINING]),
}
"""What each command's record is, and a small call that prints one; ``RUN`` and ``OTHER`` are run folders of ``train``."""


def page() -> str:
    """Return the page of every record: the path of each key, the type of its value and an example.

    Trains for some seconds on drawn digits in a temporary folder.
    """
    lines = [
        "# What --json prints",
        "",
        "One JSON value on standard output, in ASCII. `[]` is each member of a list, `*` is any key of a table whose keys are",
        "names. An unknown value is `null`; not-a-number and infinity are never written. The last column is an example.",
    ]
    for name, record in sorted(records().items()):
        lines += ["", f"## handgrad {name} --json", "", CALLS[name][0][:1].upper() + CALLS[name][0][1:] + ".", ""]
        lines += ["| key | type | example |", "|---|---|---|"]
        lines += [f"| `{key or '(the list)'}` | {kind} | `{example}` |" for key, kind, example in keys_of(record)]
    return "\n".join(lines) + "\n"


def records() -> dict[str, Any]:
    """Return what each command prints; two runs are made first, because other commands show them."""
    before, found = Path.cwd(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("net.py").write_text(NETWORK, encoding="utf-8")
            Path("log.csv").write_text("epoch,test_correct\n1,9859\n", encoding="utf-8")
            Image.fromarray(255 - draw_digits(1, seed=7)[0][0]).resize((112, 112)).save("seven.png")
            made = [_printed(["train", *CALLS["train"][1], "--seed", seed, "--json"]) for seed in ("0", "1")]
            folders = dict(zip(("RUN", "OTHER"), (each["path"] for each in made), strict=True))
            for name, (_, arguments) in CALLS.items():
                given = [folders.get(each, each) for each in arguments]
                found[name] = made[0] if name == "train" else _printed([name, *given, "--json"])
        finally:
            os.chdir(before)
    return found


def _printed(arguments: list[str]) -> Any:
    text = io.StringIO()
    # A verdict is printed before the command says by an error that it is none.
    with (
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(HandgradError),
    ):
        run(arguments)
    try:
        # The home of whoever makes the page is nobody's business.
        return json.loads(text.getvalue().replace(str(Path.home()), "~"))
    except ValueError as error:
        raise ValueError(f"handgrad {' '.join(arguments)} printed no JSON: {text.getvalue()[:200]!r}") from error


def keys_of(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Return each key below *value*: its path, the type of what it holds, and an example of that."""
    if isinstance(value, dict) and value:
        for name, inside in _members(value):
            yield from keys_of(inside, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        yield from keys_of(value[0], f"{path}[]")
    else:
        kinds = {bool: "true or false", int: "whole number", float: "number", str: "text", list: "list", dict: "table"}
        yield path, kinds.get(type(value), "null here"), _example(value)


def _members(table: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the members of *table*; one under ``*`` for all where its keys are names of quantities or layers."""
    if len(table) > 30:
        return [("*", next(iter(table.values())))]
    return list(table.items())


def _example(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("|", "\\|").replace("`", "'")
    return text if len(text) <= 60 else f"{text[:57]}…"
