"""Whether two installations of Handgrad make the same files, byte for byte: what a change of the house must not change.

    python tools/same_output.py BEFORE/.venv/bin/python AFTER/.venv/bin/python [--keep DIR]

Each command below runs once with each Python, in an empty folder of its own, on digits that the program draws itself. All
that is written or printed is compared. What must differ from run to run (times of day, seconds, folder names made of them) is
replaced before by one word. At the end a run that BEFORE began and that was stopped after its first epoch is resumed by both:
the weights must be the same bytes. Prints one line for each command, and exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NETWORK = """
from torch import nn
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Dropout(0.1),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10),
        )
"""
OWN = """
learning_rate = 0.1
bias = "neuron"
seed = 3
[[layers]]
units = 3
activation = "tanh"
[[layers]]
units = 2
activation = "sigmoid"
[[samples]]
inputs = [0.5, -0.25]
targets = [1, 0]
[[samples]]
inputs = [0.1, 0.2]
targets = [0, 1]
[update]
rule = "adam"
"""
RECIPE = """
network = "net.py:Net"
epochs = 2
batch_size = 64
augmentation = { rotation = 5, shift = 1 }
"""
PRESETS = ("classic", "classic-biased", "diverging", "three-classes", "xor", "own.toml")
TRAIN = "train small.toml --offline --precision fp32 --threads 1 --seed 4"
COMMANDS = (
    *(f"backprop {name} --steps 12 --out {name}.xlsx" for name in PRESETS),
    "backprop classic --order output-layer-first --bias neuron --steps 5 --out other.xlsx",
    *(f"backprop {name} --steps 12 --explain notes-{name} --json" for name in PRESETS),
    "backprop own.toml --steps 5 --tex notes",
    "backprop xor --steps 8 --csv xor.csv",
    "backprop --exercise --seed 7 --out task.xlsx",
    "backprop classic --exercise --test --seed 11 --out test.xlsx",
    "backprop classic-biased --steps 20 --out own.xlsx",
    "judge own.xlsx --json",
    "judge own.xlsx --report judged.html",
    "judge task.xlsx --json",
    "judge net.py:Net --assignment under-20k --static --json",
    "judge net.py:Net --assignment under-20k --static --report net.html",
    *(f"summary {name} --json" for name in ("squeeze-16k", "twopool-17k", "transition-11k", "net.py:Net")),
    "summary gap10-17k",
    "assignments",
    "train --list",
    TRAIN,
    "export small --to c --out small.c",
    "export small --to c --int8 --out small-int8.c --accept-loss",
    "export small --to xlsx --out small.xlsx",
    f"{TRAIN} --holdout 500 --out held",
    "study small.toml --offline --seeds 0..1 --precision fp32 --jobs 1 --no-population --out study --json",
    "judge nothing.py",
    "train nothing.toml",
    "backprop --learning-rate nan",
)
CHANGING = (
    (re.compile(r"\b20\d{6}-\d{6}"), "TIME"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(\+00:00|Z| UTC)?"), "TIME"),
    (re.compile(r'("?seconds\w*"?(?:: ?|=| = ))[\d.]+'), r"\1SECONDS"),
    (re.compile(r"\b[\d.]+ (s\b|seconds|minutes)"), r"SECONDS \1"),
    (re.compile(r"\[\s*\d+\.\d+,\s*\d+\.\d+\s*\](?=,?\s*\"path|\s*})"), "SECONDS"),
    (re.compile(r'("seconds_training": )\[[^\]]*\]'), r"\1SECONDS"),
    (re.compile(r"(<td>\d+\.\d)(</td></tr>)"), r"SECONDS\2"),
    (re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b"), "HASH"),
)
"""What differs between two runs of one command. Hashes are of files that hold such things, and these are compared."""


def run(python: Path, command: str, folder: Path) -> str:
    """Run one command in *folder* and return its exit status and what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "HANDGRAD_DATA"}
    environment |= {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": "", "XDG_CACHE_HOME": str(folder.parent / "cache")}
    words = [str(python), "-m", "handgrad", *command.split()]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return f"status {done.returncode}\n{done.stdout}\n{done.stderr}"


def settled(text: str, folder: Path) -> str:
    """Return *text* without what changes from run to run."""
    text = text.replace(str(folder), "FOLDER").replace(str(folder.parent), "ABOVE")
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return "\n".join(line for line in text.splitlines() if "s/it" not in line and "it/s" not in line)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder* by its settled path; text is settled too."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "lock":  # it holds the number of the process
            name = settled(str(path.relative_to(folder)), folder)
            data = path.read_bytes()
            if path.suffix in (".json", ".jsonl", ".html", ".md", ".csv", ".toml", ".svg", ".tex"):
                data = settled(data.decode(), folder).encode()
            if path.suffix == ".safetensors":
                data = settled_weights(data)
            found[name] = data
    return found


def settled_weights(data: bytes) -> bytes:
    """Return a safetensors file with its header settled and the numbers as they are."""
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].decode().replace('\\"', '"').rstrip()
    return settled(header, Path("/no/where")).encode() + data[8 + length :]


def begin(folder: Path) -> Path:
    """Return *folder*, made, with the small files that the commands read."""
    folder.mkdir(parents=True)
    (folder / "net.py").write_text(NETWORK)
    (folder / "own.toml").write_text(OWN)
    (folder / "small.toml").write_text(RECIPE)
    return folder


def resumed(before: Path, after: Path, root: Path) -> list[str]:
    """Return what differs when a run that *before* began and that was stopped is resumed by both."""
    first = begin(root / "resume-before")
    run(before, f"{TRAIN} --set epochs=3", first)
    (folder,) = (first / "runs").iterdir()
    for name in ("summary.json", "model.safetensors", "evidence.safetensors", "report.html"):
        (folder / name).unlink(missing_ok=True)
    newest = sorted((folder / "checkpoint").iterdir())[-1]
    shutil.rmtree(newest) if newest.is_dir() else newest.unlink()
    second = root / "resume-after"
    shutil.copytree(first, second)
    told = [
        run(python, f"train --resume runs/{folder.name} --offline", place)
        for python, place in ((before, first), (after, second))
    ]
    # The folder's name is the same in both, so nothing has to be settled but the seconds.
    models = [(place / "runs" / folder.name / "model.safetensors") for place in (first, second)]
    if not all(model.exists() for model in models):
        return [f"not resumed: {told[0][-300:]} / {told[1][-300:]}"]
    return [] if models[0].read_bytes() == models[1].read_bytes() else ["model.safetensors differs"]


def difference(name: str, one: bytes, two: bytes) -> str:
    """Return where two versions of a file begin to differ."""
    texts = [data.decode(errors="replace") for data in (one, two)]
    places = [place for place, (a, b) in enumerate(zip(*texts, strict=False)) if a != b] or [min(map(len, texts))]
    around = slice(max(places[0] - 60, 0), places[0] + 60)
    return f"{name}: …{texts[0][around]!r} – …{texts[1][around]!r}"


def main() -> int:
    """Run everything twice and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--keep", type=Path, help="where the files go (default: a temporary folder)")
    options = parser.parse_args()
    root = options.keep or Path(tempfile.mkdtemp(prefix="same-output-"))
    pythons = {"before": options.before.absolute(), "after": options.after.absolute()}
    folders = {side: begin(root / side / "work") for side in pythons}
    wrong = 0
    for command in COMMANDS:
        printed = {
            side: settled(run(python, command, folders[side]), folders[side]) for side, python in pythons.items()
        }
        files = {side: contents(folder) for side, folder in folders.items()}
        faults = (
            []
            if printed["before"] == printed["after"]
            else [difference("printed", printed["before"].encode(), printed["after"].encode())]
        )
        for name in sorted(files["before"].keys() | files["after"].keys()):
            one, two = files["before"].get(name, b""), files["after"].get(name, b"")
            if one != two:
                faults.append(difference(name, one, two))
        wrong += bool(faults)
        print(f"{'DIFFERS' if faults else 'same   '} {command}", *faults, sep="\n    ", flush=True)
        for side, folder in folders.items():
            shutil.rmtree(folder)
            folders[side] = begin(folder)
            if "own.xlsx" in command or "task.xlsx" in command:  # the next command judges it
                for book in ("own.xlsx", "task.xlsx"):
                    data = files[side].get(book)
                    if data:
                        (folder / book).write_bytes(data)
    faults = resumed(pythons["before"], pythons["after"], root)
    print(f"{'DIFFERS' if faults else 'same   '} a run of before, resumed", *faults, sep="\n    ")
    return 1 if wrong or faults else 0


if __name__ == "__main__":
    sys.exit(main())
