"""What becomes of a run that is exported, and how large the shipped networks are in C: the tables of docs/export.md.

``python benchmarks/exports.py RUN`` exports the run every way into a temporary folder, each proven on the run's test set, and
compiles every shipped network in C, float32 and 8 bits. Sizes in C do not depend on what the weights are, so untrained
networks serve for them. Writes ``results/exports.json`` and the page.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS
from handgrad.export.c.compiler import compiler_words, find_compiler, size_of
from handgrad.export.c.file import c_file
from handgrad.export.from_module import plan_of
from handgrad.export.quantise import quantise
from handgrad.export.verb import export
from handgrad.export.workbook.layers import count_formulas
from handgrad.files import write_whole

RESULTS = Path(__file__).with_name("results") / "exports.json"
PAGE = Path(__file__).parents[1] / "docs" / "export.md"
MARK = "<!-- made by benchmarks/exports.py -->"
WAYS = {"C, float32": ("c", False), "C, 8 bits": ("c", True), "ONNX": ("onnx", False), "workbook": ("xlsx", False)}


def exported(run: Path, data: Path | None) -> list[dict[str, Any]]:
    """Return a record of every way in which *run* is exported."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (to, int8) in WAYS.items():
            made = export(
                run, to, Path(folder) / f"{to}{int8}.{to}", int8=int8, data=data, accept_loss=True, download=False
            )
            # The names alone: where this machine keeps them says nothing.
            record = made.as_json()
            record |= {key: Path(str(record[key])).name for key in ("path", "run")}
            found.append({"way": name, **record})
    return found


def sizes() -> list[dict[str, Any]]:
    """Return flash and RAM of every shipped network in C, and the formulas of its workbook."""
    compiler = find_compiler()
    if compiler is None:
        sys.exit("no C compiler was found")
    images, _ = draw_digits(200, seed=0)
    found = []
    for name in NETWORKS:
        plan = plan_of(load_network(name), name)
        row: dict[str, Any] = {"network": name, "numbers": plan.numbers, "formulas": count_formulas(plan)}
        for bits, each in (("float32", plan), ("int8", quantise(plan, images))):
            size = size_of(c_file(each, images[:1], ["Measured."]), compiler)
            if size is None:
                sys.exit(f"{name} does not compile")
            row[bits] = {"flash": size.flash, "ram": size.ram}
        found.append(row)
    return found


def lines_of(record: dict[str, Any]) -> list[str]:
    """Return the tables of the page."""
    total = record["exports"][0]["proof"]["total"]
    lines = [
        f"| way | file | flash | RAM | right of {total:,} | same answer | largest difference¹ |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in record["exports"]:
        proof, size = each["proof"], each["size"]
        flash, ram = (f"{size[key]:,} B" if size else "–" for key in ("flash", "ram"))
        lines.append(
            f"| {each['way']} | {each['bytes']:,} B | {flash} | {ram} | {proof['correct']:,} | {proof['same']:,} "
            f"| {proof['largest']:.1g} |"
        )
    first = record["exports"][0]
    lines += [
        "",
        f"¹ of a log-probability. The run itself has {first['proof']['run_correct']:,} right.",
        *(note for each in record["exports"] for note in each["notes"] if note.startswith("LibreOffice")),
        "",
        "| network | numbers | float32: flash, RAM | 8 bits: flash, RAM | formulas |",
        "|---|---|---|---|---|",
    ]
    for row in record["sizes"]:
        cells = [f"{row[bits]['flash']:,} B, {row[bits]['ram']:,} B" for bits in ("float32", "int8")]
        lines.append(f"| `{row['network']}` | {row['numbers']:,} | {cells[0]} | {cells[1]} | {row['formulas']:,} |")
    return [
        *lines,
        "",
        f"Compiled with {record['compiler']}, -Os: code, constants and static memory, without the stack.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    compiler = find_compiler()
    record = {
        "exports": exported(given.run, given.data),
        "sizes": sizes(),
        "compiler": compiler_words(compiler) if compiler else "",
    }
    lines = lines_of(record)
    sys.stdout.write("\n".join(lines) + "\n")
    write_whole(RESULTS, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    write_whole(PAGE, "\n".join([f"{before}{MARK}", *lines, f"{MARK}{rest.partition(MARK)[2]}"]).encode())


if __name__ == "__main__":
    main()
