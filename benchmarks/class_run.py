"""How long a class takes without training, and whether kills change its table: 30 and 200 hand-ins, 30 SIGKILLs, one table.

    python benchmarks/class_run.py                 # writes docs/speed.md's lines to standard output
    python benchmarks/class_run.py --people 30 --kills 5

The hand-ins are made here: networks of several styles and sizes, modules with helpers, and one network of 1.1 million
parameters. The class is judged three times: once from beginning to end, once with kills at random moments and `--resume` after
each, and once more with `--resume` when all is known.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NET = """import torch
import torch.nn.functional as F
from torch import nn
{imports}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, {width}, 3, padding=1), nn.BatchNorm2d({width})
        self.conv2, self.bn2 = nn.Conv2d({width}, {width}, 3, padding=1), nn.BatchNorm2d({width})
        self.drop, self.fc = nn.Dropout({drop}), nn.Linear({width}, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = self.drop(F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2))
        return F.log_softmax(self.fc(x.mean((2, 3))), 1)
"""
LARGE = """import torch
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
        )
"""


def make_class(top: Path, people: int) -> None:
    """Write the hand-ins of *people* people below *top*."""
    for number in range(people):
        folder = top / f"Person {number}_{1000 + number}_assignsubmission_file_"
        folder.mkdir(parents=True)
        if number == people // 2:
            (folder / "net.py").write_text(LARGE)
            continue
        helper = number % 3 == 0
        imports = "from utils import rate\n" if helper else ""
        text = NET.format(imports=imports, width=8 + number % 16, drop=0.05 + number % 5 / 50)
        (folder / ("model.py" if number % 2 else "net.py")).write_text(text)
        if helper:
            (folder / "utils.py").write_text("rate = 0.1\n")


def command(place: Path, csv: str) -> list[str]:
    """Return the command that judges the class in *place* into the table *csv*."""
    given = ["class", "--assignment", "under-20k", "--static", "--csv", csv, "--resume"]
    return [sys.executable, "-m", "handgrad", "judge", *given]


def judge(place: Path, csv: str) -> float:
    """Judge the class and return the seconds that took."""
    began = time.perf_counter()
    done = subprocess.run(command(place, csv), cwd=place, capture_output=True, check=False)
    if done.returncode not in (0, 1, 8):
        raise SystemExit(done.stderr.decode())
    return time.perf_counter() - began


def judge_with_kills(place: Path, csv: str, kills: int, whole: float) -> int:
    """Judge the class with *kills* kills at random moments, resumed after each, and return how many met it alive."""
    chance, met = random.Random(1), 0
    for _ in range(kills):
        with subprocess.Popen(command(place, csv), cwd=place, stdout=-3, stderr=-3) as process:
            try:
                process.wait(chance.uniform(0.0, 2 * whole / kills + 6))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                met += 1
    judge(place, csv)
    return met


def main() -> None:
    """Judge, kill, compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_class(place / "class", asked.people)
        whole = judge(place, "whole.csv")
        lines = (place / "whole.judged.jsonl").read_text().splitlines()
        seconds = [json.loads(line)["verdict"]["seconds"] for line in lines]
        again = judge(place, "whole.csv")
        met = judge_with_kills(place, "killed.csv", asked.kills, whole)
        same = (place / "whole.csv").read_bytes() == (place / "killed.csv").read_bytes()
        left = len(list(Path(tempfile.gettempdir()).glob("handgrad-*")))
    print(f"class of {asked.people}: {whole:.1f} s in all, {whole / asked.people:.2f} s a hand-in with torch's start")
    print(
        f"a hand-in: median {statistics.median(seconds):.2f} s, largest {max(seconds):.2f} s; "
        f"1.1 million parameters: {seconds[_place(lines)]:.2f} s; judged again with --resume: {again:.1f} s in all"
    )
    print(
        f"{asked.kills} kills, {met} of them while it ran, each resumed: the table is {'the same' if same else 'ANOTHER'}"
    )
    print(f"scratch folders left in the temporary folder: {left}")
    if not same:
        raise SystemExit(1)


def _place(lines: list[str]) -> int:
    """Return which line is the large network's."""
    counts = [json.loads(line)["verdict"]["parameters"] or 0 for line in lines]
    return counts.index(max(counts))


if __name__ == "__main__":
    main()
