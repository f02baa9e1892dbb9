"""How long a class takes without training, and whether kills change its table: 30 and 200 hand-ins, 30 SIGKILLs, one table.

    python benchmarks/class_run.py                           # measures, and writes results and docs/judging-networks.md
    python benchmarks/class_run.py --people 8 --kills 3 --out small.json     # a trial, which leaves the page alone

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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handgrad.files import write_whole
from machine import describe_machine
from reproduction import put_into

RESULTS = Path(__file__).with_name("results") / "class_run.json"
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "judging-networks.md"
MARK = "<!-- made by benchmarks/class_run.py -->"

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


@dataclass(frozen=True)
class Measured:
    """What one class gave: seconds in all, and those that each verdict says of itself."""

    people: int
    seconds: float
    median: float
    largest: float
    large_network: float
    """Seconds of the network with 1.1 million parameters."""
    again: float
    """Seconds of a second run with `--resume`, when everything is known."""
    kills: int = 0
    killed: int = 0
    """How many of the kills met the run alive."""
    same: bool = True
    """Whether the table after all kills is the one of the run without any, byte for byte."""


def measure(people: int, kills: int) -> Measured:
    """Judge a class of *people* from beginning to end, once more when all is known, and once with *kills* kills."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_class(place / "class", people)
        whole = judge(place, "whole.csv")
        verdicts = [json.loads(line)["verdict"] for line in (place / "whole.judged.jsonl").read_text().splitlines()]
        again = judge(place, "whole.csv")
        killed = judge_with_kills(place, "killed.csv", kills, whole) if kills else 0
        same = not kills or (place / "whole.csv").read_bytes() == (place / "killed.csv").read_bytes()
    seconds = [float(each["seconds"]) for each in verdicts]
    large = max(verdicts, key=lambda each: each["parameters"] or 0)["seconds"]
    return Measured(
        people=people,
        seconds=round(whole, 2),
        median=round(statistics.median(seconds), 2),
        largest=round(max(seconds), 2),
        large_network=round(float(large), 2),
        again=round(again, 2),
        kills=kills,
        killed=killed,
        same=same,
    )


def page(record: dict[str, Any]) -> str:
    """Return what docs/judging-networks.md says of a *record*."""
    lines = [
        "| class | in all | a hand-in | its verdict: median, longest | 1.1 million parameters | again with `--resume` |",
        "|---|---|---|---|---|---|",
    ]
    told = []
    for each in record["classes"]:
        lines.append(
            f"| {each['people']} | {each['seconds']:.0f} s | {each['seconds'] / each['people']:.2f} s "
            f"| {each['median']:.2f} s, {each['largest']:.2f} s | {each['large_network']:.2f} s | {each['again']:.1f} s |"
        )
        if each["kills"]:
            what = "the same table, byte for byte" if each["same"] else "ANOTHER TABLE"
            told.append(
                f"The class of {each['people']} was killed {each['kills']} times (SIGKILL), {each['killed']} of them while it "
                f"ran, and resumed each time: {what}."
            )
    machine = record["machine"]
    load = f", load {record['load_before'][0]:.1f} before" if record.get("load_before") else ""
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, torch {machine['torch']}{load}."
    return "\n".join([*lines, "", *told, f"One run each without training, torch's start included; {where}"])


def main() -> None:
    """Measure both classes, print what was found, and write the results and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    machine, load = describe_machine("torch"), list(os.getloadavg())
    sizes = [(min(30, asked.people), 0), (asked.people, asked.kills)]
    classes = [asdict(measure(people, kills)) for people, kills in sizes]
    record = {"machine": machine, "load_before": load, "classes": classes}
    write_whole(asked.out, (json.dumps(record, indent=1) + "\n").encode())
    print(page(record))
    if asked.out == RESULTS:
        put_into(DOCUMENT, page(record), MARK)
    if not all(each["same"] for each in classes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
