"""Plants sixty-odd kinds of mistake into ten right workbooks of different layouts and counts how the judge finds them.

    python tools/planted.py [--out benchmarks/results/planted.json] [kind …]

For each kind: in how many books it was planted, found at the right column, called by its name, and how often another column
was accused beside it. The last line is the whole; ``docs/judging-workbooks.md`` quotes it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from handgrad.judge.workbook import judge_workbook  # noqa: E402
from judge.corpus_planted import BOOKS, MISTAKES, planted  # type: ignore[import-not-found, unused-ignore]  # noqa: E402
from judge.corpus_workbooks import write  # type: ignore[import-not-found, unused-ignore]  # noqa: E402


@dataclass
class Count:
    """What became of one kind of mistake."""

    planted: int = 0
    found: int = 0
    named: int = 0
    extra: int = 0


def measure(kinds: list[str], *, verbose: bool) -> dict[str, Count]:
    """Judge every book with every mistake that can be made in it."""
    counts: dict[str, Count] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        for mistake, layout, plant in planted():
            if kinds and mistake.name not in kinds:
                continue
            verdict = judge_workbook(write(layout, path, plant), office=False)
            own = {column.name: column for column in verdict.mistakes}
            count = counts.setdefault(mistake.name, Count())
            count.planted += 1
            count.found += plant.column in own and verdict.verdict == "not met"
            named = plant.column in own and own[plant.column].mistake in mistake.likely
            count.named += named
            count.extra += len(set(own) - {plant.column})
            if verbose and (not named or set(own) != {plant.column}):
                said = [(name, str(column.mistake), column.explanation) for name, column in own.items()]
                print(f"  {mistake.name} in {layout.name}: {plant.column} = {plant.content}: {said}", file=sys.stderr)
    return counts


def right_books() -> int:
    """Return how many of the books are met without a mistake in them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        return sum(judge_workbook(write(layout, path), office=False).verdict == "met" for layout in BOOKS)


def main() -> int:
    """Print the table, and write the numbers where asked; the exit status is 1 where a mistake was not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help="only these kinds")
    parser.add_argument("--out", type=Path, help="write the numbers here, as JSON")
    parser.add_argument(
        "--verbose", action="store_true", help="say of each book that is not judged rightly what was said"
    )
    given = parser.parse_args()
    right = right_books()
    counts = measure(given.kinds, verbose=given.verbose)
    whole = Count(
        *(sum(getattr(count, name) for count in counts.values()) for name in ("planted", "found", "named", "extra"))
    )
    print(f"{'kind of mistake':36} books  found  named  others accused")
    for name, count in (*counts.items(), ("all", whole)):
        print(f"{name:36} {count.planted:5}  {count.found:5}  {count.named:5}  {count.extra:5}")
    print(f"{right} of {len(BOOKS)} books without a mistake are met; {len(counts)} kinds")
    if given.out is not None:
        data = {
            "books": len(BOOKS), "right_books_met": right, "kinds": len(MISTAKES), "whole": asdict(whole),
            "by_kind": {name: asdict(count) for name, count in counts.items()},
        }  # fmt: skip
        given.out.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 0 if whole.found == whole.planted and whole.extra == 0 and right == len(BOOKS) else 1


if __name__ == "__main__":
    sys.exit(main())
