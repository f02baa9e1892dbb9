"""Plants a fault in each line of the modules that print claims, and says which ones no test notices: mutation testing.

    python tools/mutants.py [MODULE…] [--jobs 2] [--keep DIR]

For each module below, mutmut changes one thing at a time (a sign, a number, a comparison, an argument, a word) inside its
functions and runs the tests that reach it. A *survivor* is a change that they all accept. Survivors that change nothing that
could be observed stand in ``tools/survivors.toml`` with the reason; the program ends with status 1 where less than 90 % of a
module's mutants are killed, where a survivor is not listed, or where a listed one is killed by now.

Needs ``pip install -r tools/mutants-requirements.txt``; ``make mutants`` does that first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SURVIVORS = ROOT / "tools" / "survivors.toml"
AIM = 90.0

TARGETS = {
    "score": ["tests/test_score.py"],
    "text": ["tests/test_text.py"],
    "backprop/conventions": ["tests/backprop/test_conventions.py"],
    "backprop/workbook/checks_found": ["tests/backprop/workbook/test_checks.py"],
    "backprop/workbook/checks_sheet": ["tests/backprop/workbook"],
    "backprop/workbook/rates_words": ["tests/backprop/workbook"],
    "judge/network/conditions": ["tests/judge/network/test_conditions.py"],
    "report/headline": ["tests/report/test_page.py"],
    "report/numbers": ["tests/report"],
    "report/compare": ["tests/report/test_compare.py"],
    "digits/training/checks": ["tests/digits/training"],
}
"""Modules that print claims, and the tests that guard them."""

KILLED = (1, 3, 36)
"""Exit codes that mutmut keeps: pytest's for a failed test and an internal error, and its own for a test without end."""
SKIPPED = 34

CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/handgrad/{module}.py"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]
also_copy = {copied}
use_git_change_detection = false
track_dependencies = false
"""


@dataclass(frozen=True)
class Result:
    """What became of a module's mutants: how many there were and were killed, and the changes that were not."""

    module: str
    mutants: int
    killed: int
    survivors: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of the killed, in percent."""
        return 100 * self.killed / self.mutants if self.mutants else 100.0


def examine(module: str, tests: Sequence[str], place: Path, jobs: int) -> Result:
    """Run mutmut on one module in a copy of the project below *place*."""
    copy_project(place, module, tests)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "mutmut"]
    # It redraws a line several times a second, without asking whether anybody watches.
    with (place / "mutmut.log").open("wb") as log:
        subprocess.run(
            [*command, "run", "--max-children", str(jobs)], cwd=place, env=environment, check=False,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    kept = place / "mutants" / "src" / "handgrad" / f"{module}.py.meta"
    if not kept.exists():
        raise SystemExit(f"{module}: mutmut did not run – see {place / 'mutmut.log'}")
    codes: dict[str, int | None] = json.loads(kept.read_text(encoding="utf-8"))["exit_code_by_key"]
    counted = {name: code for name, code in codes.items() if code != SKIPPED}
    if None in counted.values():
        raise SystemExit(f"{module}: mutmut did not come to its end – see {place / 'mutmut.log'}")
    alive = [name for name, code in counted.items() if code not in KILLED]
    changes = []
    for name in alive:
        shown = subprocess.run([*command, "show", name], cwd=place, env=environment, capture_output=True, text=True)
        changes.append(change_in(shown.stdout))
    return Result(module, len(counted), len(counted) - len(alive), tuple(changes))


def copy_project(place: Path, module: str, tests: Sequence[str]) -> None:
    """Copy what git knows of the project, and tell mutmut what to do there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    names = [name for name in listed.split("\0") if name and not name.startswith("benchmarks/results")]
    for name in names:
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    copied = sorted({name.partition("/")[0] for name in names} - {"src", "tests", "pyproject.toml"})
    with (place / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(module=module, tests=json.dumps(list(tests)), copied=json.dumps(copied)))


def change_in(diff: str) -> str:
    """Return the lines that a mutant takes out and puts in, by which it is known however the file moves around it."""
    lines = [re.sub(r"\s+", " ", line) for line in diff.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
    return "\n".join(lines)


def listed_survivors() -> dict[tuple[str, str], str]:
    """Return the reason by module and change."""
    if not SURVIVORS.exists():
        return {}
    table = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))
    return {(each["module"], each["change"].strip()): each["reason"] for each in table.get("survivor", [])}


def main() -> int:
    """Examine the modules that were named, or all; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TARGETS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="work there, and leave it")
    chosen = parser.parse_args()
    unknown = set(chosen.modules) - set(TARGETS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))} is not among the modules")
    reasons, bad = listed_survivors(), False
    for module in chosen.modules or TARGETS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            place = (chosen.keep or Path(temporary)) / module.replace("/", ".")
            result = examine(module, TARGETS[module], place, chosen.jobs)
        unlisted = [change for change in result.survivors if (module, change) not in reasons]
        stale = [change for of, change in reasons if of == module and change not in result.survivors]
        bad = bad or bool(unlisted or stale) or result.share < AIM
        print(
            f"{module}: {result.killed} of {result.mutants} killed, {result.share:.1f} % (aim {AIM:.0f} %)", flush=True
        )
        for word, changes in (("survives", unlisted), ("listed, and killed by now", stale)):
            for change in changes:
                print(f"  {word}:\n    " + change.replace("\n", "\n    "), flush=True)
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
