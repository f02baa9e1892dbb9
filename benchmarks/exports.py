"""What becomes of a run that is exported, and how large the shipped networks are in C: the tables of docs/export.md.

``python benchmarks/exports.py RUN`` exports the run every way into a temporary folder, each proven on the run's test set, and
compiles every shipped network in C, float32 and 8 bits. Sizes in C do not depend on what the weights are, so untrained
networks serve for them. ``--small RUN`` exports another run as C, one of a network of few parameters. ``--board WORDS=COMMAND``
compiles the 8-bit files for a board as well (``clang 21=python -m ziglang cc -target thumb-freestanding-eabi
-mcpu=cortex_m0plus``). Writes
``results/exports.json`` and the page.
"""

from __future__ import annotations

import argparse
import json
import shlex
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.data.load import dataset_of
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.trained import trained_module
from handgrad.digits.training.loop import answers_unnormalised
from handgrad.export.c.compiler import STRICT, compiler_words, find_compiler, size_of
from handgrad.export.c.file import c_file
from handgrad.export.from_module import plan_of
from handgrad.export.quantise import quantise
from handgrad.export.verb import export
from handgrad.export.workbook.layers import count_formulas
from handgrad.files import write_whole
from handgrad.runs.read import read_run
from handgrad.score import percent

RESULTS = Path(__file__).with_name("results") / "exports.json"
PAGE = Path(__file__).parents[1] / "docs" / "export.md"
MARK = "<!-- made by benchmarks/exports.py -->"
WAYS = {"C, float32": ("c", False), "C, 8 bits": ("c", True), "ONNX": ("onnx", False), "workbook": ("xlsx", False)}


IN_C = [name for name, (to, _) in WAYS.items() if to == "c"]


def exported(run: Path, data: Path | None, ways: list[str]) -> list[dict[str, Any]]:
    """Return a record of each of the *ways* in which *run* is exported."""
    found = []
    network = read_run(run).network
    with tempfile.TemporaryDirectory() as folder:
        for name in ways:
            to, int8 = WAYS[name]
            made = export(
                run, to, Path(folder) / f"{to}{int8}.{to}", int8=int8, data=data, accept_loss=True, download=False
            )
            # The names alone: where this machine keeps them says nothing.
            record = made.as_json()
            record |= {key: Path(str(record[key])).name for key in ("path", "run")}
            found.append({"way": name, "network": network, **record})
    return found


def unnormalised(path: Path, data: Path | None) -> dict[str, Any]:
    """Return how many test images *path*'s network has right where the bytes are only divided by 255."""
    run = read_run(path)
    dataset = dataset_of(run.dataset, run.environment.dataset_sha256, data or run.environment.data, download=False)
    right = answers_unnormalised(trained_module(run), dataset.test_images) == dataset.test_labels
    return {"network": run.network, "correct": int(right.sum()), "total": len(right)}


def board_size(text: str, command: list[str]) -> dict[str, int]:
    """Return flash and RAM of the C file *text* as *command* compiles it: the sections of a 32-bit ELF file that are loaded."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "network.c").write_text(text, encoding="ascii")
        subprocess.run([*command, *STRICT, "-Os", "-c", "network.c", "-o", "network.o"], cwd=folder, check=True)
        data = (Path(folder) / "network.o").read_bytes()
    (table,), (each, count) = struct.unpack_from("<I", data, 32), struct.unpack_from("<HH", data, 46)
    found = {"flash": 0, "ram": 0}
    for number in range(count):
        _, kind, flags, _, _, size = struct.unpack_from("<6I", data, table + number * each)
        # Kind 8 is memory that begins as zeros; flag 2 is loaded, flag 1 can be written to.
        found["flash"] += size if flags & 2 and kind != 8 else 0
        found["ram"] += size if flags & 3 == 3 else 0
    return found


def sizes(board: list[str]) -> list[dict[str, Any]]:
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
            text = c_file(each, images[:1], ["Measured."])
            size = size_of(text, compiler)
            if size is None:
                sys.exit(f"{name} does not compile")
            row[bits] = {"flash": size.flash, "ram": size.ram}
            if board and bits == "int8":
                row["board"] = board_size(text, board)
        found.append(row)
    return found


def lines_of(record: dict[str, Any]) -> list[str]:
    """Return the tables of the page."""
    total = record["exports"][0]["proof"]["total"]
    lines = [
        f"| network | way | file | flash | RAM | right of {total:,} | same answer | largest difference¹ |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in record["exports"]:
        proof, size = each["proof"], each["size"]
        flash, ram = (f"{size[key]:,} B" if size else "–" for key in ("flash", "ram"))
        lines.append(
            f"| `{each['network']}` | {each['way']} | {each['bytes']:,} B | {flash} | {ram} "
            f"| {proof['correct']:,} | {proof['same']:,} | {proof['largest']:.1g} |"
        )
    own = {each["network"]: each["proof"]["run_correct"] for each in record["exports"]}
    words = "; ".join(f"`{network}` {correct:,}" for network, correct in own.items())
    lines += [
        "",
        f"¹ of a log-probability. Right in the run itself: {words}.",
        f"The module of `{record['unnormalised']['network']}`, fed with bytes that are only divided by 255: "
        f"{percent(record['unnormalised']['correct'], record['unnormalised']['total'])} right.",
        *(note for each in record["exports"] for note in each["notes"] if note.startswith("LibreOffice")),
        "",
        "| network | numbers | float32: flash, RAM | 8 bits: flash, RAM | 8 bits, Cortex-M0+ | formulas |",
        "|---|---|---|---|---|---|",
    ]
    for row in record["sizes"]:
        cells = [
            f"{row[bits]['flash']:,} B, {row[bits]['ram']:,} B" if bits in row else "–"
            for bits in ("float32", "int8", "board")
        ]
        lines.append(f"| `{row['network']}` | {row['numbers']:,} | {' | '.join(cells)} | {row['formulas']:,} |")
    words = f"Compiled with {record['compiler']}, -Os: code, constants and static memory, without the stack."
    if record["board"]:
        words += f" For the board: {record['board']}, without the routines of the compiler's own library."
    return [*lines, "", words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--small", type=Path, help="a run of a small network, exported as C")
    parser.add_argument("--data", type=Path)
    parser.add_argument(
        "--board", default="", help="a compiler for a board with its options, and what to call it: WORDS=COMMAND"
    )
    given = parser.parse_args()
    compiler = find_compiler()
    record = {
        "exports": exported(given.run, given.data, list(WAYS))
        + (exported(given.small, given.data, IN_C) if given.small else []),
        "unnormalised": unnormalised(given.run, given.data),
        "sizes": sizes(shlex.split(given.board.partition("=")[2])),
        "board": given.board.partition("=")[0],
        "compiler": compiler_words(compiler) if compiler else "",
    }
    lines = lines_of(record)
    sys.stdout.write("\n".join(lines) + "\n")
    write_whole(RESULTS, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    write_whole(PAGE, "\n".join([f"{before}{MARK}", *lines, f"{MARK}{rest.partition(MARK)[2]}"]).encode())


if __name__ == "__main__":
    main()
