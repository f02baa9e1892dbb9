"""Plants faults that once nothing noticed, one after another, and runs the quick tests that must notice each now.

    python tools/planted_faults.py [NUMBER…]

Each fault makes a printed sentence or figure untrue. It is planted in a copy of the project; a fault that all its tests
accept ends the program with status 1. ``make mutants`` does the same with faults that nobody chose.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Fault:
    """What is made wrong: a text of one module that stands there once, what takes its place, and the tests."""

    what: str
    module: str
    right: str
    wrong: str
    tests: str


FAULTS = (
    Fault(
        "the sheet's factor ½ is told with three times the error",
        "backprop/conventions.py",
        "half, said, Const(2.0) * TOTAL",
        "half, said, Const(3.0) * TOTAL",
        "tests/backprop/test_conventions.py",
    ),
    Fault(
        "the other order of updates is compared with itself",
        "backprop/conventions.py",
        "trained=rows.error_after(order=other)",
        "trained=rows.error_after(order=network.order)",
        "tests/backprop/test_conventions.py",
    ),
    Fault(
        "the derivation's slope of the leaky ReLU is 0.5",
        "backprop/symbols/calculus.py",
        r'''rf"\mathrm{{slope}} = 1\ \mathrm{{if}}\ x > 0,\ \mathrm{{else}}\ {LEAK}"''',
        r'''r"\mathrm{slope} = 1\ \mathrm{if}\ x > 0,\ \mathrm{else}\ 0.5"''',
        "tests/backprop/symbols/test_words.py",
    ),
    Fault(
        "Adam without correction steps the other way",
        "backprop/conventions.py",
        "Neg(rate * (mean / (Call(SQRT, (square,)) + epsilon)))",
        "rate * (mean / (Call(SQRT, (square,)) + epsilon))",
        "tests/backprop/test_conventions.py",
    ),
    Fault(
        "a text that begins with + reaches a spreadsheet as a formula",
        "text.py",
        'BEGINS_A_FORMULA = ("=", "+",',
        'BEGINS_A_FORMULA = ("=",',
        "tests/test_text.py",
    ),
    Fault(
        "the worst rate is said to get lowest",
        "backprop/workbook/rates_verdicts.py",
        "ends.index(min(numbers))",
        "ends.index(max(numbers))",
        "tests/backprop/workbook/test_rates_words.py",
    ),
    Fault(
        "an epoch chosen on the test set is said to have been chosen without it",
        "report/headline.py",
        "if chosen_on is EvaluatedOn.HOLDOUT:",
        "if chosen_on is not EvaluatedOn.HOLDOUT:",
        "tests/report/test_headline.py",
    ),
    Fault(
        "a population takes a quarter of the memory that it needs",
        "digits/population/probe.py",
        "return 4 * batch_size * (4",
        "return batch_size * (4",
        "tests/digits/population/test_population_study.py -k memory",
    ),
    Fault(
        "an accuracy is rounded up",
        "score.py",
        "10_000 * correct // total",
        "-(-10_000 * correct // total)",
        "tests/test_score.py",
    ),
)


def tests_pass(tests: str, place: Path) -> bool:
    """Run *tests* on the copy at *place* and return whether they pass."""
    environment = os.environ | {
        "PYTHONPATH": str(place / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests.split()]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # tests that could not run prove nothing
        raise SystemExit(done.stdout + done.stderr)
    return done.returncode == 0


def noticed(fault: Fault, place: Path) -> bool:
    """Plant *fault* in the copy at *place*, run its tests, take it out again, and return whether a test failed."""
    path = place / "src" / "handgrad" / fault.module
    source = path.read_text(encoding="utf-8")
    if source.count(fault.right) != 1:
        raise SystemExit(f"{fault.module} holds {source.count(fault.right)} times: {fault.right}")
    path.write_text(source.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        return not tests_pass(fault.tests, place)
    finally:
        path.write_text(source, encoding="utf-8")


def main() -> int:
    """Plant all faults, or those numbered, and return the exit status."""
    chosen = [int(number) for number in sys.argv[1:]] or range(1, len(FAULTS) + 1)
    missed = 0
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name in ("src", "tests", "benchmarks", "docs"):
            ignored = shutil.ignore_patterns("__pycache__", "results")
            shutil.copytree(ROOT / name, place / name, ignore=ignored)
        shutil.copyfile(ROOT / "pyproject.toml", place / "pyproject.toml")
        # A test that fails anyway notices nothing.
        for tests in dict.fromkeys(FAULTS[number - 1].tests for number in chosen):
            if not tests_pass(tests, place):
                raise SystemExit(f"{tests} fails without a fault")
        for number in chosen:
            fault = FAULTS[number - 1]
            found = noticed(fault, place)
            missed += not found
            print(f"{number}  {'noticed' if found else 'NOT NOTICED'}  {fault.what}  ({fault.tests})", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} noticed")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
