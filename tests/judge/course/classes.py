"""Classes of made-up people, as learning platforms deliver them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

NET = """import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
    def forward(self, x):
        return self.fc(x.flatten(1))
"""
WIDE = NET.replace("nn.Linear(784, 10)", "nn.Sequential(nn.Linear(784, 20), nn.Linear(20, 10))")
EASY = 'name = "easy"\nparameters = { fewer_than = 10_000 }\naccuracy = { at_least = 10.0 }\n[recipe]\nepochs = 1\n'


def notebook(*cells: str) -> str:
    """Return a notebook of these cells."""
    listed = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(True)} for cell in cells]
    return json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def write(top: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write *files* below *top* and return it."""
    for name, data in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return top


def pack(target: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write *files* into the zip *target* and return it."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return target
