"""Plants a fault in each line of the modules that print claims, and says which ones no test notices: mutation testing.

    python tools/mutants.py [MODULE…] [--sample N] [--seed S] [--record] [--jobs 2] [--keep DIR]

For each module below, mutmut changes one thing at a time (a sign, a number, a comparison, an argument, a word) inside its
functions and runs the tests that reach it. A *survivor* is a change that they all accept. Survivors that change nothing that
could be observed stand in ``tools/survivors.toml`` with the reason; the program ends with status 1 where less than 90 % of a
module's mutants are killed, where a survivor is not listed, or where a listed one is killed by now (if all were tried).

``--sample`` tries that many mutants of each module, drawn by the seed; ``--record`` keeps what was found in
``tools/mutants.json`` and writes ``docs/mutants.md`` from it.

Needs ``pip install -r tools/mutants-requirements.txt``; ``make mutants`` does that first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

ROOT = Path(__file__).parents[1]
SURVIVORS = ROOT / "tools" / "survivors.toml"
RECORD = ROOT / "tools" / "mutants.json"
PAGE = ROOT / "docs" / "mutants.md"
AIM = 90.0

TARGETS = {
    "score": ["tests/test_score.py"],
    "text": ["tests/test_text.py"],
    "backprop/conventions": ["tests/backprop/test_conventions.py", "tests/backprop/test_convention_words.py"],
    "backprop/workbook/checks_found": [
        "tests/backprop/workbook/test_checks.py",
        "tests/backprop/workbook/test_checks_sheet.py",
    ],
    "backprop/workbook/checks_sheet": [
        "tests/backprop/workbook/test_checks.py",
        "tests/backprop/workbook/test_checks_sheet.py",
    ],
    "backprop/workbook/rates_words": ["tests/backprop/workbook/test_rates_words.py"],
    "backprop/workbook/rates_verdicts": [
        "tests/backprop/workbook/test_rates_words.py",
        # LibreOffice calculates the formulas: some seconds for each mutant that the quick tests leave alive.
        "tests/oracle/test_libreoffice.py",
    ],
    "backprop/verdicts": ["tests/backprop/test_verdicts.py"],
    "judge/network/conditions": [
        "tests/judge/network/test_conditions.py",
        "tests/judge/network/test_condition_words.py",
    ],
    "judge/network/reached": [
        "tests/judge/network/test_conditions.py",
        "tests/judge/network/test_condition_words.py",
    ],
    "report/headline": ["tests/report/test_headline.py"],
    "report/numbers": ["tests/report/test_numbers.py"],
    "report/compare": ["tests/report/test_compare.py", "tests/report/test_compare_words.py"],
    "digits/training/checks": ["tests/digits/training/test_checks.py"],
}
"""Modules that print claims, and the tests that guard them: those of the module alone, so that a run takes minutes."""

KILLED = (1, 3, 36, -24, 24, 152, 255)
"""Exit codes that mutmut keeps: pytest's for a failed test and an internal error, and its own for tests without end."""
SKIPPED = 34

PAGE_TEXT = """# What the tests notice

`make mutants` plants one fault after another in the modules that print claims (a sign, a number, a comparison, an argument, a
word) and runs the tests that guard them. A fault that makes a test fail is *killed*. `python tools/mutants.py --record`
writes this page. If not all faults of a module were tried, they are a random sample, drawn with the seed in
`tools/mutants.json`.

| module | mutants | tried | killed | share |
|---|---|---|---|---|
{rows}

## Faults that no test notices, and why that is acceptable

{survivors}
"""

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
    """What became of a module's mutants: how many there are, were tried and were killed, and the changes that were not."""

    module: str
    mutants: int
    tried: int
    killed: int
    survivors: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of the killed among the tried, in percent."""
        return 100 * self.killed / self.tried if self.tried else 100.0


def examine(module: str, place: Path, chosen: argparse.Namespace) -> Result:
    """Run mutmut on one module in a copy of the project below *place*."""
    copy_project(place, module, TARGETS[module])
    names: list[str] = []
    if chosen.sample:
        # Without a mutant of that name it stops where all are made and the tests that reach each are known.
        mutmut(place, "run", "--max-children", str(chosen.jobs), "none")
        every = sorted(exit_codes(place, module))
        # A drawing that depends on the module's name: the same numbers would pick the same corners of each file.
        drawn = random.Random(f"{chosen.seed} {module}").sample(every, min(chosen.sample, len(every)))
        names = sorted(drawn)
    mutmut(place, "run", "--max-children", str(chosen.jobs), *names)
    codes = exit_codes(place, module)
    counted = {name: codes[name] for name in names or codes if codes[name] != SKIPPED}
    if None in counted.values():
        raise SystemExit(f"{module}: mutmut did not come to its end – see {place / 'mutmut.log'}")
    alive = [name for name, code in counted.items() if code not in KILLED]
    changes = tuple(change_in(mutmut(place, "show", name)) for name in alive)
    return Result(module, len(codes), len(counted), len(counted) - len(alive), changes)


def mutmut(place: Path, *arguments: str) -> str:
    """Run mutmut in *place* and return what it printed, which is kept in a log beside the copy."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], cwd=place, env=environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with (place / "mutmut.log").open("a", encoding="utf-8") as log:
        log.write(done.stdout)
    return done.stdout


def exit_codes(place: Path, module: str) -> dict[str, int | None]:
    """Return what mutmut keeps of *module*: each mutant with the exit code of its tests, None where they did not run."""
    kept = place / "mutants" / "src" / "handgrad" / f"{module}.py.meta"
    if not kept.exists():
        raise SystemExit(f"{module}: mutmut did not run – see {place / 'mutmut.log'}")
    codes: dict[str, int | None] = json.loads(kept.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


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


def keep_record(result: Result, seed: int) -> None:
    """Keep *result* beside those of the other modules, and write the page of all."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record[result.module] = {
        "mutants": result.mutants,
        "tried": result.tried,
        "killed": result.killed,
        "seed": seed if result.tried < result.mutants else None,
        "survivors": result.survivors,
    }
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(record, listed_survivors()), encoding="utf-8")


def page(record: Mapping[str, Mapping[str, Any]], reasons: Mapping[tuple[str, str], str]) -> str:
    """Return the page of what the tests notice, in Markdown."""
    rows = [
        f"| `{module}` | {found['mutants']} | {found['tried']} | {found['killed']} "
        f"| {100 * found['killed'] / found['tried']:.1f} % |"
        for module in TARGETS
        if (found := record.get(module))
    ]
    listed = []
    for module in TARGETS:
        for change in record.get(module, {}).get("survivors", ()):
            reason = reasons.get((module, change), "not yet explained")
            listed.append(f"- `{module}`: {reason}\n\n" + indent(f"```diff\n{change}\n```", "  "))
    return PAGE_TEXT.format(rows="\n".join(rows), survivors="\n\n".join(listed) or "None.")


def main() -> int:
    """Examine the modules that were named, or all; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TARGETS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="work there, and leave it")
    parser.add_argument("--sample", type=int, metavar="N", help="try N mutants of each module, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help="keep what was found, and write docs/mutants.md")
    chosen = parser.parse_args()
    unknown = set(chosen.modules) - set(TARGETS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))} is not among the modules")
    reasons, bad = listed_survivors(), False
    for module in chosen.modules or TARGETS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            result = examine(module, (chosen.keep or Path(temporary)) / module.replace("/", "."), chosen)
        if chosen.record:
            keep_record(result, chosen.seed)
        unlisted = [change for change in result.survivors if (module, change) not in reasons]
        all_tried = result.tried == result.mutants
        stale = [change for of, change in reasons if all_tried and of == module and change not in result.survivors]
        bad = bad or bool(unlisted or stale) or result.share < AIM
        print(
            f"{module}: {result.killed} of {result.tried} killed, {result.share:.1f} % (aim {AIM:.0f} %); "
            f"{result.mutants} mutants in all",
            flush=True,
        )
        for word, changes in (("survives", unlisted), ("listed, and killed by now", stale)):
            for change in changes:
                print(f"  {word}:\n    " + change.replace("\n", "\n    "), flush=True)
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
