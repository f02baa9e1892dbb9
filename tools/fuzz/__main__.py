"""Damages every kind of file that Handgrad reads, and counts what must not happen.

    python tools/fuzz [--mutations 5000] [--seconds 600] [--seed 0] [--jobs CORES] [--target NAME] [--only NUMBER]

A reading may refuse in one line and may find nothing wrong. It must not end in a traceback, take ten seconds or a gigabyte.
The *number*-th mutation of a *seed* is always the same, so that one can be looked at again: ``--only 1234`` runs it alone, with
its traceback. Readings happen in a second process, which is ended and begun anew where one does not come to its end.

Prints mutations, tracebacks, the slowest reading and the most memory, and each fault with its number; the status is 1 where
one of the aims is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

sys.path[:0] = [str(Path(__file__).parents[1])]
from fuzz.mutate import mutated  # noqa: E402
from fuzz.targets import Target, make_targets  # noqa: E402
from handgrad.allowance import usable_cores  # noqa: E402

SLOWEST, MEMORY = 10.0, 1 << 30
PATIENCE = 60.0
"""Seconds after which a reading is ended; whatever took more than `SLOWEST` has missed the aim already."""


@dataclass
class Found:
    """What came of the mutations so far."""

    mutations: int = 0
    refused: int = 0
    slowest: tuple[float, int] = (0.0, -1)
    memory: int = 0
    faults: dict[str, list[int]] = field(default_factory=dict)
    by_target: dict[str, int] = field(default_factory=dict)

    def take(self, number: int, answer: dict[str, Any]) -> None:
        """Count one answer of the reading process."""
        self.mutations += 1
        self.refused += bool(answer.get("refused"))
        self.memory = max(self.memory, answer.get("memory", 0))
        self.by_target[answer["target"]] = self.by_target.get(answer["target"], 0) + 1
        if answer["seconds"] > self.slowest[0]:
            self.slowest = (answer["seconds"], number)
        if answer.get("fault"):
            self.faults.setdefault(f"{answer['target']}: {answer['fault']}", []).append(number)

    @property
    def bad(self) -> bool:
        """Whether an aim is missed."""
        return bool(self.faults) or self.slowest[0] >= SLOWEST or self.memory >= MEMORY

    def lines(self) -> list[str]:
        """Return the report."""
        shares = ", ".join(f"{name} {count:,}" for name, count in sorted(self.by_target.items()))
        told = [
            f"mutations        {self.mutations:,} ({self.refused:,} refused in one line; {shares})",
            f"tracebacks       {sum(map(len, self.faults.values())):,} (aim 0)",
            f"slowest reading  {self.slowest[0]:.2f} s, number {self.slowest[1]} (aim below {SLOWEST:.0f} s)",
            f"most memory      {self.memory / 2**20:,.0f} MB (aim below {MEMORY / 2**20:,.0f} MB)",
        ]
        return told + [
            f"  {fault} – {len(at)} times: {', '.join(map(str, at[:8]))}" for fault, at in self.faults.items()
        ]


def read_one(targets: Sequence[Target], seed: int, number: int, loud: bool = False) -> dict[str, Any]:
    """Damage and read the file of mutation *number*; return what came of it."""
    from handgrad.errors import HandgradError

    chance = random.Random(f"{seed}:{number}")
    target = targets[number % len(targets)]
    source = chance.choice(target.files)
    answer: dict[str, Any] = {"target": target.name, "file": source.name}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        path = _laid_out(target, source, Path(name))
        _damage(path, chance)
        # The processor's time, not the clock's: the aim is for a machine that does nothing else.
        began = time.process_time()
        try:
            target.read(path)
        except HandgradError as error:
            answer["refused"] = True
            if "\n" in str(error):
                answer["fault"] = f"a refusal of two lines: {type(error).__name__}"
        except (Exception, SystemExit) as error:
            if loud:
                traceback.print_exc()
            last = traceback.extract_tb(error.__traceback__)[-1]
            answer["fault"] = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        answer["seconds"] = time.process_time() - began
    answer["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return answer


def _damage(path: Path, chance: random.Random) -> None:
    """Put a mutation of the file *path* in its place, by a process of its own.

    A file of a few bytes that unpacks to hundreds of millions takes as much while it is made: that must not count for what
    reads it.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            path.write_bytes(mutated(path.read_bytes(), chance))
            status = 0
        finally:
            os._exit(status)  # without this process's own ending, which belongs to the reader
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{path.name} could not be damaged")


def _laid_out(target: Target, source: Path, place: Path) -> Path:
    """Copy *source*, with what belongs to it, to *place* and return its path there."""
    if not target.together:
        return Path(shutil.copy(source, place / source.name))
    inner = source.parent.name == "checkpoint"
    folder = source.parent.parent if inner else source.parent
    there = place / folder.name
    shutil.copytree(folder, there)
    return there / source.relative_to(folder)


def serve(seed: int) -> None:
    """Read mutation numbers from standard input and answer each with a line of JSON."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a reading prints or warns of goes nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    from handgrad.xlsx import libreoffice

    libreoffice.office_program = lambda: None
    with tempfile.TemporaryDirectory(prefix="fuzz-good-") as name:
        targets = make_targets(Path(name))
        for target in targets:
            _read_good(target)
        print(json.dumps({"ready": [target.name for target in targets]}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(read_one(targets, seed, int(line))), file=answers, flush=True)


def _read_good(target: Target) -> None:
    """Read a file as it is: that must work, and imports all that it needs, which then counts for no mutation."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        target.read(_laid_out(target, target.files[0], Path(name)))


class Reader:
    """The reading process, begun anew where it was lost."""

    def __init__(self, seed: int) -> None:
        command = [sys.executable, str(Path(__file__).parent), "--serve", "--seed", str(seed)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.questions: IO[str] = self.process.stdin
        self.answers: IO[str] = self.process.stdout
        self.names: list[str] = json.loads(self.answers.readline())["ready"]

    def ask(self, number: int) -> dict[str, Any]:
        """Return the answer to *number*; where none comes, that is the fault."""
        began = time.monotonic()
        self.questions.write(f"{number}\n")
        self.questions.flush()
        ready, _, _ = select.select([self.answers], [], [], PATIENCE)
        line = self.answers.readline() if ready else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.process.kill()
        how = "does not end" if not ready else f"ends the process ({self.process.wait()})"
        return {"target": self.names[number % len(self.names)], "seconds": time.monotonic() - began, "fault": how}

    @property
    def lost(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def close(self) -> None:
        """End the process."""
        self.questions.close()
        self.process.wait()
        self.answers.close()


def fuzz(seed: int, mutations: int, seconds: float, wanted: str | None = None, *, jobs: int = 1) -> Found:
    """Run *mutations* of *seed*, or as many as *seconds* allow, in *jobs* readers; *wanted* names one target alone."""
    found, began, lock = Found(), time.monotonic(), threading.Lock()
    first = Reader(seed)
    numbers = (n for n in itertools.count() if wanted is None or first.names[n % len(first.names)] == wanted)
    waiting = itertools.islice(numbers, mutations)

    def work(reader: Reader) -> None:
        while time.monotonic() - began < seconds:
            with lock:
                number = next(waiting, None)
            if number is None:
                break
            answer = reader.ask(number)
            with lock:
                found.take(number, answer)
            if reader.lost:
                reader = Reader(seed)
        reader.close()

    others = [threading.Thread(target=lambda: work(Reader(seed))) for _ in range(jobs - 1)]
    for other in others:
        other.start()
    work(first)
    for other in others:
        other.join()
    return found


def main() -> int:
    """Do what the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="readers at a time")
    parser.add_argument("--only", type=int, metavar="NUMBER")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.seed)
        return 0
    if chosen.only is not None:
        with tempfile.TemporaryDirectory(prefix="fuzz-good-") as name:
            answer = read_one(make_targets(Path(name)), chosen.seed, chosen.only, loud=True)
        print(json.dumps(answer))
        return int("fault" in answer)
    began = time.monotonic()
    found = fuzz(chosen.seed, chosen.mutations, chosen.seconds, chosen.target, jobs=chosen.jobs)
    print(f"seed {chosen.seed}, {chosen.jobs} readers, {time.monotonic() - began:.0f} s")
    print("\n".join(found.lines()))
    return int(found.bad)


if __name__ == "__main__":
    raise SystemExit(main())
