"""The source of a network as a file that stands alone, wherever it was written."""

from __future__ import annotations

import subprocess
import sys

CELL = """
import torch.nn.functional as F
from torch import nn

WIDTH = 10

class Base(nn.Module):
    def shape(self):
        return 784

class Net(Base):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(self.shape(), WIDTH)

    def forward(self, x):
        return self.head(F.relu(x.flatten(1)))
"""

# As a kernel does it: the cell's text is known to linecache under a name that is not a file, and __main__ has no file.
NOTEBOOK = f"""
import linecache, __main__
code, name = {CELL!r}, "/tmp/ipykernel_0/1.py"
linecache.cache[name] = (len(code), None, code.splitlines(True), name)
exec(compile(code, name, "exec"), vars(__main__))
from handgrad.digits.networks.source import standalone_source
text = standalone_source(Net)
alone = {{"__name__": "alone"}}
exec(text, alone)
import torch
print(sum(each.numel() for each in alone["Net"]().parameters()), alone["Net"]()(torch.zeros(2, 1, 28, 28)).shape[1])
"""


def test_a_class_from_a_cell_of_a_notebook_stands_alone_with_all_that_it_names() -> None:
    done = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=False)
    assert done.stdout == "7850 10\n", done.stderr
